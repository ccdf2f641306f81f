"""MPLS label stacks, with IP or an Ethernet pseudowire below them.

References
----------
RFC 3032 §2.1 (label stack); RFC 4385 §3 and RFC 4448 §4.6 (control word of a pseudowire).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Bytes
from dissectors.columns import ColumnLog, gather
from dissectors.errors import Fault
from dissectors.link.link_layer import (
    IPV4,
    IPV6,
    TRANSPARENT_ETHERNET,
    Packets,
    advance,
    link_types,
    need,
    refuse,
    shims,
)

_TUNNEL = 4  # "mpls" in TUNNELS
_MAX_LABELS = 16
_ETHER_TYPE_OF_NIBBLE = np.zeros(16, np.uint16)
_ETHER_TYPE_OF_NIBBLE[[0, 4, 6]] = TRANSPARENT_ETHERNET, IPV4, IPV6


@link_types.register(219)
@shims.register(0x8847, 0x8848)
def decode_mpls(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read labels down to the bottom of the stack.

    The stack does not say what it carries. As routers do, the first half-byte below it is taken for
    an IP version; 0 is the control word of an Ethernet pseudowire (RFC 4928 §3 reserved it so).
    """
    packets = need(packets, 5, log)
    bottom, found = _bottom_of_stack(data, packets)
    packets = refuse(packets, ~found, log, Fault.LINK_TRUNCATED)
    bottom = bottom[found]
    nibble = data[packets.start + bottom] >> 4
    ether_type = _ETHER_TYPE_OF_NIBBLE[nibble]
    packets = advance(packets, bottom + np.where(nibble == 0, 4, 0), ether_type, _TUNNEL)
    return refuse(packets, ether_type == 0, log, Fault.NETWORK_UNKNOWN)


def _bottom_of_stack(
    data: Bytes, packets: Packets
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the length of each label stack, and whether its end and a byte after it are there."""
    length = np.zeros(len(packets), np.int64)
    found = np.zeros(len(packets), np.bool_)
    open_rows = np.arange(len(packets))
    for _ in range(_MAX_LABELS):
        at = packets.start[open_rows] + length[open_rows]
        fits = packets.end[open_rows] - at > 4
        open_rows, at = open_rows[fits], at[fits]
        length[open_rows] += 4
        is_bottom = (gather(data, at + 2, np.dtype("u1")) & 1).astype(np.bool_)
        found[open_rows[is_bottom]] = True
        open_rows = open_rows[~is_bottom]
        if not len(open_rows):
            break
    return length, found
