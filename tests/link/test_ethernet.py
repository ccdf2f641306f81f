"""Ethernet II, and 802.3 with LLC and SNAP."""

from __future__ import annotations

import pytest
from scapy.layers.l2 import ARP, LLC, SNAP, STP, Dot3, Ether

from dissectors.errors import Fault
from tests.link.frames import ETHER, UDP6_ROW, UDP_ROW, decode, faults, seen, udp, udp6


def test_ip_in_ethernet() -> None:
    assert seen(ETHER / udp(), ETHER / udp6()) == [UDP_ROW, UDP6_ROW._replace(frame=2)]


def test_padding_is_no_payload() -> None:
    """The least frame has 60 bytes, whatever the packet in it."""
    frame = bytes(ETHER / udp(b"\r\n"))
    assert seen(frame.ljust(60, b"\0")) == [UDP_ROW._replace(payload=b"\r\n")]


@pytest.mark.parametrize("oui", [0, 0xF8])
def test_snap(oui: int) -> None:
    assert seen(Dot3() / LLC() / SNAP(OUI=oui, code=0x0800) / udp()) == [UDP_ROW]


def test_what_is_no_ip_is_counted() -> None:
    frames = [
        ETHER / ARP(),
        Ether(type=0x88CC) / b"lldp",
        Ether(type=0x4242) / b"?",
        Dot3() / LLC(dsap=0x42, ssap=0x42, ctrl=3) / STP(),
        Dot3() / LLC(dsap=0xFE, ssap=0xFE, ctrl=3) / (b"is-is" * 3),
        Dot3() / LLC() / SNAP(OUI=0x0C, code=0x2000) / b"cdp",
    ]
    decoded = decode(*frames)
    assert decoded.others == {
        "arp": 1,
        "lldp": 1,
        "ethertype 0x4242": 1,
        "stp": 1,
        "llc 0xfe": 1,
        "snap": 1,
    }
    assert not faults(decoded)


def test_frames_cut_in_their_header() -> None:
    decoded = decode(bytes(ETHER / udp())[:13], b"", bytes(Dot3() / LLC())[:20])
    assert faults(decoded) == [(frame, Fault.LINK_TRUNCATED) for frame in (1, 2, 3)]
