"""BSD loopback: a four-byte address family, then the packet.

References
----------
https://www.tcpdump.org/linktypes.html: LINKTYPE_NULL (0, family in the byte order of the machine
that captured) and LINKTYPE_LOOP (108, in network byte order).
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import BE32, ColumnLog, gather
from dissectors.errors import Fault
from dissectors.link.link_layer import (
    IPV4,
    IPV6,
    LENGTHS,
    Packets,
    advance,
    link_types,
    need,
    refuse,
)

# AF_INET6 never got one number: Linux has 10, Windows 23, NetBSD and OpenBSD 24, FreeBSD 28,
# Darwin 30. AF_INET is 2 everywhere.
_ETHER_TYPE_OF_FAMILY = np.zeros(256, np.uint16)
_ETHER_TYPE_OF_FAMILY[2] = IPV4
_ETHER_TYPE_OF_FAMILY[[10, 23, 24, 28, 30]] = IPV6


@link_types.register(0, 108)
def decode_loopback(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read the family in either byte order.

    The file's own byte order does not tell that of the family (a file may have been rewritten on
    another machine), but families are small: the order that makes it one is the right one. Some
    routers write something else and then an EtherType, which neither order makes a family.
    """
    packets = need(packets, 4, log)
    header = gather(data, packets.start, BE32).astype(np.uint32)
    family = np.minimum(header, header.byteswap())
    ether_type = np.where(family < 256, _ETHER_TYPE_OF_FAMILY[family & 0xFF], header & 0xFFFF)
    ether_type = np.where(ether_type < LENGTHS, 0, ether_type).astype(np.uint16)
    packets = advance(packets, 4, ether_type)
    return refuse(packets, ether_type == 0, log, Fault.NETWORK_UNKNOWN)
