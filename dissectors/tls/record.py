"""TLS records: the envelopes, cut from a stream, whatever is in them.

References
----------
RFC 8446 §5.1 and RFC 5246 §6.2 (the record), RFC 8446 §5.2 (its largest length), RFC 5246 appendix
E.2 (the ClientHello in SSL 2.0's clothes), RFC 6520 (heartbeat).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed, Truncated, Unsupported
from dissectors.tls import ssl2
from dissectors.transport.stream import Frames, StreamChunk

CHANGE_CIPHER_SPEC = 20
ALERT = 21
HANDSHAKE = 22
APPLICATION_DATA = 23
HEARTBEAT = 24
"""Content types (IANA, TLS ContentType)."""

HEADER_LENGTH = 5
"""Bytes before a record's fragment: type, version, length."""

MAX_FRAGMENT = (1 << 14) + 2048
"""Largest fragment of a protected record (RFC 5246 §6.2.3); TLS 1.3 allows less (§5.2)."""

TAIL_LENGTH = 16
"""Bytes before the first record after a gap that are kept: a block, the IV of TLS 1.0."""

PORTION = 1 << 16
"""Records that are handed over at once."""

_BAD_HEADER_LIMIT = 1000
"""So many times a stream may go wrong, without a gap to excuse it, before it is given up."""

_HEADER = Struct(">BHH")
_SSL20 = 0x0002
_HEADER_START = re.compile(rb"[\x14-\x18]\x03[\x00-\x04]")


@dataclass(slots=True)
class TlsRecord:
    """One envelope, opaque or plain."""

    content_type: int
    """What the header says is inside: 20–24; TLS 1.3 says 23 for all that is protected."""
    version: int
    """Version in the header, ``0x0303`` for TLS 1.2 and, by order of RFC 8446 §5.1, for 1.3 too."""
    fragment: bytes
    """What follows the header."""
    frames: Frames
    """Frame numbers that the record needed, ascending."""
    time_ns: int
    """When its last byte was available."""
    first_time_ns: int
    """When the frame with its first byte was captured."""
    gap_before: int = 0
    """Bytes of the TLS stream lost right before this record, skipped ones included; -1 unknown."""
    gap_reason: str = ""
    """Why, in words; empty when `gap_before` is 0."""
    tail_before: bytes = b""
    """After a gap: the last bytes before this record, up to :data:`TAIL_LENGTH`, that are there."""


Found = list[TlsRecord | DissectError]
"""Records and faults, in order."""


def looks_like_tls(data: bytes) -> bool:
    """Tell whether a direction's first bytes begin a TLS record.

    Parameters
    ----------
    data : bytes
        The first bytes of one direction; three suffice, with five the length is looked at as well.
    """
    if len(data) < 3:
        return False
    if ssl2.hello_length(data):
        return True
    return _plausible(data, 0) and data[0] != HEARTBEAT and data[3:5] != b"\0\0"


def _plausible(data: bytes, position: int) -> bool:
    """Tell whether `data` from `position` begins a record, by as many header bytes as it has."""
    content_type = data[position : position + 1]
    major = data[position + 1 : position + 2]
    minor = data[position + 2 : position + 3]
    length = data[position + 3 : position + 5]
    return (
        (not content_type or 20 <= content_type[0] <= 24)
        and (not major or major[0] == 3)
        and (not minor or minor[0] <= 4)
        and (len(length) < 2 or int.from_bytes(length, "big") <= MAX_FRAGMENT)
    )


