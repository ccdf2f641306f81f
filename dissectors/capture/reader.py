"""What the readers of all capture formats have in common: windows in, batches out.

A reader does no I/O. Its caller hands it successive windows of the file, each beginning where the
one before was used up; a window becomes the `data` of the batch as it is, nothing is copied.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from dataclasses import dataclass, fields
from itertools import islice

import numpy as np

from dissectors.capture.batch import Bytes, Int64, PacketBatch
from dissectors.capture.walk import Records, walk
from dissectors.columns import join
from dissectors.errors import DissectError, LimitExceeded, Malformed, Severity, Truncated

MAX_PROBLEMS = 1000
"""Problems told of one file; a hostile file could have one in every record."""

_FIRST_REACH = 64 << 10
"""How far to walk ahead, bytes, after the walk was stopped: what lies behind is walked twice."""

_CUT = "a record that reaches beyond the end of the file"

_MARGIN = 64
"""Bytes at the end of a window in which the beginning of a record cannot be told."""

_SEARCHED_FIRST, _SEARCHED_AT_ONCE = 4 << 10, 1 << 20
"""Bytes searched for a record at first, and at most, at once."""


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface of a capture."""

    section: int
    """Section of the file that declares it, from 0; a pcap file is one section."""
    number: int
    """Its number within that section."""
    link_type: int
    """LINKTYPE_ number."""
    name: str
    """Its name, or an empty string."""
    snaplen: int
    """Most bytes that were captured of a packet; 0: no limit."""


@dataclass(slots=True)
class Taken:
    """Packets of a window; columns as in :class:`~dissectors.capture.batch.PacketBatch`."""

    start: Int64
    """(N,) int64."""
    captured_length: Int64
    """(N,) int64."""
    wire_length: Int64
    """(N,) int64."""
    time_ns: Int64
    """(N,) int64."""
    link_type: Int64
    """(N,) int64."""
    interface: Int64
    """(N,) int64."""
    frame_number: Int64
    """(N,) int64."""

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def none(cls) -> Taken:
        """Return no packets."""
        return cls(*(np.empty(0, np.int64) for _ in fields(cls)))


class CaptureReader:
    """Reads one capture file: what the readers of all formats bring to light.

    The public attributes that are lists are for the caller to empty.
    """

    layer = ""
    """Wireshark's name for the format."""

    def __init__(self) -> None:
        self.problems: list[DissectError] = []
        """What was wrong, with its offset in the file and the frame that was read last."""
        self.secrets: list[bytes] = []
        """TLS key logs that the file carries, as they occur."""
        self.names: dict[str, list[str]] = {}
        """Address → names that the file gives it."""
        self.interfaces: list[Interface] = []
        """Interfaces that the file declares, as they occur."""
        self._frames = 0
        self._problems_told = 0

    def _tell(
        self,
        kind: type[DissectError],
        summary: str,
        offset: int,
        severity: Severity = "error",
        spec: str = "",
    ) -> None:
        """Add to `problems`, within bounds."""
        self._problems_told += 1
        if self._problems_told > MAX_PROBLEMS:
            return
        if self._problems_told == MAX_PROBLEMS:
            kind, summary = LimitExceeded, "too many problems in this file: no more are told"
        problem = kind(
            summary,
            layer=self.layer,
            severity=severity,
            spec=spec,
            frame_number=self._frames or None,
            offset=offset,
        )
        self.problems.append(problem)
        self._remember(problem)

    def _remember(self, problem: DissectError) -> None:
        """Note a problem whose frame is not known yet."""


