"""From a frame to the network packet in it: the contract, and the two tables that dispatch it.

A link layer is one function that takes N packets, reads one header from each and moves them on:
``ether_type`` then says what follows and ``start`` where. Link types are entered under their
LINKTYPE number; headers that stand between the link and the network (tags, labels, bridged
Ethernet) under the EtherType that announces them, so that every pile of them is peeled by one loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Bytes, Int64
from dissectors.columns import ColumnLog, Mask, pick
from dissectors.errors import Fault
from dissectors.registry import Registry


@dataclass(slots=True)
class Packets:
    """N packets on their way from the link to the network layer."""

    row: Int64
    """(N,) int64: index of the packet in its batch."""
    ether_type: npt.NDArray[np.uint16]
    """(N,) uint16: what begins at `start`, as an EtherType (IEEE 802 numbers of IANA); below 0x0600
    it is an 802.3 length, and LLC begins there (IEEE 802.3 §3.2.6)."""
    start: Int64
    """(N,) int64: where the header to be read next begins in the buffer."""
    end: Int64
    """(N,) int64: where the captured bytes of the packet end."""
    wire_end: Int64
    """(N,) int64: where its bytes would end, had the capture held them all."""
    tunnel: npt.NDArray[np.uint8]
    """(N,) uint8: index into :data:`~dissectors.transport.layers.TUNNELS`, the innermost so far."""

    def __len__(self) -> int:
        return len(self.row)


LinkLayer = Callable[[Bytes, Packets, ColumnLog], Packets]
"""Reads one header of N packets; may drop rows, having said why in the log."""

link_types: Registry[int, LinkLayer] = Registry("link type")
"""LINKTYPE_ number (https://www.tcpdump.org/linktypes.html) → its decoder."""

shims: Registry[int, LinkLayer] = Registry("shim")
"""EtherType → decoder of a header below the network layer that is announced by it."""

IPV4, IPV6 = 0x0800, 0x86DD
TRANSPARENT_ETHERNET = 0x6558
"""EtherType of bridged Ethernet (RFC 1701): what follows is a frame with its own MAC header."""
PPP = 0x880B
"""EtherType of PPP (RFC 7042 §B.1): what follows is a PPP frame."""
PDU_STREAM, PDU_MESSAGE = 12, 13
"""Indices into ``TUNNELS`` of PDUs that were taken out of their packets: bytes of a TCP stream, in
order, and whole messages."""
LENGTHS = 0x0600
"""EtherTypes begin here; below stand 802.3 lengths."""

T = TypeVar("T")


def refuse(packets: T, bad: Mask, log: ColumnLog, fault: Fault) -> T:
    """Drop the rows of `packets` where `bad`, noting `fault` for each.

    `packets` may be any columns that have a `row`.
    """
    if not bad.any():
        return packets
    log.fault(packets.row[bad], fault)  # type: ignore[attr-defined]
    return pick(packets, ~bad)


def need(packets: Packets, length: int, log: ColumnLog) -> Packets:
    """Drop the packets of which fewer than `length` bytes are left: ``LINK_TRUNCATED``."""
    return refuse(packets, packets.end - packets.start < length, log, Fault.LINK_TRUNCATED)


def advance(
    packets: Packets, length: int | Int64, ether_type: npt.NDArray[np.uint16], tunnel: int = 0
) -> Packets:
    """Move past a header of `length` bytes that announced `ether_type`.

    Parameters
    ----------
    packets : Packets
    length : int or (N,) int64
    ether_type : (N,) uint16
    tunnel : int
        What the header is part of, as an index into ``TUNNELS``; 0 keeps what is known.
    """
    inside = np.full(len(packets), tunnel, np.uint8) if tunnel else packets.tunnel
    return replace(packets, start=packets.start + length, ether_type=ether_type, tunnel=inside)


def constant(packets: Packets, ether_type: int) -> npt.NDArray[np.uint16]:
    """Return `ether_type` for each of the packets."""
    return np.full(len(packets), ether_type, np.uint16)
