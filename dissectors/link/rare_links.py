"""Link types whose headers vary from frame to frame: each opens one frame.

They need no speed, but the columnar road behind them does: what they return goes back to it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from dissectors.errors import Unsupported
from dissectors.link.link_layer import IPV4, IPV6, PPP, TRANSPARENT_ETHERNET
from dissectors.registry import Registry

Inside = tuple[int, bytes] | tuple[int, bytes, int]
"""EtherType of a packet (below 0x0600: LLC), its bytes, and the tunnel that the frame is, if it is
one, as an index into ``TUNNELS``."""

Opened = list[Inside] | str
"""The packets that a frame carries, or the name under which to count it instead."""

rare_links: Registry[int, Callable[[bytes], Opened]] = Registry("rare link type")
"""LINKTYPE_ number → function that opens one frame. Raises struct.error or IndexError where the
frame ends inside its headers, and Unsupported for what cannot be opened."""

LLC = 0
"""What stands for an 802.3 length: LLC, and mostly SNAP, follow."""

_SAME_AS = {1: TRANSPARENT_ETHERNET, 9: PPP, 50: PPP, 228: IPV4, 229: IPV6}


def open_link(link_type: int, frame: bytes) -> Opened:
    """Open a frame of a link type that the header of another one names.

    Raises
    ------
    Unsupported
        When nothing is known of that link type here.
    """
    if link_type in _SAME_AS:
        return [(_SAME_AS[link_type], frame)]
    if link_type in (12, 14, 101):
        return open_raw_ip(frame)
    if link_type == 113:
        return [(struct.unpack_from(">H", frame, 14)[0], frame[16:])]
    if link_type in (105, 127) and link_type in rare_links:
        return rare_links[link_type](frame)
    raise Unsupported(f"link type {link_type} inside another one")


def open_raw_ip(packet: bytes) -> Opened:
    """Tell IPv4 from IPv6 by the version in the first half-byte."""
    ether_type = {4: IPV4, 6: IPV6}.get(packet[0] >> 4)
    return "no ip packet" if ether_type is None else [(ether_type, packet)]


@rare_links.register(117)
def open_pflog(frame: bytes) -> Opened:
    """Open a packet of BSD's packet filter log, whose header tells its length.

    References
    ----------
    https://www.tcpdump.org/linktypes/LINKTYPE_PFLOG.html
    """
    return open_raw_ip(frame[(frame[0] + 3) & ~3 :])


@rare_links.register(197)
def open_erf(frame: bytes) -> Opened:
    """Open a record of an Endace card: Ethernet, or IP.

    References
    ----------
    https://www.endace.com/erf-extensible-record-format-types.pdf
    """
    kind, at = frame[8], 16
    more = kind & 0x80
    while more:  # extension headers of eight bytes
        more, at = frame[at] & 0x80, at + 8
    kind &= 0x7F
    if kind in (2, 11, 16, 20):  # Ethernet, behind two bytes of offset and padding
        head = {2: 2, 11: 6, 16: 6, 20: 6}[kind]
        return [(TRANSPARENT_ETHERNET, frame[at + head :])]
    if kind in (22, 23):
        return [(IPV4 if kind == 22 else IPV6, frame[at:])]
    return f"erf type {kind}"


@rare_links.register(239)
def open_nflog(frame: bytes) -> Opened:
    """Open a packet of Linux's firewall log: a list of attributes, of which one is the packet.

    References
    ----------
    https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html
    """
    family, _version, _resource = struct.unpack_from(">BBH", frame)
    at = 4
    while at + 4 <= len(frame):
        # Attribute headers are in the byte order of the host that captured: the length that fits.
        length, kind = struct.unpack_from("<HH", frame, at)
        if not 4 <= length <= len(frame) - at:
            length, kind = struct.unpack_from(">HH", frame, at)
        if length < 4:
            break
        if kind & 0x7FFF == 9:  # NFULA_PAYLOAD
            return [(IPV6 if family == 10 else IPV4, frame[at + 4 : at + length])]
        at += (length + 3) & ~3
    return "nflog without packet"


@rare_links.register(258)
def open_pktap(frame: bytes) -> Opened:
    """Open a packet of Apple's PKTAP, whose header names the link type that it had.

    References
    ----------
    https://www.tcpdump.org/linktypes/LINKTYPE_PKTAP.html
    """
    length, record, link_type = struct.unpack_from("<III", frame)
    if record != 1 or length < 12:
        return "pktap without packet"
    return open_link(link_type, frame[length:])
