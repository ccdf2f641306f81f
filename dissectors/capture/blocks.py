"""The blocks of pcapng: their framing, their options, and how interfaces count time.

References
----------
draft-ietf-opsawg-pcapng §3 (blocks and options), §4.1 (section header), §4.2 (interface
description).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Bytes, Int64
from dissectors.columns import Mask, gather, windows

SECTION_HEADER = 0x0A0D0D0A
INTERFACE_DESCRIPTION, PACKET, SIMPLE_PACKET = 1, 2, 3
NAME_RESOLUTION, INTERFACE_STATISTICS, ENHANCED_PACKET = 4, 5, 6
DECRYPTION_SECRETS = 10
"""Block types."""

COUNTED_ONLY = (9, 0x0BAD, 0x40000BAD, 0x0204, 0x0216, 0x0221)
"""Blocks that hold no packet, but for which Wireshark counts a frame: systemd's journal, custom
blocks, sysdig's events."""

MAX_BLOCK = 16 << 20
"""Longest block, bytes; Wireshark draws the same line."""

SECTION_MAGIC = b"\n\r\r\n"
"""The type of a section header: the same bytes in either byte order."""

_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_KNOWN = (*range(1, 7), *COUNTED_ONLY, DECRYPTION_SECRETS)
_NEWEST_SECOND = 9_223_372_035  # in 2262: the last one whose nanoseconds since 1970 fit 63 bits
_SPAN = 4096  # bytes of a stretch in which a block's beginning is looked for


