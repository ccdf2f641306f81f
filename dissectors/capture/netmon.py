"""Microsoft Network Monitor: ``.cap`` files of versions 1.x and 2.x.

Frames are found by a table at the end of the file: there may be holes between them, and the table's
order is not always that of the file. A file whose table is missing or beyond its end is read frame
after frame, as far as that goes.

References
----------
Network Monitor 3.4 help, "Capture File Format"; for 1.x the structures of STRUCT.H in its
developer's kit. [MS-DTYP] §2.3.3 (FILETIME), §2.3.13 (SYSTEMTIME).
"""

from __future__ import annotations

import datetime
import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Bytes, Int64, PacketBatch
from dissectors.capture.reader import CaptureReader, Interface, Taken
from dissectors.columns import Mask, gather, join, pick
from dissectors.errors import LimitExceeded, Malformed, Truncated, Unsupported

MAX_PACKET = 262_144
"""Most bytes that a packet can have, as for pcap."""

MEDIA = {0: 1, 1: 1, 2: 6, 3: 10, 7: 101, 8: 101, 9: 101}
"""Media type → LINKTYPE_ number. The help calls 0 unknown; VPN connections have it, and Ethernet
headers. 7, 8, 9: tunnels, wireless WAN and raw IP, which NDIS has other numbers for."""

WIRELESS = 6
"""Media type of 802.11 frames behind metadata of Network Monitor's own."""

UNKNOWN_LINK = 0xFFFF
"""What stands for a media type without LINKTYPE_ number: no LINKTYPE_ has it."""

NO_FRAMES = (0xFFFC, 0xFFFD, 0xFFFE)
"""Media types of what is in the table but is no frame: payload headers, network information, names.
Wireshark does not count them."""

_FIRST_FRAME = 128  # length of the file's header, padding included
_HEADER = struct.Struct("<4sBBH8HII")
_FRAMES_AT_ONCE = 65_536
_SPAN = 64 << 20  # most bytes from the first frame of a batch to its last, if the file allows it
_FILETIME_OF_1970 = 116_444_736_000_000_000  # in units of 100 ns since 1601
_LAST = 9_200_000_000_000_000_000  # nanoseconds since 1970 that fit 63 bits

_RECORD_1 = np.dtype([("delta", "<u4"), ("original", "<u2"), ("captured", "<u2")])
_RECORD_2 = np.dtype([("delta", "<u8"), ("original", "<u4"), ("captured", "<u4")])
_MEDIA = [("media", "<u2")]
_PROCESS = [*_MEDIA, ("process", "<u4")]
_TRAILERS = {1: _MEDIA, 2: _PROCESS, 3: [*_PROCESS, ("filetime", "<u8"), ("zone", "u1")]}


@dataclass(slots=True)
class _Frames:
    """N frames of a window of the file."""

    at: Int64  # offset of each record
    number: Int64  # frame number
    head: npt.NDArray[Any]
    trailer: npt.NDArray[Any]
    media: Int64


