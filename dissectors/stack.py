"""Where the layers meet: packets in, SIP messages out. The only dispatch.

::

    PacketBatch ─▶ Layers ─▶ flows ─┬─ UDP ──────────────────▶ SIP, HEP
                                    ├─ SCTP ─▶ Unit ─────────▶ SIP
                                    └─ TCP ─▶ StreamChunk ─┬─▶ SIP, compressed or not
                                                           ├─▶ WebSocket, HEP
                                                           └─▶ TLS ─▶ StreamChunk ─▶ the same

What a TCP connection carries is told by its first bytes, or by a rule of the user; a connection
that carries none of these is ignored from then on, so its bytes cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal
from typing import Protocol as Contract

import numpy as np

from dissectors.capture.batch import Int64, PacketBatch
from dissectors.carriers import Carried, Carrier, HepCarrier, SctpCarrier, WebSocketCarrier
from dissectors.columns import Mask
from dissectors.errors import DissectError, Malformed
from dissectors.hep import MAGIC, looks_like_hep
from dissectors.link.link_layer import PDU_MESSAGE, PDU_STREAM
from dissectors.net.slow_road import SlowRoad
from dissectors.sip.compression import Negotiation, SipStream
from dissectors.sip.exported import PduReader
from dissectors.sip.framing import contains_start_line, decode_datagram, looks_like_sip
from dissectors.sip.message import SipMessage
from dissectors.tls.decrypt import TlsInfo, TlsSession
from dissectors.tls.keys import KeyRing
from dissectors.tls.record import looks_like_tls
from dissectors.transport.duplicates import DuplicateFilter
from dissectors.transport.flow import Flow, FlowBatch, FlowTable, udp_candidates
from dissectors.transport.layers import SCTP, TCP, UDP, DecodedBatch, decode_layers
from dissectors.transport.reassemble import Reassembler
from dissectors.transport.stream import StreamChunk
from dissectors.websocket import looks_like_frame, looks_like_upgrade

Protocol = Literal["sip", "tls"]
Content = Literal["sip", "tls", "websocket", "frames", "hep"]
"""What a connection can be seen to carry; frames: a WebSocket without its handshake."""

UNDECIDED_LIMIT = 256 << 10
"""Bytes of one connection that are looked through for TLS or SIP before it is ignored."""

_DECIDABLE = 16
"""First bytes of a stream that suffice to tell TLS or SIP."""

_PIECES = 64
"""Segments of one chunk at whose beginning TLS is looked for."""


@dataclass(frozen=True, slots=True)
class DecodeAs:
    """What the user says a port carries, as in Wireshark's *Decode As*."""

    ports: dict[tuple[int, int], Protocol] = field(default_factory=dict)
    """(6 for TCP or 17 for UDP, port) → protocol."""

    @classmethod
    def from_rules(cls, rules: Iterable[str]) -> DecodeAs:
        """Read rules such as ``tcp.port==5061,tls``.

        Raises
        ------
        Malformed
            When a rule is not of that form.
        """
        return cls(dict(_decode_as_rule(rule) for rule in rules))

    def get(self, flow: Flow) -> Protocol | None:
        """Return what the user says `flow` carries, or None."""
        if not self.ports:
            return None
        server = self.ports.get((flow.protocol, flow.server_port))
        return server or self.ports.get((flow.protocol, flow.client_port))


def _decode_as_rule(rule: str) -> tuple[tuple[int, int], Protocol]:
    selector, _, protocol = rule.replace(" ", "").partition(",")
    layer, _, port = selector.partition(".port==")
    number = {"tcp": TCP, "udp": UDP}.get(layer)
    if number is None or not port.isdecimal() or int(port) > 0xFFFF:
        raise Malformed(f"{rule}: expected a rule such as tcp.port==5061,tls")
    if protocol == "sip":
        return (number, int(port)), "sip"
    if protocol == "tls" and number == TCP:
        return (number, int(port)), "tls"
    raise Malformed(f"{rule}: the protocol can be sip or, on tcp, tls")


