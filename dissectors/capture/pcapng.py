"""pcapng: several sections, several interfaces, and more than packets.

References
----------
draft-ietf-opsawg-pcapng §4.1 (section header), §4.2 (interface description), §4.3 (enhanced
packet), §4.4 (simple packet), §4.5 (name resolution), §4.7 (decryption secrets), appendix A (the
obsolete packet block).
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from dissectors.capture.batch import Bytes, Int64
from dissectors.capture.blocks import (
    COUNTED_ONLY,
    DECRYPTION_SECRETS,
    ENHANCED_PACKET,
    INTERFACE_DESCRIPTION,
    MAX_BLOCK,
    NAME_RESOLUTION,
    PACKET,
    SECTION_HEADER,
    SECTION_MAGIC,
    SIMPLE_PACKET,
    BlockRecords,
    Clock,
    Ticks,
    options,
    section_order,
    to_ns,
)
from dissectors.capture.reader import Interface, RecordReader, Taken
from dissectors.columns import Mask, gather, join, pick
from dissectors.errors import (
    DissectError,
    LimitExceeded,
    Malformed,
    Severity,
    Truncated,
    Unsupported,
)

TLS_KEY_LOG = 0x544C534B
"""Secrets type of an NSS key log (§4.7)."""

MAX_INTERFACES = 65_536
"""Interfaces that are kept of one file."""

MAX_SECTIONS = 16_384
"""Sections that are read of one file."""

MAX_NAMES = 65_536
"""Addresses whose names are kept."""

_NAMES_OF_ONE = 16  # names that are kept of one address
_FEW = 16  # blocks for which numpy's arrays do not pay
_UNKNOWN_LINK = 0xFFFF  # no LINKTYPE_ has this number
_MAX_TOLD = 64  # problems that are told once and remembered for that

_IF_NAME, _IF_TSRESOL, _IF_TSOFFSET = 2, 9, 14  # options of an interface description

_INTERFACE = np.dtype(
    [("link_type", "i8"), ("snaplen", "i8"), ("scale", "u8"), ("units", "u8"), ("offset_s", "i8")]
)
_NO_TIME = "simple packets have no time (told once): each gets that of the packet before it"


@dataclass(slots=True)
class _Blocks:
    """N packet blocks."""

    start: Int64
    kind: Int64
    length: Int64
    frame: Int64
    declared: Int64  # interfaces that the section has declared before the block


@dataclass(slots=True)
class _Packets:
    """N packets, as their blocks tell of them."""

    start: Int64
    frame: Int64
    declared: Int64
    interface: Int64
    ticks: Ticks
    data_start: Int64
    room: Int64  # bytes of the block that can be packet
    captured: Int64
    original: Int64
    simple: Mask


P = TypeVar("P", _Blocks, _Packets)


class PcapngReader(RecordReader):
    """Reads a pcapng file; see :class:`~dissectors.capture.reader.RecordReader`.

    A simple packet block has no time: it gets that of the packet before it.
    """

    layer = "pcapng"
    _records: BlockRecords

    def __init__(self) -> None:
        super().__init__()
        self._section = -1
        self._interfaces = np.zeros(MAX_INTERFACES, _INTERFACE)  # of this section
        self._declared = 0
        self._one_clock = True
        self._last_time_ns = 0
        self._told: set[str] = set()

    # Framing

    def _look(self, data: Bytes, at: int) -> int | str | None:
        left, view = len(data) - at, data.data
        self.needs = 12
        if left < 12:
            return None
        if view[at : at + 4] == SECTION_MAGIC:
            return self._look_at_section(view, at)
        if self._section < 0:
            return "no section header"
        length = self._records.length(view, at)
        if not length:
            return "a block of impossible length"
        self.needs = length
        if left < length:
            return None
        return length if self._closes(data, at, length) else "a block with two different lengths"

    def _look_at_section(self, view: memoryview, at: int) -> int | str | None:
        """Look at a section header, which brings its own byte order (§4.1)."""
        order = section_order(view, at)
        if not order:
            return "a section header without byte order"
        length = int(struct.unpack_from(f"{order}I", view, at + 4)[0])
        if not 28 <= length <= MAX_BLOCK or length & 3:
            return "a section header of impossible length"
        self.needs = length
        return length if at + length <= len(view) else None

    def _closes(self, data: Bytes, at: int, length: int) -> bool:
        """Tell whether the block's length stands at its end too, or a good block follows it.

        In the latter case only the repetition is wrong, and :meth:`_check` tells that.
        """
        view, records = data.data, self._records
        return records.repeats(view, at, length) or records.begins(view, at + length)

    def _begin(self, data: Bytes, at: int) -> int:
        view = data.data
        if view[at : at + 4] != SECTION_MAGIC:
            return 0
        self._take_pending(data)
        self._searched = (0, 0, [])
        order = section_order(view, at)
        length, _, major, minor = struct.unpack_from(f"{order}IIHH", view, at + 4)
        self._records = BlockRecords(order)
        self._section += 1
        if self._section == MAX_SECTIONS:
            summary = f"more than {MAX_SECTIONS} sections: the rest of the file is not read"
            self._tell(LimitExceeded, summary, self._base + at)
            self._over = True
        self._declared, self._one_clock = 0, True
        self._interfaces[0] = 0  # what simple packets ask for, declared or not
        if major != 1:
            summary = f"pcapng version {major}.{minor} is read as 1.0"
            self._tell(Unsupported, summary, self._base + at, "warning")
        return int(length)

    def _plausible(self, data: Bytes, first: int, last: int) -> Int64:
        line_feeds = first + np.flatnonzero(data[first:last] == SECTION_MAGIC[0])
        sections = [at for at in line_feeds.tolist() if section_order(data.data, at)]
        places = np.array(sections, np.int64)
        if self._section < 0:
            return places
        blocks = self._records.search(data, first, last)
        return np.union1d(blocks, places) if sections else blocks

    def _accept(self, data: Bytes, starts: Int64) -> int:
        """Accept blocks up to a section header, or to one with two lengths and no block behind."""
        if len(starts) <= _FEW:
            return self._accept_few(data, starts.tolist())
        head = gather(data, starts, np.dtype((self._records.u4, 2)))
        kind, length = head[:, 0], head[:, 1].astype(np.int64)
        sections = np.flatnonzero(kind == SECTION_HEADER)
        if len(sections):
            starts, length = starts[: sections[0]], length[: sections[0]]
        again = gather(data, starts + length - 4, self._records.u4)
        return self._check(data, starts, length, np.flatnonzero(again != length))

    def _accept_few(self, data: Bytes, starts: list[int]) -> int:
        """Do as :meth:`_accept`, for so few blocks that arrays would not pay."""
        view, records = data.data, self._records
        for index, at in enumerate(starts):
            length = records.length(view, at)  # 0 at a section header
            if not length:
                return index
            if not records.repeats(view, at, length):
                if not records.begins(view, at + length):
                    return index
                self._tell_two_lengths(at, index)
        return len(starts)

    def _tell_two_lengths(self, at: int, before: int) -> None:
        """Tell of a block whose first length counts; `before` others were accepted with it."""
        summary = "block with two different lengths: the first one counts"
        self._pending_count += before
        self._tell(Malformed, summary, self._base + at, "warning")
        self._pending_count -= before

    def _take(self, data: Bytes, starts: Int64) -> Int64:
        head = gather(data, starts, np.dtype((self._records.u4, 2)))
        kind, length = head[:, 0].astype(np.int64), head[:, 1].astype(np.int64)
        return self._take_blocks(data, starts, kind, length)

    def _check(self, data: Bytes, starts: Int64, length: Int64, bad: Int64) -> int:
        """Return how many blocks can be taken, `bad` ones being without the right repetition."""
        for index in bad.tolist():
            at = int(starts[index])
            if not self._closes(data, at, int(length[index])):
                return int(index)
            self._tell_two_lengths(at, int(index))
        return len(starts)

    # Blocks that are no packets

    def _take_blocks(self, data: Bytes, starts: Int64, kind: Int64, length: Int64) -> Int64:
        if (kind == ENHANCED_PACKET).all():
            frame = self._frames + np.arange(1, len(kind) + 1)
            declared = np.full(len(kind), self._declared)
            self._take_packets(data, _Blocks(starts, kind, length, frame, declared))
            self._frames = int(frame[-1])
            return frame
        is_packet = (kind == ENHANCED_PACKET) | (kind == SIMPLE_PACKET) | (kind == PACKET)
        frame = self._frames + np.cumsum(is_packet | np.isin(kind, COUNTED_ONLY))
        declared = self._declared + np.cumsum(kind == INTERFACE_DESCRIPTION)
        for index in np.flatnonzero(~is_packet).tolist():
            at = int(starts[index])
            self._frames = int(frame[index])
            body = data[at + 8 : at + int(length[index]) - 4]
            self._take_other(int(kind[index]), body, self._base + at)
        if is_packet.any():
            declared = np.minimum(declared, self._declared)
            blocks = _Blocks(starts, kind, length, frame, declared)
            self._take_packets(data, pick(blocks, is_packet))
        self._frames = int(frame[-1])
        return frame

    def _take_other(self, kind: int, body: Bytes, offset: int) -> None:
        """Read a block that is no packet; statistics and what is unknown are skipped."""
        read = {
            INTERFACE_DESCRIPTION: self._read_interface,
            NAME_RESOLUTION: self._read_names,
            DECRYPTION_SECRETS: self._read_secrets,
        }.get(kind)
        if read is None:
            return
        try:
            read(body.tobytes(), offset)
        except struct.error:
            self._tell(Truncated, f"block of type {kind} is too short for its fields", offset)
            if kind == INTERFACE_DESCRIPTION:  # the numbers of the next ones count on it
                self._declare(_UNKNOWN_LINK, "", 0, Clock.of(6, 0))

    def _read_interface(self, body: bytes, offset: int) -> None:
        """Read an interface description block (§4.2)."""
        if len(self.interfaces) == MAX_INTERFACES:
            self._tell_once(LimitExceeded, f"more than {MAX_INTERFACES} interfaces", offset)
            return
        order = self._records.order
        link_type, _, snaplen = struct.unpack_from(f"{order}HHI", body)
        known = dict(options(body[8:], order))
        name = known.get(_IF_NAME, b"").rstrip(b"\0").decode("utf-8", "replace")
        resolution = known.get(_IF_TSRESOL) or b"\x06"
        (offset_s,) = struct.unpack(f"{order}q", known.get(_IF_TSOFFSET, bytes(8)))
        self._declare(link_type, name, snaplen, Clock.of(resolution[0], offset_s))

    def _declare(self, link_type: int, name: str, snaplen: int, clock: Clock) -> None:
        number = self._declared
        row = (link_type, snaplen, clock.scale, clock.units, clock.offset_s)
        self._interfaces[number] = row
        self._one_clock = self._one_clock and row[2:] == self._interfaces[0].item()[2:]
        self._declared += 1
        self.interfaces.append(Interface(self._section, number, link_type, name, snaplen))

    def _read_names(self, body: bytes, offset: int) -> None:
        """Read a name resolution block (§4.5): records shaped like options."""
        for kind, value in options(body, self._records.order):
            size = {1: 4, 2: 16}.get(kind)
            if size and len(value) > size:
                address = str(ipaddress.ip_address(value[:size]))
                self._add_names(address, value[size:].rstrip(b"\0").split(b"\0"), offset)

    def _add_names(self, address: str, names: list[bytes], offset: int) -> None:
        if len(self.names) == MAX_NAMES and address not in self.names:
            self._tell_once(LimitExceeded, f"names of more than {MAX_NAMES} addresses", offset)
            return
        known = self.names.setdefault(address, [])
        for name in (raw.decode("utf-8", "replace") for raw in names):
            if name not in known and len(known) < _NAMES_OF_ONE:
                known.append(name)

    def _read_secrets(self, body: bytes, offset: int) -> None:
        """Read a decryption secrets block (§4.7)."""
        kind, length = struct.unpack_from(f"{self._records.order}II", body)
        if kind != TLS_KEY_LOG:
            summary = f"decryption secrets of type 0x{kind:08x} are not used"
            self._tell_once(Unsupported, summary, offset, "note")
            return
        if length > len(body) - 8:
            self._tell(Truncated, "decryption secrets end beyond their block", offset, "warning")
        self.secrets.append(body[8 : 8 + length])

    def _tell_once(
        self, kind: type[DissectError], summary: str, offset: int, severity: Severity = "warning"
    ) -> None:
        if summary not in self._told and len(self._told) < _MAX_TOLD:
            self._told.add(summary)
            self._tell(kind, summary, offset, severity)

    # Packets

    def _take_packets(self, data: Bytes, blocks: _Blocks) -> None:
        """Take packet blocks; there is one at least."""
        short = blocks.length < np.where(blocks.kind == SIMPLE_PACKET, 16, 32)
        blocks = self._without(blocks, short, "too short for its fields")
        simple = blocks.kind == SIMPLE_PACKET
        if simple.any():
            timed, untimed = pick(blocks, ~simple), pick(blocks, simple)
            packets = join([self._timed(data, timed), self._simple(data, untimed)])
            packets = pick(packets, np.argsort(packets.frame, kind="stable"))
        else:
            packets = self._timed(data, blocks)
        undeclared = packets.interface >= packets.declared
        packets = self._without(packets, undeclared, "of an interface that is not declared")
        if len(packets.start):
            self._keep(packets)

    def _timed(self, data: Bytes, blocks: _Blocks) -> _Packets:
        """Read enhanced packet blocks (§4.3), and the obsolete ones of appendix A."""
        head = gather(data, blocks.start, np.dtype((self._records.u4, 7)))
        interface = head[:, 2].astype(np.int64)
        obsolete = blocks.kind == PACKET
        if obsolete.any():
            half = interface & 0xFFFF if self._records.order == "<" else interface >> 16
            interface = np.where(obsolete, half, interface)
        return _Packets(
            start=blocks.start,
            frame=blocks.frame,
            declared=blocks.declared,
            interface=interface,
            ticks=head[:, 3].astype(np.uint64) << np.uint64(32) | head[:, 4],
            data_start=blocks.start + 28,
            room=blocks.length - 32,
            captured=head[:, 5].astype(np.int64),
            original=head[:, 6].astype(np.int64),
            simple=np.zeros(len(head), np.bool_),
        )

    def _simple(self, data: Bytes, blocks: _Blocks) -> _Packets:
        """Read simple packet blocks (§4.4), which are of interface 0 and cut by its limit."""
        original = gather(data, blocks.start + 8, self._records.u4).astype(np.int64)
        limit = int(self._interfaces[0]["snaplen"])
        room = blocks.length - 16
        none = np.zeros(len(original), np.int64)
        return _Packets(
            start=blocks.start,
            frame=blocks.frame,
            declared=blocks.declared,
            interface=none,
            ticks=none.astype(np.uint64),
            data_start=blocks.start + 12,
            room=room,
            captured=np.minimum(np.minimum(original, room), limit or room),
            original=original,
            simple=np.ones(len(original), np.bool_),
        )

    def _keep(self, packets: _Packets) -> None:
        over = packets.captured > packets.room
        if over.any():
            self._tell_of(packets, over, "longer than its block", "it is cut")
        captured = np.minimum(packets.captured, packets.room)
        self._taken.append(
            Taken(
                start=packets.data_start,
                captured_length=captured,
                wire_length=np.maximum(captured, packets.original),
                time_ns=self._times(packets),
                link_type=self._interfaces["link_type"][packets.interface],
                interface=packets.interface,
                frame_number=packets.frame,
            )
        )

    def _times(self, packets: _Packets) -> Int64:
        """Convert timestamps; give packets without one that of the packet before them."""
        clock = self._interfaces[:1] if self._one_clock else self._interfaces[packets.interface]
        time_ns = to_ns(packets.ticks, clock["scale"], clock["units"], clock["offset_s"])
        if packets.simple.any():
            offset = self._base + int(packets.start[packets.simple][0])
            self._tell_once(Malformed, _NO_TIME, offset)
            dated = np.maximum.accumulate(np.where(packets.simple, -1, np.arange(len(time_ns))))
            time_ns = np.where(dated < 0, self._last_time_ns, time_ns[dated])
        self._last_time_ns = int(time_ns[-1])
        return time_ns

    def _without(self, packets: P, bad: Mask, why: str) -> P:
        """Drop the packets where `bad`; tell of the first, and how many there are."""
        if not bad.any():
            return packets
        self._tell_of(packets, bad, why, "it is not read")
        return pick(packets, ~bad)

    def _tell_of(self, packets: _Blocks | _Packets, bad: Mask, why: str, so: str) -> None:
        first, others = int(np.argmax(bad)), np.count_nonzero(bad) - 1
        more = f", nor are {others} others up to here" if others else ""
        self._frames = int(packets.frame[first])
        offset = self._base + int(packets.start[first])
        self._tell(Malformed, f"a packet is {why}: {so}{more}", offset)


def is_pcapng(head: bytes) -> bool:
    """Tell whether a file that begins with `head` is a pcapng file."""
    return bool(section_order(head))
