"""PPP on its own links, in PPPoE, with and without the fields that may be left out."""

from __future__ import annotations

import pytest
from scapy.layers.l2 import Ether
from scapy.layers.ppp import HDLC, PPP, PPPoE

from dissectors.errors import Fault
from tests.link.frames import ETHER, UDP6_ROW, UDP_ROW, decode, faults, seen, udp, udp6

FRAMES = (PPP(proto=0x21) / udp(), PPP(proto=0x57) / udp6())
ROWS = [UDP_ROW, UDP6_ROW._replace(frame=2)]


@pytest.mark.parametrize("link_type", [9, 50])
def test_links_of_their_own(link_type: int) -> None:
    plain = [b"\0\x21" + bytes(udp()), b"\0\x57" + bytes(udp6())]
    assert seen(*plain, link_type=link_type) == ROWS
    assert seen(*(HDLC() / frame for frame in plain), link_type=link_type) == ROWS


def test_compressed_protocol_field() -> None:
    assert seen(b"\x21" + bytes(udp()), b"\xff\x03\x57" + bytes(udp6()), link_type=9) == ROWS


def test_pppoe() -> None:
    frames = [ETHER / PPPoE() / b"\0\x21" / udp(), ETHER / PPPoE() / b"\0\x57" / udp6()]
    expected = [row._replace(tunnel="pppoe") for row in ROWS]
    assert seen(*frames) == expected
    assert seen(*(frame.payload for frame in frames), link_type=51) == expected


def test_what_is_no_ip_is_counted() -> None:
    decoded = decode(b"\xff\x03\xc0\x21\1\1\0\4", b"\xff\x03\x00\xfdmppc", link_type=9)
    assert decoded.others == {"ppp lcp": 1, "ppp protocol 0x00fd": 1}


def test_cut() -> None:
    frames = [b"\xff\x03\0", ETHER / b"", Ether(type=0x8864) / b"\x11\0\0\1\0"]
    assert faults(decode(*frames, link_type=[9, 1, 1]))[-1] == (3, Fault.LINK_TRUNCATED)
    assert faults(decode(frames[0], link_type=9)) == [(1, Fault.LINK_TRUNCATED)]
