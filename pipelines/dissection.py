"""One share of the work: captures in, rows out, in this process."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from dissectors.capture.batch import PacketBatch
from dissectors.errors import FAULTS, DissectError, Fault
from dissectors.link.names import link_type_name
from dissectors.sip.message import SipMessage
from dissectors.stack import DecodeAs, Dissected, Sink, Stack
from dissectors.tls.keys import KeyRing
from dissectors.tracelog.reader import TraceLogReader
from dissectors.transport.flow import Flow
from dissectors.transport.layers import DecodedBatch
from pipelines.errors import UsageError
from pipelines.ingest import STDIN, CaptureFile
from pipelines.key_files import open_keys
from pipelines.request import Request
from pipelines.spool import Spool
from pipelines.tables import Tabulator
from pipelines.trace_logs import LogClock, TraceLogTables

ProgressHook = Callable[[int], None]
Keys = tuple[KeyRing, list[DissectError]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run tells beside its rows."""

    unreadable: list[str]
    """One line for each capture that could not be read; when that is every one, the lines are
    raised instead."""
    met: frozenset[str]
    """Fingerprints, hexadecimal, of the private keys whose server was met."""


class Observer(Protocol):
    """Is told what the tables do not hold; captures are numbered from 1, as they were named."""

    def take_message(self, capture: int, flow: Flow, message: SipMessage) -> None:
        """Take a message, as soon as it is whole."""

    def take_secrets(self, capture: int, secrets: list[tuple[str, bytes, bytes]]) -> None:
        """Take label, client random and secret of what opened TLS connections that are over."""

    def clear(self) -> None:
        """Forget everything: the captures are read again."""


def dissect_captures(
    request: Request,
    spool: Spool,
    partition: tuple[int, int] = (0, 1),
    progress: ProgressHook | None = None,
    keys: Keys | None = None,
    observer: Observer | None = None,
) -> Outcome:
    """Take every capture apart and put the rows of one partition into `spool`.

    Parameters
    ----------
    request : Request
        What is to be read.
    spool : Spool
        Takes the rows.
    partition : (int, int)
        Number of this share of the work, and how many there are.
    progress : callable, optional
        Told how many more bytes are done.
    keys : (KeyRing, list of DissectError), optional
        What :func:`pipelines.key_files.open_keys` gave; by default it is called here.
    observer : Observer, optional
        Told what the tables do not hold.

    Returns
    -------
    Outcome
        What is told beside the rows.

    Raises
    ------
    UsageError
        When a key cannot be used, a time zone is unknown, or no capture can be read.
    """
    ring, key_problems = keys or open_keys(request)
    decode_as = _decode_as(request.decode_as)
    LogClock(request.timezone)  # an unknown zone is told before anything is read
    share = _Share(ring, decode_as, partition, spool, observer, request.timezone)
    with _collector_paused():
        unreadable = share.take(request.captures, progress)
        if share.keys_came_late and STDIN not in request.captures:
            # Secrets stood behind packets that they open: now they are known from the beginning.
            spool.clear()
            if observer is not None:
                observer.clear()
            share.take(request.captures, None)
    if len(unreadable) == len(request.captures):
        raise UsageError("\n".join(unreadable))
    if partition[0] == 0:
        _tell_key_problems(request, key_problems, spool)
    return Outcome(unreadable, frozenset(name.hex() for name in ring.private_keys.matched))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from looking through what is made here in millions.

    Hardly anything of it has cycles; what has is collected after each batch, when little is alive.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Share:
    """One partition of all captures."""

    def __init__(
        self,
        keys: KeyRing,
        decode_as: DecodeAs,
        partition: tuple[int, int],
        spool: Spool,
        observer: Observer | None,
        timezone: str | None,
    ) -> None:
        self.observer = observer
        self.timezone = timezone
        self.keys = keys
        self.decode_as = decode_as
        self.partition = partition
        self.spool = spool
        self.keys_came_late = False

    def take(self, paths: list[str], progress: ProgressHook | None) -> list[str]:
        """Take the captures apart; return a line for each that could not be read."""
        unreadable = []
        for ordinal, path in enumerate(paths, 1):
            run = _CaptureRun(ordinal, CaptureFile(path, progress), self)
            try:
                run.run()
            except UsageError as error:
                unreadable.append(str(error))
            self.keys_came_late |= run.keys_came_late
        return unreadable


def _decode_as(rules: list[str]) -> DecodeAs:
    try:
        return DecodeAs.from_rules(rules)
    except DissectError as error:
        raise UsageError(f"-d {error.summary}") from None


def _tell_key_problems(request: Request, problems: list[DissectError], spool: Spool) -> None:
    tabulator = Tabulator(0, ", ".join(Path(path).name for path in request.keys))
    for problem in problems:
        tabulator.add_fault(problem)
    spool.append(tabulator.drain())


