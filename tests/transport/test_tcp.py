"""TCP headers, the right and the wrong ones."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, TCP
from scapy.packet import Raw

from dissectors.errors import Fault
from tests.link.frames import PAYLOAD, decode, faults, payload, tcp, udp


def test_every_field() -> None:
    packet = tcp(seq=2**32 - 1, ack=2**31, flags="PA", window=65535)
    layers = decode(packet, link_type=101).layers
    assert layers.protocol.tolist() == [6]
    assert layers.seq.tolist() == [2**32 - 1]
    assert layers.ack.tolist() == [2**31]
    assert layers.flags.tolist() == [0x18]
    assert layers.window.tolist() == [65535]
    assert layers.segment_length.tolist() == [len(PAYLOAD)]
    assert payload(layers, 0) == PAYLOAD


def test_options() -> None:
    packet = tcp(options=[("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 2)), ("WScale", 7)])
    assert payload(decode(packet, link_type=101).layers, 0) == PAYLOAD


def test_padding_of_an_ack_is_no_payload() -> None:
    layers = decode(bytes(tcp(b"")).ljust(46, b"\0"), link_type=101).layers
    assert layers.payload_length.tolist() == [0]
    assert layers.segment_length.tolist() == [0]


@pytest.mark.parametrize("offset", [0, 4, 15])
def test_a_data_offset_that_cannot_be(offset: int) -> None:
    decoded = decode(tcp(b"x" * 30, dataofs=offset), link_type=101)
    assert not len(decoded.layers)
    assert faults(decoded) == [(1, Fault.TRANSPORT_MALFORMED)]


def test_a_packet_that_ends_in_the_header() -> None:
    decoded = decode(IP(proto=6) / Raw(bytes(19)), link_type=101)
    assert faults(decoded) == [(1, Fault.TRANSPORT_MALFORMED)]


def test_cut_by_the_snapshot_length() -> None:
    packet = tcp(options=[("Timestamp", (1, 2)), ("NOP", None), ("NOP", None)])
    for cut in range(1, len(packet) - 20):
        decoded = decode(packet, link_type=101, cut=cut)
        held = len(PAYLOAD) - cut
        if held >= 0:
            assert payload(decoded.layers, 0) == PAYLOAD[:held]
            assert decoded.layers.segment_length.tolist() == [len(PAYLOAD)]
        else:
            expected = [(1, Fault.SNAPPED), (1, Fault.TRANSPORT_TRUNCATED)]
            assert faults(decoded) == expected


def test_tcp_and_udp_share_a_batch() -> None:
    packets = [tcp(seq=5), udp(), tcp(b"", seq=6), udp(b""), tcp(dataofs=1)]
    layers = decode(*packets, link_type=101).layers
    assert layers.protocol.tolist() == [6, 17, 6, 17]
    assert layers.seq.tolist() == [5, 0, 6, 0]
    assert layers.payload_length.tolist() == [len(PAYLOAD), len(PAYLOAD), 0, 0]
    assert TCP().window == layers.window[0]
