"""Tunnels inside UDP, each by its port: VXLAN, Geneve, GTP-U, Teredo, L2TP and TZSP; in columns.

A port proves nothing (RTP may choose it), so the header must be as its specification wants it, and
what it announces must follow: else the datagram stays what it is, a datagram.

References
----------
RFC 7348 §5 (VXLAN); draft-ietf-nvo3-vxlan-gpe-12 §3; RFC 8926 §3.4 (Geneve); 3GPP TS 29.281 §5.1
and §5.2 (GTP-U); RFC 4380 §5.1.1 (Teredo); RFC 2661 §3.1 (L2TP). TZSP has no specification but
what capture programs read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Bytes, Int64
from dissectors.columns import BE16, ColumnLog, Mask, gather, pick
from dissectors.link.link_layer import (
    IPV4,
    IPV6,
    PPP,
    TRANSPARENT_ETHERNET,
    Packets,
    advance,
)
from dissectors.net.datagram import Datagrams
from dissectors.net.tunnels import enter
from dissectors.registry import Registry

EtherTypes = npt.NDArray[np.uint16]
Opened = tuple[Int64, EtherTypes]
"""Length of each tunnel header, and what follows it; -1: it is no such header."""

Open = Callable[[Bytes, Int64, Int64, Int64], Opened]
"""Reads the headers at N places, of which at least 28 bytes are there. Takes the buffer, where each
payload begins, where its captured bytes end, and where it ended on the wire."""


class UdpTunnel(NamedTuple):
    """What runs at a port."""

    open: Open
    """Reads its header."""
    name: int
    """Index into :data:`~dissectors.transport.layers.TUNNELS`."""


udp_tunnels: Registry[int, UdpTunnel] = Registry("tunnel in UDP")
"""UDP destination port → the tunnel that is looked for there."""

TEREDO = 3544
"""Teredo's port: of servers and relays, which also answer from it (RFC 4380 §2.7)."""

_VXLAN, _GENEVE, _GTP, _TEREDO, _L2TP, _TZSP = 5, 6, 7, 8, 9, 11  # in TUNNELS
_LEAST = 8 + 20
_MAX_EXTENSIONS = 8
_IP_INSIDE = [IPV4, IPV6, 0x8100, 0x88A8]
_PPP_INSIDE = [0x0021, 0x0057]


def udp_tunnel_ports() -> Mask:
    """Return for each of the 65,536 ports whether a tunnel is looked for there."""
    ports = np.zeros(65536, np.bool_)
    ports[list(udp_tunnels)] = True
    return ports


def open_udp_tunnels(
    data: Bytes, datagrams: Datagrams, port: npt.NDArray[np.uint16], log: ColumnLog
) -> tuple[Mask, list[Packets]]:
    """Open N UDP packets of ports that tunnels have.

    Parameters
    ----------
    data : (B,) uint8
    datagrams : Datagrams
        N packets, `start` at the UDP header.
    port : (N,) uint16
        The port that tells what each may be.
    log : ColumnLog

    Returns
    -------
    (N,) bool
        Which of them are tunnels indeed.
    list of Packets
        What these hold.
    """
    found = np.zeros(len(datagrams), np.bool_)
    inside = []
    for number in set(port.tolist()):
        rows = np.flatnonzero((port == number) & (datagrams.end - datagrams.start >= 8 + _LEAST))
        tunnel = udp_tunnels[number]
        length, ether_type = tunnel.open(
            data, datagrams.start[rows] + 8, datagrams.end[rows], datagrams.wire_end[rows]
        )
        good = length >= 0
        at = datagrams.start[rows] + 8 + np.maximum(length, 0)
        good &= _follows(data, at, datagrams.end[rows], ether_type)
        rows = rows[good]
        found[rows] = True
        packets = enter(pick(datagrams, rows))
        inside.append(advance(packets, 8 + length[good], ether_type[good], tunnel.name))
    return found, inside


