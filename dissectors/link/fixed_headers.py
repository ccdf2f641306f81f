"""Rare link types whose headers have one length, or nearly, and are not worth a file each.

References
----------
https://www.tcpdump.org/linktypes.html: ATM_RFC1483, FDDI, IEEE802_5, ENC, IP_OVER_FC,
APPLE_IP_OVER_IEEE1394, IPNET, IPOIB; ISO 9314-2 §7 (FDDI); IEEE 802.5 §3.2 (token ring); RFC 2684
§5 (ATM); RFC 4338 §5 (Fibre Channel); RFC 2734 §6 (IEEE 1394); RFC 4391 §6 (InfiniBand).
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import BE16, ColumnLog, gather
from dissectors.errors import Fault
from dissectors.link.link_layer import (
    LinkLayer,
    Packets,
    advance,
    constant,
    link_types,
    need,
    refuse,
)
from dissectors.link.raw_ip import decode_raw_ip


def _before_llc(length: int) -> LinkLayer:
    def decode(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
        packets = need(packets, length, log)
        return advance(packets, length, constant(packets, 0))

    return decode


def _before_ip(length: int) -> LinkLayer:
    def decode(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
        packets = need(packets, length, log)
        return decode_raw_ip(data, advance(packets, length, packets.ether_type), log)

    return decode


def _with_ether_type(at: int, length: int) -> LinkLayer:
    def decode(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
        packets = need(packets, length, log)
        ether_type = gather(data, packets.start + at, BE16).astype(np.uint16)
        return advance(packets, length, ether_type)

    return decode


@link_types.register(6)
def decode_token_ring(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read two control bytes, two addresses and, where the source says so, a route."""
    packets = need(packets, 15, log)
    routed = data[packets.start + 8] & 0x80 != 0
    length = 14 + np.where(routed, data[packets.start + 14] & 0x1F, 0).astype(np.int64)
    packets = advance(packets, length, constant(packets, 0))
    return refuse(packets, packets.start > packets.end, log, Fault.LINK_TRUNCATED)


link_types.register(100)(_before_llc(0))  # ATM: the cells are gone, LLC is left
link_types.register(10)(_before_llc(13))  # FDDI: frame control, two addresses
link_types.register(122)(_before_llc(16))  # IP over Fibre Channel: two addresses
link_types.register(109)(_before_ip(12))  # OpenBSD's IPsec: family, SPI, flags
link_types.register(226)(_before_ip(24))  # Solaris' observability header
link_types.register(138)(_with_ether_type(16, 18))  # IEEE 1394: two addresses, EtherType
link_types.register(242)(_with_ether_type(40, 44))  # InfiniBand: global route header, EtherType
