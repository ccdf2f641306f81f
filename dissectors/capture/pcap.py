"""Files of libpcap: the classic pcap format.

References
----------
draft-ietf-opsawg-pcap §4 (file header) and §5 (packet record).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from dissectors.capture.batch import Bytes, Int64
from dissectors.capture.reader import Interface, RecordReader, Taken
from dissectors.columns import gather, windows
from dissectors.errors import Malformed, Unsupported

MAX_PACKET = 262_144
"""Most bytes that a packet can have, as libpcap and Wireshark hold it. A file's own snapshot length
is no bound: many writers set it to less than they capture, or to nonsense."""

MICROSECONDS, NANOSECONDS, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
"""Magic numbers. The last one is that of Alexey Kuznetsov's libpcap of 1999, whose record headers
are eight bytes longer (interface, protocol, packet type)."""

_DAY = 86_400
_SPAN = 2048  # bytes of a stretch in which a record's beginning is looked for


class PcapRecords:
    """Framing of records: four numbers of 32 bits, then the packet.

    Parameters
    ----------
    order : {'<', '>'}
        Byte order of the file.
    header : int
        Bytes of a record header: 16, or 24 in the modified format.
    units : int
        Units of time in a second.
    """

    def __init__(self, order: str, header: int, units: int) -> None:
        self.header = header
        self.units = units
        self.fields = np.dtype(
            [(name, f"{order}u4") for name in ("seconds", "fraction", "captured", "original")]
        )
        self.little = order == "<"
        self._captured = np.dtype(f"{order}u4")
        self._unpack = struct.Struct(f"{order}IIII").unpack_from

    def numbers(self, view: Any, at: int) -> tuple[int, int, int, int]:
        """Return seconds, fraction, captured and original length of the record at `at`."""
        return self._unpack(view, at)

    def length(self, view: memoryview, at: int) -> int:
        """Return the length of the record at `at`, or 0 when none can begin there."""
        seconds, _, captured, original = self._unpack(view, at)
        if captured > MAX_PACKET or not (seconds or captured or original):
            return 0
        return self.header + int(captured)

    def lengths_in(self, data: Bytes) -> Callable[[Int64], Int64]:
        """Return a function for many records; see :class:`~dissectors.capture.walk.Records`.

        It gives 0 for empty packets: zeros deserve a closer look.
        """
        captured = windows(data[8:], self._captured)

        def lengths(at: Int64) -> Int64:
            length = captured[at].astype(np.int64)
            good = (length > 0) & (length <= MAX_PACKET)
            return (length + self.header) * good

        return lengths

    def plausible(self, data: Bytes, at: Int64, near: int | None) -> Int64:
        """Return those places `at`, ascending, where a record seems to begin.

        Its numbers must be those of a packet captured within a day of `near` (seconds since 1970
        UTC; None: of any time), and those of the record that follows it, where the window shows it,
        of one within a day of it.
        """
        at = at[at + self.header <= len(data)]
        head = gather(data, at, self.fields)
        good = self._sane(head)
        if near is not None:
            good &= np.abs(head["seconds"].astype(np.int64) - near) <= _DAY
        at, head = at[good], head[good]
        following = at + self.header + head["captured"]
        shown = following + self.header <= len(data)
        good = np.ones(len(at), np.bool_)
        after = gather(data, following[shown], self.fields)
        apart = after["seconds"].astype(np.int64) - head["seconds"][shown]
        good[shown] = self._sane(after) & (np.abs(apart) <= _DAY)
        return at[good]

    def _sane(self, head: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        captured, original = head["captured"], head["original"]
        lengths = (captured > 0) & (captured <= original) & (original <= MAX_PACKET)
        return lengths & (head["fraction"] < self.units) & (head["seconds"] > 0)

    def guess(self, data: Bytes, start: int, stretch: int, number: int) -> Int64:
        """Guess records' beginnings; see :class:`~dissectors.capture.walk.Records`."""
        near = self.numbers(data, start)[0]
        # All seconds of half a year share their highest byte: comparing that one first leaves few
        # places to look at.
        first, top = start + stretch, 3 if self.little else 0
        tops = np.ndarray((number, _SPAN), np.uint8, data, first + top, (stretch, 1))
        place, offset = np.divmod(np.flatnonzero(tops == near >> 24), _SPAN)
        at = self.plausible(data, first + place * stretch + offset, near)
        _, lead = np.unique((at - first) // stretch, return_index=True)
        return at[lead]


class PcapReader(RecordReader):
    """Reads a pcap file; see :class:`~dissectors.capture.reader.RecordReader`."""

    layer = "pcap"
    _records: PcapRecords

    def __init__(self) -> None:
        super().__init__()
        self._begun = False
        self._last_seconds: int | None = None
        self._odd_lengths = False

    def _look(self, data: Bytes, at: int) -> int | str | None:
        if not self._begun:
            self.needs = 24
            return None if len(data) - at < 24 else _unknown_magic(data)
        self.needs = self._records.header
        if len(data) - at < self.needs:
            return None
        _, _, captured, original = self._records.numbers(data, at)
        length = self._records.length(data.data, at)
        if not length:
            return f"a packet of {captured} bytes" if captured or original else "zeros for a packet"
        self.needs = length
        return length if at + length <= len(data) else None

    def _begin(self, data: Bytes, at: int) -> int:
        if self._begun:
            return 0
        self._begun = True
        self._read_file_header(data[:24].tobytes())
        return 24

    def _read_file_header(self, header: bytes) -> None:
        """Read magic number, version, snapshot length and link type (the draft's §4)."""
        order = _order(header)
        magic, major, minor, _, _, snaplen, link_type = struct.unpack(f"{order}IHHiIII", header)
        units = 10**9 if magic == NANOSECONDS else 10**6
        self._records = PcapRecords(order, 24 if magic == MODIFIED else 16, units)
        if (major, minor) != (2, 4):
            self._tell(Unsupported, f"pcap version {major}.{minor} is read as 2.4", 4, "warning")
        # The upper half holds the length of the FCS, which the IP lengths cut off anyway.
        self._link_type = link_type & 0xFFFF
        self.interfaces.append(Interface(0, 0, self._link_type, "", snaplen))

    def _take(self, data: Bytes, starts: Int64) -> int:
        if not len(starts):
            return 0
        records = self._records
        head = gather(data, starts, records.fields)
        captured, original = head["captured"].astype(np.int64), head["original"].astype(np.int64)
        self._tell_odd_lengths(starts, captured > original)
        seconds = head["seconds"].astype(np.int64)
        self._last_seconds = int(seconds[-1])
        none = np.zeros(len(starts), np.int64)
        frame_number = np.arange(1, len(starts) + 1) + self._frames
        self._taken.append(
            Taken(
                start=starts + records.header,
                captured_length=captured,
                wire_length=np.maximum(captured, original),
                time_ns=seconds * 10**9 + head["fraction"] * np.int64(10**9 // records.units),
                link_type=none + self._link_type,
                interface=none,
                frame_number=frame_number,
            )
        )
        self._frames += len(starts)
        return len(starts)

    def _tell_odd_lengths(self, starts: Int64, odd: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        if self._odd_lengths or not odd.any():
            return
        self._odd_lengths = True
        offset = self._base + int(starts[odd][0])
        summary = "more bytes captured of a packet than it had (told once): all of them are read"
        self._tell(Malformed, summary, offset, "warning")

    def _lose(self, data: Bytes, at: int, why: str) -> int:
        behind = super()._lose(data, at, why)
        hidden = self._hidden(data, at)
        return behind if hidden is None else hidden

    def _hidden(self, data: Bytes, at: int) -> int | None:
        """Look for a record inside the packet before `at`, whose length may be what is wrong.

        A packet may hold a pcap file, so the records found there must lead beyond `at`. The packet
        is cut where they begin.
        """
        if not self._taken or not len(self._taken[-1]):
            return None
        last = self._taken[-1]
        begin, view = int(last.start[-1]), data.data
        for place in self._plausible(data, begin, at)[:8].tolist():
            following = place
            while following < at:
                following += self._records.length(view, following) or len(data)
            if following > at and len(self._plausible(data, following, following + 1)):
                last.captured_length[-1] = place - begin
                return int(place)
        return None

    def _plausible(self, data: Bytes, first: int, last: int) -> Int64:
        if not self._begun:
            return np.empty(0, np.int64)
        # Lengths are below 2^24: their highest bytes are 0, that of the time hardly ever is.
        place = 3 if self._records.little else 0
        last = min(last, len(data) - self._records.header + 1)
        lengths = (
            data[first + 8 + place : last + 8 + place]
            | data[first + 12 + place : last + 12 + place]
        )
        at = first + np.flatnonzero((lengths == 0) & (data[first + place : last + place] != 0))
        return self._records.plausible(data, at, self._last_seconds)


def _order(header: bytes) -> str:
    """Return the byte order that makes the magic number one that is known; empty for none."""
    known = (MICROSECONDS, NANOSECONDS, MODIFIED)
    return next((o for o in "<>" if struct.unpack_from(f"{o}I", header)[0] in known), "")


def _unknown_magic(data: Bytes) -> int | str:
    magic = data[:4].tobytes()
    return (
        24
        if _order(magic)
        else f"magic number {magic.hex()} is not that of a pcap file: unknown bytes"
    )


def is_pcap(head: bytes) -> bool:
    """Tell whether a file that begins with `head` is a pcap file."""
    return len(head) >= 4 and bool(_order(head))
