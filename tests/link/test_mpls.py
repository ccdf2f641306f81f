"""MPLS label stacks over IP and over Ethernet pseudowires."""

from __future__ import annotations

import pytest
from scapy.contrib.mpls import MPLS, EoMCW
from scapy.layers.l2 import Ether

from dissectors.errors import Fault
from tests.link.frames import ETHER, UDP6_ROW, UDP_ROW, decode, faults, seen, udp, udp6


@pytest.mark.parametrize("ether_type", [0x8847, 0x8848])
@pytest.mark.parametrize("labels", [1, 2, 5])
def test_ip_below_labels(labels: int, ether_type: int) -> None:
    stack = MPLS(s=int(labels == 1))
    for number in range(1, labels):
        stack = stack / MPLS(s=int(number == labels - 1))
    frames = [Ether(type=ether_type) / stack / inside for inside in (udp(), udp6())]
    expected = [UDP_ROW._replace(tunnel="mpls"), UDP6_ROW._replace(frame=2, tunnel="mpls")]
    assert seen(*frames) == expected
    assert seen(*(frame.payload for frame in frames), link_type=219) == expected


def test_a_pseudowire_with_its_control_word() -> None:
    frame = Ether(type=0x8847) / MPLS(s=1) / EoMCW() / ETHER / udp()
    assert seen(frame) == [UDP_ROW._replace(tunnel="mpls")]


def test_what_labels_do_not_tell() -> None:
    frames = [
        Ether(type=0x8847) / MPLS(s=1) / b"\x90 nobody knows",
        Ether(type=0x8847) / (b"\0\0\0\0" * 40),
        Ether(type=0x8847) / MPLS(s=1),
        Ether(type=0x8847) / b"\0",
    ]
    assert faults(decode(*frames)) == [
        (1, Fault.NETWORK_UNKNOWN),
        (2, Fault.LINK_TRUNCATED),
        (3, Fault.LINK_TRUNCATED),
        (4, Fault.LINK_TRUNCATED),
    ]
