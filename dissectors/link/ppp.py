"""PPP: on links of its own, in PPPoE sessions and in GRE (PPTP).

References
----------
RFC 1661 §2 and §6.5 (protocol field compression); RFC 1662 §3.1 (address and control); RFC 2516 §4
(PPPoE).
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import BE16, ColumnLog, gather, interleave, pick
from dissectors.link.cisco_hdlc import decode_cisco_hdlc
from dissectors.link.link_layer import (
    IPV4,
    IPV6,
    PPP,
    Packets,
    advance,
    constant,
    link_types,
    need,
    shims,
)

_PPPOE = 3  # "pppoe" in TUNNELS
_NAMES = {0xC021: "ppp lcp", 0x8021: "ppp ipcp", 0x8057: "ppp ipv6cp", 0xC223: "ppp chap"}


@link_types.register(9)
@shims.register(PPP)
def decode_ppp(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read the protocol field behind the address and control bytes, if these were not left out.

    A protocol number ends in an odd byte, and its first byte is even: an odd first byte is a whole
    number, compressed (RFC 1661 §2).
    """
    packets = need(packets, 4, log)
    framed = gather(data, packets.start, BE16) == 0xFF03
    at = packets.start + np.where(framed, 2, 0)
    protocol = gather(data, at, BE16).astype(np.uint16)
    short = (protocol >> 8) & 1 == 1
    protocol = np.where(short, protocol >> 8, protocol)
    length = at - packets.start + np.where(short, 1, 2)
    ether_type = np.select([protocol == 0x21, protocol == 0x57], [IPV4, IPV6], 0).astype(np.uint16)
    return _known(advance(packets, length, ether_type), protocol, log)


@link_types.register(50)
def decode_ppp_hdlc(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read PPP, or what Cisco's routers send on such a line: their own address tells."""
    packets = need(packets, 4, log)
    cisco = np.isin(data[packets.start], (0x0F, 0x8F))  # unicast, broadcast (RFC 1547 §4.3.1)
    if not cisco.any():
        return decode_ppp(data, packets, log)
    pieces = decode_ppp(data, pick(packets, ~cisco), log), pick(packets, cisco)
    return interleave([pieces[0], decode_cisco_hdlc(data, pieces[1], log)])


@link_types.register(204)
def decode_ppp_with_direction(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Pass over the byte that tells the direction."""
    packets = need(packets, 1, log)
    return decode_ppp(data, advance(packets, 1, packets.ether_type), log)


@link_types.register(166)
def decode_pppd(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Pass over the direction, which stands for the address byte, and the control byte."""
    packets = need(packets, 2, log)
    length = np.where(data[packets.start + 1] == 3, 2, 1)
    return decode_ppp(data, advance(packets, length, packets.ether_type), log)


@link_types.register(51)
@shims.register(0x8864)
def decode_pppoe(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read the six bytes of a PPPoE session; PPP without address and control follows."""
    packets = need(packets, 6, log)
    return advance(packets, 6, constant(packets, PPP), _PPPOE)


def _known(packets: Packets, protocol: np.ndarray, log: ColumnLog) -> Packets:
    carries_ip = packets.ether_type != 0
    if carries_ip.all():
        return packets
    log.count_each(protocol[~carries_ip], _NAMES, "ppp protocol 0x{:04x}")
    return pick(packets, carries_ip)
