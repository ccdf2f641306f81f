"""Tunnels in all their combinations; the innermost packet counts."""

from __future__ import annotations

import itertools

import pytest
from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, GRE_PPTP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from dissectors.errors import Fault
from tests.link.frames import (
    ETHER,
    PAYLOAD,
    UDP6_ROW,
    UDP_ROW,
    Row,
    decode,
    faults,
    seen,
    udp,
    udp6,
)

OUTER4 = IP(src="10.0.0.1", dst="10.0.0.2")
OUTER6 = IPv6(src="fd00::1", dst="fd00::2")
IN_VXLAN = UDP(sport=5, dport=4789) / VXLAN(vni=7, flags=8)


@pytest.mark.parametrize(
    ("outer", "inner"), list(itertools.product((OUTER4, OUTER6), (udp(), udp6())))
)
def test_ip_in_ip(outer: Packet, inner: Packet) -> None:
    expected = UDP_ROW if IP in inner else UDP6_ROW
    assert seen(outer / inner, link_type=101) == [expected._replace(tunnel="ipip")]


@pytest.mark.parametrize(
    "gre",
    [
        GRE(),
        GRE(chksum_present=1),
        GRE(key_present=1),
        GRE(seqnum_present=1),
        GRE(chksum_present=1, key_present=1, seqnum_present=1),
    ],
    ids=lambda gre: f"{len(gre)} bytes",
)
def test_gre(gre: GRE) -> None:
    for outer in (OUTER4, OUTER6):
        assert seen(outer / gre / udp(), link_type=101) == [UDP_ROW._replace(tunnel="gre")]
        assert seen(outer / gre / udp6(), link_type=101) == [UDP6_ROW._replace(tunnel="gre")]


def test_frames_in_gre() -> None:
    """NVGRE, and mirrored ports (ERSPAN) of all three types."""
    frame = ETHER / Dot1Q() / udp()
    in_gre = [
        GRE(proto=0x6558, key_present=1) / frame,
        GRE(proto=0x88BE) / frame,
        GRE(proto=0x88BE, seqnum_present=1) / ERSPAN_II() / frame,
        GRE(proto=0x22EB, seqnum_present=1) / ERSPAN_III() / frame,
    ]
    assert seen(*(OUTER4 / inside for inside in in_gre), link_type=101) == [
        UDP_ROW._replace(frame=number, tunnel="gre") for number in (1, 2, 3, 4)
    ]


def test_pptp() -> None:
    for fields in ({}, {"seqnum_present": 1}, {"seqnum_present": 1, "acknum_present": 1}):
        gre = GRE_PPTP(call_id=7, payload_len=9, **fields)
        packet = OUTER4 / gre / Raw(b"\xff\x03\0\x21" + bytes(udp()))
        assert seen(packet, link_type=101) == [UDP_ROW._replace(tunnel="gre")]


def test_vxlan() -> None:
    for inner, row in ((udp(), UDP_ROW), (Dot1Q() / udp6(), UDP6_ROW)):
        packet = ETHER / OUTER4 / IN_VXLAN / ETHER / inner
        assert seen(packet) == [row._replace(tunnel="vxlan")]


@pytest.mark.parametrize(
    "payload", [b"\x80" + bytes(60), bytes(60), b"\x08" + bytes(60), b"\x08" + b"\x01" * 60, b""]
)
def test_what_only_has_the_port_of_vxlan(payload: bytes) -> None:
    packet = OUTER4 / UDP(sport=5, dport=4789) / Raw(payload)
    assert seen(packet, link_type=101) == [Row(1, "10.0.0.1", 5, "10.0.0.2", 4789, payload)]


def test_a_tunnel_in_a_tunnel() -> None:
    packet = OUTER4 / GRE() / OUTER6 / OUTER4 / IN_VXLAN / ETHER / OUTER4 / udp()
    assert seen(packet, link_type=101) == [UDP_ROW._replace(tunnel="ipip")]


def test_tunnels_without_end_are_told() -> None:
    packet = udp()
    for _ in range(20):
        packet = OUTER4 / packet
    assert faults(decode(packet, link_type=101)) == [(1, Fault.TUNNEL_UNKNOWN)]


def test_what_is_in_a_tunnel_may_be_no_ip() -> None:
    decoded = decode(OUTER4 / GRE(proto=0x6558) / Ether(type=0x88CC) / b"lldp", link_type=101)
    assert decoded.others == {"lldp": 1}


@pytest.mark.parametrize(
    ("gre", "fault"),
    [
        (b"\0\0\x42\x42", Fault.TUNNEL_UNKNOWN),
        (b"\x40\0\x08\0" + bytes(8), Fault.TUNNEL_UNKNOWN),
        (b"\0\2\x08\0", Fault.TUNNEL_UNKNOWN),
        (b"\xb0\0\x08\0" + bytes(11), Fault.IP_TRUNCATED),
        (b"\0\0\x08", Fault.IP_TRUNCATED),
        (b"\0\0\x22\xeb" + bytes(11), Fault.IP_TRUNCATED),
    ],
)
def test_headers_that_cannot_be_read(gre: bytes, fault: Fault) -> None:
    assert faults(decode(IP(proto=47) / Raw(gre), link_type=101)) == [(1, fault)]


def test_cut_anywhere() -> None:
    packet = OUTER4 / GRE(key_present=1) / OUTER4 / IN_VXLAN / ETHER / udp()
    whole = len(packet) - len(PAYLOAD)
    for cut in range(1, len(packet)):
        decoded = decode(packet, link_type=101, cut=cut)
        assert len(decoded.layers) + len(faults(decoded)) >= 2
        held = len(packet) - cut - whole
        if held >= 0:
            assert decoded.layers.payload_length[0] == held
            assert decoded.layers.segment_length[0] == len(PAYLOAD)
