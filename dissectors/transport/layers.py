"""What the headers of N packets say, as columns, from the link layer up to TCP, UDP and SCTP."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Bytes, Int64, PacketBatch
from dissectors.net.slow_road import SlowRoad
from dissectors.transport import sctp, tcp, udp
from dissectors.transport.climb import Climb, Outside

TCP = tcp.PROTOCOL
UDP = udp.PROTOCOL
SCTP = sctp.PROTOCOL
"""IP protocol numbers."""

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
"""TCP control bits (RFC 9293 §3.1)."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Headers of N packets that carry TCP, UDP or SCTP, in frame order.

    Addresses are 128 bits in two halves; an IPv4 address stands in the low 32 bits with
    `ip_version` 4. In a tunnel the innermost IP packet counts; `tunnel` names what was around it.
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
    """(N,) uint8: 6 (TCP), 17 (UDP) or 132 (SCTP)."""
    src_port: npt.NDArray[np.uint16]
    """(N,) uint16."""
    dst_port: npt.NDArray[np.uint16]
    """(N,) uint16."""
    seq: npt.NDArray[np.uint32]
    """(N,) uint32: TCP sequence number of the first payload byte (of SYN, when set); the
    verification tag of an SCTP packet; 0 for UDP."""
    ack: npt.NDArray[np.uint32]
    """(N,) uint32: TCP acknowledgment number; else 0."""
    flags: npt.NDArray[np.uint8]
    """(N,) uint8: TCP control bits; else 0."""
    window: npt.NDArray[np.uint16]
    """(N,) uint16: TCP window as sent, unscaled; else 0."""
    payload_start: Int64
    """(N,) int64: where the payload (of SCTP, its chunks) begins in `data`."""
    payload_length: Int64
    """(N,) int64: payload bytes that the capture holds."""
    segment_length: Int64
    """(N,) int64: payload bytes that were sent, by the headers; larger than `payload_length` where
    the capture was cut by its snapshot length."""
    wire_length: Int64
    """(N,) int64: bytes of the whole frame on the wire (summed over fragments)."""
    tunnel: npt.NDArray[np.uint8]
    """(N,) uint8: index into :data:`TUNNELS`; 0 where there is none."""
    header_start: Int64 | None = None
    """(N,) int64: where the IP header begins in `data`; None when nobody told."""
    outside: Outside | None = None
    """The outermost IP headers of the packets that came in tunnels; None where there are none."""

    def __len__(self) -> int:
        return len(self.frame_number)


TUNNELS = (
    "", "ipip", "gre", "pppoe", "mpls", "vxlan", "geneve", "gtp", "teredo", "l2tp", "etherip",
    "tzsp", "exported pdu", "exported pdu",
)  # fmt: skip
"""Names for `Layers.tunnel`."""


@dataclass(frozen=True, slots=True)
class DecodedBatch:
    """What the headers of one batch say, and what they do not."""

    layers: Layers
    """The packets that carry TCP, UDP or SCTP, in frame order."""
    fault_frames: Int64
    """(M,) int64: frames with a fault, ascending; a frame may occur with several."""
    fault_bits: npt.NDArray[np.uint32]
    """(M,) uint32: one bit of :class:`~dissectors.errors.Fault` each."""
    others: dict[str, int]
    """Packets that carry none of the three, by the name of what they carry: no faults."""


def decode_layers(batch: PacketBatch, slow_road: SlowRoad) -> DecodedBatch:
    """Decode the headers of N packets.

    Parameters
    ----------
    batch : PacketBatch
        Packets in the order of the capture.
    slow_road : SlowRoad
        Keeps what one batch leaves unfinished for the next; one object for each capture.

    Returns
    -------
    DecodedBatch
        Its `layers.data` is the batch's own buffer, or a copy with the reassembled datagrams behind
        it when there are any.
    """
    climb = Climb(batch, slow_road)
    climb.run(batch)
    frames, datagrams, segments = climb.result()
    layers = Layers(
        data=climb.data,
        frame_number=frames.frame_number,
        time_ns=frames.time_ns,
        ip_version=datagrams.ip_version,
        src_high=datagrams.src_high,
        src_low=datagrams.src_low,
        dst_high=datagrams.dst_high,
        dst_low=datagrams.dst_low,
        protocol=datagrams.protocol,
        src_port=segments.src_port,
        dst_port=segments.dst_port,
        seq=segments.seq,
        ack=segments.ack,
        flags=segments.flags,
        window=segments.window,
        payload_start=segments.payload_start,
        payload_length=segments.payload_length,
        segment_length=segments.segment_length,
        wire_length=frames.wire_length,
        tunnel=datagrams.tunnel,
        header_start=datagrams.header_start,
        outside=climb.outside(),
    )
    return DecodedBatch(layers, *climb.faults(), climb.log.others)
