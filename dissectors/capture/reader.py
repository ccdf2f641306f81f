"""What the readers of all capture formats have in common: windows in, batches out.

A reader does no I/O. Its caller hands it successive windows of the file, each beginning where the
one before was used up; a window becomes the `data` of the batch as it is, nothing is copied.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Bytes, Int64, PacketBatch
from dissectors.capture.walk import Records, walk
from dissectors.columns import join
from dissectors.errors import DissectError, LimitExceeded, Malformed, Severity, Truncated

MAX_PROBLEMS = 1000
"""Problems told of one file; a hostile file could have one in every record."""

_FIRST_REACH = 64 << 10
"""How far to walk ahead, bytes, after the walk was stopped: what lies behind may be walked twice."""

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

    @classmethod
    def none(cls) -> Taken:
        """Return no packets."""
        return cls(*(np.empty(0, np.int64) for _ in fields(cls)))


class RecordReader(ABC):
    """Reads one capture file.

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
        self.needs = 0
        """Bytes that the next window must have at least, where the last one ended inside a record."""
        self._base = 0
        self._frames = 0
        self._problems_told = 0
        self._lost = ""
        self._lost_from = 0
        self._records: Records | None = None
        self._taken: list[Taken] = []

    def read(
        self, window: Bytes | memoryview | bytes, *, final: bool
    ) -> tuple[PacketBatch, int]:
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
            self._tell_end(data, used)
            used = len(data)
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
                continue
            found = self._look(data, at)
            if found is None:
                break
            if isinstance(found, str):
                at = self._lose(data, at, found)
                reach = _FIRST_REACH
                continue
            begun = self._begin(data, at)
            if begun or self._records is None:
                at += begun
                continue
            # Walking ahead costs, so it grows with success: linear time, whatever the file.
            limit = min(len(data), at + max(reach, found))
            starts, stop = walk(data[:limit], at, self._records)
            taken = self._take(data, starts)
            reach = reach * 4 if taken == len(starts) else _FIRST_REACH
            at = int(starts[taken]) if taken < len(starts) else stop
        return at