Sink = Callable[[Flow, str, SipMessage], None]
"""Takes a message with its flow and transport (udp, tcp, tls, sctp, ws or wss)."""


class Watch(Contract):
    """Is shown what lies between packets and messages, for whoever looks at a single frame."""

    def take_flows(self, flows: FlowBatch) -> None:
        """Take the packets of a batch, each with its flow."""

    def take_chunk(self, flow: Flow, chunk: StreamChunk) -> None:
        """Take bytes of a TCP stream, in order."""

    def make_session(self, keys: KeyRing) -> TlsSession:
        """Return what shall decrypt a connection."""


@dataclass(slots=True)
class Dissected:
    """What one step brought to light beside the messages."""

    packets: DecodedBatch | None = None
    """The packets' headers, with the faults and counts of the columnar decoders."""
    duplicates: Int64 = field(default_factory=lambda: np.empty(0, np.int64))
    """(M,) int64: frames of the second copies of packets, which go no further."""
    faults: list[tuple[Flow | None, DissectError]] = field(default_factory=list)
    """What could not be read, with its flow where it has one."""
    tls_sessions: list[tuple[Flow, TlsInfo]] = field(default_factory=list)
    """TLS connections that are over."""
    tls_secrets: list[tuple[str, bytes, bytes]] = field(default_factory=list, repr=False)
    """What opened these connections: label, client random and secret, as in a key log."""
    flows: list[Flow] = field(default_factory=list)
    """Flows that are over."""


