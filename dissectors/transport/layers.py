"""What the headers of N packets say, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Bytes, Int64

TCP = 6
UDP = 17

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
"""TCP control bits (RFC 9293 §3.1)."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Headers of N packets that carry TCP or UDP, in frame order.

    Addresses are 128 bits in two halves; an IPv4 address stands in the low 32 bits with `ip_version`
    4. In a tunnel the innermost IP packet counts and `tunnel` names what was around it.
    """

    data: Bytes
    """(B,) uint8: the buffer that `payload_start` points into."""
    frame_number: Int64
    """(N,) int64."""
    time_ns: Int64
    """(N,) int64: nanoseconds since 1970 UTC."""
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
    """(N,) uint8: 6 (TCP) or 17 (UDP)."""
    src_port: npt.NDArray[np.uint16]
    """(N,) uint16."""
    dst_port: npt.NDArray[np.uint16]
    """(N,) uint16."""
    seq: npt.NDArray[np.uint32]
    """(N,) uint32: TCP sequence number of the first payload byte (of SYN, when set); 0 for UDP."""
    ack: npt.NDArray[np.uint32]
    """(N,) uint32: TCP acknowledgment number; 0 for UDP."""
    flags: npt.NDArray[np.uint8]
    """(N,) uint8: TCP control bits; 0 for UDP."""
    window: npt.NDArray[np.uint16]
    """(N,) uint16: TCP window as sent, unscaled; 0 for UDP."""
    payload_start: Int64
    """(N,) int64: where the payload begins in `data`."""
    payload_length: Int64
    """(N,) int64: payload bytes that the capture holds."""
    segment_length: Int64
    """(N,) int64: payload bytes that were sent, by the headers; larger than `payload_length` where
    the capture was cut by its snapshot length."""
    wire_length: Int64
    """(N,) int64: bytes of the whole frame on the wire (summed over fragments)."""
    tunnel: npt.NDArray[np.uint8]
    """(N,) uint8: index into :data:`TUNNELS`; 0 where there is none."""

    def __len__(self) -> int:
        return len(self.frame_number)


TUNNELS = ("", "ipip", "gre", "pppoe", "mpls", "vxlan", "other")
"""Names for `Layers.tunnel`."""
