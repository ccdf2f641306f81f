"""VLAN tags: IEEE 802.1Q, 802.1ad (Q-in-Q) and the numbers that came before it.

References
----------
IEEE 802.1Q §9.6.
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import BE16, ColumnLog, gather
from dissectors.link.link_layer import (
    TRANSPARENT_ETHERNET,
    Packets,
    advance,
    constant,
    need,
    shims,
)


@shims.register(0x8100, 0x88A8, 0x9100, 0x9200)
def decode_vlan(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read one tag: two bytes of control information, then the EtherType of what follows."""
    packets = need(packets, 4, log)
    return advance(packets, 4, gather(data, packets.start + 2, BE16).astype(np.uint16))


@shims.register(0x8926)
def decode_vn_tag(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read Cisco's tag of a virtual interface (VN-Tag): four bytes, then the EtherType."""
    packets = need(packets, 6, log)
    return advance(packets, 6, gather(data, packets.start + 4, BE16).astype(np.uint16))


@shims.register(0x893F)
def decode_e_tag(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read the E-tag of a port extender (IEEE 802.1BR §7.5): six bytes, then the EtherType."""
    packets = need(packets, 8, log)
    return advance(packets, 8, gather(data, packets.start + 6, BE16).astype(np.uint16))


@shims.register(0x88E7)
def decode_i_tag(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read the I-tag of a backbone bridge (IEEE 802.1Q §9.7): four bytes, then a whole frame."""
    packets = need(packets, 4, log)
    return advance(packets, 4, constant(packets, TRANSPARENT_ETHERNET))