class RecordReader(CaptureReader, ABC):
    """Reads a file whose records follow one another."""

    _records: Records
    """How records are framed; known once the file's header was read."""

    def __init__(self) -> None:
        super().__init__()
        self.needs = 0
        """Bytes that the next window must have at least, where the last ended inside a record."""
        self._base = 0
        self._lost = ""
        self._lost_from = 0
        self._cut = 0
        self._over = False
        self._taken: list[Taken] = []
        # Records that were walked along and are still to be taken: a broken file has few at a
        # stretch, and columns of one row are as dear as columns of a thousand.
        self._pending: list[Int64] = []
        self._pending_count = 0
        self._told_of_pending: list[tuple[DissectError, int]] = []
        self._searched: tuple[int, int, list[int]] = (0, 0, [])

    def read(self, window: Bytes | memoryview | bytes, *, final: bool) -> tuple[PacketBatch, int]:
        """Read all whole records of a window.

        Parameters
        ----------
        window : (B,) uint8, or a buffer of bytes
            The next bytes of the file, from where the last call stopped.
        final : bool
            Whether the file ends with this window; what is incomplete then is a problem.

        Returns
        -------
        batch : PacketBatch
            The packets; its `data` is the window.
        used : int
            Bytes that are done with; the next window begins behind them. 0 when the window does not
            hold one whole record: then `needs` says how large the next one must be.
        """
        data: Bytes = np.frombuffer(window, np.uint8)
        self.needs, self._taken, self._searched = 0, [], (0, 0, [])
        told = len(self.problems)
        used = self._read_records(data, final)
        self._take_pending(data)
        self.problems[told:] = sorted(self.problems[told:], key=lambda one: one.offset or 0)
        if final:
            self._tell_end(self._base + len(data))
        self._base += used
        columns = join([taken for taken in self._taken if len(taken)] or [Taken.none()])
        named = {f.name: getattr(columns, f.name) for f in fields(columns)}
        return PacketBatch(data=data, **named), used

    def _read_records(self, data: Bytes, final: bool) -> int:
        """Read on until the window is used up; return how far that is."""
        at, reach = 0, len(data)
        while at < len(data):
            if self._over:
                return len(data)
            if self._lost:
                at = self._search(data, at, final)
                if self._lost:
                    break
            found = self._look(data, at)
            if found is None:
                if not final:
                    break
                # Either the file was cut here, or this record's length is wrong and more follow.
                found, self._cut = _CUT, self.needs
            if isinstance(found, str):
                at = self._lose(data, at, found)
                continue
            begun = self._begin(data, at)
            if begun:
                at += begun
                continue
            stop = self._walk(data, at, min(len(data), at + max(reach, found)))
            # What was walked in vain behind a stop is walked again: never far more than was won.
            reach = max(4 * (stop - at), _FIRST_REACH)
            at = stop
        return at

    def _walk(self, data: Bytes, at: int, limit: int) -> int:
        """Walk along the records from `at` to `limit`, as far as they go."""
        starts, stop = walk(data[:limit], at, self._records)
        good = self._accept(data, starts)
        if good:
            self._pending.append(starts[:good])
            self._pending_count += good
        return stop if good == len(starts) else int(starts[good])

    def _take_pending(self, data: Bytes) -> None:
        """Take the records that were walked along; what was told of them learns its frame."""
        pending, told = self._pending, self._told_of_pending
        self._pending, self._pending_count, self._told_of_pending = [], 0, []
        if pending:
            frames = self._take(data, np.concatenate(pending))
            for problem, count in told:
                problem.frame_number = int(frames[count - 1]) or None

    def _lose(self, data: Bytes, at: int, why: str) -> int:
        """Give up the record at `at`; return from where another one is to be searched."""
        self._lost, self._lost_from = why, self._base + at
        return at + 1

    def _search(self, data: Bytes, at: int, final: bool) -> int:
        """Look for the next record from `at` on; return it, or how far there is none."""
        start, chunk = at, _SEARCHED_FIRST
        while at < len(data):
            # Where breaks are close together, one search serves many of them.
            first, last, places = self._searched
            if not first <= at < last:
                last = min(at + chunk, len(data))
                places = self._plausible(data, at, last).tolist()
                self._searched = at, last, places
            for place in islice(places, bisect_left(places, at), None):
                if not isinstance(self._look(data, place), str):
                    self._resume(place)
                    return place
            at, chunk = last, min(4 * chunk, _SEARCHED_AT_ONCE)
        if final:
            return len(data)
        # A record that begins in the last bytes cannot be told yet.
        self.needs = _MARGIN + 1
        return max(start, len(data) - _MARGIN)

    def _resume(self, at: int) -> None:
        here, lost = self._base + at, self._lost_from
        gap = f"{here - lost} bytes are lost" if here >= lost else "inside the packet before it"
        summary = f"{self._lost} at byte {lost}: reading goes on at byte {here}, {gap}"
        self._tell(Malformed, summary, lost)
        self._lost = ""

    def _remember(self, problem: DissectError) -> None:
        if self._pending_count:
            self._told_of_pending.append((problem, self._pending_count))

    def _tell_end(self, end: int) -> None:
        """Tell what is wrong with the last bytes of a file that ends at `end`, if anything is."""
        at = self._lost_from
        if self._lost == _CUT:
            summary = f"the file ends inside a record: it has {end - at} of {self._cut} bytes"
            self._tell(Truncated, summary, at)
        elif self._lost:
            summary = f"{self._lost} at byte {at}: no packet in the rest of the file"
            self._tell(Malformed, summary, at)

    # What differs from format to format

    @abstractmethod
    def _look(self, data: Bytes, at: int) -> int | str | None:
        """Look at the record at `at`.

        Returns
        -------
        int
            Its length, when it is whole; also for a header of the file or of a section.
        str
            Why no record can begin here.
        None
            It is not whole; `needs` was set.
        """

    @abstractmethod
    def _begin(self, data: Bytes, at: int) -> int:
        """Read a header of the file or of a section; return its length, or 0 if none is there."""

    def _accept(self, data: Bytes, starts: Int64) -> int:
        """Return how many of the records at `starts`, (N,), are what they seem; they are whole."""
        return len(starts)

    @abstractmethod
    def _take(self, data: Bytes, starts: Int64) -> Int64:
        """Take the records at `starts`, (N,); return how many frames there are up to each."""

    @abstractmethod
    def _plausible(self, data: Bytes, first: int, last: int) -> Int64:
        """Return where records seem to begin, from `first` to before `last`, ascending."""