class RecordFramer:
    """Cuts one direction of a TCP stream into TLS records.

    After lost bytes it goes on at the next record header: where the cut record must end, when the
    number of lost bytes tells that; else where a header of the session's version has a plausible
    length and a plausible header behind it.
    """

    def __init__(self) -> None:
        self.ssl2_hello = False
        """True once a ClientHello was seen that offers nothing later than SSL 2.0."""
        self._held: list[StreamChunk] = []
        self._held_length = 0
        self._wanted = 1
        self._begun = False
        self._searching = False
        self._skip = 0
        self._dropped = 0
        self._gap = 0
        self._gap_reason = ""
        self._tail = b""
        """The last bytes that were passed over in a search, up to :data:`TAIL_LENGTH`."""
        self._version: int | None = None
        self._bad_headers = 0

    def push(self, chunk: StreamChunk) -> Iterator[Found]:
        """Yield the records that `chunk` completes, and what was wrong on the way.

        They come in portions: as a rule all at once, but never so many that a chunk of tiny
        records takes much memory.
        """
        if self._bad_headers > _BAD_HEADER_LIMIT:
            return
        if chunk.gap_before:
            self._lose(chunk)
        if chunk.data:
            self._held.append(chunk)
            self._held_length += len(chunk.data)
        if self._held_length >= self._wanted:
            yield from self._cut()

    def finish(self) -> Found:
        """Return an error when the stream ends inside a record."""
        if not self._held_length:
            return []
        last, length = self._held[-1], self._held_length
        self._held, self._held_length = [], 0
        summary = f"the stream ends {length} bytes into a TLS record of {self._wanted} or more"
        if self._searching:
            summary = f"no TLS record was found in the stream's last {self._dropped + length} bytes"
        fault = Truncated(summary, layer="tls", severity="warning", spec="RFC 8446 §5.1")
        fault.frame_number, fault.time_ns = last.frames[-1][-1], last.time_ns[-1]
        return [fault]

    def _lose(self, chunk: StreamChunk) -> None:
        """Drop the record that the gap before `chunk` cut, and find out where the next begins."""
        held, missing = self._held_length, self._wanted - self._held_length
        cut_known = not self._searching and not self._skip and held >= HEADER_LENGTH
        exact = cut_known and 0 < chunk.gap_before <= missing
        self._skip = missing - chunk.gap_before if exact else 0
        self._searching = True
        self._dropped += held
        unknown = chunk.gap_before < 0 or self._gap < 0
        self._gap = -1 if unknown else self._gap + chunk.gap_before
        self._gap_reason = chunk.gap_reason or "bytes are missing from the capture"
        self._held, self._held_length, self._wanted, self._tail = [], 0, 1, b""

    def _cut(self) -> Iterator[Found]:
        """Take whole records off what is held, and keep the rest."""
        held = self._held[0] if len(self._held) == 1 else _join(self._held)
        found: Found = []
        if not self._begun and not self._begin(held, found):
            self._held = [held]
            return
        position = self._skip_over(held)
        going = True
        while going:
            if self._searching:
                position = self._search(held, position, found)
            if self._searching:
                break
            position = self._walk(held, position, found)
            going = len(found) >= PORTION
            if not _plausible(held.data, position):
                going = self._go_astray(held, position, found)
            elif going:
                yield found
                found = []
        self._keep(held, position)
        yield found

    def _skip_over(self, held: StreamChunk) -> int:
        """Return where `held` goes on behind what is known to be the rest of a lost record."""
        skipped = min(self._skip, len(held.data))
        self._skip -= skipped
        if self._searching:
            self._dropped += skipped
        return skipped

    def _begin(self, held: StreamChunk, found: Found) -> bool:
        """Look at the stream's first bytes; return False when more are needed to judge them."""
        data = held.data
        if self._searching or not data[0] & 0x80:
            self._begun = True
            return True
        length = ssl2.hello_length(data)
        wanted = length or ssl2.HEADER.size
        if len(data) < wanted:
            self._wanted = wanted
            return False
        self._begun = True
        if length and ssl2.offers_tls(data):
            last = bisect_right(held.ends, length - 1)
            needed = _union(held.frames[: last + 1])
            hello, times = (
                ssl2.undressed(data[:length]),
                (held.time_ns[last], held.first_time_ns[0]),
            )
            found.append(TlsRecord(HANDSHAKE, _SSL20, hello, needed, *times))
        elif length:
            self.ssl2_hello = True
            summary = "a client that speaks SSL 2.0 only, which is not read by this version"
            found.append(_fault(Unsupported, summary, held, 0, "RFC 6101 appendix E"))
        self._skip += length
        return True

    def _walk(self, held: StreamChunk, position: int, found: Found) -> int:
        """Append the records that lie whole in `held` from `position`; return where they end."""
        data, ends, frames = held.data, held.ends, held.frames
        times, first_times = held.time_ns, held.first_time_ns
        size, unpack, append = len(data), _HEADER.unpack_from, found.append
        content_type, version, begun = HANDSHAKE, 0, len(found)
        piece, self._wanted = bisect_right(ends, position), HEADER_LENGTH
        while position + HEADER_LENGTH <= size and len(found) < PORTION:
            kind, number, length = unpack(data, position)
            if not 20 <= kind <= 24 or not 0x0300 <= number <= 0x0304 or length > MAX_FRAGMENT:
                break
            stop = position + HEADER_LENGTH + length
            if stop > size:
                self._wanted = HEADER_LENGTH + length
                break
            content_type, version = kind, number
            while ends[piece] <= position:
                piece += 1
            last = piece
            while ends[last] < stop:
                last += 1
            needed = frames[piece] if piece == last else _union(frames[piece : last + 1])
            fragment = data[position + HEADER_LENGTH : stop]
            append(TlsRecord(kind, version, fragment, needed, times[last], first_times[piece]))
            piece, position = last, stop
        if content_type != HANDSHAKE:
            # The record of a ClientHello may carry another version than all that follows (§5.1).
            self._version = version
        if self._gap_reason and len(found) > begun:
            self._mark_gap(found[begun])
        return position

    def _mark_gap(self, record: TlsRecord | DissectError) -> None:
        """Say on the first record after a gap what was lost before it."""
        if isinstance(record, TlsRecord):
            record.gap_before = -1 if self._gap < 0 else self._gap + self._dropped
            record.gap_reason = self._gap_reason
            record.tail_before, self._tail = self._tail, b""
            self._gap, self._gap_reason, self._dropped = 0, "", 0

    def _go_astray(self, held: StreamChunk, position: int, found: Found) -> bool:
        """Begin a search where no record begins, and tell; return False when it is enough."""
        self._searching = True
        self._gap_reason = self._gap_reason or "the stream holds bytes that are no TLS record"
        self._bad_headers += 1
        enough = self._bad_headers > _BAD_HEADER_LIMIT
        summary = "no TLS record begins where one should"
        if enough:
            summary = f"{summary}, for the {self._bad_headers}th time: this direction is given up"
        kind = LimitExceeded if enough else Malformed
        found.append(_fault(kind, summary, held, position, "RFC 8446 §5.1"))
        return not enough

    def _search(self, held: StreamChunk, position: int, found: Found) -> int:
        """Return where the next record begins, or may begin when no longer `_searching`."""
        start, self._wanted = self._find_header(held.data, position)
        self._dropped += start - position
        self._tail = (self._tail + held.data[max(0, start - TAIL_LENGTH) : start])[-TAIL_LENGTH:]
        if self._wanted:
            return start
        self._searching = False
        if self._dropped:
            summary = f"{self._dropped} bytes of cut TLS records dropped: {self._gap_reason}"
            found.append(_fault(Lost, summary, held, start, ""))
        return start

    def _find_header(self, data: bytes, position: int) -> tuple[int, int]:
        """Return where a header is, or may be, and how many bytes from there are yet needed."""
        for match in _HEADER_START.finditer(data, position):
            wanted = self._judge(data, match.start())
            if wanted is not None:
                return match.start(), wanted
        tail = max(position, len(data) - 2)
        return tail, len(data) - tail + 1

    def _judge(self, data: bytes, start: int) -> int | None:
        """Return 0 when a record begins at `start`, None when not, else how many bytes tell."""
        if start + HEADER_LENGTH > len(data):
            return HEADER_LENGTH
        _, version, length = _HEADER.unpack_from(data, start)
        if not 0 < length <= MAX_FRAGMENT or version != (self._version or version):
            return None
        stop: int = start + HEADER_LENGTH + length
        if stop > len(data):
            return stop - start
        following = data[stop + 1 : stop + 3]
        same = version.to_bytes(2, "big").startswith(following)
        return 0 if same and _plausible(data, stop) else None

    def _keep(self, held: StreamChunk, position: int) -> None:
        """Hold back what of `held` lies behind `position`."""
        rest = held.data[position:]
        self._held, self._held_length = [], len(rest)
        if not rest or self._bad_headers > _BAD_HEADER_LIMIT:
            self._held_length = 0
            return
        piece = bisect_right(held.ends, position)
        self._held.append(
            StreamChunk(
                held.direction,
                rest,
                [end - position for end in held.ends[piece:]],
                held.frames[piece:],
                held.time_ns[piece:],
                held.first_time_ns[piece:],
            )
        )