def _follows(data: Bytes, at: Int64, end: Int64, ether_type: EtherTypes) -> Mask:
    """Tell where what `ether_type` announces stands at `at` indeed: IP, or a frame with IP."""
    found = np.zeros(len(at), np.bool_)
    for kind, need, look in (
        (IPV4, 20, lambda where: data[where] >> 4 == 4),
        (IPV6, 40, lambda where: data[where] >> 4 == 6),
        (TRANSPARENT_ETHERNET, 34, lambda where: _is_one(data, where + 12, _IP_INSIDE)),
        (PPP, 24, lambda where: _is_ppp(data, where)),
    ):
        rows = np.flatnonzero((ether_type == kind) & (at + need <= end))
        found[rows] = look(at[rows])
    return found


def _is_one(data: Bytes, at: Int64, values: list[int]) -> Mask:
    found: Mask = np.isin(gather(data, at, BE16), values)
    return found


def _is_ppp(data: Bytes, at: Int64) -> Mask:
    framed = gather(data, at, BE16) == 0xFF03
    return _is_one(data, at + np.where(framed, 2, 0), _PPP_INSIDE)


def _says(good: Mask, length: Int64 | int, ether_type: EtherTypes | int) -> Opened:
    kinds = np.broadcast_to(np.asarray(ether_type, np.uint16), good.shape)
    return np.where(good, length, -1), kinds


def _words(data: Bytes, at: Int64, number: int) -> Bytes:
    """Return the first `number` bytes at each place: (N, number) uint8."""
    words: Bytes = data[at[:, None] + np.arange(number)]
    return words


def _open_vxlan(data: Bytes, at: Int64, end: Int64, wire_end: Int64) -> Opened:
    """Read flag I, 24 reserved bits, the network's identifier, and 8 reserved bits."""
    head = _words(data, at, 8)
    good = (head[:, 0] == 0x08) & ~head[:, 1:4].any(axis=1) & (head[:, 7] == 0)
    return _says(good, 8, TRANSPARENT_ETHERNET)


def _open_vxlan_gpe(data: Bytes, at: Int64, end: Int64, wire_end: Int64) -> Opened:
    """Read VXLAN's header with flag P, whose fourth byte names what follows."""
    head = _words(data, at, 8)
    kinds = np.zeros(256, np.uint16)
    kinds[[1, 2, 3]] = IPV4, IPV6, TRANSPARENT_ETHERNET
    good = (head[:, 0] & 0xFC == 0x0C) & ~head[:, 1:3].any(axis=1) & (head[:, 7] == 0)
    return _says(good, 8, kinds[head[:, 3]])


def _open_geneve(data: Bytes, at: Int64, end: Int64, wire_end: Int64) -> Opened:
    """Read version 0, the length of the options, and the EtherType of what is behind them."""
    head = _words(data, at, 8)
    good = (head[:, 0] >> 6 == 0) & (head[:, 1] & 0x3F == 0) & (head[:, 7] == 0)
    length = 8 + 4 * (head[:, 0] & 0x3F).astype(np.int64)
    return _says(good, length, gather(data, at + 2, BE16).astype(np.uint16))


def _open_gtp_u(data: Bytes, at: Int64, end: Int64, wire_end: Int64) -> Opened:
    """Read a G-PDU: version 1, type 255, its length, and the extension headers it announces."""
    head = _words(data, at, 12)
    declared = gather(data, at + 2, BE16).astype(np.int64)
    good = (head[:, 0] & 0xF8 == 0x30) & (head[:, 1] == 255) & (at + 8 + declared <= wire_end)
    optional = head[:, 0] & 7 != 0
    length = np.where(optional, 12, 8).astype(np.int64)
    more = good & (head[:, 0] & 4 != 0) & (head[:, 11] != 0)
    rows = np.flatnonzero(more)
    for _ in range(_MAX_EXTENSIONS):
        if not len(rows):
            break
        rows = _skip_gtp_extension(data, rows, at, end, length, good)
    good[rows] = False
    first = data[np.minimum(at + length, np.maximum(end - 1, 0))] >> 4
    return _says(good, length, np.where(first == 4, IPV4, IPV6).astype(np.uint16))


