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
from dissectors.capture.reader import MAX_PROBLEMS, Interface, RecordReader, Taken
from dissectors.columns import gather, windows
from dissectors.errors import Malformed, Unsupported

MAX_PACKET = 262_144
"""Most bytes that a packet can have, as libpcap and Wireshark hold it. A file's own snapshot length
is no bound: many writers set it to less than they capture, or to nonsense."""

MICROSECONDS, NANOSECONDS, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
"""Magic numbers. The last one is that of Alexey Kuznetsov's libpcap of 1999, whose record headers
are eight bytes longer (interface, protocol, packet type)."""

IXIA_HARDWARE, IXIA_SOFTWARE = 0x1C0001AC, 0x1C0001AB
"""Magic numbers of Ixia's recorders, which put the length of the rest behind the file's header."""

RECORD_HEADERS = {MICROSECONDS: (16, 24, 20), MODIFIED: (24, 28, 16)}
"""Bytes that a record header can have under one magic number, the likeliest first: Red Hat 6.1
wrote the modified records under the common magic number, SuSE 6.3 a longer kind, and Nokia's
firewalls add four bytes to the common ones."""

_MAGICS = (MICROSECONDS, NANOSECONDS, MODIFIED, IXIA_HARDWARE, IXIA_SOFTWARE)
_FITTING = 32  # records that are looked at to tell which of these a file has

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

    layout: tuple[str, ...] = ("seconds", "fraction", "captured", "original")
    """The numbers of a record header, in order."""

    def __init__(self, order: str, header: int, units: int) -> None:
        self.header = header
        self.units = units
        self.fields = np.dtype([(name, f"{order}u4") for name in self.layout])
        # Offset of the most significant byte of a number.
        self.top = 3 if order == "<" else 0
        self._u4 = np.dtype(f"{order}u4")
        self._unpack = struct.Struct(f"{order}{len(self.layout)}I").unpack_from

    def numbers(self, view: Any, at: int) -> tuple[int, int, int, int]:
        """Return seconds, fraction, captured and original length of the record at `at`."""
        seconds, fraction, captured, original = self._unpack(view, at)
        return seconds, fraction, captured, original

    def top_of(self, name: str) -> int:
        """Return where in a record the most significant byte of the number `name` is."""
        return 4 * self.layout.index(name) + self.top

    def extent(self, head: np.ndarray[Any, Any]) -> Int64:
        """Return the lengths of the records whose headers are `head`, (N,)."""
        return head["captured"].astype(np.int64) + self.header

    def sane(self, view: Any, at: int) -> bool:
        """Tell whether the numbers of the record at `at` are those of a packet."""
        seconds, fraction, captured, original = self.numbers(view, at)
        return seconds > 0 and fraction < self.units and captured <= original <= MAX_PACKET

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
        captured = windows(data[8:], self._u4)

        def lengths(at: Int64) -> Int64:
            length = captured[at].astype(np.int64)
            good = (length > 0) & (length <= MAX_PACKET)
            return (length + self.header) * good

        return lengths

    def plausible(self, data: Bytes, at: Int64, near: int | None) -> Int64:
        """Return those places `at`, ascending, where a record seems to begin.

        Its numbers must be those of a packet; those of the record that follows it, where the window
        shows it, those of one captured within a day of it. A record that nothing follows must be of
        within a day of `near` (seconds since 1970 UTC; None: of any time).
        """
        at = at[at + self.header <= len(data)]
        head = gather(data, at, self.fields)
        good = self._sane(head)
        at, head = at[good], head[good]
        following = at + self.extent(head)
        shown = following + self.header <= len(data)
        good = np.ones(len(at), np.bool_)
        if near is not None:
            good = np.abs(head["seconds"].astype(np.int64) - near) <= _DAY
        after = gather(data, following[shown], self.fields)
        apart = after["seconds"].astype(np.int64) - head["seconds"][shown]
        good[shown] = self._sane(after) & (np.abs(apart) <= _DAY)
        return at[good]

    def _sane(self, head: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        captured, original = head["captured"], head["original"]
        lengths = (captured > 0) & (captured <= original) & (original <= MAX_PACKET)
        lengths = lengths & self._fitting(head)
        return lengths & (head["fraction"] < self.units) & (head["seconds"] > 0)

    def _fitting(self, head: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell which headers, (N,), have a length of record that fits their packet."""
        return np.ones(len(head), np.bool_)

    def guess(self, data: Bytes, start: int, stretch: int, number: int) -> Int64:
        """Guess records' beginnings; see :class:`~dissectors.capture.walk.Records`."""
        near = self.numbers(data, start)[0]
        # All seconds of half a year share their highest byte: comparing that one first leaves few
        # places to look at.
        first, top = start + stretch, self.top_of("seconds")
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
            found = self._look_at_file_header(data, at)
            self.needs = found if isinstance(found, int) else 0
            return None if len(data) - at < self.needs else found
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
        return self._read_file_header(data)

    def _look_at_file_header(self, data: Bytes, at: int) -> int | str:
        """Return the length of the file's header, or why it is none."""
        magic = data[at : at + 4].tobytes()
        if len(magic) < 4:
            return 24
        if not _order(magic):
            return f"magic number {magic.hex()} is not that of a pcap file: unknown bytes"
        return 28 if _magic(magic) in (IXIA_HARDWARE, IXIA_SOFTWARE) else 24

    def _read_file_header(self, data: Bytes) -> int:
        """Read magic number, version, snapshot length and link type (the draft's §4)."""
        header = data[:24].tobytes()
        order, known = _order(header), _magic(header)
        _, major, minor, _, _, snaplen, link_type = struct.unpack(f"{order}IHHiIII", header)
        units = 10**9 if known == NANOSECONDS else 10**6
        length = 28 if known in (IXIA_HARDWARE, IXIA_SOFTWARE) else 24
        self._records = _fitting_records(data, order, known, units)
        if (major, minor) != (2, 4):
            self._tell(Unsupported, f"pcap version {major}.{minor} is read as 2.4", 4, "warning")
        # The upper half holds the length of the FCS, which the IP lengths cut off anyway.
        self._link_type = link_type & 0xFFFF
        self.interfaces.append(Interface(0, 0, self._link_type, "", snaplen))
        return length

    def _accept(self, data: Bytes, starts: Int64) -> int:
        if len(starts):
            self._last_seconds = self._records.numbers(data, int(starts[-1]))[0]
        return len(starts)

    def _take(self, data: Bytes, starts: Int64) -> Int64:
        records = self._records
        head = gather(data, starts, records.fields)
        captured, original = head["captured"].astype(np.int64), head["original"].astype(np.int64)
        self._tell_odd_lengths(starts, captured > original)
        seconds = head["seconds"].astype(np.int64)
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
        return frame_number

    def _tell_odd_lengths(self, starts: Int64, odd: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        if self._odd_lengths or not odd.any():
            return
        self._odd_lengths = True
        offset = self._base + int(starts[odd][0])
        summary = "more bytes captured of a packet than it had (told once): all of them are read"
        self._tell(Malformed, summary, offset, "warning")

    def _lose(self, data: Bytes, at: int, why: str) -> int:
        behind = super()._lose(data, at, why)
        if self._problems_told > MAX_PROBLEMS:  # so broken a file is not worth the closer look
            return behind
        self._take_pending(data)
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
        records = self._records
        last = min(last, len(data) - records.header + 1)
        captured, original, seconds = (
            data[first + offset : max(last, first) + offset]
            for offset in map(records.top_of, ("captured", "original", "seconds"))
        )
        at = first + np.flatnonzero(((captured | original) == 0) & (seconds != 0))
        return records.plausible(data, at, self._last_seconds)


def _fitting_records(data: Bytes, order: str, magic: int, units: int) -> PcapRecords:
    """Return the framing that fits the first records in the window best: the usual one, if any."""
    sizes = RECORD_HEADERS.get(magic, (16,))
    candidates = [PcapRecords(order, size, units) for size in sizes]
    return max(candidates, key=lambda records: _fits(data, records))


def _fits(data: Bytes, records: PcapRecords) -> int:
    """Return how many of the first records have sensible numbers."""
    at, view = 24, data.data
    for number in range(_FITTING):
        if at + records.header > len(data) or not records.sane(view, at):
            return number
        at += records.length(view, at)
    return _FITTING


def _order(header: bytes) -> str:
    """Return the byte order that makes the magic number one that is known; empty for none."""
    return next((o for o in "<>" if struct.unpack_from(f"{o}I", header)[0] in _MAGICS), "")


def _magic(header: bytes) -> int:
    """Return the magic number of a header that is known."""
    return int(struct.unpack_from(f"{_order(header)}I", header)[0])


def is_pcap(head: bytes) -> bool:
    """Tell whether a file that begins with `head` is a pcap file."""
    return len(head) >= 4 and bool(_order(head))