class NetmonReader(CaptureReader):
    """Reads a Network Monitor file.

    It needs the whole file at once, since the table of its frames stands at its end.
    """

    layer = "netmon"

    def batches(self, whole: Bytes) -> Iterator[tuple[PacketBatch, int]]:
        """Yield the packets of a file, and with each batch how far in the file it reaches.

        Parameters
        ----------
        whole : (B,) uint8
            The file; a memory map suffices.
        """
        if len(whole) < _HEADER.size:
            self._tell(Truncated, "the file ends inside its header", len(whole))
            return
        self._read_file_header(whole)
        room = len(whole)
        for offsets in self._offsets(whole):
            taken, used = self._take(whole, offsets)
            # Entries may name one frame again and again; a file cannot hold more than its size.
            room -= used
            if room < 0:
                summary = "the frame table names more bytes than the file has: the rest is not read"
                self._tell(LimitExceeded, summary, self._table)
                return
            if len(taken):
                yield _batch(whole, taken), int(offsets[-1])

    def _read_file_header(self, whole: Bytes) -> None:
        _, minor, major, media, *start, table, length = _HEADER.unpack(whole[: _HEADER.size].data)
        self._table, self._table_length = table, length
        self._record = _RECORD_1 if major < 2 else _RECORD_2
        # Before 2.1 the file's media type holds for every frame; from then on each has its own.
        trailer = _TRAILERS.get(min(minor, 3), []) if major >= 2 else []
        self._trailer = np.dtype(trailer)
        self._media = media
        self._start_ns = self._read_start(start)
        if major not in (1, 2):
            self._tell(Unsupported, f"netmon version {major}.{minor} is read as 2.{minor}", 4)
        self.interfaces.append(Interface(0, 0, MEDIA.get(media, UNKNOWN_LINK), "", 0))

    def _read_start(self, start: list[int]) -> int:
        """Read the SYSTEMTIME at which capturing began, nanoseconds since 1970."""
        year, month, _, day, hour, minute, second, millisecond = start
        try:
            zone = datetime.timezone.utc
            began = datetime.datetime(year, month, day, hour, minute, second, tzinfo=zone)
        except ValueError:
            if "filetime" not in (self._trailer.names or ()):
                self._tell(Malformed, "the capture began at no possible time: read as 1970", 8)
            return 0
        if "filetime" not in (self._trailer.names or ()):
            summary = "times are local ones of the capturing computer, its zone is not told"
            self._tell(Unsupported, f"{summary}: read as UTC", 8, "warning")
        start_ns = int(began.timestamp()) * 10**9 + millisecond * 10**6
        return max(-_LAST, min(start_ns, _LAST - (1 << 32) * 10**6))  # room for 1.x' deltas

    # Where the frames are

    def _offsets(self, whole: Bytes) -> Iterator[Int64]:
        """Yield the offsets of the frames, in order."""
        end = self._table + self._table_length // 4 * 4
        if self._table_length % 4 or not self._table_length or end > len(whole):
            summary = "no whole frame table: frames are read one after another"
            self._tell(Truncated, summary, self._table)
            yield from self._walk(whole)
            return
        step = 4 * _FRAMES_AT_ONCE
        for at in range(self._table, end, step):
            entries = whole[at : min(at + step, end)].view("<u4").astype(np.int64)
            yield from _near_ones(entries)

    def _walk(self, whole: Bytes) -> Iterator[Int64]:
        """Go from frame to frame, as far as they follow one another."""
        view, at, found = whole.data, _FIRST_FRAME, []
        wide = self._record is _RECORD_2
        unpack = struct.Struct("<II" if wide else "<HH").unpack_from
        lengths, around = (8 if wide else 4), self._record.itemsize + self._trailer.itemsize
        limit = min(len(whole), self._table if self._table > _FIRST_FRAME else len(whole))
        while at + around <= limit:
            original, captured = unpack(view, at + lengths)
            if not 0 < captured <= min(original, MAX_PACKET) or at + around + captured > limit:
                break
            found.append(at)
            at += around + captured
            if len(found) == _FRAMES_AT_ONCE:
                yield np.array(found, np.int64)
                found = []
        if found:
            yield np.array(found, np.int64)
        if at < limit:
            self._tell(Truncated, f"no whole frame at byte {at}: no packet in the rest", at)

    # What they hold

    def _take(self, whole: Bytes, offsets: Int64) -> tuple[Taken, int]:
        """Read the frames at `offsets`; also return how many bytes they have."""
        inside = offsets + self._record.itemsize <= len(whole)
        head = np.zeros(len(offsets), self._record)
        head[inside] = gather(whole, offsets[inside], self._record)
        end = offsets + self._record.itemsize + head["captured"]
        good = inside & (head["captured"] <= MAX_PACKET)
        good &= end + self._trailer.itemsize <= len(whole)
        trailer = np.zeros(len(offsets), self._trailer)
        if self._trailer.itemsize:
            trailer[good] = gather(whole, end[good], self._trailer)
            media = trailer["media"].astype(np.int64)
        else:
            media = np.full(len(offsets), self._media)
        counted = ~(good & np.isin(media, NO_FRAMES))
        number = self._frames + np.cumsum(counted)
        self._tell_bad(offsets, number, ~good)
        self._frames = int(number[-1])
        frames = pick(_Frames(offsets, number, head, trailer, media), good & counted)
        return self._columns(whole, frames), int(head["captured"][good].sum())

    def _tell_bad(self, offsets: Int64, number: Int64, bad: Mask) -> None:
        if not bad.any():
            return
        first, others = int(np.argmax(bad)), np.count_nonzero(bad) - 1
        more = f", nor are {others} others up to here" if others else ""
        self._frames = int(number[first])
        summary = f"a frame is longer than the file or a packet can be: it is not read{more}"
        self._tell(Malformed, summary, int(offsets[first]))

    def _columns(self, whole: Bytes, frames: _Frames) -> Taken:
        captured = frames.head["captured"].astype(np.int64)
        skipped = self._metadata(whole, frames, captured)
        captured = captured - skipped
        none = np.zeros(len(captured), np.int64)
        return Taken(
            start=frames.at + self._record.itemsize + skipped,
            captured_length=captured,
            wire_length=np.maximum(frames.head["original"].astype(np.int64) - skipped, captured),
            time_ns=self._times(frames),
            link_type=_link_types(frames.media),
            interface=none,
            frame_number=frames.number,
        )

    def _metadata(self, whole: Bytes, frames: _Frames, captured: Int64) -> Int64:
        """Return the bytes of metadata before each frame, which begin with version and length."""
        length = np.zeros(len(captured), np.int64)
        wireless = (frames.media == WIRELESS) & (captured >= 3)
        if wireless.any() and self._record is _RECORD_2:
            at = frames.at[wireless] + self._record.itemsize + 1
            length[wireless] = gather(whole, at, np.dtype("<u2"))
        return np.minimum(length, captured)

    def _times(self, frames: _Frames) -> Int64:
        """Return nanoseconds since 1970 UTC."""
        if "filetime" in (self._trailer.names or ()):
            since = frames.trailer["filetime"].astype(np.int64) - _FILETIME_OF_1970
            utc_ns: Int64 = np.clip(since, -_LAST // 100, _LAST // 100) * 100
            return utc_ns
        if self._record is _RECORD_1:
            return self._start_ns + frames.head["delta"].astype(np.int64) * 10**6
        # Microseconds; times ten they are a signed number of 64 bits, since a frame may be older
        # than the capture.
        tenths: Int64 = (frames.head["delta"] * np.uint64(10)).astype(np.int64)
        room = _LAST - abs(self._start_ns)
        time_ns: Int64 = self._start_ns + np.clip(tenths, -room // 100, room // 100) * 100
        return time_ns


def _near_ones(offsets: Int64) -> Iterator[Int64]:
    """Divide offsets where they leave the stretch that a batch spans, so that memory stays flat."""
    while len(offsets):
        far = np.abs(offsets - offsets[0]) > _SPAN
        near = int(np.argmax(far)) if far.any() else len(offsets)
        yield offsets[:near]
        offsets = offsets[near:]


def _link_types(media: Int64) -> Int64:
    """Translate media types; 0xE000 and up are LINKTYPE_ numbers of converted pcap files."""
    link_type = np.full(len(media), UNKNOWN_LINK)
    for number in np.unique(media).tolist():
        known = MEDIA.get(number, 105 if number == WIRELESS else UNKNOWN_LINK)
        if number & 0xF000 == 0xE000 and not 0xE080 <= number <= 0xE08A:
            known = number & 0x0FFF
        link_type[media == number] = known
    return link_type


def _batch(whole: Bytes, taken: Taken) -> PacketBatch:
    """Return a batch whose data is the stretch of the file that holds it."""
    columns = join([taken])
    first = int(columns.start.min())
    last = int((columns.start + columns.captured_length).max())
    named = {f.name: getattr(columns, f.name) for f in fields(columns)}
    named["start"] = named["start"] - first
    return PacketBatch(data=whole[first:last], **named)


def is_netmon(head: bytes) -> bool:
    """Tell whether a file that begins with `head` is one of Network Monitor."""
    return head[:4] in (b"RTSS", b"GMBU")
