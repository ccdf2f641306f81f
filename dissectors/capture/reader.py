"""What the readers of all capture formats have in common: windows in, batches out.

A reader does no I/O. Its caller hands it successive windows of the file, each beginning where the
one before was used up; a window becomes the `data` of the batch as it is, nothing is copied.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields

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

_SEARCHED_AT_ONCE = 1 << 20
"""Bytes searched for a record at once."""


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
        self.problems.append(
            kind(
                summary,
                layer=self.layer,
                severity=severity,
                spec=spec,
                frame_number=self._frames or None,
                offset=offset,
            )
        )


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
        self._taken: list[Taken] = []

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
        self.needs, self._taken = 0, []
        used = self._read_records(data, final)
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
        """Take the records from `at` to `limit`, as far as they go."""
        starts, stop = walk(data[:limit], at, self._records)
        taken = self._take(data, starts)
        return stop if taken == len(starts) else int(starts[taken])

    def _lose(self, data: Bytes, at: int, why: str) -> int:
        """Give up the record at `at`; return from where another one is to be searched."""
        self._lost, self._lost_from = why, self._base + at
        return at + 1

    def _search(self, data: Bytes, at: int, final: bool) -> int:
        """Look for the next record from `at` on; return it, or how far there is none."""
        start, chunk = at, 512
        while at < len(data):
            last = min(at + chunk, len(data))
            for place in self._plausible(data, at, last).tolist():
                if not isinstance(self._look(data, place), str):
                    self._resume(place)
                    return int(place)
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

    @abstractmethod
    def _take(self, data: Bytes, starts: Int64) -> int:
        """Take the records at `starts`, (N,); return how many of them could be taken."""

    @abstractmethod
    def _plausible(self, data: Bytes, first: int, last: int) -> Int64:
        """Return where records seem to begin, from `first` to before `last`, ascending."""
