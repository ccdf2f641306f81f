"""One share of the work: captures in, rows out, in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from dissectors.capture.batch import Int64, PacketBatch
from dissectors.errors import FAULTS, DissectError, Fault
from dissectors.link.names import link_type_name
from dissectors.sip.message import SipMessage
from dissectors.stack import DecodeAs, Dissected, Sink, Stack
from dissectors.tls.keys import KeyRing
from dissectors.tracelog.reader import TraceLogReader
from dissectors.transport.flow import Flow
from dissectors.transport.layers import DecodedBatch
from pipelines.collector import collect_young, collector_paused
from pipelines.errors import UsageError
from pipelines.ingest import STDIN, CaptureFile
from pipelines.key_files import open_keys
from pipelines.request import Request
from pipelines.rotation import Part, Runs, parts_of
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

    def take_message(
        self, capture: int, frame_number: int, flow: Flow, message: SipMessage
    ) -> None:
        """Take a message, as soon as it is whole, and the capture and frame that complete it."""

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
    with collector_paused():
        unreadable = share.take(request.captures, progress, each=request.each)
        if share.keys_came_late and STDIN not in request.captures:
            # Secrets stood behind packets that they open: now they are known from the beginning.
            spool.clear()
            if observer is not None:
                observer.clear()
            share.take(request.captures, None, each=request.each)
    if len(unreadable) == len(request.captures):
        raise UsageError("\n".join(unreadable))
    if partition[0] == 0:
        _tell_key_problems(request, key_problems, spool)
    return Outcome(unreadable, frozenset(name.hex() for name in ring.private_keys.matched))


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

    def take(
        self, paths: list[str], progress: ProgressHook | None, *, each: bool = False
    ) -> list[str]:
        """Take the captures apart; return a line for each that could not be read."""
        unreadable, runs = [], Runs[_Run]()
        parts = parts_of(paths, each=each)
        for place, part in enumerate(parts):
            run = runs.continued_by(part) or _Run(self)
            try:
                run.read(part, progress)
            except UsageError as error:
                unreadable.append((part.ordinal, str(error)))
            runs.keep(run, part, run.end_ns)
            for done in runs.without_successor(parts[place + 1 :]):
                self._finish(done)
        return [line for _, line in sorted(unreadable)]

    def _finish(self, run: _Run) -> None:
        run.finish()
        self.keys_came_late |= run.keys_came_late


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


class _Run:
    """The way of one capture, or of several that continue each other, into the tables."""

    def __init__(self, share: _Share) -> None:
        self._keys = share.keys
        self._leads = share.partition[0] == 0
        self._tables = Tabulator(0, "")
        self._observer = share.observer
        sink = self._sink(share.observer)
        self._stack = Stack(share.keys, sink, share.decode_as, share.partition)
        self._spool = share.spool
        self._log = TraceLogTables(self._tables, LogClock(share.timezone))
        self._summaries: list[_CaptureSummary] = []
        self._frames = self._ordinal = 0
        self._late_secrets = self._closed_sessions = False

    def _sink(self, observer: Observer | None) -> Sink:
        if observer is None:
            return self._tables.add_message

        def take(flow: Flow, transport: str, message: SipMessage) -> None:
            self._tables.add_message(flow, transport, message)
            frame = message.frames[-1]
            origin = self._tables.origin(frame)
            observer.take_message(origin.ordinal, frame - origin.before, flow, message)

        return take

    @property
    def keys_came_late(self) -> bool:
        """Whether secrets came behind packets, and some session was not opened."""
        return self._late_secrets and self._closed_sessions

    @property
    def end_ns(self) -> int | None:
        """Time of the latest packet so far, None before there is one."""
        return max((one.end_ns for one in self._summaries if one.times), default=None)

    def read(self, part: Part, progress: ProgressHook | None) -> None:
        """Take one capture apart."""
        capture = CaptureFile(part.path, progress)
        capture.name = part.name
        before = self._frames
        summary = _CaptureSummary(capture)
        self._ordinal = part.ordinal
        self._tables.begin_capture(part.ordinal, part.name, before + 1)
        for found_there in capture.batches():
            if isinstance(capture.reader, TraceLogReader):
                self._take_reader_findings(summary, before)
                if not self._leads:  # a log is read by one process
                    break
                self._take_log(capture.reader)
                continue
            batch = replace(found_there, frame_number=found_there.frame_number + before)
            self._take_reader_findings(summary, before)
            found = self._stack.push(batch)
            self._keep(found)
            summary.packets += len(batch)
            summary.times.append((int(batch.time_ns.min()), int(batch.time_ns.max())))
            if self._leads and found.packets is not None:
                summary.count(batch, found.packets)
                summary.count_duplicates(found.duplicates)
            self._frames = int(batch.frame_number[-1])
            self._spool.append(self._tables.drain())
            del batch, found, found_there
            collect_young()
        self._take_reader_findings(summary, before)
        if self._leads and isinstance(capture.reader, TraceLogReader):
            self._finish_log(capture.reader, summary)
        self._summaries.append(summary)

    def finish(self) -> None:
        """End the captures: take apart what is left unfinished, and sum up."""
        self._keep(self._stack.finish())
        if self._leads:
            for summary in self._summaries:
                summary.tabulate(self._tables)
            self._tables.add_untold()
        self._spool.append(self._tables.drain())

    def _take_log(self, reader: TraceLogReader) -> None:
        self._log.take(reader)
        self._spool.append(self._tables.drain())
        collect_young()

    def _finish_log(self, reader: TraceLogReader, summary: _CaptureSummary) -> None:
        self._log.finish()
        summary.packets = reader.records
        if self._log.start_time_ns is not None and self._log.end_time_ns is not None:
            summary.times.append((self._log.start_time_ns, self._log.end_time_ns))

    def _take_reader_findings(self, summary: _CaptureSummary, before: int) -> None:
        reader = summary.capture.reader
        if reader is None:
            return
        self._late_secrets |= bool(reader.secrets) and self._frames > 0
        for secret in reader.secrets:
            name = f"decryption secrets of {summary.capture.name}"
            for problem in self._keys.add_keylog(secret, name):
                if self._leads:
                    self._tables.add_fault(problem)
        reader.secrets.clear()
        for problem in reader.problems:
            if problem.frame_number is not None:
                problem.frame_number += before
            summary.problems.append(problem)
            if self._leads:
                self._tables.add_fault(problem)
        reader.problems.clear()

    def _keep(self, found: Dissected) -> None:
        if self._observer is not None:
            for ordinal in self._tables.ordinals:  # a connection may go on from file to file
                self._observer.take_secrets(ordinal, found.tls_secrets)
        for owner, fault in found.faults:
            self._tables.add_fault(fault, owner)
        for flow, info in found.tls_sessions:
            self._tables.add_tls_session(flow, info)
            self._closed_sessions |= info.reason is not None
        for flow in found.flows:
            self._tables.add_flow(flow)


class _CaptureSummary:
    """What the row of a capture in `captures` says, and the faults of its packets."""

    def __init__(self, capture: CaptureFile) -> None:
        self.capture = capture
        self.problems: list[DissectError] = []
        self.packets = 0
        self.times: list[tuple[int, int]] = []
        self._link_types: set[int] = set()
        self._last_half: np.int64 | None = None
        self._backwards: list[int] = []
        self._faults: dict[Fault, tuple[int, int]] = {}
        self._others: Counter[str] = Counter()
        self._duplicates: list[int] = []

    @property
    def end_ns(self) -> int:
        """Time of the latest packet; there must be one."""
        return max(end for _, end in self.times)

    def count(self, batch: PacketBatch, packets: DecodedBatch) -> None:
        """Add what one batch's columns say."""
        self._link_types.update(np.flatnonzero(np.bincount(batch.link_type)).tolist())
        self._others.update(packets.others)
        self._count_backwards(batch)
        for fault in FAULTS:
            frames = packets.fault_frames[(packets.fault_bits & fault) != 0]
            if len(frames):
                first, count = self._faults.get(fault, (int(frames[0]), 0))
                self._faults[fault] = (first, count + len(frames))

    def count_duplicates(self, frames: Int64) -> None:
        """Add the frames of packets that were captured twice."""
        if len(frames):
            self._duplicates = self._duplicates or [int(frames[0]), 0]
            self._duplicates[1] += len(frames)

    def _count_backwards(self, batch: PacketBatch) -> None:
        """Count packets that are more than a second older than the one before them."""
        halves = batch.time_ns // 2  # the difference of two of them fits 63 bits
        last = halves[0] if self._last_half is None else self._last_half
        back = np.flatnonzero(np.diff(halves, prepend=last) < -_BACKWARDS_NS // 2)
        if len(back):
            self._backwards = self._backwards or [int(batch.frame_number[back[0]]), 0]
            self._backwards[1] += len(back)
        self._last_half = halves[-1]

    def tabulate(self, tables: Tabulator) -> None:
        """Add the capture's row and one row for each kind of packet fault."""
        for fault, (first_frame, count) in self._faults.items():
            layer, severity, summary, spec = FAULTS[fault]
            tables.add_counted_fault(layer, severity, summary, spec, first_frame, count)
        for what, count in self._others.items():
            tables.add_counted_fault("frame", "note", f"not looked into: {what}", "", None, count)
        if self._backwards:
            first_frame, count = self._backwards
            summary = "time runs backwards by more than a second"
            tables.add_counted_fault("frame", "note", summary, "", first_frame, count)
        if self._duplicates:
            first_frame, count = self._duplicates
            summary = "packet is in the capture twice; its second copy is left out"
            tables.add_counted_fault("frame", "note", summary, "", first_frame, count)
        fatal = [problem for problem in self.problems if problem.severity == "error"]
        capture = self.capture
        names = sorted(link_type_name(number) for number in self._link_types)
        tables.add_capture(
            (
                capture.name,
                tables.recording,
                capture.format,
                ", ".join(capture.compression) or None,
                capture.size,
                self.packets,
                min((start for start, _ in self.times), default=None),
                max((end for _, end in self.times), default=None),
                ", ".join(names) or None,
                self._faults.get(Fault.SNAPPED, (0, 0))[1],
                sum(self._faults.get(fault, (0, 0))[1] for fault in _UNDECODED),
                self._duplicates[1] if self._duplicates else 0,
                not fatal,
                fatal[0].summary if fatal else None,
            )
        )


_BACKWARDS_NS = 1_000_000_000

_UNDECODED = (Fault.LINK_UNKNOWN, Fault.LINK_TRUNCATED)
