"""Linux cooked captures of version 1."""

from __future__ import annotations

from scapy.layers.l2 import LLC, SNAP, CookedLinux, Dot1Q

from dissectors.errors import Fault
from tests.link.frames import UDP6_ROW, UDP_ROW, decode, faults, seen, udp, udp6


def test_ip() -> None:
    frames = [CookedLinux() / udp(), CookedLinux() / udp6()]
    assert seen(*frames, link_type=113) == [UDP_ROW, UDP6_ROW._replace(frame=2)]


def test_a_tag_and_llc() -> None:
    frames = [
        CookedLinux() / Dot1Q() / udp(),
        CookedLinux(proto=4) / LLC() / SNAP(code=0x0800) / udp(),
    ]
    assert seen(*frames, link_type=113) == [UDP_ROW, UDP_ROW._replace(frame=2)]


def test_cut() -> None:
    assert faults(decode(bytes(15), link_type=113)) == [(1, Fault.LINK_TRUNCATED)]
