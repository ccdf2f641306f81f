"""VLAN tags: IEEE 802.1Q, 802.1ad (Q-in-Q) and the numbers that came before it.

References
----------
IEEE 802.1Q §9.6.
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import BE16, ColumnLog, gather
from dissectors.link.link_layer import Packets, advance, need, shims


@shims.register(0x8100, 0x88A8, 0x9100, 0x9200)
def decode_vlan(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read one tag: two bytes of control information, then the EtherType of what follows."""
    packets = need(packets, 4, log)
    return advance(packets, 4, gather(data, packets.start + 2, BE16).astype(np.uint16))
