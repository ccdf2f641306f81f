"""The slow road: packets that columns cannot express, one by one.

Fragments wait here for the rest of their datagram; frames of rare links, whose headers vary from
packet to packet, are opened. What comes out are :class:`SidePacket` objects, which go back
to the columnar road as a small batch of their own, so that each header is decoded in one place
only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from dissectors.capture.batch import Bytes, Int64, PacketBatch
from dissectors.columns import ColumnLog
from dissectors.errors import DissectError, Fault, Truncated, Unsupported
from dissectors.link.link_layer import IPV4, IPV6
from dissectors.link.rare_links import Inside, rare_links
from dissectors.net import ipv4
from dissectors.net.datagram import Datagrams
from dissectors.net.defragment import Datagram, Defragmenter, Fragment


@dataclass(frozen=True, slots=True)
class SidePacket:
    """A packet that the slow road took out of one or more frames."""

    data: bytes
    """Its bytes, from the header that `ether_type` names."""
    ether_type: int
    """EtherType of its first header; below 0x0600: LLC."""
    missing: int
    """Bytes that it had on the wire behind `data`, but that were not captured."""
    tunnel: int
    """Index into :data:`~dissectors.transport.layers.TUNNELS`."""
    frame_number: int
    """Frame that completed it."""
    time_ns: int
    """That frame's time, nanoseconds since 1970 UTC."""
    wire_length: int
    """Bytes of all its frames on the wire."""


@dataclass(slots=True)
class Frames:
    """Where N packets of a batch come from; rows of a batch are indices into these."""

    frame_number: Int64
    """(N,) int64: the frame that completed each packet."""
    time_ns: Int64
    """(N,) int64: that frame's time, nanoseconds since 1970 UTC."""
    wire_length: Int64
    """(N,) int64: bytes of all its frames on the wire."""


# A frame that ends inside its headers makes one of these, most of them Python's own.
_TOO_SHORT = (struct.error, IndexError, Truncated)


class SlowRoad:
    """What one capture's packets left unfinished; one object lives as long as the capture is read.

    Parameters
    ----------
    defragmenter : Defragmenter, optional
        Holds the fragments; by default one with the default bounds.
    """

    def __init__(self, defragmenter: Defragmenter | None = None) -> None:
        self._defragmenter = Defragmenter() if defragmenter is None else defragmenter
        self.problems: list[DissectError] = []
        """What went wrong since the caller last emptied it."""

    def open_frames(
        self, batch: PacketBatch, link_type: int, rows: Int64, log: ColumnLog
    ) -> list[SidePacket]:
        """Open the frames `rows` (M,) of a batch, which are of one rare link type."""
        open_frame = rare_links[link_type]
        packets = []
        for row in rows.tolist():
            start, length = int(batch.start[row]), int(batch.captured_length[row])
            try:
                opened = open_frame(batch.data[start : start + length].tobytes())
            except _TOO_SHORT:
                log.fault(np.array([row]), Fault.LINK_TRUNCATED)
                continue
            except Unsupported as error:
                opened = error.summary
            if isinstance(opened, str):
                log.count(opened, 1)
                continue
            packets += _side_packets(batch, row, opened)
        return packets

    def reassemble(
        self, data: Bytes, fragments: Datagrams, frames: Frames, log: ColumnLog
    ) -> list[SidePacket]:
        """Add fragments, ascending in frames; return the datagrams that they made whole.

        Parameters
        ----------
        data : (B,) uint8
            The buffer that `fragments` point into.
        fragments : Datagrams
            Fragments, as :func:`~dissectors.net.ipv4.decode_ipv4` and
            :func:`~dissectors.net.ipv6.decode_ipv6` return them.
        frames : Frames
            The frames that `fragments.row` names.
        log : ColumnLog
            Takes the fragments that did not make a datagram whole.
        """
        whole = []
        pending = []
        tunnels = fragments.tunnel.tolist()
        for position, fragment in enumerate(_fragments(data, fragments, frames)):
            made = self._push(fragment)
            if made is None:
                pending.append(position)
            else:
                whole.append(_whole_packet(made, fragment, tunnels[position]))
        log.fault(fragments.row[pending], Fault.IP_FRAGMENT_PENDING)
        return whole

    def _push(self, fragment: Fragment) -> Datagram | None:
        whole = None
        for made in self._defragmenter.push(fragment):
            if isinstance(made, DissectError):
                self.problems.append(made)
            else:
                whole = made
        return whole

    def expire(self, now_ns: int) -> None:
        """Give up datagrams that were not made whole in time; they are told in `problems`."""
        if len(self._defragmenter):
            self.problems.extend(self._defragmenter.expire(now_ns))

    def finish(self) -> None:
        """Give up all that is unfinished: the capture ends; it is told in `problems`."""
        self.problems.extend(self._defragmenter.finish())


