"""TCP connections and UDP conversations, kept from batch to batch.

A flow is what Wireshark calls a stream: the packets between two endpoints (address and port) over
one protocol, from a SYN (RFC 9293 §3.5) or, over UDP, from the first packet after a silence.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Int64
from dissectors.errors import DissectError, LimitExceeded
from dissectors.transport.grouping import FlowGroups, Words, group_by_flow, stable_order
from dissectors.transport.layers import ACK, FIN, RST, SYN, TCP, TUNNELS, UDP, Layers

Endpoint = tuple[int, int, int, int]
"""IP version, upper and lower 64 bits of the address, port."""

Initiator = Literal["syn", "content", "port", "first"]
"""How the client was told."""

_T = TypeVar("_T", bound=np.generic)

SECOND_NS = 1_000_000_000
UDP_IDLE_NS = 300 * SECOND_NS
"""A UDP conversation that was silent for longer is over; the next packet begins another."""
TCP_IDLE_NS = 3600 * SECOND_NS
"""An open TCP connection is forgotten after this silence; Lync is often quiet for 20 minutes."""
CLOSED_IDLE_NS = 60 * SECOND_NS
"""How long a closed connection stays, so that its late retransmissions open no other."""
FLOW_LIMIT = 250_000
"""Flows kept at a time, some 400 MB at the worst."""

SIP_PORTS = frozenset({443, 5060, 5061})
"""Ports that a Lync or SIP server listens on; below 1024 all ports count as a server's."""


@lru_cache(maxsize=65536)
def format_address(version: int, high: int, low: int) -> str:
    """Write an address as text.

    Parameters
    ----------
    version : {4, 6}
        IP version.
    high, low : int
        Upper and lower 64 bits; an IPv4 address stands in the lower 32.

    Returns
    -------
    str
        ``192.0.2.1`` or ``2001:db8::1`` (RFC 5952).
    """
    if version == 4:
        return str(ipaddress.IPv4Address(low & 0xFFFFFFFF))
    return str(ipaddress.IPv6Address(high << 64 | low))


