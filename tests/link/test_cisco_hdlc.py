"""Cisco's HDLC."""

from __future__ import annotations

from dissectors.errors import Fault
from tests.link.frames import UDP6_ROW, UDP_ROW, decode, faults, seen, udp, udp6


def test_ip() -> None:
    frames = [b"\x0f\0\x08\0" + bytes(udp()), b"\x8f\0\x86\xdd" + bytes(udp6())]
    assert seen(*frames, link_type=104) == [UDP_ROW, UDP6_ROW._replace(frame=2)]


def test_keep_alives_and_cuts() -> None:
    decoded = decode(b"\x8f\0\x80\x35" + bytes(18), b"\x0f\0\x08", link_type=104)
    assert decoded.others == {"rarp": 1}
    assert faults(decoded) == [(2, Fault.LINK_TRUNCATED)]
