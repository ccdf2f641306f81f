"""UDP headers, the right and the wrong ones."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

from dissectors.errors import Fault
from tests.link.frames import PAYLOAD, UDP_ROW, decode, faults, rows

HEAD = IP(src="192.0.2.1", dst="198.51.100.7")


def test_the_length_cuts_what_follows() -> None:
    """Options behind UDP (RFC 9868) are no payload."""
    packet = HEAD / UDP(sport=40000, dport=5060, len=8 + len(PAYLOAD)) / Raw(PAYLOAD + b"options")
    decoded = decode(packet, link_type=101)
    assert rows(decoded.layers) == [UDP_ROW]
    assert decoded.layers.segment_length[0] == len(PAYLOAD)
    assert not faults(decoded)


@pytest.mark.parametrize("length", [0, 9 + len(PAYLOAD), 65535])
def test_no_length_or_one_beyond_the_packet(length: int) -> None:
    decoded = decode(HEAD / UDP(sport=40000, dport=5060, len=length) / PAYLOAD, link_type=101)
    assert rows(decoded.layers) == [UDP_ROW]
    assert faults(decoded) == ([(1, Fault.TRANSPORT_MALFORMED)] if length else [])


@pytest.mark.parametrize("length", range(1, 8))
def test_a_length_below_the_header(length: int) -> None:
    decoded = decode(HEAD / UDP(len=length) / PAYLOAD, link_type=101)
    assert not len(decoded.layers)
    assert faults(decoded) == [(1, Fault.TRANSPORT_MALFORMED)]


def test_an_empty_datagram() -> None:
    decoded = decode(HEAD / UDP(sport=40000, dport=5060), link_type=101)
    assert rows(decoded.layers) == [UDP_ROW._replace(payload=b"")]


def test_a_packet_that_ends_in_the_header() -> None:
    decoded = decode(IP(proto=17) / Raw(bytes(7)), link_type=101)
    assert faults(decoded) == [(1, Fault.TRANSPORT_MALFORMED)]


def test_what_tcp_has_is_0() -> None:
    layers = decode(HEAD / UDP() / PAYLOAD, link_type=101).layers
    for column in (layers.seq, layers.ack, layers.flags, layers.window):
        assert column.tolist() == [0]
