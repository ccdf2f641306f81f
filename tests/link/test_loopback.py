"""BSD loopback: the address families of every system, in either byte order."""

from __future__ import annotations

import struct

import pytest

from dissectors.errors import Fault
from tests.link.frames import UDP6_ROW, UDP_ROW, decode, faults, seen, udp, udp6


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("link_type", [0, 108])
def test_families(link_type: int, order: str) -> None:
    frames = [struct.pack(f"{order}I", 2) + bytes(udp())]
    expected = [UDP_ROW]
    for number, family in enumerate((10, 23, 24, 28, 30)):
        frames.append(struct.pack(f"{order}I", family) + bytes(udp6()))
        expected.append(UDP6_ROW._replace(frame=number + 2))
    assert seen(*frames, link_type=link_type) == expected


def test_an_ether_type_instead() -> None:
    assert seen(b"\x0f\0\x08\0" + bytes(udp()), link_type=0) == [UDP_ROW]


@pytest.mark.parametrize("family", [0, 7, 255, 0x1234, 0xFFFFFFFF])
def test_other_families(family: int) -> None:
    decoded = decode(struct.pack("<I", family) + bytes(udp()), link_type=0)
    assert not len(decoded.layers)
    assert faults(decoded) == [(1, Fault.NETWORK_UNKNOWN)] or decoded.others


def test_cut() -> None:
    assert faults(decode(b"\2\0\0", link_type=0)) == [(1, Fault.LINK_TRUNCATED)]
