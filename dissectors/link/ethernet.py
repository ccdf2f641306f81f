"""Ethernet: link type 1, and frames bridged through tunnels (EtherType 0x6558).

References
----------
IEEE 802.3 §3.1.1; RFC 1042 (SNAP over IEEE 802).
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import BE16, ColumnLog, gather, pick
from dissectors.link.link_layer import (
    TRANSPARENT_ETHERNET,
    Packets,
    advance,
    link_types,
    need,
    shims,
)

LLC_SHIM = 0
"""Key of :func:`decode_llc` among the shims: it stands for every EtherType below 0x0600."""

JUMBO_LLC = 0x8870
"""EtherType that stands for a length in frames too long for one."""

_SNAP = np.dtype([("dsap_ssap", ">u2"), ("control", "u1"), ("oui", "u1", 3), ("ether_type", ">u2")])


@link_types.register(1)
@shims.register(TRANSPARENT_ETHERNET)
def decode_ethernet(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read destination, source and EtherType (or length).

    An FCS is not looked for: captures rarely hold one, and the lengths of IP headers cut it off.
    """
    packets = need(packets, 14, log)
    ether_type = gather(data, packets.start + 12, BE16).astype(np.uint16)
    return advance(packets, 14, ether_type)


@shims.register(LLC_SHIM, JUMBO_LLC)
def decode_llc(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read LLC and SNAP behind an 802.3 length; what is not SNAP (spanning tree, …) is counted."""
    packets = need(packets, 8, log)
    header = gather(data, packets.start, _SNAP)
    oui = header["oui"]
    # RFC 1042 names OUI 00-00-00; 00-00-F8 (802.1H) says the same.
    known = (oui[:, 0] == 0) & (oui[:, 1] == 0) & ((oui[:, 2] == 0) | (oui[:, 2] == 0xF8))
    snap = (header["dsap_ssap"] == 0xAAAA) & (header["control"] == 3) & known
    if not snap.all():
        log.count_each(data[packets.start[~snap]], {0x42: "stp", 0xAA: "snap"}, "llc 0x{:02x}")
        packets, header = pick(packets, snap), header[snap]
    return advance(packets, 8, header["ether_type"].astype(np.uint16))