def _side_packets(batch: PacketBatch, row: int, opened: list[Inside]) -> list[SidePacket]:
    wire_length = int(batch.wire_length[row])
    missing = max(wire_length - int(batch.captured_length[row]), 0)
    return [
        SidePacket(
            data=data,
            ether_type=ether_type,
            missing=missing if number == len(opened) else 0,
            tunnel=tunnel[0] if tunnel else 0,
            frame_number=int(batch.frame_number[row]),
            time_ns=int(batch.time_ns[row]),
            wire_length=wire_length,
        )
        for number, (ether_type, data, *tunnel) in enumerate(opened, 1)
    ]


def _whole_packet(made: Datagram, last: Fragment, tunnel: int) -> SidePacket:
    return SidePacket(
        data=made.header + made.payload,
        ether_type=IPV4 if made.header[0] >> 4 == 4 else IPV6,
        missing=made.missing,
        tunnel=tunnel,
        frame_number=last.frame_number,
        time_ns=last.time_ns,
        wire_length=made.wire_length,
    )


def _fragments(data: Bytes, fragments: Datagrams, frames: Frames) -> Iterator[Fragment]:
    """Read the fields that only fragments need, one packet after the other."""
    columns = zip(
        fragments.ip_version.tolist(),
        fragments.header_start.tolist(),
        fragments.start.tolist(),
        fragments.end.tolist(),
        (fragments.wire_end - fragments.end).tolist(),
        frames.frame_number[fragments.row].tolist(),
        frames.time_ns[fragments.row].tolist(),
        frames.wire_length[fragments.row].tolist(),
        strict=True,
    )
    for version, header_start, start, end, missing, *frame in columns:
        head = data[header_start:start].tobytes()
        payload = data[start:end].tobytes()
        decode = _ipv4_fragment if version == 4 else _ipv6_fragment
        yield decode(head, payload, missing, frame)


def _ipv4_fragment(head: bytes, payload: bytes, missing: int, frame: list[int]) -> Fragment:
    """Read an IPv4 fragment (RFC 791 §3.2)."""
    field = cast(int, struct.unpack_from(">H", head, 6)[0])
    key = (4, head[4:6], head[9], head[12:20])
    offset, more = (field & ipv4.FRAGMENT_OFFSET) * 8, bool(field & ipv4.MORE_FRAGMENTS)
    # A total length of 0 is what offloading leaves: the frame's end counts, whatever its size.
    header = head[:2] + b"\0\0" + head[4:6] + b"\0\0" + head[8:]
    return Fragment(key, True, offset, more, payload, missing, header, *frame)


def _ipv6_fragment(head: bytes, payload: bytes, missing: int, frame: list[int]) -> Fragment:
    """Read an IPv6 fragment, whose payload still begins with the Fragment header (RFC 8200 §4.5).

    The datagram gets a fixed header only, as nobody needs the extension headers of its fragments;
    a payload length of 0 again means: to the end of the frame.
    """
    next_header, _, field, identification = struct.unpack_from(">BBHI", payload)
    key = (6, head[8:40], identification)
    offset, more = field & 0xFFF8, bool(field & 1)
    header = head[:4] + b"\0\0" + bytes([next_header]) + head[7:40]
    return Fragment(key, False, offset, more, payload[8:], missing, header, *frame)
