"""Linux "cooked" captures: link type 113, from ``-i any`` of libpcap before 1.10.

References
----------
https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import BE16, ColumnLog, gather
from dissectors.link.link_layer import Packets, advance, link_types, need


@link_types.register(113)
def decode_linux_sll(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read the 16 bytes that stand for the link header; the EtherType is their last field.

    A protocol of 4 means LLC, which the numbers below 0x0600 stand for anyway.
    """
    packets = need(packets, 16, log)
    return advance(packets, 16, gather(data, packets.start + 14, BE16).astype(np.uint16))