class _CaptureRun:
    """The way of one capture through the stack into the tables."""

    def __init__(
        self,
        ordinal: int,
        capture: CaptureFile,
        share: _Share,
    ) -> None:
        self._capture = capture
        self._keys = share.keys
        self._leads = share.partition[0] == 0
        self._tables = Tabulator(ordinal, capture.name)
        self._ordinal = ordinal
        self._observer = share.observer
        sink = self._sink(share.observer)
        self._stack = Stack(share.keys, sink, share.decode_as, share.partition)
        self._spool = share.spool
        self._log = TraceLogTables(self._tables, LogClock(share.timezone))
        self._summary = _CaptureSummary()
        self._late_secrets = self._closed_sessions = False

    def _sink(self, observer: Observer | None) -> Sink:
        if observer is None:
            return self._tables.add_message

        def take(flow: Flow, transport: str, message: SipMessage) -> None:
            self._tables.add_message(flow, transport, message)
            observer.take_message(self._ordinal, flow, message)

        return take

    @property
    def keys_came_late(self) -> bool:
        """Whether secrets came behind packets, and some session was not opened."""
        return self._late_secrets and self._closed_sessions

    def run(self) -> None:
        for batch in self._capture.batches():
            self._take_reader_findings()
            if isinstance(self._capture.reader, TraceLogReader):
                if not self._leads:  # a log is read by one process
                    return
                self._take_log(self._capture.reader)
                continue
            found = self._stack.push(batch)
            self._keep(found)
            self._summary.packets += len(batch)
            if self._leads and found.packets is not None:
                self._summary.count(batch, found.packets)
            self._spool.append(self._tables.drain())
            del batch, found
            gc.collect(0)
        self._take_reader_findings()
        self._keep(self._stack.finish())
        if isinstance(self._capture.reader, TraceLogReader):
            self._finish_log(self._capture.reader)
        if self._leads:
            self._summary.tabulate(self._capture, self._tables)
        self._spool.append(self._tables.drain())

    def _take_log(self, reader: TraceLogReader) -> None:
        self._log.take(reader)
        self._spool.append(self._tables.drain())
        gc.collect(0)

    def _finish_log(self, reader: TraceLogReader) -> None:
        self._log.finish()
        self._summary.packets = reader.records
        self._summary.add_times(self._log.start_time_ns, self._log.end_time_ns)

    def _take_reader_findings(self) -> None:
        reader = self._capture.reader
        if reader is None:
            return
        self._late_secrets |= bool(reader.secrets) and self._summary.packets > 0
        for secret in reader.secrets:
            problems = self._keys.add_keylog(secret, f"decryption secrets of {self._capture.name}")
            if self._leads:
                for problem in problems:
                    self._tables.add_fault(problem)
        reader.secrets.clear()
        for problem in reader.problems:
            self._summary.problems.append(problem)
            if self._leads:
                self._tables.add_fault(problem)
        reader.problems.clear()

    def _keep(self, found: Dissected) -> None:
        if self._observer is not None:
            self._observer.take_secrets(self._ordinal, found.tls_secrets)
        for owner, fault in found.faults:
            self._tables.add_fault(fault, owner)
        for flow, info in found.tls_sessions:
            self._tables.add_tls_session(flow, info)
            self._closed_sessions |= info.reason is not None
        for flow in found.flows:
            self._tables.add_flow(flow)


class _CaptureSummary:
    """What the row of a capture in `captures` says, and the faults of its packets."""

    def __init__(self) -> None:
        self.problems: list[DissectError] = []
        self.packets = 0
        self._times: list[tuple[int, int]] = []
        self._link_types: set[int] = set()
        self._faults: dict[Fault, tuple[int, int]] = {}
        self._others: Counter[str] = Counter()

    def add_times(self, start_ns: int | None, end_ns: int | None) -> None:
        """Add when the first and the last record of a trace log were written."""
        if start_ns is not None and end_ns is not None:
            self._times.append((start_ns, end_ns))

    def count(self, batch: PacketBatch, packets: DecodedBatch) -> None:
        """Add what one batch's columns say."""
        self._times.append((int(batch.time_ns.min()), int(batch.time_ns.max())))
        self._link_types.update(np.flatnonzero(np.bincount(batch.link_type)).tolist())
        self._others.update(packets.others)
        for fault in FAULTS:
            frames = packets.fault_frames[(packets.fault_bits & fault) != 0]
            if len(frames):
                first, count = self._faults.get(fault, (int(frames[0]), 0))
                self._faults[fault] = (first, count + len(frames))

    def tabulate(self, capture: CaptureFile, tables: Tabulator) -> None:
        """Add the capture's row and one row for each kind of packet fault."""
        for fault, (first_frame, count) in self._faults.items():
            layer, severity, summary, spec = FAULTS[fault]
            tables.add_counted_fault(layer, severity, summary, spec, first_frame, count)
        for what, count in self._others.items():
            tables.add_counted_fault("frame", "note", f"not looked into: {what}", "", None, count)
        fatal = [problem for problem in self.problems if problem.severity == "error"]
        names = sorted(link_type_name(number) for number in self._link_types)
        tables.add_capture(
            (
                capture.name,
                capture.format,
                capture.size,
                self.packets,
                min((start for start, _ in self._times), default=None),
                max((end for _, end in self._times), default=None),
                ", ".join(names) or None,
                self._faults.get(Fault.SNAPPED, (0, 0))[1],
                sum(self._faults.get(fault, (0, 0))[1] for fault in _UNDECODED),
                not fatal,
                fatal[0].summary if fatal else None,
            )
        )


_UNDECODED = (Fault.LINK_UNKNOWN, Fault.LINK_TRUNCATED)