class Stack:
    """Takes packets apart up to SIP; holds all state of one capture.

    Parameters
    ----------
    keys : KeyRing
        TLS keys; may grow while packets are pushed.
    sink : callable
        Is given each message as soon as it is whole, while it is still in the processor's cache.
        Messages of one flow come in order; those of several flows of one batch do not.
    decode_as : DecodeAs
        What the user says of ports.
    partition : (int, int)
        (i, n): of n equal shares, deal only with the flows whose hash falls to share i.
    watch : Watch, optional
        Is shown what lies between packets and messages.
    """

    def __init__(
        self,
        keys: KeyRing,
        sink: Sink,
        decode_as: DecodeAs | None = None,
        partition: tuple[int, int] = (0, 1),
        watch: Watch | None = None,
    ) -> None:
        self._watch = watch
        self._make_session = TlsSession if watch is None else watch.make_session
        self._keys = keys
        self._sink = sink
        self._decode_as = decode_as or DecodeAs()
        self._leads = partition[0] == 0
        self._slow_road = SlowRoad()
        self._duplicates = DuplicateFilter()
        self._flows = FlowTable(partition)
        self._reassembler = Reassembler()
        self._connections: dict[int, _Connection] = {}
        self._pdus: dict[int, PduReader] = {}
        self._sctp = SctpCarrier()
        self._agents: dict[int, HepCarrier] = {}

    def push(self, batch: PacketBatch) -> Dissected:
        """Take one batch of packets apart."""
        packets = decode_layers(batch, self._slow_road)
        layers, duplicates = self._duplicates.push(packets.layers)
        found = Dissected(packets, duplicates)
        flows = self._flows.assign(layers)
        if self._watch is not None:
            self._watch.take_flows(flows)
        found.faults += [(None, problem) for problem in flows.problems]
        self._tell_slow_road(found)
        finished = flows.finished
        tunnel = layers.tunnel
        if tunnel.any():
            is_pdu = (tunnel == PDU_MESSAGE) | (tunnel == PDU_STREAM)
            flows = self._push_pdus(flows, is_pdu[flows.rows], found)
        self._push_datagrams(flows, found)
        hand_on(self._sctp.push(flows), self._sink, found)
        for flow, value in self._reassembler.push(flows):
            self._push_stream(flow, value, found)
        self._finish_flows(finished, found)
        return found

    def finish(self) -> Dissected:
        """End the capture: take apart what is left unfinished."""
        self._slow_road.finish()
        found = Dissected()
        self._tell_slow_road(found)
        for flow, value in self._reassembler.finish():
            self._push_stream(flow, value, found)
        self._finish_flows(self._flows.finish(), found)
        return found

    def _tell_slow_road(self, found: Dissected) -> None:
        # Every partition peels all odd packets, so only the first one tells.
        if self._leads:
            found.faults += [(None, problem) for problem in self._slow_road.problems]
        self._slow_road.problems.clear()

    def _push_datagrams(self, flows: FlowBatch, found: Dissected) -> None:
        layers, candidates = flows.layers, udp_candidates(flows)
        data = layers.data.data
        rows = candidates.row
        columns = zip(
            candidates.flow_index.tolist(),
            candidates.direction.tolist(),
            layers.payload_start[rows].tolist(),
            layers.payload_length[rows].tolist(),
            layers.frame_number[rows].tolist(),
            layers.time_ns[rows].tolist(),
            strict=True,
        )
        for index, direction, start, length, frame, time_ns in columns:
            flow = flows.flows[index]
            payload = bytes(data[start : start + length])
            if self._decode_as.get(flow) == "sip" or looks_like_sip(payload):
                flow.application = "sip"
                for value in decode_datagram(payload, frame, time_ns, direction):
                    if isinstance(value, DissectError):
                        found.faults.append((flow, value))
                    else:
                        self._sink(flow, "udp", value)
            elif looks_like_hep(payload):
                self._push_exported(flow, payload, (frame, time_ns, direction), found)

    def _push_exported(
        self, flow: Flow, payload: bytes, where: tuple[int, int, int], found: Dissected
    ) -> None:
        agent = self._agents.get(flow.number)
        if agent is None:
            flow.application = "hep"
            agent = self._agents[flow.number] = HepCarrier(flow)
        hand_on(agent.push_datagram(payload, *where), self._sink, found)
        found.flows += agent.flows()

    def _push_pdus(self, flows: FlowBatch, is_pdu: Mask, found: Dissected) -> FlowBatch:
        """Read the rows that are exported PDUs; return the others."""
        layers, rows = flows.layers, flows.rows[is_pdu]
        data = layers.data.data
        columns = zip(
            flows.flow_index[is_pdu].tolist(),
            flows.direction[is_pdu].tolist(),
            layers.payload_start[rows].tolist(),
            layers.payload_length[rows].tolist(),
            layers.frame_number[rows].tolist(),
            layers.time_ns[rows].tolist(),
            (layers.tunnel[rows] == PDU_MESSAGE).tolist(),
            strict=True,
        )
        for index, direction, start, length, frame, time_ns, whole in columns:
            flow = flows.flows[index]
            flow.application = "sip"
            reader = self._pdus.get(flow.number)
            if reader is None:
                reader = self._pdus[flow.number] = PduReader(flow.protocol == TCP)
            payload = bytes(data[start : start + length])
            self._take_pdu(flow, reader.push(payload, frame, time_ns, direction, whole), found)
        return _without(flows, is_pdu)

    def _take_pdu(
        self, flow: Flow, values: Iterable[SipMessage | DissectError], found: Dissected
    ) -> None:
        for value in values:
            if isinstance(value, DissectError):
                found.faults.append((flow, value))
            else:
                self._sink(flow, "tcp" if flow.protocol == TCP else "udp", value)

    def _push_stream(self, flow: Flow, value: StreamChunk | DissectError, found: Dissected) -> None:
        if isinstance(value, DissectError):
            found.faults.append((flow, value))
            return
        if self._watch is not None:
            self._watch.take_chunk(flow, value)
        connection = self._connections.get(flow.number)
        if connection is None:
            told = self._decode_as.get(flow)
            connection = _Connection(flow, self._keys, self._sink, told, self._make_session)
            self._connections[flow.number] = connection
        connection.push(value, found)

    def _finish_flows(self, flows: list[Flow], found: Dissected) -> None:
        for flow in flows:
            connection = self._connections.pop(flow.number, None)
            if connection is not None:
                connection.finish(found)
            reader = self._pdus.pop(flow.number, None)
            if reader is not None:
                self._take_pdu(flow, reader.finish(), found)
            agent = self._agents.pop(flow.number, None)
            if agent is not None:
                agent.close()
                found.flows += agent.flows()
            if flow.protocol == SCTP:
                hand_on(self._sctp.finish(flow), self._sink, found)
            found.flows.append(flow)


