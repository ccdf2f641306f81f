"""Frame Relay: link types 107 and, behind a byte for the direction, 206.

References
----------
ITU-T Q.922 annex A (address); RFC 2427 §3 and §4.1 (IETF encapsulation). Cisco puts an EtherType
right behind the address instead.
"""

from __future__ import annotations

import struct

from dissectors.link.link_layer import IPV4, IPV6, LENGTHS, PPP, TRANSPARENT_ETHERNET
from dissectors.link.rare_links import Opened, rare_links

_UI = 0x03
_NLPID_SNAP = 0x80
_ETHER_TYPE_OF_NLPID = {0xCC: IPV4, 0x8E: IPV6, 0xCF: PPP}
_BRIDGED = b"\x00\x80\xc2"


@rare_links.register(107)
def open_frame_relay(frame: bytes) -> Opened:
    """Read the address, of which the last byte is odd, and either encapsulation."""
    at = 2
    while not frame[at - 1] & 1 and at < 4:
        at += 1
    if frame[at] != _UI:
        return _open_cisco(frame, at)
    at += 1
    at += frame[at] == 0  # padding
    nlpid, at = frame[at], at + 1
    if nlpid == _NLPID_SNAP:
        return _open_snap(frame, at)
    if nlpid in _ETHER_TYPE_OF_NLPID:
        return [(_ETHER_TYPE_OF_NLPID[nlpid], frame[at:])]
    return f"frame relay nlpid 0x{nlpid:02x}"


def _open_cisco(frame: bytes, at: int) -> Opened:
    ether_type = struct.unpack_from(">H", frame, at)[0]
    if ether_type < LENGTHS:
        return f"frame relay 0x{ether_type:04x}"
    return [(ether_type, frame[at + 2 :])]


def _open_snap(frame: bytes, at: int) -> Opened:
    oui, kind = frame[at : at + 3], struct.unpack_from(">H", frame, at + 3)[0]
    if oui == bytes(3):
        return [(kind, frame[at + 5 :])]
    if oui == _BRIDGED and kind in (1, 7):  # with and without its check sequence
        return [(TRANSPARENT_ETHERNET, frame[at + 5 :])]
    return f"frame relay snap {oui.hex('-')} 0x{kind:04x}"


@rare_links.register(206)
def open_frame_relay_with_direction(frame: bytes) -> Opened:
    """Pass over the byte that tells the direction."""
    return open_frame_relay(frame[1:])
