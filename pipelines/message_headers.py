"""All headers of some messages: read again from their captures, for no table holds them.

A table of every header of every message would be larger than the captures. So the captures are
taken apart once more, up to the last message that is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pandas as pd

from dissectors.body import to_plain
from dissectors.errors import DissectError
from dissectors.sip.authentication import Authentication
from dissectors.sip.diagnostics import Diagnostics
from dissectors.sip.header_values import decode_header, shown_value
from dissectors.sip.message import Header, SipMessage, full_name
from dissectors.tracelog.reader import TraceLogReader
from dissectors.tracelog.record import LoggedMessage
from dissectors.transport.flow import Flow
from pipelines.diagnostic_codes import diagnostic_code
from pipelines.engine import run
from pipelines.errors import UsageError
from pipelines.ingest import STDIN, CaptureFile
from pipelines.request import Request

COLUMNS = ("message_id", "position", "name", "header", "value", "meaning", "problem")
"""Columns of what :func:`headers_of` returns."""

Place = tuple[int, int]


class _AllFound(Exception):
    """Every message that is wanted was met: the rest of the captures need not be read."""


class _Collector:
    """Keeps the headers of messages that are wanted, as an observer of a run."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.found: dict[str, list[Header]] = {}
        self._wanted = {message_id: _place(message_id) for message_id in wanted}
        self._places = set(self._wanted.values())
        self._of_logs: dict[str, list[Header]] = {}
        self._met: dict[Place, int] = {}

    def take_message(
        self, capture: int, frame_number: int, flow: Flow, message: SipMessage
    ) -> None:
        """Keep the headers of a message that is wanted."""
        self.keep(capture, frame_number, message)

    def keep(self, capture: int, frame_number: int, message: SipMessage) -> None:
        """Keep the headers of a message that is wanted; it is the next one of its frame."""
        place = (capture, frame_number)
        if place not in self._places:
            return
        self._met[place] = ordinal = self._met.get(place, 0) + 1
        message_id = f"{capture}-{frame_number}-{ordinal}"
        if message_id in self._wanted:
            self.found[message_id] = list(message.headers)
            if len(self.found) == len(self._wanted):
                raise _AllFound

    def take_secrets(self, capture: int, secrets: list[tuple[str, bytes, bytes]]) -> None:
        """Take no secrets."""

    def clear(self) -> None:
        """Forget what is of captures: they are read again, and logs are not."""
        self.found = dict(self._of_logs)
        self._met.clear()

    def take_logs(self, captures: list[str]) -> None:
        """Keep the headers of messages that are wanted of trace logs, which no observer is told."""
        for ordinal in sorted({capture for capture, _ in self._places}):
            for logged in _logged(captures[ordinal - 1]):
                self.keep(ordinal, logged.context.line_number, logged.message)
        self._of_logs = dict(self.found)


def _logged(path: str) -> Iterator[LoggedMessage]:
    """Yield the messages of a trace log; none of a file that is something else."""
    capture = CaptureFile(path)
    for _ in capture.batches():
        if not isinstance(capture.reader, TraceLogReader):
            return
        for logged in capture.reader.logged:
            if isinstance(logged, LoggedMessage):
                yield logged
        capture.reader.logged.clear()


def _place(message_id: str) -> Place:
    capture, frame_number, _ = message_id.split("-")
    return int(capture), int(frame_number)


def headers_of(request: Request, message_ids: Sequence[str]) -> pd.DataFrame:
    """Return all headers of messages, in order as sent.

    Parameters
    ----------
    request : Request
        What the messages were read from.
    message_ids : sequence of str
        Ids of messages that are there, as in `messages`.

    Returns
    -------
    DataFrame
        One row per header: ``message_id``, ``position`` from 1, ``name`` as sent, ``header`` (full
        name, lower case), ``value`` without what proves an identity, ``meaning`` (dicts, lists,
        text and numbers; None where the value is plain text) and ``problem``: why the value was
        not decoded, missing where it was.

    Raises
    ------
    UsageError
        When the captures cannot be read a second time.
    """
    if STDIN in request.captures:
        raise UsageError("headers are read from the capture again, and standard input is gone")
    collector = _Collector(message_ids)
    if message_ids:
        with suppress(_AllFound):
            collector.take_logs(request.captures)
            run(request, 1, observer=collector, only=frozenset())
    rows: list[tuple[object, ...]] = [
        (message_id, position, *_row(name, value))
        for message_id in message_ids
        for position, (name, value) in enumerate(collector.found.get(message_id, ()), 1)
    ]
    table: pd.DataFrame = pd.DataFrame(rows, columns=list(COLUMNS))
    return table


def _row(name: str, value: str) -> tuple[str, str, str, object, str | None]:
    try:
        meaning, problem = _meaning(decode_header(name, value)), None
    except DissectError as error:
        meaning, problem = None, error.summary
    return name, full_name(name), shown_value(name, value), meaning, problem


def _meaning(value: object) -> object:
    """Return a header's value as dicts, lists, text and numbers, diagnoses with what they mean."""
    if isinstance(value, tuple):
        return [_meaning(one) for one in value]
    if isinstance(value, Diagnostics):
        return dict(_diagnosis(value))
    plain: Any = to_plain(value)
    if isinstance(value, Authentication) and not plain["stale"]:
        del plain["stale"]
    return plain


def _diagnosis(one: Diagnostics) -> Iterator[tuple[str, object]]:
    known = diagnostic_code(one.code)
    yield "code", one.code
    yield "subcode", one.subcode
    yield "component", one.component
    yield "meaning", known.meaning if known else None
    yield "certainty", known.certainty if known else None
    yield "reason", one.reason
    yield "source", one.source
    yield "parameters", one.tree
