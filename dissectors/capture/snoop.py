"""Files of Solaris' snoop, which other vendors' recorders write, too.

References
----------
RFC 1761. The registry of its link types is IANA's "Snoop Datalink Types".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from dissectors.capture.batch import Bytes, Int64
from dissectors.capture.pcap import MAX_PACKET, PcapReader, PcapRecords
from dissectors.capture.reader import Interface
from dissectors.columns import gather
from dissectors.errors import Unsupported

MAGIC = b"snoop\0\0\0"

LINK_TYPES = {0: 1, 2: 6, 4: 1, 8: 10, 9: 0, 14: 0, 16: 122, 18: 123, 26: 242, 0x80000005: 226}
"""Link type in the file → LINKTYPE_ number: Ethernet, Token Ring, FDDI, loopback, IP over Fibre
Channel, SunATM, IP over InfiniBand, ipnet."""

SURVEYOR_LINK_TYPES = {0: 1, 2: 6, 4: 1, 8: 10, 10: 1, 11: 6, 12: 1, 13: 6, 14: 6, 19: 1}
"""The same for files of Shomiti's Surveyor, which took numbers that RFC 1761 left free."""

UNKNOWN_LINK = 0xFFFF
"""What stands for a link type without LINKTYPE_ number: no LINKTYPE_ has it."""

_SURVEYOR_TRAILER = 16  # bytes behind each of Surveyor's packets; snoop pads with six at most
_MOST_PADDING = 1024


class SnoopRecords(PcapRecords):
    """Framing of records: six numbers of 32 bits, the packet, padding."""

    layout = ("original", "captured", "length", "drops", "seconds", "fraction")

    def __init__(self) -> None:
        super().__init__(">", 24, 10**6)

    def numbers(self, view: Any, at: int) -> tuple[int, int, int, int]:
        """Return seconds, fraction, captured and original length of the record at `at`."""
        original, captured, _, _, seconds, fraction = self._unpack(view, at)
        return seconds, fraction, captured, original

    def extent(self, head: np.ndarray[Any, Any]) -> Int64:
        """Return the lengths of the records whose headers are `head`, (N,)."""
        return head["length"].astype(np.int64)

    def length(self, view: memoryview, at: int) -> int:
        """Return the length of the record at `at`, or 0 when none can begin there."""
        _, captured, length, *_ = self._unpack(view, at)
        good = captured <= MAX_PACKET and 0 <= length - 24 - captured <= _MOST_PADDING
        return int(length) if good else 0

    def lengths_in(self, data: Bytes) -> Callable[[Int64], Int64]:
        """Return a function for many records; see :class:`~dissectors.capture.walk.Records`."""

        def lengths(at: Int64) -> Int64:
            head = gather(data, at, self.fields)
            return self.extent(head) * (self._fitting(head) & (head["captured"] <= MAX_PACKET))

        return lengths

    def _fitting(self, head: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        padding = self.extent(head) - 24 - head["captured"]
        fitting: np.ndarray[Any, np.dtype[np.bool_]] = (padding >= 0) & (padding <= _MOST_PADDING)
        return fitting


class SnoopReader(PcapReader):
    """Reads a snoop file; see :class:`~dissectors.capture.reader.RecordReader`."""

    layer = "snoop"

    def _look_at_file_header(self, data: Bytes, at: int) -> int | str:
        if is_snoop(data[at : at + 8].tobytes()) or len(data) - at < 8:
            return 16
        return "no header of a snoop file: unknown bytes"

    def _read_file_header(self, data: Bytes) -> int:
        version, number = struct.unpack_from(">II", data.data, 8)
        self._records = SnoopRecords()
        if not 2 <= version <= 5:
            self._tell(Unsupported, f"snoop version {version} is read as 2", 8, "warning")
        known = SURVEYOR_LINK_TYPES if self._by_surveyor(data.data) else LINK_TYPES
        self._link_type = known.get(number, UNKNOWN_LINK)
        if number not in known:
            self._tell(Unsupported, f"snoop link type {number} is not known", 12)
        self.interfaces.append(Interface(0, 0, self._link_type, "", 0))
        return 16

    def _by_surveyor(self, view: memoryview) -> bool:
        """Tell by the first packet's padding, which holds a trailer, as Wireshark does."""
        if len(view) < 16 + 24:
            return False
        _, captured, length = struct.unpack_from(">III", view, 16)
        return bool(length - 24 - captured >= _SURVEYOR_TRAILER)


def is_snoop(head: bytes) -> bool:
    """Tell whether a file that begins with `head` is a snoop file."""
    return head.startswith(MAGIC)
