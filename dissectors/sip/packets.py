"""Packets of [MS-SIPCOMP], whose header no public text lays out.

What is public: a header stands before each payload (of 6 bytes, as captures show), it has a flags
field with the bits of RFC 2118 §3.1 as a nibble, and it must tell where the packet ends. So all
ways to lay out such a header are tried, and one counts only when what it yields is SIP that
Content-Length closes exactly where a packet ends. See :class:`Guesses`.

References
----------
[MS-SIPCOMP] §3.2.5.1.1 (the flags, and how a sender sets them), §3.2.5.1.2 (what a receiver does).
"""

from __future__ import annotations

import re
from itertools import pairwise, product
from typing import Literal, NamedTuple

from dissectors.errors import DissectError, Truncated
from dissectors.sip.framing import SipFramer
from dissectors.sip.message import METHODS
from dissectors.sip.mppc import SIZES, History
from dissectors.transport.stream import StreamChunk

COMPRESSED = 0x2
"""PACKET_COMPRESSED, MPPC's bit C: the payload is compressed."""
AT_FRONT = 0x4
"""PACKET_AT_FRONT, bit B: what it says goes to the front of the history; only with COMPRESSED."""
FLUSHED = 0x8
"""PACKET_FLUSHED, bit A: the history begins anew; alone, the payload is not compressed."""

MAX_HEADER = 8
"""Longest header that is thought of, bytes."""
MAX_PACKET = 65536 + MAX_HEADER
"""Longest packet, bytes: a sender must not compress more than its history holds."""

_FLAGS = (0, COMPRESSED, COMPRESSED | AT_FRONT, FLUSHED)

# A method or version is seen as it is even in a packet that is compressed, when its history is
# empty: literals below 0x80 take eight bits, the first of them 0, and nothing stands there twice.
_METHODS = "|".join(sorted(METHODS, key=len, reverse=True))
VISIBLE_START = re.compile(rf"SIP/2\.0 [1-6][0-9]|(?:{_METHODS}) (?:sips?|tel|im|pres):".encode())
"""The beginning of a start line, as it also shows in a packet that refers to no history."""
VISIBLE_LENGTH = 20
"""No match of :data:`VISIBLE_START` is longer, bytes."""

_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HEAD_END = b"\r\n\r\n"


USUAL_HEADER = 6
"""Length of the header that was seen in captures, bytes."""


class Packet(NamedTuple):
    """What a header says, in one reading."""

    flags: int
    """Of :data:`COMPRESSED`, :data:`AT_FRONT` and :data:`FLUSHED`."""
    payload: int
    """Offset of the payload."""
    end: int
    """Offset behind the payload; 0 where only `says` bounds it."""
    says: int | None
    """How many bytes the payload decompresses to; None where `end` bounds it."""


class Layout(NamedTuple):
    """One way to read a header.

    A size below 65,536 needs no more than 16 bits; where the field is wider, the others are zero.
    """

    header: int
    """Its length, bytes."""
    flags_at: int
    """Which of them holds the flags."""
    shift: int
    """0 where they are the low nibble, 4 where they are the high one."""
    size_at: int
    """Where the 16 bits of the size that are not always zero begin."""
    order: Literal["big", "little"]
    """Which of the two bytes comes first."""
    counts: int | None
    """How many bytes beside the payload the size counts; None: it counts those that it says."""

    def read(self, data: bytes | bytearray, at: int) -> Packet | None:
        """Read the header at `at`, which must be whole; None when this cannot be one."""
        flags = data[at + self.flags_at] >> self.shift & 0xF
        if flags not in _FLAGS:
            return None
        first = at + self.size_at
        size = int.from_bytes(data[first : first + 2], self.order)
        payload = at + self.header
        if self.counts is not None:
            size -= self.counts
        if size <= 0:
            return None
        if self.counts is None and flags & COMPRESSED:
            return Packet(flags, payload, 0, size)
        return Packet(flags, payload, payload + size, None)


Way = tuple[Layout, str]
"""How packets are read: layout and algorithm."""


def layouts(header: int) -> list[Layout]:
    """Return all ways to lay out a header of `header` bytes, the likelier ones first."""
    orders: tuple[Literal["big", "little"], ...] = "big", "little"
    return [
        Layout(header, flags_at, shift, size_at, order, counts)
        for order, counts, size_at, shift, flags_at in product(
            orders,
            (0, None, *range(1, header + 1)),
            reversed(range(header - 1)),
            (0, 4),
            range(header),
        )
        if not size_at <= flags_at <= size_at + 1
    ]


_LAYOUTS = {header: layouts(header) for header in range(3, MAX_HEADER + 1)}


