"""IPv4 headers, the right and the wrong ones."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, UDP, IPOption_NOP, IPOption_Router_Alert
from scapy.packet import Raw

from dissectors.errors import Fault
from tests.link.frames import ETHER, PAYLOAD, UDP_ROW, Row, decode, faults, rows, seen, udp

RAW = 101


def _changed(offset: int, value: int, size: int = 1) -> bytes:
    data = bytearray(bytes(udp()))
    data[offset : offset + size] = value.to_bytes(size, "big")
    return bytes(data)


@pytest.mark.parametrize("options", [1, 4, 10])
def test_options(options: int) -> None:
    head = IP(src="192.0.2.1", dst="198.51.100.7", options=[IPOption_NOP()] * (4 * options))
    assert seen(head / UDP(sport=40000, dport=5060) / PAYLOAD, link_type=RAW) == [UDP_ROW]


def test_highest_addresses() -> None:
    packet = IP(src="255.255.255.255", dst="0.0.0.0") / UDP(sport=65535, dport=0) / b"x"
    assert seen(packet, link_type=RAW) == [Row(1, "255.255.255.255", 65535, "0.0.0.0", 0, b"x")]


def test_what_follows_the_packet_is_no_payload() -> None:
    assert seen(bytes(udp()) + b"trailer and FCS", link_type=RAW) == [UDP_ROW]


def test_offloaded_segments_have_no_total_length() -> None:
    big = b"x" * 100_000
    packet = IP(src="192.0.2.1", dst="198.51.100.7", len=0) / UDP(sport=40000, dport=5060, len=0)
    decoded = decode(packet / Raw(big), link_type=RAW)
    assert rows(decoded.layers) == [UDP_ROW._replace(payload=big)]
    assert decoded.layers.segment_length[0] == len(big)
    assert not faults(decoded)


def test_icmp_and_others_are_counted() -> None:
    packets = [IP() / ICMP(), IP() / ICMP(), IP(proto=89) / b"ospf", IP(proto=253) / b"?"]
    packets.append(IP(options=[IPOption_Router_Alert()], proto=2) / b"igmp")
    decoded = decode(*(ETHER / packet for packet in packets))
    assert decoded.others == {"icmp": 2, "ospf": 1, "ip protocol 253": 1, "igmp": 1}
    assert not faults(decoded)


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        (_changed(0, 0x44), Fault.IP_MALFORMED),
        (_changed(0, 0x65), Fault.IP_MALFORMED),
        (_changed(0, 0x4F)[:50], Fault.IP_TRUNCATED),
        (bytes(udp())[:19], Fault.IP_TRUNCATED),
        (b"", Fault.IP_TRUNCATED),
    ],
)
def test_headers_that_cannot_be_read(packet: bytes, fault: Fault) -> None:
    assert faults(decode(packet, link_type=228)) == [(1, fault)]


def test_a_total_length_beyond_the_frame() -> None:
    """The sender's lie is noted, and what is there is read."""
    decoded = decode(_changed(2, 60_000, 2), link_type=RAW)
    assert rows(decoded.layers) == [UDP_ROW]
    assert decoded.layers.segment_length[0] == len(PAYLOAD)
    assert faults(decoded) == [(1, Fault.IP_MALFORMED)]


def test_a_total_length_below_the_header() -> None:
    decoded = decode(_changed(2, 7, 2), link_type=RAW)
    assert not len(decoded.layers)
    assert faults(decoded) == [(1, Fault.IP_MALFORMED), (1, Fault.TRANSPORT_MALFORMED)]


def test_cut_by_the_snapshot_length() -> None:
    for cut in range(1, len(udp()) + 1):
        decoded = decode(udp(), link_type=RAW, cut=cut)
        held = len(PAYLOAD) - cut
        if held >= 0:
            assert rows(decoded.layers) == [UDP_ROW._replace(payload=PAYLOAD[:held])]
            assert decoded.layers.segment_length[0] == len(PAYLOAD)
            assert faults(decoded) == [(1, Fault.SNAPPED)]
        else:
            assert not len(decoded.layers)
            assert len(faults(decoded)) == 2