def _without(flows: FlowBatch, mask: Mask) -> FlowBatch:
    """Return the rows where `mask` is False; all flows stay."""
    kept = ~mask
    return replace(
        flows,
        rows=flows.rows[kept],
        flow_index=flows.flow_index[kept],
        direction=flows.direction[kept],
    )


def hand_on(carried: Iterable[Carried], sink: Sink, found: Dissected) -> None:
    """Give the messages among what was carried to `sink`, and the faults to `found`."""
    for flow, transport, value in carried:
        if isinstance(value, DissectError):
            found.faults.append((flow, value))
        else:
            sink(flow, transport, value)


_Framers = tuple[SipStream, SipStream]
"""One for each direction."""


class _Connection:
    """What one TCP connection carries, once its first bytes have told."""

    def __init__(
        self,
        flow: Flow,
        keys: KeyRing,
        sink: Sink,
        told: Protocol | None,
        make_session: Callable[[KeyRing], TlsSession] = TlsSession,
    ) -> None:
        self._flow = flow
        self._make_session = make_session
        self._keys = keys
        self._sink = sink
        self._tls: TlsSession | None = None
        self._sniffer = _Sniffer(inside=False)
        self._sniffer_inside = _Sniffer(inside=True)
        self._framers: _Framers | None = None
        self._negotiation = Negotiation()
        self._carrier: Carrier | None = None
        if told is not None:
            self._begin(told)

    def push(self, chunk: StreamChunk, found: Dissected) -> None:
        """Take the next bytes of either direction."""
        if self._tls is not None:
            self._push_tls(self._tls, chunk, found)
        elif self._framers is not None:
            self._push_sip(self._framers, chunk, "tcp", found)
        elif self._carrier is not None:
            self._push_carrier(self._carrier, chunk, found)
        elif not self._flow.ignored:
            self._decide(chunk, found)

    def finish(self, found: Dissected) -> None:
        """End the connection: take what is unfinished."""
        if self._tls is not None:
            self._take_plaintext(self._tls.finish(), found)
            found.tls_sessions.append((self._flow, self._tls.info))
            found.tls_secrets += self._tls.secrets()
        transport = "tcp" if self._tls is None else "tls"
        for framer in self._framers or ():
            self._take_sip(framer.finish(), transport, found)
        self._flow.compression = self._negotiation.algorithm
        if self._carrier is not None:
            hand_on(self._carrier.finish(), self._sink, found)
            self._carrier.close()
            found.flows += self._carrier.flows()

    def _decide(self, chunk: StreamChunk, found: Dissected) -> None:
        protocol = self._sniffer.push(chunk)
        if protocol is not None:
            self._begin(protocol)
            for held in self._sniffer.take():
                self.push(held, found)
        elif self._sniffer.gave_up:
            self._flow.ignored = True

    def _begin(self, content: Content) -> None:
        if content == "tls":
            self._flow.application = "tls"
            self._tls = self._make_session(self._keys)
        elif content == "sip":
            self._flow.application = "sip" if self._tls is None else "sips"
            self._framers = SipStream(self._negotiation), SipStream(self._negotiation)
        elif content == "hep":
            self._flow.application = "hep"
            self._carrier = HepCarrier(self._flow)
        else:
            transport = "ws" if self._tls is None else "wss"
            self._carrier = WebSocketCarrier(self._flow, transport, opened=content == "frames")

    def _push_carrier(self, carrier: Carrier, chunk: StreamChunk, found: Dissected) -> None:
        hand_on(carrier.push(chunk), self._sink, found)
        found.flows += carrier.flows()

    def _push_tls(self, tls: TlsSession, chunk: StreamChunk, found: Dissected) -> None:
        self._take_plaintext(tls.push(chunk), found)
        if tls.client_direction is not None:
            self._flow.set_client(tls.client_direction)
        if tls.hopeless:
            self._flow.ignored = True

    def _take_plaintext(
        self, values: Iterable[StreamChunk | DissectError], found: Dissected
    ) -> None:
        for value in values:
            if isinstance(value, DissectError):
                found.faults.append((self._flow, value))
            elif self._framers is not None:
                self._push_sip(self._framers, value, "tls", found)
            elif self._carrier is not None:
                self._push_carrier(self._carrier, value, found)
            elif not self._flow.ignored:
                self._decide_inside(value, found)

    def _decide_inside(self, chunk: StreamChunk, found: Dissected) -> None:
        content = self._sniffer_inside.push(chunk)
        if content is not None:
            self._begin(content)
            self._take_plaintext(self._sniffer_inside.take(), found)
        elif self._sniffer_inside.gave_up:
            self._flow.ignored = True

    def _push_sip(
        self, framers: _Framers, chunk: StreamChunk, transport: str, found: Dissected
    ) -> None:
        self._take_sip(framers[chunk.direction].push(chunk), transport, found)

    def _take_sip(
        self, values: Iterable[SipMessage | DissectError], transport: str, found: Dissected
    ) -> None:
        for value in values:
            if isinstance(value, DissectError):
                found.faults.append((self._flow, value))
            else:
                self._sink(self._flow, transport, value)