@dataclass(slots=True, eq=False)
class Flow:
    """One TCP connection, UDP conversation or SCTP association.

    Its two directions are numbered when its first packet is seen and keep their numbers: 0 is the
    side that looks like the client then. Should better knowledge come later (a SYN captured late,
    a ClientHello), only `client` changes.
    """

    number: int
    """Frame number of its first packet: unique in a capture, whatever the partition."""
    key: bytes
    """The unordered 5-tuple, exact; of use to the flow table only."""
    protocol: int
    """6 (TCP), 17 (UDP) or 132 (SCTP)."""
    endpoints: tuple[Endpoint, Endpoint]
    """Who sends in direction 0, and who in direction 1."""
    low_direction: int
    """Direction in which the endpoint that stands first in `key` sends."""
    initiator: Initiator
    """What told the client: a SYN, what was said, the ports, or only who was seen first."""
    tunnel: str
    """Tunnel that its first packet came in, as in `TUNNELS`, or hep; empty without one."""
    start_time_ns: int
    """Time of its first packet, nanoseconds since 1970 UTC."""
    end_time_ns: int
    """Time of its latest packet."""
    seen_ns: int = 0
    """Capture clock when it was last heard of; bogus times of single packets do not touch it."""
    client: int = 0
    """Direction of the client."""
    packets: list[int] = field(default_factory=lambda: [0, 0])
    """Packets by direction."""
    payload_bytes: list[int] = field(default_factory=lambda: [0, 0])
    """TCP or UDP payload by direction as sent (by the headers), bytes."""
    lost_bytes: int = 0
    """Bytes of the TCP streams that the capture does not hold."""
    retransmitted_segments: int = 0
    """TCP segments that brought nothing new."""
    out_of_order_segments: int = 0
    """TCP segments that came before an earlier one."""
    zero_windows: int = 0
    """TCP segments that announced a zero window."""
    end: Literal["fin", "rst", "open"] = "open"
    """How it ended: FIN both ways, RST, or not within the capture."""
    ended_by: int | None = None
    """Direction of its first FIN or RST; None without one."""
    closed_time_ns: int = 0
    """When it ended, nanoseconds since 1970 UTC; 0 while open."""
    part: int = 0
    """Number among the conversations that an agent told of (HEP), whose own flow has the same
    `number`; 0 for a flow that was captured itself."""
    outside: tuple[str, str] | None = None
    """Source and destination address of the outermost IP header around its first packet."""
    initial_sequence: list[int | None] = field(default_factory=lambda: [None, None])
    """Sequence number of each direction's SYN (RFC 9293 §3.4.1); None unless it, or the other's
    SYN-ACK, was captured."""
    acknowledged: list[int | None] = field(default_factory=lambda: [None, None])
    """Highest sequence number of each direction that its receiver acknowledged; kept by the
    reassembler."""
    opening: tuple[int, int, int] | None = None
    """Direction, sequence and acknowledgment number of its first packet, unless that was a SYN."""
    fin_seen: int = 0
    """Bit 0, bit 1: a FIN was seen in that direction."""
    application: str | None = None
    """What its bytes are, set by the stack: sip, tls, sips, ws, wss, hep; None while nobody
    knows."""
    compression: str | None = None
    """How its SIP is compressed ([MS-SIPCOMP]), set by the stack: LZ77-8K, LZ77-64K or None."""
    ignored: bool = False
    """Set by the stack when nobody wants its payload: it is counted, and not looked at again."""

    def address(self, direction: int) -> str:
        """Return the address that sends in `direction` (0 or 1), as text."""
        version, high, low, _ = self.endpoints[direction]
        return format_address(version, high, low)

    def port(self, direction: int) -> int:
        """Return the port that sends in `direction` (0 or 1)."""
        return self.endpoints[direction][3]

    @property
    def client_ip(self) -> str:
        """The client's address."""
        return self.address(self.client)

    @property
    def client_port(self) -> int:
        """The client's port."""
        return self.port(self.client)

    @property
    def server_ip(self) -> str:
        """The server's address."""
        return self.address(1 - self.client)

    @property
    def server_port(self) -> int:
        """The server's port."""
        return self.port(1 - self.client)

    def set_client(self, direction: int) -> None:
        """Say that the client sends in `direction`, as its content shows.

        A SYN knows better: where one was captured nothing changes. The numbers of the directions
        never change.
        """
        if self.initiator != "syn":
            self.client = direction
            self.initiator = "content"


@dataclass(slots=True)
class FlowBatch:
    """The rows of one batch, each with its flow and direction."""

    layers: Layers
    """The batch."""
    rows: Int64
    """(R,) int64: rows of `layers` that belong to this partition, in frame order."""
    flow_index: Int64
    """(R,) int64: flow of each row, as a position in `flows`."""
    direction: npt.NDArray[np.uint8]
    """(R,) uint8: direction of each row, 0 or 1."""
    flows: list[Flow]
    """F flows that this batch touches; of two with the same 5-tuple the older comes first."""
    finished: list[Flow]
    """Flows that are over once the rows of this batch are dealt with."""
    problems: list[DissectError]
    """What the table has to tell about this batch."""


class UdpCandidates(NamedTuple):
    """Datagrams that may be SIP, or HEP."""

    row: Int64
    """(K,) int64: row of the `Layers`."""
    flow_index: Int64
    """(K,) int64: position in `FlowBatch.flows`."""
    direction: npt.NDArray[np.uint8]
    """(K,) uint8."""