class Clear(NamedTuple):
    """What bytes are that begin with a start line, were they not compressed."""

    text: bool
    """Whether their head, as far as it goes, is text: no control characters, UTF-8."""
    end: int | None
    """Where the message ends that Content-Length frames; None while its head is not whole."""
    whole: bool = False
    """Whether all of it is there, and text to its end: then no header stands within."""


def read_clear(data: bytes | bytearray, at: int) -> Clear:
    """See what the bytes from `at` on are, were they not compressed."""
    head_end = data.find(_HEAD_END, at, at + MAX_PACKET)
    head = bytes(data[at : len(data) if head_end < 0 else head_end])
    if _NO_TEXT.search(head) or not _is_utf8(head, whole=head_end >= 0):
        return Clear(False, None)
    if head_end < 0:
        return Clear(True, None)
    body = head_end + len(_HEAD_END)
    end = body + _content_length(head)
    return Clear(True, end, end <= len(data) and not _NO_TEXT.search(data, body, end))


_CONTENT_LENGTH = re.compile(
    rb"\n(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,9})[ \t]*\r?(?:\n|\Z)", re.I
)


def _content_length(head: bytes) -> int:
    match = _CONTENT_LENGTH.search(head)
    return 0 if match is None else int(match[1])


def _is_utf8(data: bytes, *, whole: bool) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return not whole and error.end == len(data) and len(data) - error.start < 4
    return True


def size_shows(data: bytes | bytearray, start: int, clear: Clear) -> bool:
    """Tell whether a header before `start` can give the size of a whole message in clear.

    Where it cannot, and it nearly always cannot, there is no need to try each layout.
    """
    if not clear.whole or clear.end is None:
        return True
    size = clear.end - start
    sizes = range(size, size + MAX_HEADER + 1)
    before = data[max(0, start - MAX_HEADER) : start]
    return any(
        high << 8 | low in sizes or low << 8 | high in sizes for high, low in pairwise(before)
    )


class Said(NamedTuple):
    """What one packet says."""

    end: int
    """Offset behind the packet."""
    data: bytes
    """The bytes that were compressed, or were sent as they are."""


class Guess:
    """Ways to read the packets that came to the same so far.

    Parameters
    ----------
    ways : list of (Layout, str)
        The ways, the likelier ones first.
    at : int
        Offset of the next packet.
    history : History, optional
        What was compressed before; None while nothing was.
    prefix : bytes, optional
        Beginning of a message that earlier packets left unfinished.
    """

    def __init__(
        self, ways: list[Way], at: int, history: History | None = None, prefix: bytes = b""
    ) -> None:
        self.ways = ways
        self.at = at
        self.begin = at
        self.history = history
        self.prefix = prefix
        self.said: list[Said] = []

    @property
    def closed(self) -> bool | None:
        """Whether what was said is whole messages; None when it is no SIP."""
        framer, data = SipFramer(), self.prefix + b"".join(said.data for said in self.said)
        chunk = StreamChunk(0, data, [len(data)], [(0,)], [0], [0])
        for value in framer.push(chunk):
            if isinstance(value, DissectError) and value.severity == "error":
                return None
        if framer.skipping or len(data) - len(self.prefix) > 2 * MAX_PACKET:
            return None
        return not framer.unfinished

    def split(self, data: bytes | bytearray) -> dict[tuple[Packet, str], list[Way]]:
        """Return the readings of the header at `at`, each with the ways that lead to it."""
        readings: dict[tuple[Packet, str], list[Way]] = {}
        for layout, algorithm in self.ways:
            packet = layout.read(data, self.at)
            if packet is None:
                continue
            if packet.flags & COMPRESSED:
                key = packet, algorithm
            else:
                # Until something is compressed, nothing tells one algorithm, or a flush.
                key = packet._replace(flags=packet.flags if self.history else 0), ""
            readings.setdefault(key, []).append((layout, algorithm))
        return readings

    def follow(self, ways: list[Way], packet: Packet, data: bytes | bytearray) -> Guess:
        """Return the guess that goes on behind `packet`.

        Raises
        ------
        Truncated
            When it is not whole in `data`.
        DissectError
            When it cannot be one.
        """
        said, end, history = unpack(packet, data, self.history, ways[0][1])
        following = Guess(ways, end, history, self.prefix)
        following.begin, following.said = self.begin, [*self.said, Said(end, said)]
        return following

    def only(self, ways: list[Way]) -> Guess:
        """Return the same guess with fewer ways."""
        same = Guess(ways, self.at, self.history, self.prefix)
        same.begin, same.said = self.begin, self.said
        return same