class _Sniffer:
    """Holds the first chunks of a connection until they tell what it carries."""

    def __init__(self, inside: bool) -> None:
        self._inside = inside  # TLS, in which no other is looked for
        self._held: list[StreamChunk] = []
        self._size = 0
        self._first = [b"", b""]

    @property
    def gave_up(self) -> bool:
        """True when so much was looked through in vain that no more should be."""
        return self._size > UNDECIDED_LIMIT

    def push(self, chunk: StreamChunk) -> Content | None:
        """Hold a chunk; return what the connection carries when it can be told."""
        self._held.append(chunk)
        self._size += len(chunk.data)
        first = self._first[chunk.direction]
        if len(first) < _DECIDABLE:
            self._first[chunk.direction] = first = first + chunk.data[:4096]
        if not self._inside and (looks_like_tls(first) or _tls_within(chunk)):
            return "tls"
        if looks_like_sip(first):
            return "sip"
        if first.startswith(MAGIC):
            return "hep"
        if _upgrade_within(chunk):
            return "websocket"
        if looks_like_frame(first, looks_like_sip):
            return "frames"
        return "sip" if contains_start_line(chunk.data) else None

    def take(self) -> list[StreamChunk]:
        """Return the chunks that were held, in order."""
        held, self._held = self._held, []
        return held


def _upgrade_within(chunk: StreamChunk) -> bool:
    """Tell whether a segment begins with the handshake of a WebSocket: other requests may precede.

    The response tells as well, should the request be lost or cut.
    """
    data = chunk.data
    return looks_like_upgrade(data) or any(
        data[end : end + 1] in b"GH" and looks_like_upgrade(data[end : end + 65536])
        for end in chunk.ends[:_PIECES]
    )


def _tls_within(chunk: StreamChunk) -> bool:
    """Tell whether a segment of a capture that begins in the middle begins with a TLS record."""
    return any(looks_like_tls(chunk.data[end : end + 4096]) for end in chunk.ends[:_PIECES])
