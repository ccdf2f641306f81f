"""Raw IP: no link header at all.

References
----------
https://www.tcpdump.org/linktypes.html: LINKTYPE_RAW (101), the DLT_RAW numbers 12 and 14 that some
systems wrote into files instead, LINKTYPE_IPV4 (228) and LINKTYPE_IPV6 (229).
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import ColumnLog
from dissectors.errors import Fault
from dissectors.link.link_layer import (
    IPV4,
    IPV6,
    Packets,
    advance,
    constant,
    link_types,
    need,
    refuse,
)

RAW_IP = 101
_ETHER_TYPE_OF_VERSION = np.zeros(16, np.uint16)
_ETHER_TYPE_OF_VERSION[[4, 6]] = IPV4, IPV6


@link_types.register(RAW_IP, 12, 14)
def decode_raw_ip(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Tell IPv4 from IPv6 by the version in the first half-byte."""
    packets = need(packets, 1, log)
    ether_type = _ETHER_TYPE_OF_VERSION[data[packets.start] >> 4]
    packets = advance(packets, 0, ether_type)
    return refuse(packets, ether_type == 0, log, Fault.NETWORK_UNKNOWN)


@link_types.register(228)
def decode_raw_ipv4(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Take every packet for IPv4, as its link type says."""
    return advance(packets, 0, constant(packets, IPV4))


@link_types.register(229)
def decode_raw_ipv6(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Take every packet for IPv6, as its link type says."""
    return advance(packets, 0, constant(packets, IPV6))
