"""The way of a batch of packets from the link layer up to TCP, UDP and SCTP.

Packets climb together, one header at a time. What a tunnel holds begins the climb again; what
columns cannot express goes by the slow road and comes back as a few more packets, which climb as
well. Every packet of the batch ends in one of three places: among what was found, as a fault, or in
a count of what else it carried.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Bytes, Int64, PacketBatch
from dissectors.columns import ColumnLog, Mask, interleave, join, pick
from dissectors.errors import Fault
from dissectors.link import link_layer
from dissectors.link.ethernet import LLC_SHIM
from dissectors.link.link_layer import IPV4, IPV6, Packets, link_types, shims
from dissectors.link.names import ETHER_TYPES, IP_PROTOCOLS, describe_link_type
from dissectors.link.rare_links import rare_links
from dissectors.net.datagram import Datagrams
from dissectors.net.ipv4 import decode_ipv4
from dissectors.net.ipv6 import AUTHENTICATION, decode_ipv6, skip_extensions
from dissectors.net.slow_road import Frames, SidePacket, SlowRoad
from dissectors.net.tunnels import enter, tunnels
from dissectors.net.udp_tunnels import TEREDO, open_udp_tunnels, udp_tunnel_ports
from dissectors.transport import sctp, tcp, udp
from dissectors.transport.segment import Segments

MAX_SHIMS = 8
"""Tags, labels and the like that may stand between a link header and its network packet."""
MAX_TUNNELS = 8
"""Tunnels that may be inside each other."""
MAX_REASSEMBLIES = 4
"""How often a reassembled datagram may hold, in a tunnel, fragments that make a datagram."""

_TUNNEL_PORTS = udp_tunnel_ports()

Address = tuple[int, int, int]
"""IP version, upper and lower 64 bits."""

C = TypeVar("C")
S = TypeVar("S", bound=Sized)


@dataclass(slots=True)
class Found:
    """TCP, UDP and SCTP packets at one stage of the climb."""

    datagrams: Datagrams
    """What their IP headers say."""
    segments: Segments
    """What their TCP, UDP or SCTP headers say, row by row."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The outermost IP headers of M frames that hold tunnels."""

    frame_number: Int64
    """(M,) int64: ascending, each once."""
    ip_version: npt.NDArray[np.uint8]
    """(M,) uint8: 4 or 6."""
    src_high: npt.NDArray[np.uint64]
    """(M,) uint64: upper half of the source address; 0 for IPv4."""
    src_low: npt.NDArray[np.uint64]
    """(M,) uint64."""
    dst_high: npt.NDArray[np.uint64]
    """(M,) uint64."""
    dst_low: npt.NDArray[np.uint64]
    """(M,) uint64."""

    def find(self, frame_number: int) -> tuple[Address, Address] | None:
        """Return source and destination (version, upper, lower half) around a frame's packet."""
        at = int(np.searchsorted(self.frame_number, frame_number))
        if at == len(self.frame_number) or self.frame_number[at] != frame_number:
            return None
        version = int(self.ip_version[at])
        source = version, int(self.src_high[at]), int(self.src_low[at])
        return source, (version, int(self.dst_high[at]), int(self.dst_low[at]))


