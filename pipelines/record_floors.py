"""The record of a trace log: who wrote it, when, and what a server noted about its own doings."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta, timezone

from dissectors.tracelog.record import LogDiagnostic, Logged, LoggedMessage, TraceContext
from pipelines.floor import Field, Floor
from pipelines.frame_watch import RecordView

_BODY_STATES = {
    "absent": "the log shows no body",
    "deleted": "the log left the body out",
    "truncated": "the log shows the body in part",
}


def record_floors(view: RecordView) -> list[Floor]:
    """Return a floor for each thing that the record holds, SIP itself apart."""
    return [_floor(logged) for logged in view.logged]


def _floor(logged: Logged) -> Floor:
    floor = Floor("Trace record", fields=_context_fields(logged.context))
    if isinstance(logged, LoggedMessage):
        told = _BODY_STATES.get(logged.body_state)
        if told and (logged.body_state != "absent" or logged.message.get("content-type")):
            floor.notes.append(told)
    else:
        floor.protocol = "Trace record: diagnostic"
        floor.fields += _diagnostic_fields(logged)
    return floor


def _context_fields(context: TraceContext) -> list[Field]:
    told = []
    for one in fields(context):
        value = getattr(context, one.name)
        if value is None:
            continue
        if one.name == "local_time_ns":
            told.append(Field("local_time", _clock(value), "the log names no zone"))
        else:
            told.append(Field(one.name, str(value)))
    return told


def _clock(local_ns: int) -> str:
    seconds, nanoseconds = divmod(local_ns, 1_000_000_000)
    try:
        moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
    except OverflowError:
        return f"{local_ns} ns since 1970"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds:09}"


def _diagnostic_fields(logged: LogDiagnostic) -> list[Field]:
    names = ("log_type", "severity", "text", "start_line", "call_id", "cseq", "method")
    told = [(name, getattr(logged, name)) for name in names]
    found = [Field(name, str(value)) for name, value in told if value is not None]
    if logged.result_code is not None:
        found.append(Field("result_code", f"0x{logged.result_code:08X}", logged.result_name or ""))
    data = tuple(Field(name, value) for name, value in logged.data.items())
    return [*found, Field("data", fields=data)] if data else found
