"""IP without a link header, under every number that it goes by."""

from __future__ import annotations

import pytest

from dissectors.errors import Fault
from tests.link.frames import UDP6_ROW, UDP_ROW, decode, faults, seen, udp, udp6


@pytest.mark.parametrize("link_type", [12, 14, 101])
def test_either_version(link_type: int) -> None:
    assert seen(udp(), udp6(), link_type=link_type) == [UDP_ROW, UDP6_ROW._replace(frame=2)]


def test_one_version() -> None:
    assert seen(udp(), link_type=228) == [UDP_ROW]
    assert seen(udp6(), link_type=229) == [UDP6_ROW]
    assert faults(decode(udp6(), link_type=228)) == [(1, Fault.IP_MALFORMED)]
    assert faults(decode(udp(b"x" * 20), link_type=229)) == [(1, Fault.IP_MALFORMED)]


def test_neither_version() -> None:
    decoded = decode(b"\x50" + bytes(40), b"", link_type=101)
    assert faults(decoded) == [(1, Fault.NETWORK_UNKNOWN), (2, Fault.LINK_TRUNCATED)]
