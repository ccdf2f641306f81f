"""Windows of a file → what its trace records hold.

The face is that of the capture readers (:mod:`dissectors.capture.reader`), so whoever reads files
need not know which kind it has.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dissectors.capture.batch import Bytes, PacketBatch
from dissectors.capture.reader import MAX_PROBLEMS
from dissectors.errors import DissectError, LimitExceeded
from dissectors.tracelog.encoding import TextDecoder
from dissectors.tracelog.ocslogger import decode_trace_record
from dissectors.tracelog.record import Logged
from dissectors.tracelog.split import RawRecord, RecordSplitter
from dissectors.tracelog.uccapilog import decode_packet_record

LOG_FORMATS = ("ocslogger", "clslogger", "uccapilog")
"""Names of the formats that :class:`TraceLogReader` tells apart."""


class TraceLogReader:
    """Reads one trace log.

    The public attributes that are lists are for the caller to empty.
    """

    layer = "log"
    """Layer of its faults."""

    def __init__(self) -> None:
        self.problems: list[DissectError] = []
        """What was wrong with the file, with its line as frame number."""
        self.secrets: list[bytes] = []
        """TLS key logs that the file carries: none."""
        self.names: dict[str, list[str]] = {}
        """Address → names that the file gives it: none."""
        self.needs = 0
        """Bytes that the next window must have at least: any number will do."""
        self.logged: list[Logged] = []
        """Messages and diagnostics, in the order of the file."""
        self.records = 0
        """Records read so far: messages, diagnostics, and what could not be read."""
        self.format = LOG_FORMATS[0]
        """Which of :data:`LOG_FORMATS` it is, by its first record."""
        self._text = TextDecoder()
        self._splitter = RecordSplitter()
        self._problems_told = 0

    @property
    def recognised(self) -> bool:
        """Whether anything in the file so far shows that it is a trace log."""
        return self.records > 0 or self._problems_told > 0

    def read(self, window: Bytes | memoryview | bytes, *, final: bool) -> tuple[PacketBatch, int]:
        """Read a window; what it brings is added to `logged` and `problems`.

        Parameters
        ----------
        window : (B,) uint8, or a buffer of bytes
            The next bytes of the file.
        final : bool
            Whether the file ends with this window.

        Returns
        -------
        batch : PacketBatch
            Without packets.
        used : int
            The length of the window: what is incomplete is kept here.
        """
        data: Bytes = np.frombuffer(window, np.uint8)
        self._take(self._splitter.push(self._text.push(data.tobytes(), final=final)))
        if final:
            self._take(self._splitter.finish())
        return _no_packets(data), len(data)

    def _take(self, found: Iterable[RawRecord | DissectError]) -> None:
        for value in found:
            if isinstance(value, DissectError):
                self._tell(value)
            elif value.kind == "packet":
                self._take_packet(value)
            else:
                self._take_record(value)

    def _take_packet(self, raw: RawRecord) -> None:
        messages, faults = decode_packet_record(raw)
        self._count("uccapilog")
        self.logged += messages
        for fault in faults:
            self._tell(fault)

    def _take_record(self, raw: RawRecord) -> None:
        logged, faults = decode_trace_record(raw)
        if logged is not None:
            self._count("clslogger" if logged.context.machine else "ocslogger")
            self.logged.append(logged)
        for fault in faults:
            self._count("ocslogger")
            self._tell(fault)

    def _count(self, name: str) -> None:
        if not self.records:
            self.format = name
        self.records += 1

    def _tell(self, fault: DissectError) -> None:
        self._problems_told += 1
        if self._problems_told == MAX_PROBLEMS:
            fault = LimitExceeded("too many problems in this file: no more are told", layer="log")
        if self._problems_told <= MAX_PROBLEMS:
            self.problems.append(fault)


def _no_packets(data: Bytes) -> PacketBatch:
    none = np.empty(0, np.int64)
    return PacketBatch(data, *[none] * 7)
