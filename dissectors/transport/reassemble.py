"""TCP segments → the bytes that the two programs sent (RFC 9293 §3.10.7.4).

A batch is sorted once, by flow, direction and arrival, and cut into *stretches*: segments that
follow each other without a gap. A stretch that begins where its direction stands is taken whole,
which is the fate of nearly all; only around a gap does a segment become a Python object
(`dissectors.transport.reorder`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Int64
from dissectors.errors import DissectError
from dissectors.transport.flow import Flow, FlowBatch
from dissectors.transport.grouping import stable_order
from dissectors.transport.layers import ACK, FIN, RST, SYN, TCP
from dissectors.transport.reorder import (
    ACK_LIMIT,
    SEGMENT_COST,
    Bounds,
    ReceiveQueue,
    Run,
    Segment,
    note_acknowledged,
)
from dissectors.transport.stream import StreamChunk

_Output = StreamChunk | DissectError
Item = tuple[Flow, _Output]
_Pair = list[ReceiveQueue | None]


class _Stretch(NamedTuple):
    """Segments of one direction that follow each other without a gap."""

    code: int
    """Twice the flow's position in the batch, plus the direction."""
    first: int
    stop: int
    cut: bool
    """It is a single segment that was not captured whole."""
    fin: bool
    """It is a single segment with a FIN, perhaps without data."""


_FEW = 32
"""Acknowledgments that are told one by one without looking whether that is needed."""


class _Segments:
    """The data and FIN segments of a batch, sorted by flow, direction and arrival.

    What every segment needs is a list; what only the troubled ones need stays an array.
    """

    def __init__(self, batch: FlowBatch, rows: Int64, code: Int64) -> None:
        layers = batch.layers
        flags = layers.flags[rows]
        # Text in a RST explains it and is no data of the stream (RFC 1122 §4.2.2.12).
        carries = ((layers.segment_length[rows] > 0) | (flags & FIN > 0)) & (flags & RST == 0)
        self.row = rows = rows[carries]
        self.code, flags = code[carries], flags[carries]
        self.sent = layers.segment_length[rows]
        self.fin = flags & FIN > 0
        # A SYN takes the number before the first byte of data (RFC 9293 §3.4).
        self.seq = layers.seq[rows] + (flags & SYN > 0).astype(np.uint32)
        length = np.minimum(layers.payload_length[rows], self.sent)
        self.cut = length < self.sent
        self.view = np.ascontiguousarray(layers.data).data
        start = layers.payload_start[rows]
        self.start: list[int] = start.tolist()
        self.stop: list[int] = (start + length).tolist()
        self.length: list[int] = length.tolist()
        self.frame: list[int] = layers.frame_number[rows].tolist()
        self.time: list[int] = layers.time_ns[rows].tolist()

    def stretches(self) -> list[_Stretch]:
        """Cut the segments where they cease to follow each other."""
        total = len(self.row)
        begins = np.ones(total, np.bool_)
        after = self.seq + self.sent.astype(np.uint32)
        begins[1:] = (self.code[1:] != self.code[:-1]) | (self.seq[1:] != after[:-1])
        single = self.cut | self.fin
        begins |= single
        begins[1:] |= single[:-1]
        first = np.flatnonzero(begins)
        stop = np.append(first[1:], total) if total else first
        columns = (self.code[first], first, stop, self.cut[first], self.fin[first])
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return list(map(_Stretch._make, rows))

    def segment(self, at: int) -> Segment:
        """Return one segment as an object."""
        data = self.view[self.start[at] : self.stop[at]]
        fin = bool(self.fin[at])
        return Segment(
            int(self.seq[at]), data, int(self.sent[at]), self.frame[at], self.time[at], fin
        )

    def fitting(self, first: int, stop: int, room: int) -> int:
        """Return where a stretch has to end to fit into `room` bytes."""
        for at in range(first, stop):
            room -= self.length[at] + SEGMENT_COST
            if room < 0:
                return at
        return stop

    def run(self, first: int, stop: int) -> Run:
        """Return a gapless stretch, or a part of one."""
        view = self.view
        return Run(
            [view[a:b] for a, b in zip(self.start[first:stop], self.stop[first:stop], strict=True)],
            self.length[first:stop],
            self.frame[first:stop],
            self.time[first:stop],
        )