class Climb:
    """One batch on its way up.

    Parameters
    ----------
    batch : PacketBatch
        Packets in the order of the capture.
    slow_road : SlowRoad
        Takes what columns cannot express.
    """

    def __init__(self, batch: PacketBatch, slow_road: SlowRoad) -> None:
        self.data: Bytes = batch.data
        self.frames = Frames(batch.frame_number, batch.time_ns, batch.wire_length)
        self.slow_road = slow_road
        self.log = ColumnLog()
        self.found = [Found(_NO_DATAGRAMS, Segments.blank(0))]
        self.fragments: list[Datagrams] = []
        self.around: list[Datagrams] = []

    def run(self, batch: PacketBatch) -> None:
        """Take all packets up, then what the slow road makes of what they left."""
        self.log.fault(np.flatnonzero(batch.captured_length < batch.wire_length), Fault.SNAPPED)
        if len(batch):
            self.slow_road.expire(int(batch.time_ns[0]))
        self._climb(self._open_links(batch))
        side = self._open_rare_links(batch) + self._reassemble()
        for _ in range(MAX_REASSEMBLIES):
            if not side:
                return
            self._climb(self._beside(side))
            side = self._reassemble()
        self.log.fault(self._beside(side).row, Fault.TUNNEL_UNKNOWN)

    # Link layer

    def _open_links(self, batch: PacketBatch) -> Packets:
        packets = Packets(
            row=np.arange(len(batch)),
            ether_type=np.zeros(len(batch), np.uint16),
            start=batch.start,
            end=batch.start + batch.captured_length,
            wire_end=batch.start + np.maximum(batch.wire_length, batch.captured_length),
            tunnel=np.zeros(len(batch), np.uint8),
        )
        present = _distinct(batch.link_type)
        if len(present) == 1 and present[0] in link_types:
            return link_types[present[0]](self.data, packets, self.log)
        pieces = [_NO_PACKETS]
        for link_type in set(present) & set(link_types):
            piece = pick(packets, batch.link_type == link_type)
            pieces.append(link_types[link_type](self.data, piece, self.log))
        self._count_unknown_links(batch.link_type, set(present) - set(link_types) - set(rare_links))
        return _join(pieces)

    def _count_unknown_links(self, link_type: Int64, unknown: set[int]) -> None:
        rows = np.flatnonzero(np.isin(link_type, list(unknown)))
        self.log.fault(rows, Fault.LINK_UNKNOWN)
        for number, count in zip(*np.unique(link_type[rows], return_counts=True), strict=True):
            self.log.count(describe_link_type(int(number)), int(count))

    def _open_rare_links(self, batch: PacketBatch) -> list[SidePacket]:
        side = []
        for link_type in set(_distinct(batch.link_type)) & set(rare_links):
            rows = np.flatnonzero(batch.link_type == link_type)
            side += self.slow_road.open_frames(batch, link_type, rows, self.log)
        return side

    # Between link and network

    def _climb(self, packets: Packets) -> None:
        for _ in range(MAX_TUNNELS):
            if not len(packets):
                return
            packets = self._transport(self._network(packets))
        self.log.fault(packets.row, Fault.TUNNEL_UNKNOWN)

    def _network(self, packets: Packets) -> Datagrams:
        """Peel shims until IP appears, then read the IP headers."""
        ipv4, ipv6 = [], []
        for _ in range(MAX_SHIMS):
            is_ipv4, is_ipv6 = packets.ether_type == IPV4, packets.ether_type == IPV6
            ipv4.append(_only(packets, is_ipv4))
            ipv6.append(_only(packets, is_ipv6))
            packets = _only(packets, ~(is_ipv4 | is_ipv6))
            if not len(packets):
                break
            packets = self._peel(packets)
        self.log.fault(packets.row, Fault.TUNNEL_UNKNOWN)
        # In the order of the capture at each step: with most packets it is already, and moving them
        # to their places is cheaper the fewer columns they have.
        read = [
            self._authenticated(self._whole(*decode_ipv4(self.data, interleave(ipv4), self.log))),
            self._whole(*decode_ipv6(self.data, interleave(ipv6), self.log)),
        ]
        return interleave(read)

    def _peel(self, packets: Packets) -> Packets:
        """Take one shim off each packet; count those that carry something else than IP."""
        kind = np.where(packets.ether_type < link_layer.LENGTHS, LLC_SHIM, packets.ether_type)
        pieces = [_NO_PACKETS]
        known = np.zeros(len(packets), np.bool_)
        for key in shims:
            rows = kind == key
            if rows.any():
                known |= rows
                pieces.append(shims[key](self.data, pick(packets, rows), self.log))
        self.log.count_each(packets.ether_type[~known], ETHER_TYPES, "ethertype 0x{:04x}")
        return _join(pieces)

    # Network layer

    def _whole(self, datagrams: Datagrams, fragmented: Mask) -> Datagrams:
        """Set fragments aside for the slow road."""
        if not fragmented.any():
            return datagrams
        self.fragments.append(pick(datagrams, fragmented))
        return pick(datagrams, ~fragmented)

    def _authenticated(self, datagrams: Datagrams) -> Datagrams:
        """Move past the Authentication Headers of IPv4 packets (RFC 4302 §3.1.1)."""
        signed = datagrams.protocol == AUTHENTICATION
        if not signed.any():
            return datagrams
        inside = skip_extensions(self.data, pick(datagrams, signed), self.log)
        return interleave([pick(datagrams, ~signed), inside])

    def _reassemble(self) -> list[SidePacket]:
        if not self.fragments:
            return []
        fragments = join(self.fragments)
        self.fragments = []
        order = np.argsort(self.frames.frame_number[fragments.row], kind="stable")
        fragments = pick(fragments, order)
        return self.slow_road.reassemble(self.data, fragments, self.frames, self.log)

    def _beside(self, side: list[SidePacket]) -> Packets:
        """Put side packets behind the batch's own bytes and frames, and take them for packets."""
        row = len(self.frames.frame_number) + np.arange(len(side))
        length = _column([len(packet.data) for packet in side])
        end = len(self.data) + np.cumsum(length)
        buffers = [np.frombuffer(packet.data, np.uint8) for packet in side]
        self.data = np.concatenate([self.data, *buffers])
        self.frames = join([self.frames, _frames_of(side)])
        return Packets(
            row=row,
            ether_type=_column([packet.ether_type for packet in side]).astype(np.uint16),
            start=end - length,
            end=end,
            wire_end=end + _column([packet.missing for packet in side]),
            tunnel=_column([packet.tunnel for packet in side]).astype(np.uint8),
        )

    # Transport layer

    def _transport(self, datagrams: Datagrams) -> Packets:
        """Read the TCP, UDP and SCTP headers; return the packets that tunnels hold."""
        known = datagrams.protocol == udp.PROTOCOL
        inside: list[Packets] = []
        if not known.all():
            known |= datagrams.protocol == tcp.PROTOCOL
            if not known.all():
                known |= datagrams.protocol == sctp.PROTOCOL
                inside = self._tunnelled(_only(datagrams, ~known))
                datagrams = _only(datagrams, known)
        found = self._segments(datagrams)
        tunnelled, packets = self._tunnelled_in_udp(found)
        if packets:
            self.around.append(pick(found.datagrams, tunnelled))
            inside += packets
            found = _keep(found, ~tunnelled)
        self.found += self._without_udp(found)
        return _join([_NO_PACKETS, *inside])

    def _without_udp(self, found: Found) -> list[Found]:
        """Take SCTP out of the UDP that carries it (RFC 6951)."""
        segments = found.segments
        mask = (segments.dst_port == sctp.UDP_PORT) | (segments.src_port == sctp.UDP_PORT)
        if mask.any():
            mask &= found.datagrams.protocol == udp.PROTOCOL
            mask = sctp.find_in_udp(self.data, found.datagrams, mask)
        if not mask.any():
            return [found]
        inside = pick(found.datagrams, mask)
        inside.start = inside.start + 8
        inside.protocol = np.full(len(inside), sctp.PROTOCOL, np.uint8)
        return [_keep(found, ~mask), self._segments(inside)]

    def _segments(self, datagrams: Datagrams) -> Found:
        segments = Segments.blank(len(datagrams))
        is_tcp = datagrams.protocol == tcp.PROTOCOL
        if (datagrams.protocol == udp.PROTOCOL).all():
            udp.decode_udp(self.data, datagrams, slice(None), segments, self.log)
        else:
            is_udp = datagrams.protocol == udp.PROTOCOL
            tcp.decode_tcp(self.data, datagrams, np.flatnonzero(is_tcp), segments, self.log)
            udp.decode_udp(self.data, datagrams, np.flatnonzero(is_udp), segments, self.log)
            rest = np.flatnonzero(~(is_tcp | is_udp))
            if len(rest):
                sctp.decode_sctp(self.data, datagrams, rest, segments, self.log)
        found = Found(datagrams, segments)
        return found if segments.good.all() else _keep(found, segments.good)

    def _tunnelled(self, datagrams: Datagrams) -> list[Packets]:
        """Open the tunnels among datagrams that are neither TCP nor UDP; count the rest."""
        pieces = []
        known = np.zeros(len(datagrams), np.bool_)
        for protocol in tunnels:
            rows = datagrams.protocol == protocol
            if rows.any():
                known |= rows
                around = pick(datagrams, rows)
                self.around.append(around)
                packets = enter(around)
                pieces.append(tunnels[protocol](self.data, packets, self.log))
        self.log.count_each(datagrams.protocol[~known], IP_PROTOCOLS, "ip protocol {}")
        return pieces

    def _tunnelled_in_udp(self, found: Found) -> tuple[Mask, list[Packets]]:
        """Open the tunnels among UDP packets; tell which packets these are."""
        port = found.segments.dst_port
        mask = _TUNNEL_PORTS[port]
        answers = found.segments.src_port == TEREDO
        mask |= answers
        if mask.any():
            mask &= found.datagrams.protocol == udp.PROTOCOL
        rows = np.flatnonzero(mask)
        if not len(rows):
            return mask, []
        port = np.where(answers[rows], TEREDO, port[rows]).astype(np.uint16)
        known, packets = open_udp_tunnels(self.data, pick(found.datagrams, rows), port, self.log)
        mask[rows] = known
        return mask, packets if known.any() else []

    # Results

    def result(self) -> tuple[Frames, Datagrams, Segments]:
        """Return all that was found, in frame order: three sets of columns of the same rows."""
        datagrams = _join([found.datagrams for found in self.found])
        segments = _join([found.segments for found in self.found])
        frames = self.frames
        if not np.array_equal(datagrams.row, np.arange(len(frames.time_ns))):
            frames = pick(frames, datagrams.row)
        if (frames.frame_number[1:] >= frames.frame_number[:-1]).all():
            return frames, datagrams, segments
        order = np.argsort(frames.frame_number, kind="stable")
        return pick(frames, order), pick(datagrams, order), pick(segments, order)

    def outside(self) -> Outside | None:
        """Return the outermost IP headers of frames with tunnels."""
        if not self.around:
            return None
        around = join(self.around)  # the outermost of a frame comes first
        frame, first = np.unique(self.frames.frame_number[around.row], return_index=True)
        around = pick(around, first)
        return Outside(
            frame,
            around.ip_version,
            around.src_high,
            around.src_low,
            around.dst_high,
            around.dst_low,
        )

    def faults(self) -> tuple[Int64, npt.NDArray[np.uint32]]:
        """Return the frames with faults and the faults, in frame order."""
        if not self.log.fault_rows:
            return np.empty(0, np.int64), np.empty(0, np.uint32)
        frame = self.frames.frame_number[np.concatenate(self.log.fault_rows)]
        number = [len(rows) for rows in self.log.fault_rows]
        fault = np.repeat(np.array(self.log.fault_bits, np.uint32), number)
        order = np.argsort(frame, kind="stable")
        return frame[order], fault[order]


