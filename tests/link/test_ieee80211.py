"""Wi-Fi frames of every shape; what carries no packet is told by what it is."""

from __future__ import annotations

import struct

import pytest
from scapy.layers.dot11 import Dot11, RadioTap
from scapy.layers.l2 import LLC, SNAP
from scapy.packet import Raw

from dissectors.errors import Fault
from tests.link.frames import UDP6_ROW, UDP_ROW, decode, faults, seen, udp, udp6

ADDRESSES = {"addr1": "02:00:00:00:00:01", "addr2": "02:00:00:00:00:02"}
HEAD = Dot11(**ADDRESSES, addr3="02:00:00:00:00:03", type=2, FCfield=1)
INSIDE = bytes(LLC() / SNAP() / udp())
PLAIN = bytes(HEAD) + INSIDE
QUALITY = HEAD.copy()
QUALITY.subtype = 8


def subframe(inside: bytes) -> bytes:
    return bytes(12) + struct.pack(">H", len(inside)) + inside


def test_a_msdu() -> None:
    """Two packets in one frame; the last subframe is not padded, a check sequence may follow."""
    first = subframe(INSIDE)
    second = subframe(bytes(LLC() / SNAP() / udp6()))
    body = first + bytes(-len(first) % 4) + second + b"\1\2\3\4"
    frame = bytes(QUALITY) + b"\x80\0" + body
    assert seen(frame, link_type=105) == [UDP_ROW, UDP6_ROW]
    cut = decode(frame, link_type=105, cut=10)
    assert cut.layers.segment_length.tolist() == [38, 38]
    assert cut.layers.payload_length.tolist() == [38, 32]


def test_ht_control_follows_the_quality_of_service() -> None:
    head = QUALITY.copy()
    head.FCfield = 0x81
    assert seen(bytes(head) + bytes(2 + 4) + INSIDE, link_type=105) == [UDP_ROW]


def _with(**fields: int) -> bytes:
    head = HEAD.copy()
    for name, value in fields.items():
        setattr(head, name, value)
    return bytes(head) + INSIDE


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (_with(FCfield=0x41), "802.11 encrypted"),
        (_with(FCfield=0x05), "802.11 fragment"),
        (_with(SC=1), "802.11 fragment"),
        (_with(subtype=4), "802.11 no data"),
        (_with(subtype=12), "802.11 no data"),
        (bytes(QUALITY) + b"\x80\0" + bytes(21), "802.11 a-msdu without packet"),
        (_with(type=0), "802.11 management"),
        (_with(type=1), "802.11 control"),
        (_with(type=3), "802.11 extension"),
    ],
)
def test_what_carries_no_packet_is_told(frame: bytes, told: str) -> None:
    assert decode(frame, link_type=105).others == {told: 1}
    assert decode(RadioTap() / Raw(frame), link_type=127).others == {told: 1}


def test_prism_in_the_byte_order_of_either_machine_or_avs() -> None:
    little = struct.pack("<II", 0x44, 144) + bytes(136)
    big = struct.pack(">II", 0x44, 144) + bytes(136)
    avs = struct.pack(">II", 0x80211001, 64) + bytes(56)
    frames = [head + PLAIN for head in (little, big, avs)]
    assert seen(*frames, link_type=119) == [UDP_ROW._replace(frame=n) for n in (1, 2, 3)]


def test_ppi_of_another_link_type() -> None:
    head = struct.pack("<BBHI", 0, 0, 8, 101)
    assert seen(head + bytes(udp()), link_type=192) == [UDP_ROW]
    unknown = struct.pack("<BBHI", 0, 0, 8, 147)
    assert decode(unknown + b"?", link_type=192).others == {"link type 147 inside another one": 1}


@pytest.mark.parametrize("link_type", [105, 119, 127, 163, 192])
def test_cut_headers(link_type: int) -> None:
    heads = {
        105: b"",
        119: struct.pack("<II", 0x44, 16) + bytes(8),
        127: struct.pack("<BBHIQB", 0, 0, 17, 3, 0, 0),
        163: struct.pack(">II", 0x80211001, 16) + bytes(8),
        192: struct.pack("<BBHI", 0, 0, 8, 105),
    }
    frame = heads[link_type] + bytes(QUALITY) + b"\0\0" + INSIDE
    assert seen(frame, link_type=link_type) == [UDP_ROW]
    for cut in range(len(INSIDE) + 1, len(frame) + 1):
        told = faults(decode(frame, link_type=link_type, cut=cut))
        assert told == [(1, Fault.SNAPPED), (1, Fault.LINK_TRUNCATED)]
