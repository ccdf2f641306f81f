"""IPv6 headers and the headers that may follow them."""

from __future__ import annotations

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    Jumbo,
    PadN,
)
from scapy.layers.ipsec import AH
from scapy.packet import Packet, Raw

from dissectors.errors import Fault
from tests.link.frames import PAYLOAD, UDP6_ROW, decode, faults, rows, seen, udp6

RAW = 101
HEAD = IPv6(src="2001:db8::1", dst="2001:db8::5")
TAIL = UDP(sport=40000, dport=5060) / Raw(PAYLOAD)
PADDED = PadN(optdata=b"\0" * 20)


def _ah(**fields: int) -> AH:
    return AH(icv=b"\1" * 12, **fields)


@pytest.mark.parametrize(
    "packet",
    [
        HEAD / IPv6ExtHdrHopByHop(options=[PADDED]) / TAIL,
        HEAD / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting(addresses=["::2", "::3"]) / TAIL,
        HEAD / IPv6ExtHdrFragment(offset=0, m=0, id=9) / TAIL,
        HEAD / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting() / IPv6ExtHdrFragment() / TAIL,
        HEAD / _ah(nh=17, payloadlen=4) / TAIL,
        HEAD / IPv6ExtHdrDestOpt() / _ah(nh=60, payloadlen=4) / IPv6ExtHdrDestOpt() / TAIL,
    ],
    ids=lambda packet: packet.summary(),
)
def test_extension_headers(packet: Packet) -> None:
    for number in range(2):  # scapy computes the lengths that are left open
        assert seen(*[packet] * (number + 1), link_type=RAW)[number] == UDP6_ROW._replace(
            frame=number + 1
        )


def test_other_extension_headers() -> None:
    """Mobility, HIP and Shim6: the shape that all newer ones share."""
    for kind in (135, 139, 140):
        packet = HEAD.copy()
        packet.nh = kind
        body = bytes([17, 1]) + bytes(14)
        assert seen(packet / Raw(body + bytes(TAIL)), link_type=RAW)[0][5] == PAYLOAD


def test_eight_headers_and_more() -> None:
    def stacked(number: int) -> Packet:
        packet = HEAD
        for _ in range(number):
            packet = packet / IPv6ExtHdrDestOpt()
        return packet / TAIL

    assert seen(stacked(8), link_type=RAW) == [UDP6_ROW]
    assert faults(decode(stacked(9), link_type=RAW)) == [(1, Fault.IP_MALFORMED)]


def test_a_jumbogram() -> None:
    big = b"x" * 70_000
    head = HEAD / IPv6ExtHdrHopByHop(options=[Jumbo(jumboplen=70_016)])
    head.plen = 0
    packet = head / UDP(sport=40000, dport=5060, len=0, chksum=1) / Raw(big)
    assert seen(packet, link_type=RAW) == [UDP6_ROW._replace(payload=big)]


def test_icmp_and_others_are_counted() -> None:
    packets = [HEAD / ICMPv6EchoRequest(), HEAD / IPv6ExtHdrHopByHop(nh=58) / ICMPv6EchoRequest()]
    packets += [IPv6(nh=59), IPv6(nh=50) / b"esp"]
    decoded = decode(*packets, link_type=RAW)
    assert decoded.others == {"icmpv6": 2, "ipv6 no next header": 1, "esp": 1}
    assert not faults(decoded)


def test_headers_that_cannot_be_read() -> None:
    whole = bytes(HEAD / IPv6ExtHdrDestOpt(options=[PADDED]) / TAIL)
    wrong = bytes([0x46]) + whole[1:]
    decoded = decode(whole[:39], whole[:47], wrong, link_type=229)
    assert faults(decoded) == [
        (1, Fault.IP_TRUNCATED),
        (2, Fault.IP_MALFORMED),  # the payload length reaches beyond the frame
        (2, Fault.IP_TRUNCATED),
        (3, Fault.IP_MALFORMED),
    ]


def test_a_header_that_reaches_beyond_the_packet() -> None:
    packet = HEAD.copy()
    packet.nh = 60
    decoded = decode(packet / Raw(bytes([17, 200]) + bytes(30)), link_type=RAW)
    assert faults(decoded) == [(1, Fault.TRANSPORT_MALFORMED)]


def test_what_follows_the_packet_is_no_payload() -> None:
    assert seen(bytes(udp6()) + b"trailer", link_type=RAW) == [UDP6_ROW]


def test_cut_by_the_snapshot_length() -> None:
    for cut in range(1, len(udp6()) + 1):
        decoded = decode(udp6(), link_type=RAW, cut=cut)
        held = len(PAYLOAD) - cut
        if held >= 0:
            assert rows(decoded.layers) == [UDP6_ROW._replace(payload=PAYLOAD[:held])]
            assert decoded.layers.segment_length[0] == len(PAYLOAD)
        else:
            assert faults(decoded)[1:]