def _skip_gtp_extension(
    data: Bytes, rows: Int64, at: Int64, end: Int64, length: Int64, good: Mask
) -> Int64:
    """Skip one extension header (a count of four bytes first, the next type last) in `rows`."""
    place = at[rows] + length[rows]
    units = data[np.minimum(place, end[rows] - 1)].astype(np.int64)
    bad = (units == 0) | (place + 4 * units > end[rows])
    good[rows[bad]] = False
    rows, place, units = rows[~bad], place[~bad], units[~bad]
    length[rows] += 4 * units
    last = data[place + 4 * units - 1]
    return np.asarray(rows[last != 0])


def _open_teredo(data: Bytes, at: Int64, end: Int64, wire_end: Int64) -> Opened:
    """Skip authentication and origin indication; an IPv6 packet of the rest's length follows."""
    head = _words(data, at, 4)
    authenticated = (head[:, 0] == 0) & (head[:, 1] == 1)
    length = np.where(authenticated, 13 + head[:, 2].astype(np.int64) + head[:, 3], 0)
    place = np.minimum(at + length, end - 2)
    length += np.where(gather(data, place, BE16) == 0, 8, 0)
    good = at + length + 40 <= end
    place = np.where(good, at + length, at)
    declared = gather(data, place + 4, BE16).astype(np.int64)
    return _says(good & (place + 40 + declared == wire_end), length, IPV6)


def _open_l2tp(data: Bytes, at: Int64, end: Int64, wire_end: Int64) -> Opened:
    """Read a data message of version 2; flags L, S and O announce more fields."""
    flags = gather(data, at, BE16).astype(np.int64)
    good = flags & 0xB4FF == 0x0002
    length = 6 + np.where(flags & 0x4000, 2, 0) + np.where(flags & 0x0800, 4, 0)
    offset = gather(data, np.minimum(at + length, end - 2), BE16).astype(np.int64)
    return _says(good, length + np.where(flags & 0x0200, 2 + offset, 0), PPP)


def _open_tzsp(data: Bytes, at: Int64, end: Int64, wire_end: Int64) -> Opened:
    """Read version 1 and the tags up to their end; only Ethernet inside is opened."""
    head = _words(data, at, 4)
    good = (head[:, 0] == 1) & (head[:, 1] <= 1) & (head[:, 2] == 0) & (head[:, 3] == 1)
    length = np.full(len(at), 4, np.int64)
    rows = np.flatnonzero(good)
    for _ in range(4 * _MAX_EXTENSIONS):
        place = at[rows] + length[rows]
        inside = place + 2 <= end[rows]
        good[rows[~inside]] = False
        rows, place = rows[inside], place[inside]
        if not len(rows):
            break
        tag, size = data[place], data[place + 1].astype(np.int64)
        length[rows] += np.where(tag <= 1, 1, 2 + size)
        rows = rows[tag != 1]
    good[rows] = False
    return _says(good, length, TRANSPARENT_ETHERNET)


# 8472 was Linux's before IANA gave VXLAN a port, and is still its default.
udp_tunnels.register(4789, 8472)(UdpTunnel(_open_vxlan, _VXLAN))
udp_tunnels.register(4790)(UdpTunnel(_open_vxlan_gpe, _VXLAN))
udp_tunnels.register(6081)(UdpTunnel(_open_geneve, _GENEVE))
udp_tunnels.register(2152)(UdpTunnel(_open_gtp_u, _GTP))
udp_tunnels.register(TEREDO)(UdpTunnel(_open_teredo, _TEREDO))
udp_tunnels.register(1701)(UdpTunnel(_open_l2tp, _L2TP))
udp_tunnels.register(37008)(UdpTunnel(_open_tzsp, _TZSP))
