"""The Network Service Header, which service functions put before a packet: EtherType 0x894F.

References
----------
RFC 8300 §2.2.
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import BE16, ColumnLog, gather
from dissectors.errors import Fault
from dissectors.link.link_layer import (
    IPV4,
    IPV6,
    TRANSPARENT_ETHERNET,
    Packets,
    advance,
    need,
    refuse,
    shims,
)

_ETHER_TYPE_OF_NEXT = np.zeros(256, np.uint16)
_ETHER_TYPE_OF_NEXT[[1, 2, 3, 5]] = IPV4, IPV6, TRANSPARENT_ETHERNET, 0x8847


@shims.register(0x894F)
def decode_nsh(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read the header's length, in units of four bytes, and the number of what follows it."""
    packets = need(packets, 8, log)
    length = 4 * (gather(data, packets.start, BE16).astype(np.int64) & 0x3F)
    ether_type = _ETHER_TYPE_OF_NEXT[data[packets.start + 3]]
    packets = advance(packets, length, ether_type)
    known = (ether_type != 0) & (length >= 8)
    inside = refuse(packets, ~known, log, Fault.TUNNEL_UNKNOWN)
    return refuse(inside, inside.start > inside.end, log, Fault.LINK_TRUNCATED)
