"""SCTP data chunks → user messages.

Pieces come in any order, once or more often, those of several streams mixed. A message is given out
with the packet that makes it whole; that of an ordered stream may so come before one that its
receiver was still waiting for, at the time when it was captured.

References
----------
RFC 9260 §6.9 (fragments have consecutive TSNs) and §6.2; RFC 8260 §2.1 (those of I-DATA count for
themselves).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from dissectors.errors import DissectError, LimitExceeded, Lost
from dissectors.transport.sctp import DataChunk, decode_chunks
from dissectors.transport.unit import Unit

MAX_MESSAGE = 1 << 20
"""Bytes that a message may have."""

_PIECE_COST = 200
"""Memory that a piece needs beside its bytes."""
_WINDOW = 1024
"""TSNs behind the highest one of a sender that are known again: retransmissions come soon."""
_TAGS = 4
"""Sides of associations that one flow remembers: two, and two of the one before."""

_Piece = tuple[bytes, int, int]  # data, frame number, time


@dataclass(slots=True)
class _Run:
    """Pieces of one message that follow each other."""

    first: int
    after: int
    begin: bool
    end: bool
    pieces: deque[_Piece]
    size: int
    number: int
    path: _Path
    pool: Hashable

    @property
    def cost(self) -> int:
        return self.size + _PIECE_COST * len(self.pieces)


@dataclass(slots=True)
class _Path:
    """What one side of an association sent."""

    direction: int
    highest: int = 0
    seen: int = 0  # bit n: the TSN n below the highest one
    by_first: dict[Hashable, _Run] = field(default_factory=dict)
    by_after: dict[Hashable, _Run] = field(default_factory=dict)

    def is_new(self, tsn: int) -> bool:
        """Note a TSN; say whether it was not seen before."""
        ahead = (tsn - self.highest) & 0xFFFFFFFF
        if not self.seen or 0 < ahead < 1 << 31:
            shifted = self.seen << ahead if ahead < _WINDOW else 0
            self.highest, self.seen = tsn, (shifted | 1) & ((1 << _WINDOW) - 1)
            return True
        behind = -ahead & 0xFFFFFFFF
        bit = 1 << behind if behind < _WINDOW else 0
        known = bool(self.seen & bit)
        self.seen |= bit
        return not known


class SctpReassembler:
    """Puts the user messages of all associations of a capture together.

    An association between several addresses (multi-homing) is a flow for each pair of them; pieces
    that were sent again by another path do not meet.

    Parameters
    ----------
    max_bytes : int
        How many bytes of memory the pieces of incomplete messages may hold in all.
    """

    def __init__(self, *, max_bytes: int = 32 << 20) -> None:
        self._max_bytes = max_bytes
        self._paths: dict[int, dict[tuple[int, int], _Path]] = {}
        self._runs: OrderedDict[int, _Run] = OrderedDict()
        self._next = 0
        self._cost = 0

    def push(
        self,
        flow: int,
        direction: int,
        tag: int,
        payload: bytes,
        missing: int,
        frame: int,
        time_ns: int,
    ) -> Iterator[Unit | DissectError]:
        """Take the chunks of one packet; yield the messages that they made whole.

        Parameters
        ----------
        flow : int
            Number of its flow.
        direction : int
            0 or 1.
        tag : int
            Verification tag: another one is another association between the same ports.
        payload : bytes
            What follows the common header, as far as it was captured.
        missing : int
            Bytes behind it that were sent, but not captured.
        frame : int
            Its frame number.
        time_ns : int
            That frame's time, nanoseconds since 1970 UTC.
        """
        for chunk in decode_chunks(payload, missing):
            if isinstance(chunk, DissectError):
                chunk.frame_number, chunk.time_ns = frame, time_ns
                yield chunk
            elif chunk is None:
                yield from self.finish(flow)
            else:
                path = self._path(flow, direction, tag)
                yield from self._forget_tags(flow)
                if path.is_new(chunk.tsn):
                    yield from self._add(path, chunk, (chunk.data, frame, time_ns))

    def finish(self, flow: int) -> Iterator[DissectError]:
        """End an association: yield what is left of its unfinished messages."""
        for path in self._paths.pop(flow, {}).values():
            yield from self._leave(path)

    def _leave(self, path: _Path) -> Iterator[DissectError]:
        for run in list(path.by_first.values()):
            yield self._give_up(run, Lost, "")

    def _path(self, flow: int, direction: int, tag: int) -> _Path:
        paths = self._paths.setdefault(flow, {})
        path = paths.get((direction, tag))
        if path is None:
            path = paths[direction, tag] = _Path(direction)
        return path

    def _forget_tags(self, flow: int) -> Iterator[DissectError]:
        """Forget the oldest side of an association, where tags change too often."""
        paths = self._paths[flow]
        if len(paths) > _TAGS:
            yield from self._leave(paths.pop(next(iter(paths))))

    def _add(self, path: _Path, chunk: DataChunk, piece: _Piece) -> Iterator[Unit | DissectError]:
        if chunk.begin and chunk.end:
            yield _unit(path.direction, [piece])
            return
        run = self._joined(path, chunk, piece)
        if run.begin and run.end:
            self._forget(run)
            yield _unit(path.direction, list(run.pieces))
        elif run.size > MAX_MESSAGE or (chunk.missing and not chunk.end):
            limit = run.size > MAX_MESSAGE
            yield self._give_up(run, LimitExceeded if limit else Lost, "")
        while self._cost > self._max_bytes:
            oldest = next(iter(self._runs.values()))
            yield self._give_up(oldest, LimitExceeded, ": too many incomplete messages")

    def _joined(self, path: _Path, chunk: DataChunk, piece: _Piece) -> _Run:
        """Put a piece beside those that are there; return the run that it belongs to now."""
        pool: Hashable = (chunk.stream, chunk.number) if chunk.interleaved else ()
        self._next += 1
        run = _Run(
            chunk.order,
            (chunk.order + 1) & 0xFFFFFFFF,
            chunk.begin,
            chunk.end,
            deque([piece]),
            len(piece[0]),
            self._next,
            path,
            pool,
        )
        self._remember(run)
        left = path.by_after.get((pool, run.first))
        if left is not None and left is not run and not chunk.begin and not left.end:
            run = self._merge(left, run)
        right = path.by_first.get((pool, run.after))
        if right is not None and right is not run and not chunk.end and not right.begin:
            run = self._merge(run, right)
        return run

    def _merge(self, left: _Run, right: _Run) -> _Run:
        """Join two runs, moving the pieces of the shorter one."""
        self._forget(left)
        self._forget(right)
        keeps_left = len(left.pieces) >= len(right.pieces)
        kept = left if keeps_left else right
        if keeps_left:
            left.pieces.extend(right.pieces)
        else:
            right.pieces.extendleft(reversed(left.pieces))
        kept.first, kept.after = left.first, right.after
        kept.begin, kept.end = left.begin, right.end
        kept.size = left.size + right.size
        self._remember(kept)
        return kept

    def _remember(self, run: _Run) -> None:
        # Of hostile pieces with one number several may claim a place: the latest has it.
        for old in (
            run.path.by_first.get((run.pool, run.first)),
            run.path.by_after.get((run.pool, run.after)),
        ):
            if old is not None and old is not run:
                self._forget(old)
        run.path.by_first[run.pool, run.first] = run
        run.path.by_after[run.pool, run.after] = run
        self._runs[run.number] = run
        self._cost += run.cost

    def _forget(self, run: _Run) -> None:
        if self._runs.pop(run.number, None) is None:
            return
        self._cost -= run.cost
        for table, key in ((run.path.by_first, run.first), (run.path.by_after, run.after)):
            if table.get((run.pool, key)) is run:
                del table[run.pool, key]

    def _give_up(self, run: _Run, kind: type[DissectError], why: str) -> DissectError:
        self._forget(run)
        _, frame, time_ns = run.pieces[0]
        parts = [name for name, here in (("beginning", run.begin), ("end", run.end)) if not here]
        return kind(
            f"SCTP message given up{why}: {run.size} bytes of it were captured, without its "
            + (" and its ".join(parts) or "middle"),
            layer="sctp",
            spec="RFC 9260 §6.9",
            frame_number=frame,
            time_ns=time_ns,
        )


def _unit(direction: int, pieces: list[_Piece]) -> Unit:
    times = [time for _, _, time in pieces]
    return Unit(
        direction,
        b"".join(data for data, _, _ in pieces),
        tuple(sorted({frame for _, frame, _ in pieces})),
        max(times),
        pieces[0][2],
    )
