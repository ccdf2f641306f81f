"""What the network layer says of N packets, whatever its version."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Int64


@dataclass(slots=True)
class Datagrams:
    """N IP packets, decoded down to where their payload begins.

    An IPv4 address stands in the low 32 bits.
    """

    row: Int64
    """(N,) int64: index of the packet in its batch."""
    header_start: Int64
    """(N,) int64: where the IP header begins in the buffer."""
    ip_version: npt.NDArray[np.uint8]
    """(N,) uint8: 4 or 6."""
    src_high: npt.NDArray[np.uint64]
    """(N,) uint64: upper half of the source address; 0 for IPv4."""
    src_low: npt.NDArray[np.uint64]
    """(N,) uint64: lower half of the source address."""
    dst_high: npt.NDArray[np.uint64]
    """(N,) uint64."""
    dst_low: npt.NDArray[np.uint64]
    """(N,) uint64."""
    protocol: npt.NDArray[np.uint8]
    """(N,) uint8: IP protocol number of what begins at `start`, extension headers skipped."""
    start: Int64
    """(N,) int64: where the payload begins."""
    end: Int64
    """(N,) int64: where the captured payload ends; link padding is cut off."""
    wire_end: Int64
    """(N,) int64: where the payload ended on the wire, by the IP header."""
    tunnel: npt.NDArray[np.uint8]
    """(N,) uint8: index into :data:`~dissectors.transport.layers.TUNNELS`."""

    def __len__(self) -> int:
        return len(self.row)