def _join(chunks: Sequence[StreamChunk]) -> StreamChunk:
    """Make one chunk of consecutive ones."""
    ends: list[int] = []
    offset = 0
    for chunk in chunks:
        ends.extend(end + offset for end in chunk.ends)
        offset += len(chunk.data)
    return StreamChunk(
        chunks[0].direction,
        b"".join(chunk.data for chunk in chunks),
        ends,
        [frames for chunk in chunks for frames in chunk.frames],
        [time_ns for chunk in chunks for time_ns in chunk.time_ns],
        [time_ns for chunk in chunks for time_ns in chunk.first_time_ns],
    )


def _union(pieces: Sequence[Frames]) -> Frames:
    """Merge the frames of several pieces, ascending."""
    if len(pieces) == 2 and pieces[0][-1] < pieces[1][0]:
        return pieces[0] + pieces[1]
    return tuple(sorted({frame for frames in pieces for frame in frames}))


def _fault(
    kind: type[DissectError], summary: str, held: StreamChunk, position: int, spec: str
) -> DissectError:
    """Make an error that points at the frame with the byte at `position`."""
    piece = min(bisect_right(held.ends, position), len(held.ends) - 1)
    return kind(
        summary,
        layer="tls",
        spec=spec,
        frame_number=held.frames[piece][-1],
        time_ns=held.time_ns[piece],
    )
