"""SIP that something else than UDP, TCP and TLS carries: SCTP, WebSockets, and agents (HEP).

Each carrier takes packets or chunks and yields what they held as (flow, transport, value), for the
stack to hand on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from dissectors.errors import DissectError
from dissectors.hep import PROTOCOL_TYPES, SIP, HepPacket, HepStream, decode_hep
from dissectors.sip.framing import SipFramer, decode_datagram, looks_like_sip
from dissectors.sip.message import SipMessage
from dissectors.sip.unit import decode_unit
from dissectors.transport.flow import Flow, FlowBatch, guess_direction
from dissectors.transport.layers import SCTP, TCP
from dissectors.transport.sctp_messages import SctpReassembler
from dissectors.transport.stream import StreamChunk
from dissectors.transport.unit import Unit
from dissectors.websocket import WebSocketSession

Value = SipMessage | DissectError
Carried = tuple[Flow, str, Value]
"""Flow, transport and what it carried."""

PATIENCE = 64
"""Messages of one association that may be something else than SIP before it is ignored."""
EXPORTED_LIMIT = 65_536
"""Conversations that are kept at a time for each agent; the longest silent end early."""


class Carrier(Protocol):
    """What takes the chunks of one TCP connection."""

    def push(self, chunk: StreamChunk) -> Iterator[Carried]:
        """Take the next bytes of either direction."""

    def finish(self) -> Iterator[Carried]:
        """End the connection: yield what is unfinished."""

    def close(self) -> None:
        """End the conversations that it told of."""

    def flows(self) -> list[Flow]:
        """Return the conversations that it told of and that are over; forget them."""


class WebSocketCarrier:
    """SIP over WebSocket.

    Parameters
    ----------
    flow : Flow
        Its TCP connection.
    transport : {'ws', 'wss'}
    opened : bool
        Whether the handshake was not captured.
    """

    def __init__(self, flow: Flow, transport: str, *, opened: bool) -> None:
        self._flow = flow
        self._transport = transport
        self._session = WebSocketSession(looks_like_sip, opened=opened)
        self._other = 0

    def push(self, chunk: StreamChunk) -> Iterator[Carried]:
        """Take the next bytes of either direction."""
        for value in self._session.push(chunk):
            yield from self._take(value)

    def finish(self) -> Iterator[Carried]:
        """End the connection: yield what is unfinished."""
        for value in self._session.finish():
            yield from self._take(value)

    def close(self) -> None:
        """Do nothing: a WebSocket tells of no other conversation."""

    def flows(self) -> list[Flow]:
        """Return nothing: a WebSocket is its own flow."""
        return []

    def _take(self, value: Unit | DissectError) -> Iterator[Carried]:
        if isinstance(value, DissectError):
            if self._flow.application == self._transport:
                yield self._flow, self._transport, value
        elif looks_like_sip(value.data):
            self._flow.application = self._transport
            for message in decode_unit(value):
                yield self._flow, self._transport, message
        elif value.data.strip(b"\r\n\0") and self._flow.application != self._transport:
            self._other += 1
            self._flow.ignored = self._other > PATIENCE


class SctpCarrier:
    """SIP over SCTP: all associations of a capture."""

    def __init__(self) -> None:
        self._reassembler = SctpReassembler()
        self._others: dict[int, int] = {}

    def push(self, batch: FlowBatch) -> Iterator[Carried]:
        """Take the SCTP packets of a batch."""
        wanted = np.array([f.protocol == SCTP and not f.ignored for f in batch.flows], np.bool_)
        if not wanted.any():
            return
        layers, data = batch.layers, batch.layers.data
        at = np.flatnonzero(wanted[batch.flow_index])
        rows = batch.rows[at]
        columns = zip(
            batch.flow_index[at].tolist(),
            batch.direction[at].tolist(),
            layers.seq[rows].tolist(),
            layers.payload_start[rows].tolist(),
            layers.payload_length[rows].tolist(),
            (layers.segment_length - layers.payload_length)[rows].tolist(),
            layers.frame_number[rows].tolist(),
            layers.time_ns[rows].tolist(),
            strict=True,
        )
        for index, direction, tag, start, length, missing, frame, time_ns in columns:
            flow = batch.flows[index]
            payload = data[start : start + length].tobytes()
            for value in self._reassembler.push(
                flow.number, direction, tag, payload, missing, frame, time_ns
            ):
                yield from self._take(flow, value)

    def finish(self, flow: Flow) -> Iterator[Carried]:
        """End an association."""
        self._others.pop(flow.number, None)
        for value in self._reassembler.finish(flow.number):
            yield from self._take(flow, value)

    def _take(self, flow: Flow, value: Unit | DissectError) -> Iterator[Carried]:
        if isinstance(value, DissectError):
            if flow.application == "sip":
                yield flow, "sctp", value
        elif looks_like_sip(value.data):
            flow.application = "sip"
            for message in decode_unit(value):
                yield flow, "sctp", message
        elif flow.application is None:
            number = self._others[flow.number] = self._others.get(flow.number, 0) + 1
            if number > PATIENCE:
                flow.ignored = True
                list(self._reassembler.finish(flow.number))  # nobody wants what is left of it


# As agents write it: no protocol of IP is TLS, so that of another stands for it.
_TRANSPORTS = {17: "udp", 6: "tcp", 22: "tls", 50: "wss", 132: "sctp"}


class HepCarrier:
    """SIP that an agent sent on, with the addresses and times that it saw.

    Parameters
    ----------
    flow : Flow
        The agent's own flow to its collector; what it told of gets flows of its own.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._exported: OrderedDict[str, Flow] = OrderedDict()
        self._over: list[Flow] = []
        self._streams = HepStream(), HepStream()
        self._parts = 0

    def push(self, chunk: StreamChunk) -> Iterator[Carried]:
        """Take the next bytes of a TCP connection."""
        yield from self._take(self._streams[chunk.direction].push(chunk))

    def push_datagram(
        self, payload: bytes, frame: int, time_ns: int, direction: int
    ) -> Iterator[Carried]:
        """Take the payload of a UDP datagram."""
        yield from self._take([Unit(direction, payload, (frame,), time_ns, time_ns)])

    def finish(self) -> Iterator[Carried]:
        """End the agent's flow."""
        for stream in self._streams:
            yield from self._take(stream.finish())

    def flows(self) -> list[Flow]:
        """Return the conversations that the agent told of and that are over; forget them."""
        over, self._over = self._over, []
        return over

    def close(self) -> None:
        """End all conversations that the agent told of."""
        self._over += self._exported.values()
        self._exported.clear()

    def _take(self, values: Iterable[Unit | DissectError]) -> Iterator[Carried]:
        for value in values:
            if isinstance(value, DissectError):
                yield self._flow, "hep", value
                continue
            try:
                packet = decode_hep(value.data, value.time_ns)
            except DissectError as error:
                error.frame_number, error.time_ns = value.frames[-1], value.time_ns
                yield self._flow, "hep", error
                continue
            yield from self._take_packet(packet, value)

    def _take_packet(self, packet: HepPacket, unit: Unit) -> Iterator[Carried]:
        if packet.protocol_type != SIP or packet.protocol not in _TRANSPORTS:
            name = PROTOCOL_TYPES.get(packet.protocol_type, str(packet.protocol_type))
            told = DissectError(
                f"HEP packet of {name} over IP protocol {packet.protocol}: only SIP is read",
                layer="hep",
                severity="note",
                frame_number=unit.frames[-1],
                time_ns=unit.time_ns,
            )
            yield self._flow, "hep", told
            return
        flow, direction, time_ns = self._note(packet, unit)
        for value in _decode_exported(packet, unit.frames[-1], time_ns, direction):
            yield flow, _TRANSPORTS[packet.protocol], value

    def _note(self, packet: HepPacket, unit: Unit) -> tuple[Flow, int, int]:
        """Count a packet in its conversation; return that, the direction and the time."""
        time_ns = unit.time_ns if packet.time_ns is None else packet.time_ns
        # As text, since Python hashes text with a secret.
        key = repr((packet.protocol, *sorted((packet.source, packet.target))))
        flow = self._exported.get(key)
        if flow is None:
            flow = self._exported[key] = self._begin(packet, unit, time_ns)
        self._exported.move_to_end(key)
        if len(self._exported) > EXPORTED_LIMIT:
            self._over.append(self._exported.popitem(last=False)[1])
        direction = int(flow.endpoints[0] != packet.source)
        flow.packets[direction] += 1
        flow.payload_bytes[direction] += len(packet.payload)
        flow.start_time_ns = min(flow.start_time_ns, time_ns)
        flow.end_time_ns = max(flow.end_time_ns, time_ns)
        return flow, direction, time_ns

    def _begin(self, packet: HepPacket, unit: Unit, time_ns: int) -> Flow:
        self._parts += 1
        protocol = TCP if packet.protocol in (22, 50) else packet.protocol
        back, told = guess_direction(packet.source[3], packet.target[3], protocol)
        ends = (packet.target, packet.source) if back else (packet.source, packet.target)
        outer, direction = self._flow, unit.direction
        return Flow(
            number=outer.number,
            key=b"",
            protocol=protocol,
            endpoints=ends,
            low_direction=0,
            initiator=told,
            tunnel="hep",
            start_time_ns=time_ns,
            end_time_ns=time_ns,
            part=self._parts,
            outside=outer.outside or (outer.address(direction), outer.address(1 - direction)),
            application="sip",
        )


def _decode_exported(
    packet: HepPacket, frame: int, time_ns: int, direction: int
) -> Iterable[Value]:
    """Decode a payload: one message, or of a stream as many as the agent took together."""
    if packet.protocol not in (6, 22):
        return decode_datagram(packet.payload, frame, time_ns, direction)
    if not packet.payload:
        return []
    framer = SipFramer()
    size = len(packet.payload)
    chunk = StreamChunk(direction, packet.payload, [size], [(frame,)], [time_ns], [time_ns])
    return [*framer.push(chunk), *framer.finish()]
