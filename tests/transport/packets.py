"""Packets written as one line each, and the `Layers` that a capture of them decodes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dissectors.transport.layers import ACK, FIN, RST, SYN, TCP, UDP, Layers

MS = 1_000_000
START_NS = 1_700_000_000_000_000_000

CLIENT, SERVER = 0x0A000001, 0x0A000002
FLAG_LETTERS = {"S": SYN, "F": FIN, "R": RST, "A": ACK}


@dataclass
class Packet:
    """One TCP or UDP packet; `sent` is its length on the wire where the capture cut it."""

    src: tuple[int, int] = (CLIENT, 50000)
    dst: tuple[int, int] = (SERVER, 5061)
    data: bytes = b""
    seq: int = 0
    ack: int = 0
    flags: str = "A"
    time_ns: int = START_NS
    protocol: int = TCP
    sent: int | None = None
    window: int = 1000
    version: int = 4
    frame: int = 0


def up(seq: int, data: bytes = b"", flags: str = "A", *, ms: float = 0, **more: object) -> Packet:
    """A TCP packet from the client."""
    return Packet(data=data, seq=seq % 2**32, flags=flags, time_ns=START_NS + int(ms * MS), **more)  # type: ignore[arg-type]


def down(seq: int, data: bytes = b"", flags: str = "A", *, ms: float = 0, **more: object) -> Packet:
    """A TCP packet from the server."""
    packet = up(seq, data, flags, ms=ms, **more)
    packet.src, packet.dst = packet.dst, packet.src
    return packet


def datagram(
    source: tuple[int, int], target: tuple[int, int], data: bytes = b"", *, ms: float = 0
) -> Packet:
    """A UDP packet."""
    return Packet(
        source, target, data, flags="", time_ns=START_NS + int(ms * MS), protocol=UDP, window=0
    )


def number(packets: Sequence[Packet]) -> list[Packet]:
    """Number the frames from 1, as a capture does."""
    for index, packet in enumerate(packets, 1):
        packet.frame = index
    return list(packets)


def decode(packets: Sequence[Packet]) -> Layers:
    """The columns of packets that carry their frame numbers."""
    lengths = [len(p.data) for p in packets]
    starts = np.cumsum([0, *lengths])[:-1] if packets else []
    flags = [sum(FLAG_LETTERS[letter] for letter in p.flags) for p in packets]
    return Layers(
        data=np.frombuffer(b"".join(p.data for p in packets), np.uint8),
        frame_number=np.array([p.frame for p in packets], np.int64),
        time_ns=np.array([p.time_ns for p in packets], np.int64),
        ip_version=np.array([p.version for p in packets], np.uint8),
        src_high=np.array([p.src[0] >> 64 for p in packets], np.uint64),
        src_low=np.array([p.src[0] & (2**64 - 1) for p in packets], np.uint64),
        dst_high=np.array([p.dst[0] >> 64 for p in packets], np.uint64),
        dst_low=np.array([p.dst[0] & (2**64 - 1) for p in packets], np.uint64),
        protocol=np.array([p.protocol for p in packets], np.uint8),
        src_port=np.array([p.src[1] for p in packets], np.uint16),
        dst_port=np.array([p.dst[1] for p in packets], np.uint16),
        seq=np.array([p.seq for p in packets], np.uint32),
        ack=np.array([p.ack for p in packets], np.uint32),
        flags=np.array(flags, np.uint8),
        window=np.array([p.window for p in packets], np.uint16),
        payload_start=np.array(starts, np.int64),
        payload_length=np.array(lengths, np.int64),
        segment_length=np.array(
            [len(p.data) if p.sent is None else p.sent for p in packets], np.int64
        ),
        wire_length=np.array([54 + n for n in lengths], np.int64),
        tunnel=np.zeros(len(packets), np.uint8),
    )
