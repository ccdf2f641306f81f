"""Linux "cooked" captures, version 2: link type 276, which names the interface of each packet.

References
----------
https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import BE16, ColumnLog, gather
from dissectors.link.link_layer import Packets, advance, link_types, need


@link_types.register(276)
def decode_linux_sll2(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read the 20 bytes that stand for the link header; the EtherType is their first field."""
    packets = need(packets, 20, log)
    return advance(packets, 20, gather(data, packets.start, BE16).astype(np.uint16))
