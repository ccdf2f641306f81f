"""One frame of a capture, or record of a trace log, and what it had a part in on every floor.

The whole capture is read: what a frame means may lie in those before it (keys, the beginning of a
message) and behind it (its end).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dissectors.errors import DissectError
from dissectors.sip.message import SipMessage
from dissectors.stack import DecodeAs, Dissected, Stack
from dissectors.tls.decrypt import TlsSession
from dissectors.tls.keys import KeyRing
from dissectors.tls.watched import WatchedRecord, WatchedSession
from dissectors.tracelog.reader import TraceLogReader
from dissectors.tracelog.record import Logged, LoggedMessage
from dissectors.transport.flow import Flow, FlowBatch
from dissectors.transport.stream import StreamChunk
from dissectors.transport.trail import Trail, one_packet
from pipelines.errors import UsageError
from pipelines.ingest import CaptureFile, can_read_twice
from pipelines.tables import COPIES_KEPT, copy_key


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """A SIP message that the frame had a part in."""

    message_id: str
    """As in the table `messages`, of a run with this capture alone."""
    transport: str
    """udp, tcp, tls, log, …, as in `messages`."""
    way: str
    """Who sent it to whom, as far as told; an agent's frame has other ends than what it copied."""
    message: SipMessage
    """The message."""
    retransmission_of: str | None = None
    """message_id of the first copy of the same message on the same hop; None for that itself."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a TCP stream that the frame brought."""

    length: int
    """How many."""
    available_in: int
    """Frame that made them available: a later one when earlier bytes came late."""
    gap_before: int
    """Bytes lost right before them: 0 none, -1 an unknown number."""


@dataclass(slots=True)
class FrameView:
    """What is known of one frame."""

    capture: str
    """Name of the capture."""
    trail: Trail
    """The frame itself, and its headers."""
    flow: Flow | None = None
    """Flow that it belongs to; None when it carries neither TCP nor UDP."""
    direction: int = 0
    """Its direction in that flow."""
    completes_datagram: tuple[int, int] | None = None
    """When it is the fragment that makes a datagram whole: number of payload bytes, and IP protocol
    of these."""
    pieces: list[Piece] = field(default_factory=list)
    """What it brought to its TCP stream."""
    records: list[WatchedRecord] = field(default_factory=list)
    """TLS records that it had a part in."""
    messages: list[SeenMessage] = field(default_factory=list)
    """SIP messages that it had a part in."""
    problems: list[DissectError] = field(default_factory=list)
    """What was wrong with it, as in the table `expert`."""

    @property
    def frame_number(self) -> int:
        """Number of the frame, from 1."""
        return int(self.trail.packet.frame_number[0])


@dataclass(slots=True)
class RecordView:
    """What is known of the record of a trace log that begins on one line."""

    capture: str
    """Name of the log."""
    frame_number: int
    """The line, from 1."""
    logged: list[Logged] = field(default_factory=list)
    """What it holds."""
    problems: list[DissectError] = field(default_factory=list)
    """What was wrong with it, as in the table `expert`."""

    @property
    def messages(self) -> list[SeenMessage]:
        """The SIP messages of the record."""
        found = [one for one in self.logged if isinstance(one, LoggedMessage)]
        return [
            SeenMessage(f"1-{self.frame_number}-{number}", "log", _ways(one), one.message)
            for number, one in enumerate(found, 1)
        ]


def _ways(logged: LoggedMessage) -> str:
    """Say what a log tells of the two ends of a message."""
    own = logged.context.local or logged.context.machine or "this machine"
    peer = logged.context.peer or "a peer that is not told"
    ends = (peer, own) if logged.context.direction == "incoming" else (own, peer)
    return " to ".join(ends) if logged.context.direction else f"{own} and {peer}"


def watch_frame(
    path: str, frame_number: int, keys: KeyRing, decode_as: DecodeAs
) -> FrameView | RecordView:
    """Read a capture for the sake of one frame, or a trace log for one record.

    Parameters
    ----------
    path : str
        The capture, as for :class:`~pipelines.ingest.CaptureFile`.
    frame_number : int
        The frame, from 1; of a trace log, the line on which the record begins.
    keys : KeyRing
        TLS keys; secrets in the capture are added.
    decode_as : DecodeAs
        What the user says of ports.

    Raises
    ------
    UsageError
        When the capture cannot be read, or has no such frame.
    """
    reading = _Reading(path, frame_number, keys, decode_as)
    if reading.keys_came_late and can_read_twice(path):
        # Secrets stood behind packets that they open: now they are known from the beginning.
        reading = _Reading(path, frame_number, keys, decode_as)
    if reading.view is not None:
        return reading.view
    if reading.record is not None:
        if not reading.record.logged and not reading.record.problems:
            raise UsageError(f"{path}: no record of this trace log begins on line {frame_number}")
        return reading.record
    last = f"its last one is {reading.last}" if reading.last else "it has none"
    raise UsageError(f"{path}: has no frame {frame_number}: {last}")


