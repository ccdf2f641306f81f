"""Microsoft's point-to-point compression, as [MS-SIPCOMP] uses it: LZ77 over a history.

Both ends keep the last bytes that were sent. A packet says them again as pairs of an offset back
into that history and a length; all else are literals. Bits are read from the most significant one.

::

    literal below 0x80   0 + 7 bits            the byte itself
    literal from 0x80    10 + 7 bits
                         LZ77-8K               LZ77-64K
    offset               1111 + 6 bits         11111 + 6 bits    from 0
                         1110 + 8 bits         11110 + 8 bits    from 64
                         110 + 13 bits         1110 + 11 bits    from 320
                                               110 + 16 bits     from 2368
    length 3             0
    length from 2 ** k   k - 1 ones, 0, k bits (k from 2)

References
----------
RFC 2118 §4 (8K); [MS-RDPBCGR] §3.1.8.4.1 (RDP 4.0: 8K) and §3.1.8.4.2 (RDP 5.0: 64K); [MS-SIPCOMP]
§3.2.5.1 (the same codes).
"""

from __future__ import annotations

from dissectors.errors import DissectError, LimitExceeded, Malformed, Truncated

SIZES = {"LZ77-8K": 8192, "LZ77-64K": 65536}
"""Algorithm as the Compression header names it → size of its history, bytes."""

_WORD = 64
_MASK = (1 << _WORD) - 1

# What the first four or five bits say: (bits of the whole code, bits of its value, base).
_Code = tuple[int, int, int]
_OFFSETS: dict[int, list[_Code]] = {
    8192: [(16, 13, 320)] * 4 + [(12, 8, 64)] * 2 + [(10, 6, 0)] * 2,
    65536: [(19, 16, 2368)] * 4 + [(15, 11, 320)] * 2 + [(13, 8, 64), (11, 6, 0)],
}
"""Size of the history → code of an offset by the three bits behind its leading 11."""

_LONGEST = {8192: 12, 65536: 15}
"""Size of the history → bits of the longest length."""


class History:
    """What one direction has said, to be referred to.

    Parameters
    ----------
    size : {8192, 65536}
        Bytes that are kept.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._bytes = bytearray()
        self._offset = 0

    def copy(self) -> History:
        """Return a history that goes its own way from here."""
        twin = History(self.size)
        twin._bytes, twin._offset = self._bytes[:], self._offset
        return twin

    def flush(self) -> None:
        """Forget everything (PACKET_FLUSHED)."""
        self._bytes.clear()
        self._offset = 0

    def to_front(self) -> None:
        """Write from the beginning again (PACKET_AT_FRONT); what stands there stays until then."""
        self._offset = 0

    def decompress(
        self, data: bytes | bytearray, output_size: int | None = None
    ) -> tuple[bytes, int]:
        """Decompress the payload of one packet and remember what it says.

        Parameters
        ----------
        data : bytes
            The payload; with `output_size` more may follow.
        output_size : int, optional
            How many bytes it says; by default it reaches to the end of `data`.

        Returns
        -------
        bytes
            What it says.
        int
            How many bytes of `data` it took.

        Raises
        ------
        Truncated
            When it ends inside a code, or before `output_size` bytes are said.
        Malformed
            When it refers to what was not seen, as after a loss.
        LimitExceeded
            When it says more than the history holds, or than `output_size`.

        Notes
        -----
        After an exception what is remembered is of no use: go on with a copy made before.
        """
        begin = self._offset
        end = self.size if output_size is None else begin + output_size
        if end > self.size:
            raise _fault(LimitExceeded, f"packet says {output_size} bytes: more than fit behind")
        used = self._read(data, end, exact=output_size is not None)
        return bytes(self._bytes[begin : self._offset]), used

    def _read(self, data: bytes | bytearray, end: int, *, exact: bool) -> int:
        """Read codes until the history's `end` is reached or `data` ends; return the bytes read."""
        history, at, position = self._bytes, self._offset, 0
        last = len(data) * 8
        padded = bytes(data) + bytes(8)
        codes, longest = _OFFSETS[self.size], _LONGEST[self.size]
        # Zeros fill the last byte up: fewer than eight bits are no code (8 bits is the shortest).
        while at < end if exact else position <= last - 8:
            first = position >> 3
            word = int.from_bytes(padded[first : first + 8], "big") << (position & 7) & _MASK
            top = word >> 56
            if top < 0xC0:  # a literal
                literal, bits = (top, 8) if top < 0x80 else (word >> 55 & 0x7F | 0x80, 9)
                if at >= end:
                    raise _fault(LimitExceeded, "packet says more than its history holds")
                if at < len(history):
                    history[at] = literal
                else:
                    history.append(literal)
                at += 1
            else:
                bits, width, base = codes[top >> 3 & 7]
                offset = base + (word >> (_WORD - bits) & (1 << width) - 1)
                length, more = _length(word << bits & _MASK, longest)
                bits += more
                if position + bits <= last:
                    self._repeat(at, offset, length, end)
                    at += length
            position += bits
            if position > last:
                raise _fault(Truncated, "packet ends inside a code")
        self._offset = at
        return (position + 7) >> 3

    def _repeat(self, at: int, offset: int, length: int, end: int) -> None:
        """Say `length` bytes again that stand `offset` before `at`; they may overlap."""
        history = self._bytes
        source = at - offset
        if at + length > end:
            raise _fault(LimitExceeded, "packet says more than its history holds")
        if not 0 < offset < self.size:
            raise _fault(Malformed, "packet has an offset that does not exist")
        if source < 0:
            self._repeat_wrapped(at, source + self.size, length)
        elif length <= offset:
            history[at : at + length] = history[source : source + length]
        else:
            said = history[source:at]
            history[at : at + length] = (said * (length // offset + 1))[:length]

    def _repeat_wrapped(self, at: int, source: int, length: int) -> None:
        """Say again what stands behind `at`, from before PACKET_AT_FRONT, and on from the front."""
        history = self._bytes
        for index in range(at, at + length):
            if source >= len(history):
                raise _fault(Malformed, "packet refers to bytes that were not seen")
            history[index : index + 1] = history[source : source + 1]
            source = (source + 1) % self.size


def _length(word: int, longest: int) -> tuple[int, int]:
    """Return the length that the first bits of `word` say, and how many bits it took."""
    ones = _WORD - (word ^ _MASK).bit_length()
    if not ones:
        return 3, 1
    width = ones + 1
    if width > longest:
        raise _fault(Malformed, "packet has a length code that does not exist")
    used = ones + 1 + width
    return (1 << width) + (word >> (_WORD - used) & (1 << width) - 1), used


def _fault(error: type[DissectError], summary: str) -> DissectError:
    return error(summary, layer="sip", spec="[MS-SIPCOMP] §3.2.5.1")
