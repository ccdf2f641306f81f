"""N packets in one buffer: what every capture format is read into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PacketBatch:
    """N packets, in the order of the file; nobody writes into its arrays.

    Packet ``i`` is ``data[start[i] : start[i] + captured_length[i]]``.
    """

    data: Bytes
    """(B,) uint8: a stretch of the capture, or bytes that a decoder made."""
    start: Int64
    """(N,) int64: where each packet begins in `data`."""
    captured_length: Int64
    """(N,) int64: bytes of the packet that the file holds."""
    wire_length: Int64
    """(N,) int64: bytes the packet had on the wire."""
    time_ns: Int64
    """(N,) int64: nanoseconds since 1970-01-01T00:00:00Z."""
    link_type: Int64
    """(N,) int64: LINKTYPE_ value of the packet's interface (https://www.tcpdump.org/linktypes.html)."""
    interface: Int64
    """(N,) int64: interface number within its section; 0 where the format knows none."""
    frame_number: Int64
    """(N,) int64: position in the capture, from 1, as Wireshark counts."""

    def __len__(self) -> int:
        return len(self.start)
