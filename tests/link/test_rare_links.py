"""The rarer link types: what the fixture does not show of them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.nsh import NSH
from scapy.layers.l2 import Ether

from dissectors.errors import Fault
from dissectors.link.link_layer import link_types
from dissectors.link.rare_links import rare_links
from fixtures.links.wrappings import links
from tests.link.frames import (
    ETHER,
    PAYLOAD,
    UDP6_ROW,
    UDP_ROW,
    accounted,
    decode,
    faults,
    seen,
    udp6,
)
from tests.link.frames import udp as udp4

EVERY = sorted(set(link_types) | set(rare_links))
FRAMES = links(PAYLOAD, 40000)
IP = bytes(udp4())


@pytest.mark.parametrize("name", FRAMES)
def test_every_link_is_opened(name: str) -> None:
    link_type, frame = FRAMES[name]
    (row,) = seen(frame, link_type=link_type)
    assert (row.src_port, row.dst_port, row.payload) == (40000, 5060, PAYLOAD)


@pytest.mark.parametrize("name", FRAMES)
def test_cut_anywhere(name: str) -> None:
    link_type, frame = FRAMES[name]
    for cut in range(1, len(frame) + 1):
        decoded = decode(frame, link_type=link_type, cut=cut)
        assert accounted(decoded, 1)
        assert all(length <= len(frame) - cut for length in decoded.layers.payload_length)


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(FRAMES)),
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=4),
)
def test_any_change_is_accounted_for(name: str, changes: list[tuple[int, int]]) -> None:
    link_type, frame = FRAMES[name]
    data = bytearray(frame)
    for place, value in changes:
        data[place % len(data)] = value
    assert accounted(decode(bytes(data), link_type=link_type), 1)


@settings(max_examples=150)
@given(st.sampled_from(EVERY), st.binary(max_size=80))
def test_any_bytes_are_accounted_for(link_type: int, frame: bytes) -> None:
    assert accounted(decode(frame, link_type=link_type), 1)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"\x18\x41\x03\x08", "frame relay nlpid 0x08"),
        (b"\x18\x41\x00\x08", "frame relay 0x0008"),
        (b"\x18\x41\x03\x00\x80\x00\x00\x0c\x01\x02", "frame relay snap 00-00-0c 0x0102"),
    ],
)
def test_frame_relay_that_carries_something_else(head: bytes, told: str) -> None:
    assert decode(head + IP, link_type=107).others == {told: 1}


def test_frame_relay_with_a_longer_address_and_a_bridged_frame() -> None:
    long = b"\x18\x40\x41\x03\xcc" + IP
    bridged = b"\x18\x41\x03\x00\x80\x00\x80\xc2\x00\x07" + bytes(ETHER / udp6())
    expected = [UDP_ROW, UDP6_ROW._replace(frame=2)]
    assert seen(long, bridged, link_type=107) == expected


def test_erf() -> None:
    ethernet = bytes(ETHER / udp4())
    extended = bytes(8) + b"\x82" + bytes(7) + b"\x80" + bytes(7) + bytes(8) + b"\0\0" + ethernet
    plain_ip = bytes(8) + b"\x16" + bytes(7) + IP
    expected = [UDP_ROW, UDP_ROW._replace(frame=2)]
    assert seen(extended, plain_ip, link_type=197) == expected
    assert decode(bytes(8) + b"\x05" + bytes(7), link_type=197).others == {"erf type 5": 1}


def test_pktap_names_the_link_type_inside() -> None:
    head = struct.pack("<III", 108, 1, 1) + bytes(96)
    assert seen(head + bytes(ETHER / udp4()), link_type=258) == [UDP_ROW]
    assert decode(struct.pack("<III", 108, 2, 1), link_type=258).others == {
        "pktap without packet": 1
    }


def test_pflog_is_as_long_as_it_says() -> None:
    for length in (61, 64):
        head = bytes([length, 2]) + bytes(62)
        assert seen(head + IP, link_type=117) == [UDP_ROW]


def test_infiniband_and_fibre_channel() -> None:
    assert seen(bytes(40) + b"\x08\0\0\0" + IP, link_type=242) == [UDP_ROW]
    snap = b"\xaa\xaa\x03\0\0\0\x08\0"
    assert seen(bytes(16) + snap + IP, link_type=122) == [UDP_ROW]


def test_token_ring_with_and_without_a_route() -> None:
    snap = b"\xaa\xaa\x03\0\0\0\x08\0"
    routed = bytes(8) + b"\x80" + bytes(5) + b"\x06\x30\0\1\0\2"
    frames = [bytes(14) + snap + IP, routed + snap + IP]
    assert seen(*frames, link_type=6) == [UDP_ROW, UDP_ROW._replace(frame=2)]


def test_tags_of_bridges_and_port_extenders() -> None:
    ends = bytes(12)
    vn = ends + b"\x89\x26" + bytes(4) + b"\x08\0" + IP
    extender = ends + b"\x89\x3f" + bytes(6) + b"\x08\0" + IP
    backbone = ends + b"\x88\xe7" + bytes(4) + ends + b"\x08\0" + IP
    assert seen(vn, extender, backbone) == [UDP_ROW._replace(frame=n) for n in (1, 2, 3)]


def test_service_headers() -> None:
    frames = [
        Ether(type=0x894F) / NSH(mdtype=2, nextproto=1) / udp4(),
        Ether(type=0x894F) / NSH(mdtype=1, nextproto=2) / udp6(),
        Ether(type=0x894F) / NSH(mdtype=2, nextproto=3) / ETHER / udp4(),
    ]
    assert seen(*frames) == [UDP_ROW, UDP6_ROW._replace(frame=2), UDP_ROW._replace(frame=3)]
    unknown = Ether(type=0x894F) / NSH(mdtype=2, nextproto=9) / udp4()
    assert faults(decode(unknown)) == [(1, Fault.TUNNEL_UNKNOWN)]


def test_cisco_on_a_ppp_line_and_llc_in_a_jumbo_frame() -> None:
    frames = [b"\xff\x03\x00\x21" + IP, b"\x0f\0\x08\0" + IP, b"\xff\x03\x00\x21" + IP]
    assert seen(*frames, link_type=50) == [UDP_ROW._replace(frame=n) for n in (1, 2, 3)]
    jumbo = bytes(12) + b"\x88\x70\xaa\xaa\x03\0\0\0\x08\0" + IP
    assert seen(jumbo) == [UDP_ROW]


def test_what_is_no_ip_is_told() -> None:
    assert decode(bytes(12) + b"\x55", link_type=109).others == {}
    assert faults(decode(bytes(12) + b"\x55", link_type=109)) == [(1, Fault.NETWORK_UNKNOWN)]
    assert decode(bytes(70), link_type=117).others == {"no ip packet": 1}


def test_the_fixture_shows_every_link_but_the_rarest() -> None:
    shown = {link_type for link_type, _ in FRAMES.values()}
    assert set(EVERY) - shown == {6, 117, 122, 226, 239, 242, 252, 258}
