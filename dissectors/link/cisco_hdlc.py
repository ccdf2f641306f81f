"""Cisco's HDLC on serial lines: link types 104 and, behind a byte for the direction, 205.

References
----------
RFC 1547 §4.3.1; https://www.tcpdump.org/linktypes.html, LINKTYPE_C_HDLC.
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import BE16, ColumnLog, gather
from dissectors.link.link_layer import Packets, advance, link_types, need


@link_types.register(104)
def decode_cisco_hdlc(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read address, control and the EtherType that Cisco put where PPP has its protocol."""
    packets = need(packets, 4, log)
    return advance(packets, 4, gather(data, packets.start + 2, BE16).astype(np.uint16))


@link_types.register(205)
def decode_cisco_hdlc_with_direction(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Pass over the byte that tells the direction."""
    packets = need(packets, 1, log)
    return decode_cisco_hdlc(data, advance(packets, 1, packets.ether_type), log)