class _Acknowledgments:
    """The acknowledgments of a batch, sorted by flow, direction and arrival."""

    def __init__(self, batch: FlowBatch, rows: Int64, code: Int64) -> None:
        layers = batch.layers
        flags = layers.flags[rows]
        valid = flags & (ACK | RST) == ACK
        self.row, self.code = rows[valid], code[valid]
        self.ack: npt.NDArray[np.uint32] = layers.ack[self.row]
        self.time = layers.time_ns[self.row]
        self._cursors: dict[int, _Cursor] = {}
        self._flows = batch.flows
        self._highest = self._find_highest()

    def _find_highest(self) -> dict[int, int]:
        """Find for each flow and direction the highest number that it acknowledged."""
        if not len(self.row):
            return {}
        first = np.flatnonzero(np.diff(self.code, prepend=-1))
        known = [
            self._flows[code // 2].acknowledged[1 - code % 2] for code in self.code[first].tolist()
        ]
        start = np.where(
            [one is None for one in known], self.ack[first], [one or 0 for one in known]
        )
        start = start.astype(np.uint32)
        base = np.repeat(start, np.diff(np.append(first, len(self.row))))
        ahead = (self.ack - base).view(np.int32)
        ahead = np.maximum.reduceat(np.where(ahead < ACK_LIMIT, ahead, 0), first)
        highest = start + np.maximum(ahead, 0).astype(np.uint32)
        return dict(zip(self.code[first].tolist(), highest.tolist(), strict=True))

    def note_highest(self, flow: Flow, index: int) -> None:
        """Note what both sides of a flow have acknowledged by the end of the batch."""
        for receiver in (0, 1):
            ack = self._highest.get(index * 2 + receiver)
            if ack is not None:
                note_acknowledged(flow, 1 - receiver, ack)

    def tell(self, queue: ReceiveQueue, code: int, row: int | None = None) -> None:
        """Tell `queue` what its receiver acknowledged before `row` and was not told yet.

        `code` is that of the receiver; without a row all that the batch holds is told.
        """
        cursor = self._cursors.get(code)
        if cursor is None:
            low, high = np.searchsorted(self.code, (code, code + 1)).tolist()
            cursor = self._cursors[code] = _Cursor(self.row[low:high].tolist(), low)
        at, rows = cursor.at, cursor.rows
        stop = cursor.at = len(rows) if row is None else bisect_left(rows, row, at)
        if at < stop:
            told = slice(cursor.low + at, cursor.low + stop)
            self._tell(queue, self.ack[told], self.time[told])

    def _tell(self, queue: ReceiveQueue, ack: npt.NDArray[np.uint32], time: Int64) -> None:
        if len(ack) > _FEW and not queue.is_waiting:
            # Only the highest counts while nothing waits.
            known = queue.flow.acknowledged[queue.direction]
            ahead = (ack - np.uint32(ack[0] if known is None else known)).view(np.int32)
            highest = ack[np.argmax(np.where(ahead < ACK_LIMIT, ahead, 0))]
            note_acknowledged(queue.flow, queue.direction, int(highest))
            return
        for number, time_ns in zip(ack.tolist(), time.tolist(), strict=True):
            queue.acknowledge(number, time_ns)


@dataclass(slots=True)
class _Cursor:
    """How far the acknowledgments of one receiver were told."""

    rows: list[int]
    low: int
    at: int = 0


class Reassembler:
    """Puts the TCP streams of a capture in order, batch by batch.

    Memory is bounded for hostile captures too: what waits behind gaps, and what is remembered to be
    compared with retransmissions. A bound that is reached is told.
    """

    def __init__(self) -> None:
        self._bounds = Bounds()
        self._queues: dict[Flow, _Pair] = {}

    def push(self, batch: FlowBatch) -> Iterator[Item]:
        """Yield what the rows of `batch` make available, and then end its finished flows.

        Parameters
        ----------
        batch : FlowBatch
            The next one of the capture.

        Yields
        ------
        Flow
            One that is TCP and not `ignored`; the flows of a batch come one after the other.
        StreamChunk or DissectError
            In-order bytes, usually one chunk for each direction; or what is wrong with them.
        """
        finished = set(batch.finished)
        for flow, items in self._each_flow(batch):
            yield from _unless_ignored(flow, items)
            if flow in finished:
                yield from self._end(flow)
        for flow in batch.finished:
            yield from self._end(flow)
        yield from self._expire(batch)

    def finish(self) -> Iterator[Item]:
        """End the capture: yield what still waits, and tell what is missing."""
        for flow in sorted(self._queues, key=lambda flow: flow.number):
            yield from self._end(flow)

    def _each_flow(self, batch: FlowBatch) -> Iterator[tuple[Flow, list[_Output]]]:
        wanted = np.array([self._wants(flow) for flow in batch.flows], np.bool_)
        rows, code = _sorted_rows(batch, wanted)
        segments = _Segments(batch, rows, code)
        acks = _Acknowledgments(batch, rows, code)
        for index, stretches in _by_flow(segments.stretches(), np.flatnonzero(wanted).tolist()):
            flow = batch.flows[index]
            for stretch in stretches:
                _take_stretch(self._queue(flow, stretch.code & 1), segments, acks, stretch)
            queues = [queue for queue in self._queues.get(flow, ()) if queue is not None]
            for queue in queues:
                if queue.is_waiting:
                    acks.tell(queue, index * 2 + 1 - queue.direction)
            acks.note_highest(flow, index)
            if queues:
                yield flow, _collect(queues)

    def _wants(self, flow: Flow) -> bool:
        if flow.ignored:
            for queue in self._queues.pop(flow, ()):
                if queue is not None:
                    queue.discard()
        return flow.protocol == TCP and not flow.ignored

    def _queue(self, flow: Flow, direction: int) -> ReceiveQueue:
        pair = self._queues.setdefault(flow, [None, None])
        queue = pair[direction]
        if queue is None:
            queue = pair[direction] = ReceiveQueue(flow, direction, self._bounds)
        return queue

    def _end(self, flow: Flow) -> Iterator[Item]:
        for queue in self._queues.pop(flow, ()):
            if queue is not None:
                yield from _unless_ignored(flow, queue.finish())

    def _expire(self, batch: FlowBatch) -> Iterator[Item]:
        """Look after the queues that wait, whether or not the batch had packets for them."""
        if not len(batch.layers):
            return
        now = int(batch.layers.time_ns[-1])
        waiting, self._bounds.relieved = self._bounds.relieved, []
        for queue in [*waiting, *self._bounds.waiting]:
            queue.expire(now)
            yield from _unless_ignored(queue.flow, queue.take())


def _unless_ignored(flow: Flow, items: list[_Output]) -> Iterator[Item]:
    """Hand out items for as long as whoever takes them wants more of the flow."""
    for item in items:
        if flow.ignored:
            return
        yield flow, item


def _sorted_rows(batch: FlowBatch, wanted: npt.NDArray[np.bool_]) -> tuple[Int64, Int64]:
    """Sort the rows of the wanted flows; their code is twice the flow plus the direction."""
    picked = np.flatnonzero(wanted[batch.flow_index]) if len(wanted) else np.empty(0, np.int64)
    code = batch.flow_index[picked] * 2 + batch.direction[picked]
    order = stable_order(code)
    return batch.rows[picked[order]], code[order]


def _by_flow(stretches: list[_Stretch], indices: list[int]) -> Iterator[tuple[int, list[_Stretch]]]:
    """Share out sorted stretches to the flows at ascending `indices`, some of which have none."""
    at = 0
    for index in indices:
        first = at
        while at < len(stretches) and stretches[at].code >> 1 == index:
            at += 1
        yield index, stretches[first:at]


def _take_stretch(
    queue: ReceiveQueue, segments: _Segments, acks: _Acknowledgments, stretch: _Stretch
) -> None:
    """Take a stretch whole if its queue is ready for it, else by parts until it is."""
    at, stop = stretch.first, stretch.stop
    while at < stop:
        seq = int(segments.seq[at])
        # A lone byte may be a keep-alive: it alone does not make a beginning.
        count = stop - at if segments.length[at] > 1 else 0
        if not stretch.cut and queue.can_extend(seq, count):
            if segments.length[at]:
                queue.extend(segments.run(at, stop))
            if stretch.fin:
                queue.end()
            return
        acks.tell(queue, stretch.code ^ 1, int(segments.row[at]))
        at = _take_part(queue, segments, at, stretch)


def _take_part(queue: ReceiveQueue, segments: _Segments, at: int, stretch: _Stretch) -> int:
    """Take what may wait together, or else one segment; return the row after it."""
    if queue.is_waiting and not (stretch.cut or stretch.fin):
        room = queue.room_behind(int(segments.seq[at]), segments.time[at])
        stop = segments.fitting(at, stretch.stop, room)
        if stop > at:
            queue.wait(int(segments.seq[at]), segments.run(at, stop))
            return stop
    queue.receive(segments.segment(at))
    return at + 1


def _collect(queues: list[ReceiveQueue]) -> list[_Output]:
    """Take what both directions of a flow have ready, the earlier first."""
    items = [item for queue in queues for item in queue.take()]
    return sorted(items, key=_time_of) if len(items) > 1 else items


def _time_of(item: _Output) -> int:
    return item.time_ns[0] if isinstance(item, StreamChunk) else item.time_ns or 0
