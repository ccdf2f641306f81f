"""Tunnels whose outside is IP: IP in IP, GRE (PPTP, NVGRE, ERSPAN), EtherIP, MPLS; in columns.

Each peels one layer off N packets and gives :class:`~dissectors.link.link_layer.Packets` again, for
the same road from its beginning.

References
----------
RFC 2003 §3.1 and RFC 4213 §3 (IP in IP); RFC 2784 §2, RFC 2890 §2 and RFC 2637 §4.1 (GRE, PPTP);
RFC 7637 §3.2 (NVGRE); RFC 3378 §3 (EtherIP); RFC 4023 §3 (MPLS in IP).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dissectors.capture.batch import Bytes, Int64
from dissectors.columns import BE16, ColumnLog, gather
from dissectors.errors import Fault
from dissectors.link.link_layer import (
    IPV4,
    IPV6,
    TRANSPARENT_ETHERNET,
    Packets,
    advance,
    constant,
    refuse,
    shims,
)
from dissectors.net.datagram import Datagrams
from dissectors.registry import Registry

Tunnel = Callable[[Bytes, Packets, ColumnLog], Packets]
"""Reads one tunnel header, at `start` of N packets; may drop rows, having said why in the log."""

tunnels: Registry[int, Tunnel] = Registry("tunnel")
"""IP protocol number → decoder of the tunnel that it announces."""

_IPIP, _GRE, _ETHERIP = 1, 2, 10  # in TUNNELS
_MPLS = 0x8847
_ERSPAN = 0x88BE
_C, _R, _K, _S, _A, _VERSION = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080, 0x0007


def enter(datagrams: Datagrams) -> Packets:
    """Take the payload of N IP packets for packets of their own, of no known EtherType yet."""
    return Packets(
        row=datagrams.row,
        ether_type=np.zeros(len(datagrams), np.uint16),
        start=datagrams.start,
        end=datagrams.end,
        wire_end=datagrams.wire_end,
        tunnel=datagrams.tunnel,
    )


@tunnels.register(4)
def decode_ipv4_inside(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Take what follows for IPv4."""
    return advance(packets, 0, constant(packets, IPV4), _IPIP)


@tunnels.register(41)
def decode_ipv6_inside(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Take what follows for IPv6."""
    return advance(packets, 0, constant(packets, IPV6), _IPIP)


@tunnels.register(97)
def decode_etherip(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read the two bytes of EtherIP: version 3 and twelve reserved bits."""
    packets = refuse(packets, packets.end - packets.start < 2, log, Fault.IP_TRUNCATED)
    known = gather(data, packets.start, BE16) == 0x3000
    packets = advance(packets, 2, constant(packets, TRANSPARENT_ETHERNET), _ETHERIP)
    return refuse(packets, ~known, log, Fault.TUNNEL_UNKNOWN)


@tunnels.register(137)
def decode_mpls_inside(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Take what follows for a stack of MPLS labels."""
    return advance(packets, 0, constant(packets, _MPLS))


@shims.register(0x22EB)
def decode_erspan_iii(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read the 12 bytes of ERSPAN type III, and 8 more where its last bit (O) says so."""
    packets = refuse(packets, packets.end - packets.start < 12, log, Fault.IP_TRUNCATED)
    length = 12 + 8 * (data[packets.start + 11] & 1).astype(np.int64)
    return advance(packets, length, constant(packets, TRANSPARENT_ETHERNET), _GRE)


# What GRE may announce: IP, and every shim that has an EtherType.
_INSIDE = np.array(sorted({IPV4, IPV6} | {key for key in shims if key}), np.uint16)


@tunnels.register(47)
def decode_gre(data: Bytes, packets: Packets, log: ColumnLog) -> Packets:
    """Read the GRE header: flags, protocol, and the optional words that the flags announce.

    Source routes (flag R, deprecated by RFC 2784) are not read.
    """
    packets = refuse(packets, packets.end - packets.start < 4, log, Fault.IP_TRUNCATED)
    flags = gather(data, packets.start, BE16).astype(np.int64)
    protocol = gather(data, packets.start + 2, BE16).astype(np.uint16)
    erspan = protocol == _ERSPAN
    length = _gre_length(flags) + np.where(erspan & (flags & _S != 0), 8, 0)
    protocol[erspan] = TRANSPARENT_ETHERNET
    unknown = ~np.isin(protocol, _INSIDE) | (flags & _R != 0) | (flags & _VERSION > 1)
    packets = advance(packets, length, protocol, _GRE)
    inside = refuse(packets, unknown, log, Fault.TUNNEL_UNKNOWN)
    return refuse(inside, inside.start > inside.end, log, Fault.IP_TRUNCATED)


def _gre_length(flags: Int64) -> Int64:
    """Return the header's length: a word of four bytes for each of the flags that announces one.

    Checksum, key and sequence number; in PPTP's version 1 also the acknowledgment number.
    """
    acknowledged = (flags & _VERSION == 1) & (flags & _A != 0)
    optional = [flags & flag != 0 for flag in (_C, _K, _S)] + [acknowledged]
    return 4 + 4 * np.sum(optional, axis=0, dtype=np.int64)
