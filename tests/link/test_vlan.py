"""VLAN tags, as many as there are."""

from __future__ import annotations

import pytest
from scapy.layers.l2 import LLC, SNAP, Dot1AD, Dot1Q, Ether

from dissectors.errors import Fault
from tests.link.frames import ETHER, UDP_ROW, decode, faults, seen, udp


@pytest.mark.parametrize("tags", range(1, 5))
def test_several_tags(tags: int) -> None:
    frame = ETHER
    for number in range(tags):
        frame = frame / (Dot1Q(vlan=number) if number else Dot1AD(vlan=9))
    assert seen(frame / udp()) == [UDP_ROW]


@pytest.mark.parametrize("ether_type", [0x9100, 0x9200])
def test_old_numbers(ether_type: int) -> None:
    frame = bytearray(bytes(ETHER / Dot1Q(vlan=3) / udp()))
    frame[12:14] = ether_type.to_bytes(2, "big")
    assert seen(bytes(frame)) == [UDP_ROW]


def test_llc_behind_a_tag() -> None:
    assert seen(ETHER / Dot1Q(type=60) / LLC() / SNAP(code=0x0800) / udp()) == [UDP_ROW]


def test_tags_without_end_are_told() -> None:
    frame = Ether(type=0x8100) / (b"\0\1\x81\0" * 200)
    assert faults(decode(frame)) == [(1, Fault.TUNNEL_UNKNOWN)]


def test_tagged_and_untagged_stay_in_frame_order() -> None:
    frames = [ETHER / Dot1Q() / udp(), ETHER / udp(), ETHER / Dot1Q() / Dot1Q() / udp()]
    assert [row.frame for row in seen(*frames, *frames)] == [1, 2, 3, 4, 5, 6]


def test_a_tag_that_is_cut() -> None:
    assert faults(decode(bytes(ETHER / Dot1Q())[:17])) == [(1, Fault.LINK_TRUNCATED)]