class _Reading:
    """One capture being read; shows itself what the stack does."""

    def __init__(self, path: str, frame_number: int, keys: KeyRing, decode_as: DecodeAs) -> None:
        self.view: FrameView | None = None
        self.record: RecordView | None = None
        self.last = 0
        self.keys_came_late = False
        self._frame_number = frame_number
        self._keys = keys
        self._records: list[WatchedRecord] = []
        self._problems: list[DissectError] = []
        self._copies: dict[tuple[int, str | None, str | None], str] = {}
        self._last_messages: dict[int, tuple[int, int]] = {}
        self._read(CaptureFile(path), Stack(keys, self._take_message, decode_as, watch=self))

    def _read(self, capture: CaptureFile, stack: Stack) -> None:
        for batch in capture.batches():
            self._take_reader_findings(capture)
            if isinstance(capture.reader, TraceLogReader):
                self._take_log(capture.name, capture.reader)
                continue
            row = np.flatnonzero(batch.frame_number == self._frame_number)
            if len(row):
                trail = Trail(one_packet(batch, int(row[0])))
                self._problems += trail.problems()
                self.view = FrameView(
                    capture.name, trail, records=self._records, problems=self._problems
                )
            self._keep(stack.push(batch))
            self.last = int(batch.frame_number[-1])
        self._take_reader_findings(capture)
        self._keep(stack.finish())

    def _take_log(self, name: str, reader: TraceLogReader) -> None:
        """Keep what a trace log's record on the line holds."""
        if self.record is None:
            self.record = RecordView(name, self._frame_number, problems=self._problems)
        for logged in reader.logged:
            if logged.context.line_number == self._frame_number:
                self.record.logged.append(logged)
                self._problems += logged.faults if isinstance(logged, LoggedMessage) else []
        reader.logged.clear()

    # --- what the stack shows ---

    def take_flows(self, flows: FlowBatch) -> None:
        """Find the frame's flow."""
        layers, view = flows.layers, self.view
        at = np.flatnonzero(layers.frame_number[flows.rows] == self._frame_number)
        if view is None or not len(at):
            return
        row = int(flows.rows[at[0]])
        view.flow = flows.flows[int(flows.flow_index[at[0]])]
        view.direction = int(flows.direction[at[0]])
        if view.trail.fragment is not None:
            view.completes_datagram = int(layers.payload_length[row]), int(layers.protocol[row])

    def take_chunk(self, flow: Flow, chunk: StreamChunk) -> None:
        """Find the bytes that the frame brought to its stream."""
        if self.view is None:
            return
        begin = 0
        for end, frames in zip(chunk.ends, chunk.frames, strict=True):
            if self._frame_number in frames:
                gap = 0 if begin else chunk.gap_before
                self.view.pieces.append(Piece(end - begin, frames[-1], gap))
            begin = end

    def make_session(self, keys: KeyRing) -> TlsSession:
        """Return a session that shows the frame's records."""
        return WatchedSession(keys, self._frame_number, self._records)

    # --- what is kept ---

    def _take_message(self, flow: Flow, transport: str, message: SipMessage) -> None:
        # Counted within the flow, as for the table `messages`.
        frame, ordinal = self._last_messages.get(flow.number, (0, 0))
        ordinal = ordinal + 1 if frame == message.frames[-1] else 1
        self._last_messages[flow.number] = message.frames[-1], ordinal
        message_id = f"1-{message.frames[-1]}-{ordinal}"
        first = self._first_copy(flow, message, message_id)
        if self.view is not None and self._frame_number in message.frames:
            way = _way(flow, message.direction)
            self.view.messages.append(SeenMessage(message_id, transport, way, message, first))

    def _first_copy(self, flow: Flow, message: SipMessage, message_id: str) -> str | None:
        """Return the id of the message that this one repeats, as the table `messages` tells it."""
        first = self._copies.setdefault(copy_key(flow, message), message_id)
        if len(self._copies) > COPIES_KEPT:
            del self._copies[next(iter(self._copies))]
        return None if first == message_id else first

    def _take_reader_findings(self, capture: CaptureFile) -> None:
        if capture.reader is None:
            return
        for secret in capture.reader.secrets:
            self._keys.add_keylog(secret, f"decryption secrets of {capture.name}")
        self.keys_came_late |= bool(capture.reader.secrets) and self.last > 0
        capture.reader.secrets.clear()
        self._take_faults(capture.reader.problems)
        capture.reader.problems.clear()

    def _keep(self, found: Dissected) -> None:
        self._take_faults([fault for _, fault in found.faults])

    def _take_faults(self, faults: list[DissectError]) -> None:
        self._problems += [one for one in faults if one.frame_number == self._frame_number]


def _way(flow: Flow, direction: int) -> str:
    """Say between which hosts a message went."""
    ends = [(flow.address(side), flow.port(side)) for side in (direction, 1 - direction)]
    texts = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in ends]
    return " to ".join(texts)
