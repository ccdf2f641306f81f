"""Linux cooked captures of version 2."""

from __future__ import annotations

from scapy.layers.l2 import CookedLinuxV2, Dot1Q

from dissectors.errors import Fault
from tests.link.frames import UDP6_ROW, UDP_ROW, decode, faults, seen, udp, udp6


def test_ip() -> None:
    frames = [
        CookedLinuxV2() / udp(),
        CookedLinuxV2() / udp6(),
        CookedLinuxV2() / Dot1Q() / udp(),
    ]
    expected = [UDP_ROW, UDP6_ROW._replace(frame=2), UDP_ROW._replace(frame=3)]
    assert seen(*frames, link_type=276) == expected


def test_cut() -> None:
    assert faults(decode(bytes(19), link_type=276)) == [(1, Fault.LINK_TRUNCATED)]
