"""One direction of a TCP connection, put in order as its receiver would.

Sequence numbers are 32 bits and wrap (RFC 9293 §3.4). Inside a queue they are *positions*: integers
that equal the sequence number modulo 2**32 and never wrap, so that plain comparison is right.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple, TypedDict

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed, Severity
from dissectors.transport.flow import SECOND_NS, Flow
from dissectors.transport.stream import Frames, StreamChunk

WINDOW = 1 << 30
"""The largest window that scaling allows (RFC 7323 §2.3). What lies farther ahead is no data of
this stream."""
BEHIND = 1 << 24
"""What lies farther behind is no retransmission: nobody keeps 16 MiB unacknowledged for SIP."""
SETTLE_SEGMENTS = 4
"""Segments after which a direction whose SYN is missing decides where it begins."""
SETTLE_NS = SECOND_NS
"""Capture time after which it decides in any case."""
RESYNC_SEGMENTS = 8
"""As many segments in a row from elsewhere are a new beginning, no accident."""
ACKED_GRACE_NS = SECOND_NS
"""A hole that the receiver acknowledged is given up so much later: packets may be captured late."""
HOLE_AGE_NS = 60 * SECOND_NS
"""A hole that nobody acknowledged is given up after this: TCP has stopped trying by then."""
ACK_STEP_NS = SECOND_NS // 10
"""How finely the times of acknowledgments are kept."""
QUEUE_BYTES = 4 << 20
"""Bytes that may wait behind the holes of one direction."""
TOTAL_BYTES = 64 << 20
"""Bytes that may wait behind holes in all."""
HISTORY_BYTES = 8 << 20
"""Delivered bytes that are kept to be compared with retransmissions, in all."""
HISTORY_CHUNKS = 65536
"""Chunks that they may consist of."""
SEGMENT_COST = 256
"""What a waiting segment costs beside its bytes."""
RECENT = 16
"""Pieces back to which a retransmission is looked for before a chunk is made of them."""
NOTES = 64
"""Given-up stretches, and cut segments, that a direction remembers."""

LOST_ACKED = "lost: acknowledged but not captured"
LOST_UNACKED = "lost: never acknowledged"
LOST_ONE_WAY = "lost: not captured, nor any acknowledgment"
LOST_CUT = "cut by the snapshot length"
JUMPED = "the sequence numbers jumped"

_TEXT_RULE = "RFC 9293 §3.10.7.4"


def signed(difference: int) -> int:
    """Read the difference of two sequence numbers as the nearest of its meanings.

    Parameters
    ----------
    difference : int
        Any integer; only its lower 32 bits count.

    Returns
    -------
    int
        From ``-2**31`` to ``2**31 - 1``.
    """
    return ((difference + 0x80000000) & 0xFFFFFFFF) - 0x80000000


ACK_LIMIT = 1 << 30
"""An acknowledgment so far ahead of the highest one, in bytes, is none of this connection."""


def note_acknowledged(flow: Flow, direction: int, ack: int) -> None:
    """Remember the highest sequence number of a direction that its receiver acknowledged.

    Parameters
    ----------
    flow : Flow
        Its `acknowledged` is kept up to date.
    direction : {0, 1}
        Direction of the bytes, not of the acknowledgment.
    ack : int
        Acknowledgment number (RFC 9293 §3.4).
    """
    highest = flow.acknowledged[direction]
    if highest is None or 0 < signed(ack - highest) < ACK_LIMIT:
        flow.acknowledged[direction] = ack


class Segment(NamedTuple):
    """One TCP segment that carries data or a FIN."""

    seq: int
    """Sequence number of its first byte of data."""
    data: bytes | memoryview
    """The bytes that the capture holds."""
    sent: int
    """Bytes that were sent; more than `data` where the capture was cut."""
    frame: int
    """Frame number."""
    time_ns: int
    """Its time."""
    fin: bool
    """It ends the direction."""


class Run(NamedTuple):
    """Segments that follow each other without a gap, none of them empty, cut or ending."""

    parts: list[memoryview]
    """Data of each."""
    lengths: list[int]
    """Length of each, bytes."""
    frames: list[int]
    """Frame number of each."""
    times: list[int]
    """Time of each, nanoseconds since 1970 UTC."""


@dataclass(slots=True)
class _Disorder:
    """What a direction needs only when something is amiss."""

    starts: list[int] = field(default_factory=list)
    """Positions of the waiting pieces, ascending; the pieces do not overlap."""
    pieces: list[tuple[bytes, int, int]] = field(default_factory=list)
    """The waiting pieces: bytes, frame, time."""
    cost: int = 0
    """What waits here, bytes."""
    held: list[Segment] = field(default_factory=list)
    """Segments that wait for the direction to have a beginning."""
    strays: list[Segment] = field(default_factory=list)
    """Segments from outside the window, one after the other."""
    stray_count: int = 0
    """How many there were in all."""
    ack_positions: list[int] = field(default_factory=list)
    """Acknowledged positions, ascending."""
    ack_times: list[int] = field(default_factory=list)
    """When each was acknowledged."""
    given_up: list[tuple[int, int]] = field(default_factory=list)
    """The latest stretches that were given up."""
    cuts: list[int] = field(default_factory=list)
    """The latest positions at which the snapshot length cut a segment."""
    told_after_fin: bool = False
    """Data after FIN was reported."""


class _History:
    """Bytes that one direction has delivered, as far as they are still kept."""

    __slots__ = ("chunks", "head", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.chunks: list[bytes] = []
        self.head = 0

    def add(self, start: int, data: bytes) -> None:
        self.starts.append(start)
        self.chunks.append(data)

    def drop_oldest(self) -> int:
        """Forget one chunk; return its size."""
        if self.head == len(self.chunks):
            return 0
        size = len(self.chunks[self.head])
        self.chunks[self.head] = b""
        self.head += 1
        if self.head * 2 > len(self.chunks):
            del self.starts[: self.head], self.chunks[: self.head]
            self.head = 0
        return size

    def differs(self, start: int, data: bytes | memoryview) -> bool:
        """Say whether `data` at position `start` contradicts what is kept."""
        stop = start + len(data)
        at = max(bisect_right(self.starts, start) - 1, self.head)
        while at < len(self.starts) and self.starts[at] < stop:
            begin, chunk = self.starts[at], self.chunks[at]
            low, high = max(start, begin), min(stop, begin + len(chunk))
            if low < high and data[low - start : high - start] != chunk[low - begin : high - begin]:
                return True
            at += 1
        return False


class Bounds:
    """What all queues share: the memory that may wait, and that may be remembered."""

    def __init__(self) -> None:
        self.cost = 0
        self.waiting: OrderedDict[ReceiveQueue, None] = OrderedDict()
        self.relieved: list[ReceiveQueue] = []
        self.relieving = False
        self._order: deque[_History] = deque()
        self._remembered = 0

    def remember(self, history: _History, start: int, data: bytes) -> None:
        """Keep delivered bytes until newer ones need their place."""
        if len(data) > HISTORY_BYTES:
            start += len(data) - HISTORY_BYTES
            data = data[-HISTORY_BYTES:]
        history.add(start, data)
        self._order.append(history)
        self._remembered += len(data)
        while self._remembered > HISTORY_BYTES or len(self._order) > HISTORY_CHUNKS:
            self._remembered -= self._order.popleft().drop_oldest()

    def forget(self, history: _History) -> None:
        """Release a direction that is over."""
        self._remembered -= sum(map(len, history.chunks))
        history.starts.clear()
        history.chunks.clear()
        history.head = 0


class ReceiveQueue:
    """One direction of one TCP connection.

    `extend` takes a stretch of segments that follow each other and the queue without a gap,
    `receive` any single segment. What became available meanwhile is taken with `take`.

    Parameters
    ----------
    flow : Flow
        Its counters are kept up to date.
    direction : {0, 1}
        Direction within `flow`.
    bounds : Bounds
        Shared by all queues of a capture.
    """

    __slots__ = (
        "_bounds",
        "_disorder",
        "_fin",
        "_firsts",
        "_frames",
        "_gap",
        "_history",
        "_last_frame",
        "_last_time",
        "_lengths",
        "_parts",
        "_ready",
        "_reason",
        "_times",
        "_top",
        "direction",
        "flow",
        "next",
    )

    def __init__(self, flow: Flow, direction: int, bounds: Bounds) -> None:
        self.flow = flow
        self.direction = direction
        self.next: int | None = None
        """Position of the next byte to deliver; None until the direction has a beginning."""
        self._bounds = bounds
        self._disorder: _Disorder | None = None
        self._fin: int | None = None
        self._top = 0
        self._last_time = 0
        self._last_frame = flow.number
        self._history = _History()
        self._ready: list[StreamChunk | DissectError] = []
        self._gap, self._reason = 0, ""
        self._parts: list[bytes | memoryview] = []
        self._lengths: list[int] = []
        self._frames: list[Frames] = []
        self._times: list[int] = []
        self._firsts: list[int] = []

    # What the reassembler asks and says

    def can_extend(self, seq: int, count: int) -> bool:
        """Say whether `count` gapless segments from `seq` on may be given to `extend`.

        A direction that has no beginning yet is given one, if that is plain.
        """
        disorder = self._disorder
        if disorder is not None and (disorder.starts or disorder.held):
            return False
        if self.next is None:
            begin = self.flow.initial_sequence[self.direction]
            if begin is not None:
                self.next = self._top = begin + 1
            elif count >= SETTLE_SEGMENTS:
                self.next = self._top = seq
            else:
                return False
        return self._fin is None and not (self.next - seq) & 0xFFFFFFFF

    @property
    def is_waiting(self) -> bool:
        """Whether segments wait behind a hole, or for a beginning."""
        disorder = self._disorder
        return disorder is not None and bool(disorder.starts or disorder.held)

    def extend(self, run: Run) -> None:
        """Deliver a run that begins at the next position, as `can_extend` has found."""
        self._drop_strays()
        self.next = self._next + sum(run.lengths)
        self._top = max(self._top, self.next)
        self._deliver(run.parts, run.lengths, list(zip(run.frames)), run.times, run.times)

    def end(self) -> None:
        """Take a FIN at the next position, as `can_extend` has found."""
        self._note_fin(self._next)

    def room_behind(self, seq: int, now_ns: int) -> int:
        """Return how many bytes from `seq` on may wait behind all that waits; 0: they may not.

        The cost of each segment counts. That a deadline passes meanwhile makes no difference: it is
        looked at before the next segment that could fill the hole.
        """
        self.expire(now_ns)
        disorder = self._disorder
        if disorder is None or not disorder.starts or self._fin is not None:
            return 0
        behind = self._position(seq) - disorder.starts[-1] - len(disorder.pieces[-1][0])
        return QUEUE_BYTES - disorder.cost if 0 <= behind <= BEHIND else 0

    def wait(self, seq: int, run: Run) -> None:
        """Queue a run behind all that waits, as `room_behind` has found."""
        disorder = self._need_disorder()
        self._drop_strays()
        stops = list(accumulate(run.lengths, initial=self._position(seq)))
        disorder.starts += stops[:-1]
        disorder.pieces += zip(map(bytes, run.parts), run.frames, run.times, strict=True)
        self._charge(disorder, *run.lengths)
        self._top = max(self._top, stops[-1])
        self._keep_bounds()

    def receive(self, segment: Segment) -> None:
        """Take one segment, whatever it is."""
        self.expire(segment.time_ns)
        if self.next is None:
            self._hold(segment)
            return
        position = self._position(segment.seq)
        distance = position - self.next
        if distance > WINDOW or distance + segment.sent < -BEHIND:
            self._stray(segment)
        elif segment.sent == 1 and distance == -1 and not segment.fin:
            pass  # RFC 9293 §3.8.4: a keep-alive repeats one byte, and that may be garbage
        else:
            self._accept(position, segment)

    def acknowledge(self, ack: int, time_ns: int) -> None:
        """Hear that the other side has everything up to `ack` (RFC 9293 §3.4)."""
        note_acknowledged(self.flow, self.direction, ack)
        disorder = self._disorder
        if self.next is None or disorder is None or not disorder.starts:
            return
        position, log, times = self._position(ack), disorder.ack_positions, disorder.ack_times
        if position - self.next > WINDOW or position <= (log[-1] if log else self.next):
            return
        if times and time_ns - times[-1] < ACK_STEP_NS:
            log[-1] = position
        else:
            log.append(position)
            times.append(time_ns)

    def expire(self, now_ns: int) -> None:
        """Give up what has waited long enough by the capture's clock."""
        disorder = self._disorder
        if disorder is None:
            return
        if disorder.held and now_ns - disorder.held[0].time_ns >= SETTLE_NS:
            self._settle()
        while disorder.starts and now_ns >= self._deadline(disorder):
            self._give_up()

    def relieve(self, keep: int = 0) -> None:
        """Give up holes, the first ones first, until no more than `keep` bytes wait."""
        disorder = self._need_disorder()
        self._drop_strays()
        if disorder.held:
            self._settle()
        if disorder.starts:
            _, frame, time_ns = disorder.pieces[0]
            what = f"{disorder.cost} bytes wait behind a gap, which is given up to bound the memory"
            self._tell(LimitExceeded(what, **_at(frame, time_ns)))
        while disorder.starts and disorder.cost > keep:
            self._give_up()

    def take(self) -> list[StreamChunk | DissectError]:
        """Return what became available since the last call, in order."""
        self._seal()
        ready, self._ready = self._ready, []
        return ready

    def finish(self) -> list[StreamChunk | DissectError]:
        """End the direction: deliver what waits, tell what is missing, free the memory."""
        disorder = self._disorder
        if disorder is not None:
            if disorder.held:
                self._settle()
            while disorder.starts:
                self._give_up()
            self._tell_strays(disorder)
            self._drop_strays()
        self._seal()
        self._tell_missing_tail()
        self._bounds.forget(self._history)
        return self.take()

    def discard(self) -> None:
        """Free the memory of a direction that nobody wants any more."""
        disorder = self._disorder
        if disorder is not None:
            self._bounds.cost -= disorder.cost
            self._disorder = None
        self._bounds.waiting.pop(self, None)
        self._bounds.forget(self._history)

    # Where a direction begins

    def _hold(self, segment: Segment) -> None:
        disorder = self._need_disorder()
        segment = segment._replace(data=bytes(segment.data))
        disorder.held.append(segment)
        self._charge(disorder, len(segment.data))
        begin = self.flow.initial_sequence[self.direction]
        if begin is not None or len(disorder.held) >= SETTLE_SEGMENTS:
            self._settle()
        else:
            self._keep_bounds()

    def _settle(self) -> None:
        """Let the direction begin: after its SYN, else at the lowest of the segments seen."""
        disorder = self._need_disorder()
        held, disorder.held = disorder.held, []
        for segment in held:
            self._discharge(disorder, len(segment.data))
        begin = self.flow.initial_sequence[self.direction]
        self.next = begin + 1 if begin is not None else _lowest(held)
        self._top = self.next
        for segment in held:
            self.receive(segment)

    # What is out of the window

    def _stray(self, segment: Segment) -> None:
        disorder = self._need_disorder()
        disorder.stray_count += 1
        if disorder.stray_count == 1:
            what = "sequence number far outside the window: not taken for data of this stream"
            self._tell(Malformed(what, spec=_TEXT_RULE, **_at(segment.frame, segment.time_ns)))
        if disorder.strays and abs(signed(segment.seq - disorder.strays[-1].seq)) > BEHIND:
            self._drop_strays()
        disorder.strays.append(segment._replace(data=bytes(segment.data)))
        self._charge(disorder, len(segment.data))
        if len(disorder.strays) >= RESYNC_SEGMENTS:
            self._resynchronise(disorder)
        self._keep_bounds()

    def _drop_strays(self) -> None:
        """Forget strays once the stream goes on where it was: they were an accident."""
        disorder = self._disorder
        if disorder is not None and disorder.strays:
            self._discharge(disorder, *(len(segment.data) for segment in disorder.strays))
            disorder.strays = []

    def _resynchronise(self, disorder: _Disorder) -> None:
        """Follow the stream to where it went: ports were reused, or part of the capture is gone."""
        strays = disorder.strays
        self._drop_strays()
        disorder.stray_count -= len(strays)
        while disorder.starts:
            self._give_up()
        self._seal()
        self._gap, self._reason = -1, JUMPED
        what = "the sequence numbers jumped: an unknown number of bytes is missing"
        self._tell(Lost(what, **_at(strays[0].frame, strays[0].time_ns)))
        self._bounds.forget(self._history)
        self._history, self._disorder = _History(), _Disorder(stray_count=disorder.stray_count)
        self._fin = self.flow.acknowledged[self.direction] = None
        self.next = self._top = _lowest(strays)
        for segment in strays:
            self.receive(segment)

    def _tell_strays(self, disorder: _Disorder) -> None:
        if disorder.stray_count > 1:
            what = f"{disorder.stray_count} segments far outside the window were left out"
            where = _at(self.flow.number, self.flow.start_time_ns)
            self._tell(Malformed(what, spec=_TEXT_RULE, **where))

    # What is in the window

    def _accept(self, position: int, segment: Segment) -> None:
        """Deliver or queue what a segment brings; compare what it repeats."""
        self._drop_strays()
        data, stop = self._before_fin(position, segment)
        if position + len(data) < stop:
            self._note_cut(position + len(data), stop)
        known = min(max(self._next - position, 0), len(data))
        differs = self._check_known(position, data[:known], segment)
        brought, clash = self._queue(position + known, data[known:], segment)
        if differs or clash:
            what = "a retransmission has other bytes than the first copy, which is kept"
            where = _at(segment.frame, segment.time_ns)
            self._tell(Malformed(what, spec=_TEXT_RULE, **where))
        if not brought and stop <= self._top and (segment.sent or self._fin is not None):
            self.flow.retransmitted_segments += 1
        self._top = max(self._top, stop)
        if segment.fin:
            self._note_fin(position + segment.sent)
        self._keep_bounds()

    def _before_fin(self, position: int, segment: Segment) -> tuple[bytes | memoryview, int]:
        """Cut off what follows a FIN: the receiver ignores it (RFC 9293 §3.10.7.4)."""
        stop = position + segment.sent
        if self._fin is None or stop <= self._fin:
            return segment.data, stop
        disorder = self._need_disorder()
        if not disorder.told_after_fin:
            disorder.told_after_fin = True
            what = "data after the FIN of its direction is left out"
            where = _at(segment.frame, segment.time_ns)
            self._tell(Malformed(what, spec=_TEXT_RULE, **where))
        return segment.data[: max(self._fin - position, 0)], max(self._fin, position)

    def _note_fin(self, position: int) -> None:
        """Remember where the stream ends, unless data beyond it shows that it does not."""
        if self._fin is None and self._top <= position <= self._next + WINDOW:
            self._fin = position

    def _note_cut(self, position: int, stop: int) -> None:
        if stop > self._next:
            cuts = self._need_disorder().cuts
            cuts.append(position)
            del cuts[:-NOTES]

    def _check_known(self, position: int, data: bytes | memoryview, segment: Segment) -> bool:
        """Compare with what was delivered; tell what comes after its place was given up."""
        if not data:
            return False
        if self._disorder is not None:
            late = _overlap(self._disorder.given_up, position, position + len(data))
            if late:
                what = f"{late} bytes came after their gap had been given up; they are left out"
                self._tell(Lost(what, **_at(segment.frame, segment.time_ns)))
        return self._differs(position, data)

    def _differs(self, position: int, data: bytes | memoryview) -> bool:
        """Say whether delivered bytes at `position` are others: those not yet sealed come first."""
        stop = self._next
        for back in range(1, min(len(self._parts), RECENT) + 1):
            if stop <= position:
                return False
            part = self._parts[-back]
            begin = stop - len(part)
            low, high = max(begin, position), min(stop, position + len(data))
            if (
                low < high
                and data[low - position : high - position] != part[low - begin : high - begin]
            ):
                return True
            stop = begin
        if stop <= position:
            return False
        if len(self._parts) > RECENT:
            self._seal()
        return self._history.differs(position, data[: stop - position])

    def _queue(self, start: int, data: bytes | memoryview, segment: Segment) -> tuple[int, bool]:
        """Deliver or queue new data: return how many bytes were new, and whether others differ."""
        frame, time_ns = segment.frame, segment.time_ns
        if not data:
            return 0, False
        disorder = self._disorder
        if start == self.next and (disorder is None or not disorder.starts):
            self.next += len(data)
            self._deliver((data,), [len(data)], ((frame,),), [time_ns], [time_ns])
            return len(data), False
        disorder = self._need_disorder()
        if not disorder.starts and self._acked is not None:
            disorder.ack_positions = [self._position(self._acked)]
            disorder.ack_times = [time_ns]
        brought, differs = self._fill(disorder, start, data, frame, time_ns)
        self._drain(disorder, frame, time_ns)
        return brought, differs

    def _fill(
        self, disorder: _Disorder, start: int, data: bytes | memoryview, frame: int, time_ns: int
    ) -> tuple[int, bool]:
        """Queue those bytes of a segment that no earlier copy covers."""
        starts, pieces, stop = disorder.starts, disorder.pieces, start + len(data)
        first = bisect_right(starts, start)
        if first and starts[first - 1] + len(pieces[first - 1][0]) > start:
            first -= 1
        at, cursor, brought, differs = first, start, 0, False
        new_starts: list[int] = []
        new_pieces: list[tuple[bytes, int, int]] = []
        while cursor < stop:
            if at < len(starts) and starts[at] <= cursor:
                piece, offset = pieces[at][0], starts[at]
                until = min(offset + len(piece), stop)
                known = piece[cursor - offset : until - offset]
                differs |= data[cursor - start : until - start] != known
                new_starts.append(offset)
                new_pieces.append(pieces[at])
                at += 1
            else:
                until = min(stop, starts[at]) if at < len(starts) else stop
                new_starts.append(cursor)
                new_pieces.append((bytes(data[cursor - start : until - start]), frame, time_ns))
                self._charge(disorder, until - cursor)
                brought += until - cursor
            cursor = until
        starts[first:at], pieces[first:at] = new_starts, new_pieces
        return brought, differs

    def _drain(self, disorder: _Disorder, filler: int, filler_time: int) -> None:
        """Deliver what waits without a hole before it, thanks to the frame `filler`.

        With `filler` 0 nothing was filled: the pieces were available when they came.
        """
        ready: list[tuple[bytes, int, int]] = []
        position = self._next
        for start, piece in zip(disorder.starts, disorder.pieces, strict=True):
            if start != position:
                break
            ready.append(piece)
            position += len(piece[0])
        del disorder.starts[: len(ready)], disorder.pieces[: len(ready)]
        if not disorder.starts:
            disorder.ack_positions, disorder.ack_times = [], []
        if ready:
            self._deliver_pieces(disorder, ready, filler, filler_time)

    def _deliver_pieces(
        self,
        disorder: _Disorder,
        pieces: list[tuple[bytes, int, int]],
        filler: int,
        filler_time: int,
    ) -> None:
        parts, frames, firsts = map(list, zip(*pieces, strict=True))
        lengths = list(map(len, parts))
        self._discharge(disorder, *lengths)
        self.next = self._next + sum(lengths)
        if filler:
            self.flow.out_of_order_segments += len({*frames, filler}) - 1
            pairs = [(frame, filler) if frame != filler else (frame,) for frame in frames]
            self._deliver(parts, lengths, pairs, [filler_time] * len(parts), firsts)
        else:
            self._deliver(parts, lengths, list(zip(frames)), firsts, firsts)

    # Holes

    def _deadline(self, disorder: _Disorder) -> int:
        """When the first hole is given up, by the capture's clock."""
        deadline = disorder.pieces[0][2] + HOLE_AGE_NS
        acked = bisect_left(disorder.ack_positions, disorder.starts[0])
        if acked < len(disorder.ack_times):
            deadline = min(deadline, disorder.ack_times[acked] + ACKED_GRACE_NS)
        if self.flow.end == "rst":
            deadline = min(deadline, self.flow.closed_time_ns + ACKED_GRACE_NS)
        return deadline

    def _give_up(self) -> None:
        """Deliver what waits behind the first hole, and say how much is missing."""
        disorder = self._need_disorder()
        low, high = self._next, disorder.starts[0]
        _, frame, time_ns = disorder.pieces[0]
        reason = self._reason_for(low, high)
        self._seal()
        self._gap = -1 if self._gap else high - low
        self._reason = reason
        self.flow.lost_bytes += high - low
        self._tell(
            Lost(f"{high - low} bytes missing before this segment, {reason}", **_at(frame, time_ns))
        )
        disorder.given_up.append((low, high))
        del disorder.given_up[:-NOTES]
        self.next = high
        self._drain(disorder, 0, 0)

    def _reason_for(self, low: int, high: int) -> str:
        disorder = self._disorder
        if disorder is not None and any(low <= cut < high for cut in disorder.cuts):
            return LOST_CUT
        if not self.flow.packets[1 - self.direction]:
            return LOST_ONE_WAY
        acked = self._acked is not None and self._position(self._acked) >= high
        return LOST_ACKED if acked else LOST_UNACKED

    def _tell_missing_tail(self) -> None:
        """Tell what was sent or acknowledged beyond the last byte that was delivered."""
        if self.next is None:
            return
        stop = self._top
        if self._acked is not None:
            acked = self._position(self._acked)
            if self._fin is not None:
                acked = min(acked, self._fin)
            # One more than was sent acknowledges a FIN (RFC 9293 §3.4), which may be missing too.
            if self.next + 1 < acked <= self.next + WINDOW or acked == self._fin:
                stop = max(stop, acked)
        missing = stop - self.next
        if missing > 0:
            self.flow.lost_bytes += missing
            what = f"{missing} bytes missing at the end, {self._reason_for(self.next, stop)}"
            self._tell(
                Lost(what, **_at(self._last_frame, self._last_time or self.flow.start_time_ns))
            )

    # Small parts

    @property
    def _next(self) -> int:
        return self.next or 0

    @property
    def _acked(self) -> int | None:
        return self.flow.acknowledged[self.direction]

    def _position(self, seq: int) -> int:
        return self._next + signed(seq - self._next)

    def _need_disorder(self) -> _Disorder:
        if self._disorder is None:
            self._disorder = _Disorder()
        return self._disorder

    def _charge(self, disorder: _Disorder, *sizes: int) -> None:
        taken = sum(sizes) + SEGMENT_COST * len(sizes)
        disorder.cost += taken
        self._bounds.cost += taken
        self._bounds.waiting.setdefault(self)

    def _discharge(self, disorder: _Disorder, *sizes: int) -> None:
        freed = sum(sizes) + SEGMENT_COST * len(sizes)
        disorder.cost -= freed
        self._bounds.cost -= freed
        if not disorder.cost:
            self._bounds.waiting.pop(self, None)

    def _keep_bounds(self) -> None:
        disorder, bounds = self._disorder, self._bounds
        if disorder is not None and disorder.cost > QUEUE_BYTES:
            self.relieve(QUEUE_BYTES // 2)
        if bounds.relieving:
            return  # a queue that is relieved of its own segments is in no need of more
        bounds.relieving = True
        while bounds.cost > TOTAL_BYTES:
            oldest = next(iter(bounds.waiting))
            oldest.relieve()
            bounds.relieved.append(oldest)
        bounds.relieving = False

    def _tell(self, error: DissectError) -> None:
        self._ready.append(error)

    def _deliver(
        self,
        parts: Sequence[bytes | memoryview],
        lengths: list[int],
        frames: Sequence[Frames],
        times: list[int],
        firsts: list[int],
    ) -> None:
        """Deliver pieces; time never runs backwards, whatever the capture says."""
        self._parts += parts
        self._lengths += lengths
        self._frames += frames
        self._firsts += firsts
        if times[0] < self._last_time or sorted(times) != times:
            times = list(accumulate(times, max, initial=self._last_time))[1:]
        self._times += times
        self._last_time = times[-1]

    def _seal(self) -> None:
        """Make a chunk of the pieces delivered so far."""
        if not self._parts:
            return
        data = b"".join(self._parts)
        ends = list(accumulate(self._lengths))
        chunk = StreamChunk(
            self.direction,
            data,
            ends,
            self._frames,
            self._times,
            self._firsts,
            self._gap,
            self._reason,
        )
        self._ready.append(chunk)
        self._last_frame = self._frames[-1][-1]
        self._bounds.remember(self._history, self._next - len(data), data)
        self._gap, self._reason = 0, ""
        self._parts, self._lengths = [], []
        self._frames, self._times, self._firsts = [], [], []


class _Place(TypedDict):
    """The keywords that every fault of this layer is told with."""

    layer: str
    severity: Severity
    frame_number: int
    time_ns: int


def _at(frame: int, time_ns: int) -> _Place:
    return {"layer": "tcp", "severity": "warning", "frame_number": frame, "time_ns": time_ns}


def _overlap(stretches: list[tuple[int, int]], low: int, high: int) -> int:
    """Count the bytes from `low` to `high` that lie in ascending stretches."""
    at = max(bisect_right(stretches, (low, low)) - 1, 0)
    total = 0
    while at < len(stretches) and stretches[at][0] < high:
        total += max(min(high, stretches[at][1]) - max(low, stretches[at][0]), 0)
        at += 1
    return total


def _lowest(segments: Sequence[Segment]) -> int:
    """Where a stream begins of which these are the first segments seen.

    A single NUL byte in front is a keep-alive's (RFC 9293 §3.8.4): it repeats a byte of before.
    """
    origin = segments[0].seq
    near = [s for s in segments if abs(signed(s.seq - origin)) <= BEHIND]
    first = min(near, key=lambda segment: signed(segment.seq - origin))
    begin = origin + signed(first.seq - origin)
    return begin + 1 if bytes(first.data) == b"\0" and first.sent == 1 else begin
