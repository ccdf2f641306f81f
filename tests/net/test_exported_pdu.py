"""Exported PDUs on their way through the columns."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

from dissectors.errors import Fault
from dissectors.link.exported_pdu import LINK_TYPE
from dissectors.link.link_layer import PDU_MESSAGE, PDU_STREAM
from dissectors.transport.layers import TCP, TUNNELS
from dissectors.transport.layers import UDP as UDP_PROTOCOL
from tests.link.frames import (
    ETHER,
    PAYLOAD,
    UDP6_ROW,
    UDP_ROW,
    accounted,
    decode,
    faults,
    rows,
    seen,
    udp,
    udp6,
)
from tests.link.test_exported_pdu import HEAD, number, tag

V4 = tag(20, bytes([192, 0, 2, 1])) + tag(21, bytes([198, 51, 100, 7]))
V6 = tag(22, bytes.fromhex("20010db8" + "00" * 11 + "01"))
V6 += tag(23, bytes.fromhex("20010db8" + "00" * 11 + "05"))
PORTS = number(25, 40000) + number(26, 5060)


def pdu(name: bytes = b"sip", ends: bytes = V4, port_type: int = 3, ports: bytes = PORTS) -> bytes:
    return tag(12, name) + ends + number(24, port_type) + ports + tag(0) + PAYLOAD


def test_the_marks_have_their_name() -> None:
    assert TUNNELS[PDU_STREAM] == TUNNELS[PDU_MESSAGE] == "exported pdu"


@pytest.mark.parametrize(("ends", "row"), [(V4, UDP_ROW), (V6, UDP6_ROW)], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize(("port_type", "protocol"), [(2, TCP), (3, UDP_PROTOCOL)])
def test_sip_becomes_a_packet_again(ends: bytes, row: tuple, port_type: int, protocol: int) -> None:
    decoded = decode(pdu(ends=ends, port_type=port_type), link_type=LINK_TYPE)
    assert rows(decoded.layers) == [row._replace(tunnel="exported pdu")]
    assert decoded.layers.protocol.tolist() == [protocol]
    assert decoded.layers.tunnel.tolist() == [PDU_MESSAGE]
    assert faults(decoded) == []


@pytest.mark.parametrize(
    ("name", "mark"),
    [(b"sip", PDU_MESSAGE), (b"sip\0\0", PDU_MESSAGE), (b"sip.tcp\0", PDU_STREAM)],
)
def test_names_tell_messages_from_streams(name: bytes, mark: int) -> None:
    decoded = decode(pdu(name, port_type=2), link_type=LINK_TYPE)
    assert decoded.layers.tunnel.tolist() == [mark]


def test_whole_packets_and_frames() -> None:
    for name, packet, row in (
        (b"ip", udp(), UDP_ROW),
        (b"ip", udp6(), UDP6_ROW),
        (b"ipv6", udp6(), UDP6_ROW),
        (b"eth_withoutfcs", ETHER / udp(), UDP_ROW),
    ):
        assert seen(tag(12, name) + tag(0) + bytes(packet), link_type=LINK_TYPE) == [row]


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (pdu(b"http"), "exported pdu of http"),
        (pdu(b"no-such-thing"), "exported pdu of another kind"),
        (tag(14, b"udp.port") + number(32, 5060) + tag(0), "exported pdu of a dissector table"),
        (pdu(ends=b""), "exported pdu without addresses"),
        (pdu(ports=b""), "exported pdu without ports"),
        (pdu(port_type=1), "exported pdu of neither tcp nor udp"),
    ],
)
def test_others_are_counted(frame: bytes, told: str) -> None:
    decoded = decode(frame, link_type=LINK_TYPE)
    assert len(decoded.layers) == 0
    assert decoded.others == {told: 1}


def test_larger_than_ip_allows() -> None:
    big = pdu() + b"x" * 100_000
    assert len(seen(big, link_type=LINK_TYPE)[0].payload) == len(PAYLOAD) + 100_000


def test_cut_by_the_snapshot_length() -> None:
    decoded = decode(pdu(), link_type=LINK_TYPE, cut=10)
    assert decoded.layers.payload_length.tolist() == [len(PAYLOAD) - 10]
    assert decoded.layers.segment_length.tolist() == [len(PAYLOAD)]
    both = {(1, Fault.LINK_TRUNCATED), (1, Fault.SNAPPED)}
    assert set(faults(decode(HEAD, link_type=LINK_TYPE, cut=1))) == both


@settings(max_examples=100)
@given(st.data())
def test_mutated_pdus_are_all_accounted_for(data: st.DataObject) -> None:
    frames = []
    for _ in range(4):
        whole = bytearray(pdu(port_type=data.draw(st.sampled_from((1, 2, 3)))))
        for _ in range(data.draw(st.integers(0, 4))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        frames.append(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    frames.append(bytes(IP() / UDP() / Raw(b"x")))
    assert accounted(decode(*frames, link_type=LINK_TYPE), len(frames))