def unpack(
    packet: Packet, data: bytes | bytearray, history: History | None, algorithm: str
) -> tuple[bytes, int, History | None]:
    """Read the payload of one packet.

    Returns
    -------
    bytes
        What it says.
    int
        Offset in `data` behind it.
    History or None
        The history from then on; the one that was given is as before.

    Raises
    ------
    Truncated
        When it is not whole in `data`.
    DissectError
        When it cannot be read.

    Notes
    -----
    What is sent uncompressed does not enter the history, though RFC 2118 §4 lets one think so: only
    under PACKET_COMPRESSED does [MS-SIPCOMP] §3.2.5.1.2 append, and behind PACKET_FLUSHED the next
    compressed packet goes to the front, where nothing is that it could refer to.
    """
    if packet.end > len(data):
        raise Truncated("packet is not whole", layer="sip")
    if not packet.flags & COMPRESSED:
        if packet.flags & FLUSHED and history is not None:
            history = History(history.size)
        return bytes(data[packet.payload : packet.end]), packet.end, history
    history = History(SIZES[algorithm]) if history is None else history.copy()
    if packet.flags & AT_FRONT:
        history.to_front()
    end = packet.end or packet.payload + MAX_PACKET
    said, used = history.decompress(data[packet.payload : end], packet.says)
    return said, packet.payload + used, history


class Guesses:
    """All ways to read the packets from some offset on, until one proves right.

    Parameters
    ----------
    guesses : list of Guess
        Where to begin, the likelier ones first.
    """

    def __init__(self, guesses: list[Guess]) -> None:
        self._open = guesses
        self._try_at = 0
        self.spent = 0
        """Bytes that were unpacked, for a bound on the work."""

    @property
    def over(self) -> bool:
        """True when no way is left."""
        return not self._open

    def due(self, size: int) -> bool:
        """Tell whether :meth:`grow` should be called, now that there are `size` bytes."""
        return size >= self._try_at

    def grow(self, data: bytes | bytearray, clear: Clear | None = None) -> Guess | None:
        """Go on with each guess as far as `data` reaches; return the first that proves right.

        Parameters
        ----------
        data : bytes
            The same bytes as before, and more.
        clear : Clear, optional
            What the first payload would be, were it not compressed.
        """
        work, self._open = self._open[::-1], []
        # A packet of which only the other size is known is tried again and again: not too often.
        self._try_at = len(data) + len(data) // 8
        while work:
            guess = work.pop()
            if guess.said and clear and clear.whole and guess.said[0].end != clear.end:
                continue
            header_end = guess.at + guess.ways[0][0].header
            if len(data) < header_end:
                self._wait(guess, header_end)
                continue
            for (packet, _), ways in guess.split(data).items():
                if not guess.said and clear is not None and not _fits(packet, clear):
                    continue
                following = self._follow(guess, ways, packet, data)
                closed = None if following is None else following.closed
                if following is not None and closed is False:
                    work.append(following)
                elif closed:
                    return following
        return None

    def _wait(self, guess: Guess, size: int) -> None:
        self._open.append(guess)
        self._try_at = min(self._try_at, size)

    def _follow(
        self, guess: Guess, ways: list[Way], packet: Packet, data: bytes | bytearray
    ) -> Guess | None:
        if packet.flags & COMPRESSED and packet.end <= len(data):
            self.spent += min((packet.end or len(data)) - packet.payload, MAX_PACKET)
        try:
            return guess.follow(ways, packet, data)
        except Truncated:
            # Inside its last code is no reason to wait, when its end is known.
            if not packet.end:
                self._wait(guess.only(ways), len(data) + len(data) // 8)
            elif packet.end > len(data):
                self._wait(guess.only(ways), packet.end)
        except DissectError:
            pass
        return None


def _fits(packet: Packet, clear: Clear) -> bool:
    """Tell whether a packet may hold what its payload would be, were it not compressed."""
    compressed = packet.flags & COMPRESSED
    if not clear.text:
        return bool(compressed)
    if clear.end is None:
        return True
    return not compressed and (packet.end == clear.end if clear.whole else packet.end <= clear.end)


def guess_first(start: int, *, exact: bool, algorithm: str | None, known: list[Way]) -> Guesses:
    """Begin to guess how the packet is read whose payload begins at `start`.

    Parameters
    ----------
    start : int
        Offset at which a start line shows.
    exact : bool
        Whether a packet begins at offset 0.
    algorithm : str or None
        The one that was negotiated.
    known : list of (Layout, str)
        How packets of this direction were read before; empty when none were.
    """
    algorithms = sorted(SIZES, key=lambda name: name != algorithm)
    guesses = []
    for header in sorted(_LAYOUTS, key=lambda size: size != USUAL_HEADER):
        if header > start or (exact and header != start):
            continue
        ways = [(layout, name) for name in algorithms for layout in _LAYOUTS[header]]
        if known:
            ways = [way for way in known if way[0].header == header]
        if ways:
            guesses.append(Guess(ways, start - header))
    return Guesses(guesses)
