"""Trace logs → rows: what a log says of time, place and peer, as far as it says so.

A log shows one machine's view, so a message has at most one known address, its peer's. Times stand
in the machine's own zone, which no log names: the user does, or UTC is assumed and that is told.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from dissectors.errors import DissectError
from dissectors.tracelog.reader import TraceLogReader
from dissectors.tracelog.record import (
    LogDiagnostic,
    LoggedMessage,
    TraceContext,
    ip_address,
    split_host_port,
)
from pipelines.errors import UsageError
from pipelines.message_columns import LogColumns
from pipelines.schema import LOG_DIAGNOSTICS
from pipelines.tables import Tabulator, row_of, to_json

MAX_FLOWS = 65_536
"""Peers of one log that are remembered at a time; beyond that the oldest is forgotten."""

_EPOCH = dt.datetime(1970, 1, 1)
_SLOT_NS = 900_000_000_000  # clocks are changed at a quarter of an hour
_BACK_NS = 60_000_000_000  # lines of several threads are never that far out of order


class LogClock:
    """Local times of a log → UTC.

    Parameters
    ----------
    name : str, optional
        IANA name of the zone, such as ``Europe/Berlin``; UTC when the user named none.

    Raises
    ------
    UsageError
        When there is no such zone.
    """

    def __init__(self, name: str | None) -> None:
        self.assumed = name is None
        """Whether the zone is only assumed."""
        self.name = "UTC" if name is None else name
        """Name of the zone."""
        self.doubtful = 0
        """Records whose time the clock showed twice, or not at all, when it was put back or on."""
        self._zone = _zone(self.name)
        self._offsets: dict[int, tuple[int, int]] = {}
        self._last_ns = -(1 << 63)
        self._again = False

    def utc_ns(self, local_ns: int) -> int:
        """Return a local time, nanoseconds as if it were UTC, in UTC.

        Of an hour that the clock shows twice it is the second when an earlier record shows that
        the clock has gone back.
        """
        slot = local_ns // _SLOT_NS
        if slot not in self._offsets:
            self._offsets = {slot: self._offset_ns(slot), **self._offsets}
        first, second = self._offsets[slot]
        if first != second:
            self.doubtful += 1
            self._again |= local_ns < self._last_ns - _BACK_NS
        else:
            self._again = False
        self._last_ns = local_ns
        return local_ns - (second if self._again else first)

    def _offset_ns(self, slot: int) -> tuple[int, int]:
        if len(self._offsets) > 4096:
            self._offsets.clear()
        moment = _EPOCH + dt.timedelta(seconds=slot * (_SLOT_NS // 1_000_000_000))
        first, second = (self._zone.utcoffset(moment.replace(fold=fold)) for fold in (0, 1))
        return _nanoseconds(first), _nanoseconds(second)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UsageError(
            f"--timezone {name}: no such time zone; expected a name such as Europe/Berlin or UTC"
        ) from None


def _nanoseconds(offset: dt.timedelta | None) -> int:
    return round(offset.total_seconds()) * 1_000_000_000 if offset else 0


@dataclass(slots=True, eq=False)
class LogFlow:
    """What one process of a log exchanged with one peer, seen from the process."""

    number: int
    """Line of its first record; a higher number when that is taken."""
    own: tuple[str | None, int | None]
    """Address and port of the machine that wrote the log, as far as told."""
    peer: tuple[str | None, int | None]
    """Address and port of its peer, as far as told."""
    start_time_ns: int | None = None
    """Time of its first message that has one, nanoseconds since 1970 UTC."""
    end_time_ns: int | None = None
    """Time of its latest message that has one."""
    part: int = 0
    """A log tells of no conversations inside another one."""

    def address(self, direction: int) -> str | None:
        """Return the address that sends in `direction`: 0 the machine's, 1 its peer's."""
        return (self.peer if direction else self.own)[0]

    def port(self, direction: int) -> int | None:
        """Return the port that sends in `direction`: 0 the machine's, 1 its peer's."""
        return (self.peer if direction else self.own)[1]


_NOWHERE = (None, None)


class TraceLogTables:
    """Puts what a log holds into tables.

    Parameters
    ----------
    tables : Tabulator
        Where the rows go.
    clock : LogClock
        What turns the log's times into UTC.
    """

    def __init__(self, tables: Tabulator, clock: LogClock) -> None:
        self.start_time_ns: int | None = None
        """Earliest time, nanoseconds since 1970 UTC."""
        self.end_time_ns: int | None = None
        """Latest time."""
        self._tables = tables
        self._clock = clock
        self._flows: dict[tuple[Any, ...], LogFlow] = {}
        self._last_number = 0
        self._first_line: int | None = None
        self._timed = 0

    def take(self, reader: TraceLogReader) -> None:
        """Make rows of what `reader` has read since the last call."""
        for logged in reader.logged:
            if isinstance(logged, LoggedMessage):
                self._add_message(logged)
            else:
                self._add_diagnostic(logged)
        reader.logged.clear()

    def finish(self) -> None:
        """Add what is told of the log as a whole."""
        for flow in self._flows.values():
            self._add_flow(flow)
        tell = self._tables.add_counted_fault
        if self._clock.assumed and self._timed:
            summary = "times name no zone and were taken for UTC: --timezone names another"
            tell("log", "note", summary, "", self._first_line, self._timed)
        if self._clock.doubtful:
            summary = f"times in an hour that clocks of {self._clock.name} show twice or skip"
            tell("log", "note", summary, "", self._first_line, self._clock.doubtful)

    def _add_message(self, logged: LoggedMessage) -> None:
        context, message = logged.context, logged.message
        time_ns = self._time_ns(context)
        flow = self._flow(context, time_ns)
        columns = LogColumns(time_ns, (logged.body_state, *self._columns(context)))
        self._tables.add_message(flow, "log", message, columns)
        self._add_faults(logged.faults, flow, time_ns)

    def _add_faults(self, faults: list[DissectError], flow: LogFlow, time_ns: int | None) -> None:
        for fault in faults:
            fault.time_ns = time_ns
            self._tables.add_fault(fault, flow)

    def _add_diagnostic(self, found: LogDiagnostic) -> None:
        context = found.context
        code = found.result_code
        values = {
            "time": self._time_ns(context),
            "capture": self._tables.capture,
            "frame_number": context.line_number,
            "severity": found.severity,
            "log_type": found.log_type,
            "text": found.text,
            "result_code": None if code is None else f"0x{code:08X}",
            "result_name": found.result_name,
            "call_id": found.call_id,
            "cseq": found.cseq,
            "method": found.method,
            "start_line": found.start_line,
            "data": to_json(found.data) if found.data else None,
            "local": context.local,
        }
        named = dict(zip(LOG_COLUMNS, self._columns(context), strict=True))
        kept = {key: value for key, value in named.items() if key in LOG_DIAGNOSTICS.names}
        self._tables.add_row("log_diagnostics", row_of(LOG_DIAGNOSTICS, {**values, **kept}))

    def _columns(self, context: TraceContext) -> tuple[str | None, ...]:
        """Return the values of :data:`LOG_COLUMNS`."""
        host = split_host_port(context.peer)[0] if context.peer else None
        return (
            None if context.local_time_ns is None else self._clock.name,
            context.level,
            context.machine,
            context.process,
            context.thread,
            context.component,
            context.correlation_id,
            context.instance_id,
            context.direction,
            context.source,
            context.destination,
            context.peer,
            None if host is None or ip_address(host) else host,
        )

    def _time_ns(self, context: TraceContext) -> int | None:
        if self._first_line is None:
            self._first_line = context.line_number
        if context.local_time_ns is None:
            return None
        self._timed += 1
        time_ns = self._clock.utc_ns(context.local_time_ns)
        first, last = self.start_time_ns, self.end_time_ns
        self.start_time_ns = time_ns if first is None else min(first, time_ns)
        self.end_time_ns = time_ns if last is None else max(last, time_ns)
        return time_ns

    def _flow(self, context: TraceContext, time_ns: int | None) -> LogFlow:
        towards = context.direction is not None
        key = (context.machine, context.process, context.peer, context.local, towards)
        flow = self._flows.get(key)
        if flow is None:
            flow = self._new_flow(context)
            self._flows[key] = flow
            if len(self._flows) > MAX_FLOWS:
                self._add_flow(self._flows.pop(next(iter(self._flows))))
        if time_ns is not None:
            flow.start_time_ns = time_ns if flow.start_time_ns is None else flow.start_time_ns
            flow.end_time_ns = time_ns
        return flow

    def _new_flow(self, context: TraceContext) -> LogFlow:
        self._last_number = max(context.line_number, self._last_number + 1)
        if context.direction is None:  # whether the peer sent or received is not told
            return LogFlow(self._last_number, _NOWHERE, _NOWHERE)
        return LogFlow(self._last_number, _endpoint(context.local), _endpoint(context.peer))

    def _add_flow(self, flow: LogFlow) -> None:
        self._tables.add_log_flow(flow, flow.start_time_ns, flow.end_time_ns)


LOG_COLUMNS = (
    "time_zone",
    "log_level",
    "machine",
    "process",
    "thread",
    "component",
    "correlation_id",
    "instance_id",
    "log_direction",
    "log_source",
    "log_destination",
    "peer",
    "peer_host",
)
"""Columns of `messages` behind `body_state`, all of them of trace logs only."""


def _endpoint(text: str | None) -> tuple[str | None, int | None]:
    """Return address and port; a name has no address here."""
    if not text:
        return _NOWHERE
    host, port = split_host_port(text)
    return ip_address(host), port
