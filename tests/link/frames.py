"""Frames in, rows out: what the tests of link, network and transport layers share."""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple

import numpy as np
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from dissectors.capture.batch import PacketBatch
from dissectors.errors import Fault
from dissectors.net.slow_road import SlowRoad
from dissectors.transport.layers import TUNNELS, DecodedBatch, Layers, decode_layers

NS = 1_700_000_000_000_000_000
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")  # else scapy asks the network
PAYLOAD = b"INVITE sip:alice@contoso.com SIP/2.0\r\n"


class Row(NamedTuple):
    """One row of `Layers`, as people would write it."""

    frame: int
    src: str
    src_port: int
    dst: str
    dst_port: int
    payload: bytes
    tunnel: str = ""


def udp(payload: bytes = PAYLOAD) -> Packet:
    return IP(src="192.0.2.1", dst="198.51.100.7") / UDP(sport=40000, dport=5060) / Raw(payload)


def udp6(payload: bytes = PAYLOAD) -> Packet:
    return IPv6(src="2001:db8::1", dst="2001:db8::5") / UDP(sport=40000, dport=5060) / Raw(payload)


def tcp(payload: bytes = PAYLOAD, **fields: object) -> Packet:
    head = IP(src="192.0.2.1", dst="198.51.100.7") / TCP(sport=40000, dport=5060, **fields)
    return head / Raw(payload) if payload else head


UDP_ROW = Row(1, "192.0.2.1", 40000, "198.51.100.7", 5060, PAYLOAD)
UDP6_ROW = Row(1, "2001:db8::1", 40000, "2001:db8::5", 5060, PAYLOAD)


def batch(
    *frames: Packet | bytes,
    link_type: int | list[int] = 1,
    cut: int = 0,
    first: int = 1,
    time_ns: list[int] | None = None,
) -> PacketBatch:
    """Put frames into a batch, without their last `cut` bytes; some rubbish stands between them."""
    whole = [bytes(frame) for frame in frames]
    held = [frame[: len(frame) - cut] for frame in whole]
    data = b"\xa5" * 3 + b"".join(frame + b"\xa5" * 5 for frame in held)
    captured = np.array([len(frame) for frame in held], np.int64)
    number = len(frames)
    return PacketBatch(
        data=np.frombuffer(data, np.uint8),
        start=3 + np.cumsum(captured + 5) - captured - 5,
        captured_length=captured,
        wire_length=np.array([len(frame) for frame in whole], np.int64),
        time_ns=np.array(time_ns or [NS + i for i in range(number)], np.int64),
        link_type=np.zeros(number, np.int64) + np.array(link_type, np.int64),
        interface=np.zeros(number, np.int64),
        frame_number=np.arange(first, first + number),
    )


def decode(*frames: Packet | bytes, link_type: int | list[int] = 1, cut: int = 0) -> DecodedBatch:
    return decode_layers(batch(*frames, link_type=link_type, cut=cut), SlowRoad())


def rows(layers: Layers) -> list[Row]:
    return [
        Row(
            int(layers.frame_number[i]),
            address(layers, "src", i),
            int(layers.src_port[i]),
            address(layers, "dst", i),
            int(layers.dst_port[i]),
            payload(layers, i),
            TUNNELS[layers.tunnel[i]],
        )
        for i in range(len(layers))
    ]


def address(layers: Layers, side: str, i: int) -> str:
    high, low = getattr(layers, f"{side}_high")[i], getattr(layers, f"{side}_low")[i]
    if layers.ip_version[i] == 4:
        assert high == 0
        return str(ip_address(int(low)))
    return str(ip_address((int(high) << 64 | int(low)).to_bytes(16, "big")))


def payload(layers: Layers, i: int) -> bytes:
    start = layers.payload_start[i]
    return layers.data[start : start + layers.payload_length[i]].tobytes()


def seen(*frames: Packet | bytes, link_type: int | list[int] = 1, cut: int = 0) -> list[Row]:
    return rows(decode(*frames, link_type=link_type, cut=cut).layers)


def faults(decoded: DecodedBatch) -> list[tuple[int, Fault]]:
    return [
        (frame, Fault(bits))
        for frame, bits in zip(
            decoded.fault_frames.tolist(), decoded.fault_bits.tolist(), strict=True
        )
    ]


def accounted(decoded: DecodedBatch, frames: int) -> bool:
    """Tell whether each of the frames is a row, a fault or a count."""
    named = set(decoded.layers.frame_number.tolist())
    named |= {frame for frame, fault in faults(decoded) if fault != Fault.SNAPPED}
    return len(named) + sum(decoded.others.values()) >= frames