def _empty(*dtypes: str) -> list[npt.NDArray[np.generic]]:
    return [np.empty(0, dtype) for dtype in dtypes]


_NO_PACKETS = Packets(*_empty("i8", "u2", "i8", "i8", "i8", "u1"))  # type: ignore[arg-type]
_NO_DATAGRAMS = Datagrams(
    *_empty("i8", "i8", "u1", "u8", "u8", "u8", "u8", "u1", "i8", "i8", "i8", "u1")  # type: ignore[arg-type]
)


def _only(columns: C, mask: Mask) -> C:
    """Return the rows where `mask`; the same object where that is all of them."""
    return columns if mask.all() else pick(columns, mask)


def _join(pieces: list[S]) -> S:
    """Join pieces without copying where at most one of them has rows."""
    return join([piece for piece in pieces if len(piece)] or pieces[:1])


def _keep(found: Found, mask: Mask) -> Found:
    return Found(pick(found.datagrams, mask), pick(found.segments, mask))


def _distinct(values: Int64) -> list[int]:
    """Return the different values; most batches have one."""
    if len(values) and (values == values[0]).all():
        return [int(values[0])]
    return [int(value) for value in np.unique(values)]


def _column(values: list[int]) -> Int64:
    return np.array(values, np.int64)


def _frames_of(side: list[SidePacket]) -> Frames:
    return Frames(
        _column([packet.frame_number for packet in side]),
        _column([packet.time_ns for packet in side]),
        _column([packet.wire_length for packet in side]),
    )