def _byte_set(*groups: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[np.frombuffer(b"".join(groups), np.uint8)] = True
    return table


# RFC 3261 §25.1: token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")
_ALPHANUM = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_TOKEN = _byte_set(_ALPHANUM, b"-.!%*_+`'~")
# The second to fourth byte may also end a short method ("ACK "), or be the slash of "SIP/2.0".
_AFTER_TOKEN = _TOKEN | _byte_set(b" /")


# HEP (what capture agents send) begins with "HEP3", a token, or with version (1, 2), length of the
# header (16, 40), address family (2, 10) and protocol number.
_FIRST = _TOKEN | _byte_set(bytes([1, 2]))
_AFTER_FIRST = _AFTER_TOKEN | _byte_set(bytes([2, 6, 10, 16, 17, 22, 40, 50, 132]))


def udp_candidates(batch: FlowBatch) -> UdpCandidates:
    """Pick the datagrams that could begin a SIP message or be HEP, by their first four bytes.

    RTP and RTCP (first byte 128 to 191), DTLS (20 to 63), and the CRLF and NUL keep-alives fail at
    the first byte, STUN (0 to 3) at the second. Flows that are `ignored` take no part.

    Parameters
    ----------
    batch : FlowBatch

    Returns
    -------
    UdpCandidates
        In frame order. The payload still has to be looked at: four bytes prove nothing.

    References
    ----------
    RFC 3261 §7.1, §7.2 and §25.1; RFC 7983 §7 for the first bytes of the others.
    """
    layers, data = batch.layers, batch.layers.data
    wanted = np.array([f.protocol == UDP and not f.ignored for f in batch.flows], np.bool_)
    if not wanted.any():
        empty = np.empty(0, np.int64)
        return UdpCandidates(empty, empty, empty.astype(np.uint8))
    pick = np.flatnonzero(wanted[batch.flow_index] & (layers.payload_length[batch.rows] >= 4))
    for offset in range(4):
        allowed = _AFTER_FIRST if offset else _FIRST
        pick = pick[allowed[data[layers.payload_start[batch.rows[pick]] + offset]]]
    return UdpCandidates(batch.rows[pick], batch.flow_index[pick], batch.direction[pick])


def guess_direction(source_port: int, target_port: int, protocol: int) -> tuple[int, Initiator]:
    """Guess by its ports in which direction a packet goes when no SYN was captured.

    Parameters
    ----------
    source_port, target_port : int
        Ports of the first packet seen.
    protocol : int
        6 or 17.

    Returns
    -------
    int
        0 when its sender looks like the client, else 1.
    {'port', 'first'}
        What told. Between two UDP ports of which neither is well known the first sender is taken
        for the client; over TCP the lower port is taken for the server's.
    """
    source, target = _port_rank(source_port), _port_rank(target_port)
    if source == target == 2 and protocol == TCP:
        source, target = source_port, target_port
    if source == target:
        return 0, "first"
    return (1, "port") if source < target else (0, "port")


def _port_rank(port: int) -> int:
    return 0 if port in SIP_PORTS else 1 if port < 1024 else 2


class _Draft:
    """A `FlowBatch` in the making: the groups of a batch, and which flow each is at present."""

    __slots__ = ("current", "finished", "flows", "forward_direction", "groups", "layers", "splits")

    def __init__(self, layers: Layers, groups: FlowGroups) -> None:
        self.layers = layers
        self.groups = groups
        self.flows: list[Flow] = []
        self.forward_direction: list[int] = []  # per flow: direction of its group's forward rows
        self.current: list[int] = list(range(len(groups.key)))  # per group: position in `flows`
        self.splits: list[tuple[int, int, int]] = []  # group, first position, position in `flows`
        self.finished: list[Flow] = []

    def add(self, flow: Flow, first_is_low: bool) -> None:
        """Append a flow whose group's forward rows are sent by the low endpoint, or the other."""
        self.flows.append(flow)
        low = flow.low_direction
        self.forward_direction.append(low if first_is_low else 1 - low)

    def column(self, values: npt.NDArray[_T]) -> npt.NDArray[_T]:
        """Return a column of the layers for the rows of the partition."""
        rows = self.groups.rows
        return values if len(rows) == len(values) else values[rows]


class _Event(NamedTuple):
    """A row that may begin or end a flow."""

    position: int
    group: int
    forward: bool
    frame: int
    time: int
    flags: int
    seq: int
    ack: int


class FlowTable:
    """All live flows of a capture.

    Parameters
    ----------
    partition : (int, int)
        ``(i, n)``: this table is one of `n`, and keeps the flows whose symmetric hash is `i` modulo
        `n`.
    limit : int
        Live flows at most; beyond it the longest idle are finished early, which is told.
    """

    def __init__(self, partition: tuple[int, int] = (0, 1), *, limit: int = FLOW_LIMIT) -> None:
        self._partition = partition
        self._limit = limit
        self._clock = 0
        # Each in the order of last use, so that whoever is idle for longest stands in front.
        self._udp: OrderedDict[bytes, Flow] = OrderedDict()
        self._open: OrderedDict[bytes, Flow] = OrderedDict()
        self._closed: OrderedDict[bytes, Flow] = OrderedDict()

    def __len__(self) -> int:
        return len(self._udp) + len(self._open) + len(self._closed)

    def assign(self, layers: Layers) -> FlowBatch:
        """Give every row its flow and direction, and count.

        Parameters
        ----------
        layers : Layers
            The next N rows of the capture, in frame order.

        Returns
        -------
        FlowBatch
            `finished` names the flows that end with this batch: their rows in it, if any, still
            have to be dealt with first.
        """
        if len(layers):
            # The median, since damaged captures hold packets of the year 2106.
            self._clock = max(self._clock, int(np.median(layers.time_ns)))
        draft = _Draft(layers, group_by_flow(layers, self._partition))
        self._find_flows(draft)
        for event in _events(draft):
            self._take_event(draft, event)
        _look_outside(draft)
        batch = _complete(draft)
        self._touch(batch.flows)
        self._expire(batch.finished)
        self._evict(batch)
        for flow in batch.finished:
            _conclude(flow)
        return batch

    def finish(self) -> list[Flow]:
        """End the capture: return all flows that are left, by number, and forget them."""
        left = [*self._udp.values(), *self._open.values(), *self._closed.values()]
        for table in (self._udp, self._open, self._closed):
            table.clear()
        for flow in left:
            _conclude(flow)
        return sorted(left, key=lambda flow: flow.number)

    def _find_flows(self, draft: _Draft) -> None:
        """Give each group of the batch the flow that is alive, or a new one."""
        for key, low, protocol, time, *opening in _first_rows(draft):
            if protocol == UDP:
                flow = self._udp.get(key)
                if flow is not None and time - flow.end_time_ns > UDP_IDLE_NS:
                    self._retire(flow, draft.finished)
                    flow = None
            else:
                flow = self._open.get(key) or self._closed.get(key)
            if flow is None:
                flow = _open_flow(key, low, protocol, time, *opening)
                (self._udp if protocol == UDP else self._open)[key] = flow
            draft.add(flow, low)

    def _take_event(self, draft: _Draft, event: _Event) -> None:
        index = draft.current[event.group]
        flow = draft.flows[index]
        direction = draft.forward_direction[index] ^ (not event.forward)
        if flow.protocol == UDP:
            self._split(draft, event, flow, direction)
            return
        if event.flags & (RST | FIN) and flow.ended_by is None:
            flow.ended_by = direction
        if event.flags & RST:
            self._close(flow, "rst", event.time)
            return
        if event.flags & SYN:
            if _is_new_connection(flow, direction, event):
                flow, direction = self._split(draft, event, flow, direction)
            _note_syn(flow, direction, event)
        if event.flags & FIN:
            flow.fin_seen |= 1 << direction
            if flow.fin_seen == 3:
                self._close(flow, "fin", event.time)

    def _split(self, draft: _Draft, event: _Event, old: Flow, direction: int) -> tuple[Flow, int]:
        """Begin another flow between the same endpoints at the row of `event`."""
        self._retire(old, draft.finished)
        source, target = old.endpoints[direction], old.endpoints[1 - direction]
        low = direction == old.low_direction
        flow = _open_flow(
            old.key, low, old.protocol, event.time, event.frame, event.flags, event.seq, event.ack,
            source, target, _tunnel_at(draft, event.position),
        )  # fmt: skip
        (self._udp if flow.protocol == UDP else self._open)[flow.key] = flow
        draft.current[event.group] = len(draft.flows)
        draft.splits.append((event.group, event.position, len(draft.flows)))
        draft.add(flow, bool(draft.groups.first_is_low[event.group]))
        return flow, flow.low_direction if low else 1 - flow.low_direction

    def _close(self, flow: Flow, end: Literal["fin", "rst"], time: int) -> None:
        """Keep a closed connection as its own tombstone (RFC 9293 §3.6.1, TIME-WAIT)."""
        if flow.end == "open":
            flow.end, flow.closed_time_ns = end, time
            self._closed[flow.key] = self._open.pop(flow.key)

    def _retire(self, flow: Flow, finished: list[Flow]) -> None:
        self._home(flow).pop(flow.key)
        finished.append(flow)

    def _home(self, flow: Flow) -> OrderedDict[bytes, Flow]:
        if flow.protocol == UDP:
            return self._udp
        return self._open if flow.end == "open" else self._closed

    def _touch(self, flows: list[Flow]) -> None:
        """Put the flows of the batch behind all others in the order of idleness."""
        for flow in flows:
            home = self._home(flow)
            if home.get(flow.key) is flow:
                flow.seen_ns = self._clock
                home.move_to_end(flow.key)

    def _expire(self, finished: list[Flow]) -> None:
        for table, idle in (
            (self._udp, UDP_IDLE_NS),
            (self._open, TCP_IDLE_NS),
            (self._closed, CLOSED_IDLE_NS),
        ):
            while table:
                flow = next(iter(table.values()))
                if self._clock - flow.seen_ns <= idle:
                    break
                self._retire(flow, finished)

    def _evict(self, batch: FlowBatch) -> None:
        """Keep to the limit: closed connections go first, then whoever was idle for longest."""
        evicted = 0
        while len(self) > self._limit:
            heads = [next(iter(table.values())) for table in (self._udp, self._open) if table]
            closed = next(iter(self._closed.values()), None)
            self._retire(closed or min(heads, key=lambda flow: flow.seen_ns), batch.finished)
            evicted += closed is None
        if evicted:
            batch.problems.append(
                LimitExceeded(
                    f"{evicted} idle flows were given up to keep to {self._limit} at a time",
                    layer="transport",
                    severity="warning",
                    frame_number=int(batch.layers.frame_number[-1]),
                    time_ns=int(batch.layers.time_ns[-1]),
                )
            )


def _first_rows(draft: _Draft) -> Iterable[tuple[Any, ...]]:
    """For each group: key, the arguments of `_open_flow`."""
    layers, groups = draft.layers, draft.groups
    rows = groups.rows[groups.first]
    version = layers.ip_version[rows].tolist()

    def ends(high: Words, low: Words, port: npt.NDArray[np.uint16]) -> Iterable[Endpoint]:
        return zip(
            version, high[rows].tolist(), low[rows].tolist(), port[rows].tolist(), strict=True
        )

    return zip(
        groups.key,
        groups.first_is_low.tolist(),
        layers.protocol[rows].tolist(),
        layers.time_ns[rows].tolist(),
        layers.frame_number[rows].tolist(),
        layers.flags[rows].tolist(),
        layers.seq[rows].tolist(),
        layers.ack[rows].tolist(),
        ends(layers.src_high, layers.src_low, layers.src_port),
        ends(layers.dst_high, layers.dst_low, layers.dst_port),
        layers.tunnel[rows].tolist(),
        strict=True,
    )


def _look_outside(draft: _Draft) -> None:
    """Note the addresses around the flows that began in a tunnel in this batch."""
    outside = draft.layers.outside
    if outside is None:
        return
    for flow in draft.flows:
        if flow.tunnel and flow.outside is None:
            ends = outside.find(flow.number)
            if ends is not None:
                flow.outside = format_address(*ends[0]), format_address(*ends[1])


def _tunnel_at(draft: _Draft, position: int) -> int:
    return int(draft.layers.tunnel[draft.groups.rows[position]])


def _open_flow(
    key: bytes,
    low: bool,
    protocol: int,
    time: int,
    frame: int,
    flags: int,
    seq: int,
    ack: int,
    source: Endpoint,
    target: Endpoint,
    tunnel: int,
) -> Flow:
    """Make a flow of its first packet; `low`: its sender stands first in `key`."""
    told: Initiator = "syn"
    if flags & SYN:
        direction = 1 if flags & ACK else 0
    else:
        direction, told = guess_direction(source[3], target[3], protocol)
    ends = (target, source) if direction else (source, target)
    low_direction = direction if low else 1 - direction
    flow = Flow(frame, key, protocol, ends, low_direction, told, TUNNELS[tunnel], time, time)
    if protocol == TCP and not flags & SYN:
        flow.opening = (direction, seq, ack)
    return flow


def _events(draft: _Draft) -> Iterator[_Event]:
    """Yield the rows that may begin or end a flow, in arrival order."""
    layers, groups = draft.layers, draft.groups
    flags = draft.column(layers.flags)
    at = np.flatnonzero(flags & (SYN | FIN | RST))
    silence = _after_silence(draft)
    if len(silence):
        at = np.union1d(at, silence)
    rows = groups.rows[at]
    columns = (layers.frame_number, layers.time_ns, layers.flags, layers.seq, layers.ack)
    return map(
        _Event._make,
        zip(
            at.tolist(),
            groups.group[at].tolist(),
            groups.forward[at].tolist(),
            *(column[rows].tolist() for column in columns),
            strict=True,
        ),
    )


def _after_silence(draft: _Draft) -> Int64:
    """Positions of UDP rows that come too long after the one before in their group."""
    time = draft.column(draft.layers.time_ns)
    if not len(time) or int(time.max()) - int(time.min()) <= UDP_IDLE_NS:
        return np.empty(0, np.int64)
    order = stable_order(draft.groups.group)
    group, udp = draft.groups.group[order], draft.column(draft.layers.protocol)[order] == UDP
    late = udp[1:] & (group[1:] == group[:-1]) & (np.diff(time[order]) > UDP_IDLE_NS)
    positions: Int64 = order[1:][late]
    return positions


def _is_new_connection(flow: Flow, direction: int, event: _Event) -> bool:
    """Say whether a SYN opens another connection between known endpoints (RFC 9293 §3.5).

    A SYN with the sequence number of the one before is its retransmission, and does not. After the
    end of a connection any SYN does: Windows tries again with the same number when it was refused.
    """
    if flow.number == event.frame:
        return False
    own, peer = flow.initial_sequence[direction], flow.initial_sequence[1 - direction]
    if event.flags & ACK:
        if own == event.seq:
            return False
        if peer is not None:  # it answers the SYN that we know, or another one
            return flow.end != "open" or not _acknowledges_syn(event.ack, peer)
    elif flow.end != "open":
        return True
    elif own is not None:
        return own != event.seq
    elif peer is not None:
        return False  # both sides opened at once (RFC 9293 §3.5, figure 7)
    return flow.end != "open" or not _overtook_its_syn(flow, direction, event.seq)


def _acknowledges_syn(ack: int, initial_sequence: int) -> bool:
    """With TCP Fast Open (RFC 7413) a SYN-ACK acknowledges the data of the SYN as well."""
    return (ack - 1 - initial_sequence) & 0xFFFFFFFF <= 0xFFFF


def _overtook_its_syn(flow: Flow, direction: int, seq: int) -> bool:
    """Say whether the flow began with a packet that was captured before the SYN it follows."""
    if flow.opening is None:
        return False
    sender, number, acknowledged = flow.opening
    return (number if sender == direction else acknowledged) == (seq + 1) & 0xFFFFFFFF


def _note_syn(flow: Flow, direction: int, event: _Event) -> None:
    flow.initial_sequence[direction] = event.seq
    answers = bool(event.flags & ACK)
    if answers and flow.initial_sequence[1 - direction] is None:
        flow.initial_sequence[1 - direction] = (event.ack - 1) & 0xFFFFFFFF
    if flow.initiator != "syn":
        flow.initiator = "syn"
        flow.client = direction ^ answers


def _complete(draft: _Draft) -> FlowBatch:
    flow_index = _flow_index(draft)
    forward_direction = np.array(draft.forward_direction, np.uint8)
    direction = forward_direction[flow_index] ^ ~draft.groups.forward
    _count(draft, flow_index, direction)
    return FlowBatch(
        draft.layers, draft.groups.rows, flow_index, direction, draft.flows, draft.finished, []
    )


def _flow_index(draft: _Draft) -> Int64:
    """Flow of each row: its group's, or that of the last split before it."""
    group = draft.groups.group
    if not draft.splits:
        return group
    splits = np.array(sorted(draft.splits), np.int64)
    is_split = np.zeros(len(draft.groups.key), np.bool_)
    is_split[splits[:, 0]] = True
    position = np.flatnonzero(is_split[group])
    total = len(group)
    found = np.searchsorted(
        splits[:, 0] * total + splits[:, 1], group[position] * total + position, side="right"
    )
    split = splits[found - 1]
    after = (found > 0) & (split[:, 0] == group[position])
    index: Int64 = group.copy()
    index[position[after]] = split[after, 2]
    return index


def _count(draft: _Draft, flow_index: Int64, direction: npt.NDArray[np.uint8]) -> None:
    layers, size = draft.layers, len(draft.flows)
    code = flow_index * 2 + direction
    packets = np.bincount(code, minlength=2 * size).tolist()
    sent = (
        np.bincount(code, draft.column(layers.segment_length), 2 * size).astype(np.int64).tolist()
    )
    zero = (draft.column(layers.window) == 0) & (draft.column(layers.flags) & (RST | ACK) == ACK)
    zero_windows = np.bincount(flow_index[zero], minlength=size).tolist()
    end_time = _latest(draft.column(layers.time_ns), flow_index, size).tolist()
    for flow, p0, p1, b0, b1, zeros, time in zip(
        draft.flows,
        packets[::2],
        packets[1::2],
        sent[::2],
        sent[1::2],
        zero_windows,
        end_time,
        strict=True,
    ):
        if not p0 and not p1:
            continue  # its endpoints began anew with their first packet in this batch
        flow.packets[0] += p0
        flow.packets[1] += p1
        flow.payload_bytes[0] += b0
        flow.payload_bytes[1] += b1
        flow.zero_windows += zeros
        if time > flow.end_time_ns:
            flow.end_time_ns = time


def _latest(time: Int64, flow_index: Int64, size: int) -> Int64:
    """Return the latest time of each flow."""
    latest = np.zeros(size, np.int64)
    if (time[1:] >= time[:-1]).all():
        latest[flow_index] = time  # where indices repeat the last one stays
    else:
        np.maximum.at(latest, flow_index, time)
    return latest


def _conclude(flow: Flow) -> None:
    """Where only one direction was captured its FIN is all the end there can be."""
    if flow.end == "open" and flow.fin_seen and not flow.packets[2 - flow.fin_seen]:
        flow.end = "fin"
