"""The way of a single packet from the link layer up, header by header, written down.

The columnar decoders keep what the next floor needs and forget where they found it. Here one packet
goes the very same way, and each header that is passed leaves a :class:`Step`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dissectors.capture.batch import Bytes, Int64, PacketBatch
from dissectors.columns import Mask
from dissectors.errors import FAULTS, DissectError, Fault
from dissectors.link.link_layer import Packets
from dissectors.net.datagram import Datagrams
from dissectors.net.slow_road import SidePacket, SlowRoad
from dissectors.transport.climb import Climb, Found
from dissectors.transport.udp import HEADER as UDP_HEADER

Kind = Literal["link", "shim", "ip", "tunnel", "udp_tunnel", "transport"]


@dataclass(frozen=True, slots=True)
class Step:
    """One header of a packet."""

    kind: Kind
    """What the header is, and so what `number` is."""
    number: int
    """link: LINKTYPE_; shim: the EtherType that announces it; ip: version 4 or 6; tunnel and
    transport: the IP protocol; udp_tunnel: index into ``TUNNELS``."""
    start: int
    """Where the header begins in :attr:`Trail.data`."""
    end: int
    """Where it ends there."""


class Trail(Climb):
    """One packet on its way up, and the headers that it passed.

    Parameters
    ----------
    batch : PacketBatch
        One packet.
    slow_road : SlowRoad, optional
        Takes what columns cannot express; by default one that knows of no other packet, so that a
        fragment stays a fragment.
    """

    def __init__(self, batch: PacketBatch, slow_road: SlowRoad | None = None) -> None:
        super().__init__(batch, slow_road or SlowRoad())
        self.packet = batch
        """The packet."""
        self.steps: list[Step] = []
        """The headers, from the outside in."""
        self.fragment: Datagrams | None = None
        """The packet when it is a fragment, whose payload is not that of its protocol."""
        self.payload: tuple[int, int, int] | None = None
        """Where the payload of TCP or UDP begins in :attr:`data`, how many bytes of it are there,
        and how many there were on the wire; None where there is neither."""
        self.run(batch)
        _, _, segments = self.result()
        if len(segments.payload_start):
            start, length = int(segments.payload_start[0]), int(segments.payload_length[0])
            self.payload = start, length, int(segments.segment_length[0])

    def problems(self) -> list[DissectError]:
        """Return what is wrong with the headers."""
        found = []
        for frame, bits in zip(*(column.tolist() for column in self.faults()), strict=True):
            for fault in FAULTS:
                if Fault(bits) & fault:
                    found.append(fault_of(fault, frame))
        return found

    def _note(self, kind: Kind, number: int, start: Int64, end: Int64) -> None:
        """Write a header down, if one was read; only a link layer may be of no bytes."""
        if len(start) and len(end) and (kind == "link" or end[0] > start[0]):
            self.steps.append(Step(kind, int(number), int(start[0]), int(end[0])))

    def _open_links(self, batch: PacketBatch) -> Packets:
        packets = super()._open_links(batch)
        self._note("link", int(batch.link_type[0]), batch.start, packets.start)
        return packets

    def _open_rare_links(self, batch: PacketBatch) -> list[SidePacket]:
        side = super()._open_rare_links(batch)
        if side:
            # What is inside was copied out: as a rule it stood at the frame's end.
            begin = int(batch.start[0])
            end = begin + max(int(batch.captured_length[0]) - len(side[0].data), 0)
            self.steps.append(Step("link", int(batch.link_type[0]), begin, end))
        return side

    def _peel(self, packets: Packets) -> Packets:
        number = int(packets.ether_type[0])
        peeled = super()._peel(packets)
        self._note("shim", number, packets.start, peeled.start)
        return peeled

    def _whole(self, datagrams: Datagrams, fragmented: Mask) -> Datagrams:
        if len(datagrams):
            version = int(datagrams.ip_version[0])
            self._note("ip", version, datagrams.header_start, datagrams.start)
            if fragmented.any():
                self.fragment = datagrams
        return super()._whole(datagrams, fragmented)

    def _segments(self, datagrams: Datagrams) -> Found:
        found = super()._segments(datagrams)
        if len(found.datagrams):
            protocol = int(found.datagrams.protocol[0])
            self._note("transport", protocol, found.datagrams.start, found.segments.payload_start)
        return found

    def _tunnelled(self, datagrams: Datagrams) -> list[Packets]:
        inside = super()._tunnelled(datagrams)
        for packets in inside:
            self._note("tunnel", int(datagrams.protocol[0]), datagrams.start, packets.start)
        return inside

    def _tunnelled_in_udp(self, found: Found) -> tuple[Mask, list[Packets]]:
        start = found.datagrams.start + UDP_HEADER.itemsize
        mask, inside = super()._tunnelled_in_udp(found)
        for packets in inside:
            if len(packets):
                self._note("udp_tunnel", int(packets.tunnel[0]), start, packets.start)
        return mask, inside


def fault_of(fault: Fault, frame_number: int) -> DissectError:
    """Return one fault of a packet's headers as an error that can be told."""
    layer, severity, summary, spec = FAULTS[fault]
    return DissectError(
        summary, layer=layer, severity=severity, spec=spec, frame_number=frame_number
    )


def one_packet(batch: PacketBatch, row: int) -> PacketBatch:
    """Copy one packet out of a batch, as a batch of its own.

    Parameters
    ----------
    batch : PacketBatch
        N packets.
    row : int
        Which of them, from 0.
    """
    start, length = int(batch.start[row]), int(batch.captured_length[row])
    data: Bytes = batch.data[start : start + length].copy()
    piece = slice(row, row + 1)
    return PacketBatch(
        data=data,
        start=batch.start[piece] - start,
        captured_length=batch.captured_length[piece].copy(),
        wire_length=batch.wire_length[piece].copy(),
        time_ns=batch.time_ns[piece].copy(),
        link_type=batch.link_type[piece].copy(),
        interface=batch.interface[piece].copy(),
        frame_number=batch.frame_number[piece].copy(),
    )