class BlockRecords:
    """Framing of blocks: type and total length, which is repeated at the end.

    Parameters
    ----------
    order : {'<', '>'}
        Byte order of the section.
    """

    header = 12

    def __init__(self, order: str) -> None:
        self.order = order
        self.u4 = np.dtype(f"{order}u4")
        self._unpack = struct.Struct(f"{order}II").unpack_from
        self._length = struct.Struct(f"{order}I").unpack_from

    def length(self, view: memoryview, at: int) -> int:
        """Return the length of the block at `at`, or 0; a section header ends the walk."""
        kind, length = self._unpack(view, at)
        good = 12 <= length <= MAX_BLOCK and not length & 3 and kind != SECTION_HEADER
        return int(length) if good else 0

    def lengths_in(self, data: Bytes) -> Callable[[Int64], Int64]:
        """Return a function for many blocks; see :class:`~dissectors.capture.walk.Records`.

        It does not look at types, to be fast: it may walk over a section header.
        """
        length_at = windows(data[4:], self.u4)

        def lengths(at: Int64) -> Int64:
            length = length_at[at].astype(np.int64)
            good = (length >= 12) & (length <= MAX_BLOCK) & (length & 3 == 0)
            return np.where(good, length, 0)

        return lengths

    def repeats(self, view: memoryview, at: int, length: int) -> bool:
        """Tell whether the length of the block at `at` stands at its end, too."""
        return bool(self._length(view, at + length - 4)[0] == length)

    def begins(self, view: memoryview, at: int) -> bool:
        """Tell whether a block of a known type seems to begin at `at`, as :meth:`plausible`."""
        if at + 12 > len(view):
            return False
        kind, length = self._unpack(view, at)
        if kind not in _KNOWN or not 12 <= length <= MAX_BLOCK or length & 3:
            return False
        return at + length <= len(view) and self.repeats(view, at, length)

    def plausible(self, data: Bytes, at: Int64) -> Int64:
        """Return those places `at`, ascending, where a block of a known type seems to begin.

        Its two lengths must be in the window, and be equal.
        """
        at = at[at + 12 <= len(data)]
        at = at[np.isin(gather(data, at, self.u4), _KNOWN)]
        length = gather(data, at + 4, self.u4).astype(np.int64)
        good = (length >= 12) & (length <= MAX_BLOCK) & (length & 3 == 0)
        good &= at + length <= len(data)
        at, length = at[good], length[good]
        closed: Mask = gather(data, at + length - 4, self.u4) == length
        return at[closed]

    def search(self, data: Bytes, first: int, last: int) -> Int64:
        """Return where blocks seem to begin, from `first` to before `last`, ascending."""
        # The types that are known end in 0x00 or 0x40 at their most significant byte.
        top = 3 if self.order == "<" else 0
        tops = data[first + top : last + top]
        return self.plausible(data, first + np.flatnonzero((tops == 0) | (tops == 0x40)))

    def guess(self, data: Bytes, start: int, stretch: int, number: int) -> Int64:
        """Guess packet blocks' beginnings; see :class:`~dissectors.capture.walk.Records`."""
        # Blocks are multiples of four bytes, so all begin at the same remainder of four.
        first = start + stretch
        kinds = np.ndarray((number, _SPAN // 4), self.u4, data, first, (stretch, 4))
        place, word = np.divmod(np.flatnonzero(kinds == ENHANCED_PACKET), _SPAN // 4)
        at = self.plausible(data, first + place * stretch + word * 4)
        _, lead = np.unique((at - first) // stretch, return_index=True)
        return at[lead]


def section_order(view: memoryview | bytes, at: int = 0) -> str:
    """Return the byte order of the section whose header is at `at`; empty when none is there."""
    if view[at : at + 4] != SECTION_MAGIC or len(view) < at + 12:
        return ""
    fits = (o for o in "<>" if struct.unpack_from(f"{o}I", view, at + 8)[0] == _BYTE_ORDER_MAGIC)
    return next(fits, "")


def options(block: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield code and value of each option of a block (§3.5), up to the first that is cut."""
    at = 0
    while at + 4 <= len(block):
        code, length = struct.unpack_from(f"{order}HH", block, at)
        if code == 0 or at + 4 + length > len(block):
            return
        yield code, block[at + 4 : at + 4 + length]
        at += 4 + ((length + 3) & ~3)


@dataclass(frozen=True, slots=True)
class Clock:
    """How an interface counts time: `units` make a second, once divided by `scale`."""

    scale: int
    """What ticks are divided by first, where they are too fine for arithmetic of 64 bits."""
    units: int
    """Ticks of a second after that; at most 2^34, so that a second's times 10^9 fit 64 bits."""
    offset_s: int
    """Seconds to add."""

    @classmethod
    def of(cls, resolution: int, offset_s: int) -> Clock:
        """Read if_tsresol (§4.2): a negative power of 10, or of 2 when the highest bit is set."""
        exponent = resolution & 0x7F
        if resolution & 0x80:
            spare = max(exponent - 34, 0)
            return cls(1 << min(spare, 63), 1 << (exponent - spare), offset_s)
        spare = max(exponent - 9, 0)
        if spare > 19:  # 64 bits of such ticks are less than a nanosecond
            return cls(1 << 63, 1 << 34, offset_s)
        return cls(10**spare, 10 ** (exponent - spare), offset_s)


Ticks = npt.NDArray[np.uint64]


def to_ns(ticks: Ticks, scale: Ticks, units: Ticks, offset_s: Int64) -> Int64:
    """Convert interfaces' timestamps to nanoseconds since 1970 UTC, without a float.

    Parameters
    ----------
    ticks : (N,) uint64
        Timestamps as written.
    scale, units, offset_s : (N,) or (1,) arrays
        The clock of each packet's interface, or the one that all of them share.

    Returns
    -------
    (N,) int64
        Times that 63 bits cannot hold are held at their ends, in 2262 and in 1677.
    """
    time_ns: Int64
    plain = len(units) == 1 and scale[0] == 1 and offset_s[0] == 0 and 10**9 % int(units[0]) == 0
    if plain and (ticks <= np.uint64(_NEWEST_SECOND) * units).all():
        time_ns = ticks.astype(np.int64) * (10**9 // int(units[0]))
        return time_ns
    ticks = ticks // scale
    seconds = ticks // units
    fraction = (ticks - seconds * units) * np.uint64(10**9) // units
    whole = np.minimum(seconds, np.uint64(_NEWEST_SECOND)).astype(np.int64)
    offset_s = np.clip(offset_s, -_NEWEST_SECOND, _NEWEST_SECOND)
    whole = np.clip(whole + offset_s, -_NEWEST_SECOND, _NEWEST_SECOND)
    time_ns = whole * 10**9 + fraction.astype(np.int64)
    return time_ns
