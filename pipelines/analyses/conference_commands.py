"""Conference commands: one row per C3P request, joined to its answer, and one per notification.

An answer has the ``requestId`` of its request and comes in the 2xx of the INVITE, INFO or SERVICE
that carried it, or in a later INFO of the same dialog. A focus may first answer ``pending``; the
delay runs to the answer that settles the command. Copies of a command on several hops, and repeats
after a challenge, are one row; of the copies of its answer the one on the command's own hop counts.

References
----------
[MS-CONFBAS] §2.2.3; [MS-CONFPRO] §2.2.3.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipelines.analysis import analysis
from pipelines.grouping import (
    Groups,
    Integers,
    in_order,
    integers,
    is_one_of,
    nanoseconds,
    rows_frame,
    shared_codes,
)
from pipelines.needs import only
from pipelines.schema import CONFERENCE_COMMANDS

_MEDIA_TYPE = "application/cccp+xml"
_PENDING = "pending"

Hop = frozenset[int]
"""Codes of the two addresses."""
Carrier = tuple[int, int]
"""Code of the From tag and CSeq of a SIP request: equal in its copies on every hop."""


@dataclass(slots=True)
class _Body:
    """One C3P document and the message that carried it."""

    message_id: str
    """The message, as in `messages`."""
    time_ns: int
    """Its time, nanoseconds since 1970 UTC."""
    capture: str
    """Capture that shows it."""
    frame_number: int
    """Frame that completed it."""
    call_id: str
    """Its Call-ID."""
    hop: Hop
    """Its hop."""
    carrier: Carrier
    """The SIP request that it is, or answers."""
    value: dict[str, Any]
    """The document, fields as in :class:`dissectors.bodies.cccp.ConferenceControl`."""

    @property
    def verb(self) -> str:
        """Names of the commands; there is one, by the specification."""
        return ",".join(verb["name"] for verb in self.value.get("verbs") or ())


@dataclass(slots=True)
class _Command:
    """One row: a command, a notification, or an answer to a command that was not seen."""

    body: _Body
    """Its first copy."""
    carriers: set[Carrier]
    """SIP requests that carried it: more than one after a challenge."""
    answer: _Body | None = None
    """The answer that counts: the settling one, or the first pending one."""

    @property
    def is_settled(self) -> bool:
        """Whether an answer other than pending came."""
        return self.answer is not None and self.answer.value.get("code") != _PENDING

    def is_repeated_by(self, body: _Body) -> bool:
        """Return whether `body` is another copy of this command."""
        same = body.verb == self.body.verb and body.value.get("kind") == self.body.value.get("kind")
        return same and (body.carrier in self.carriers or not self.is_settled)

    def take(self, answer: _Body) -> None:
        """Take an answer if it tells more than the one before, or tells it on the right hop."""
        settles = answer.value.get("code") != _PENDING
        nearer = (
            self.answer is not None and settles and self.answer.hop != self.body.hop == answer.hop
        )
        if self.answer is None or (settles and not self.is_settled) or nearer:
            self.answer = answer


@dataclass(slots=True)
class _Commands:
    """The commands of one capture, found body by body."""

    rows: list[_Command] = field(default_factory=list)
    """In order of time."""
    _by_request: dict[tuple[str, str | None, str | None], _Command] = field(default_factory=dict)
    """Call-ID, requestId and requester → the last such command."""
    _notified: set[tuple[str, Carrier, str | None]] = field(default_factory=set)
    """Notifications that have a row."""

    def push(self, body: _Body) -> None:
        """Take the next body, in order of time."""
        kind = body.value.get("kind")
        if kind == "request":
            self._push_request(body)
        elif kind == "response":
            self._push_response(body)
        else:
            self._push_notify(body)

    def _push_request(self, body: _Body) -> None:
        request_id, requester = body.value.get("request_id"), body.value.get("from_uri")
        known = self._by_request.get((body.call_id, request_id, requester))
        if known is not None and known.is_repeated_by(body):
            known.carriers.add(body.carrier)
            return
        command = self._enter(body)
        self._by_request[body.call_id, request_id, requester] = command
        # For an answer that names nobody, or names the requester in another way.
        self._by_request[body.call_id, request_id, None] = command

    def _push_response(self, body: _Body) -> None:
        request_id, requester = body.value.get("request_id"), body.value.get("to_uri")
        command = self._by_request.get(
            (body.call_id, request_id, requester)
        ) or self._by_request.get((body.call_id, request_id, None))
        if command is None:
            command = self._enter(body)
            self._by_request[body.call_id, request_id, None] = command
        command.take(body)

    def _push_notify(self, body: _Body) -> None:
        key = (body.call_id, body.carrier, body.value.get("notify_id"))
        if key not in self._notified:
            self._notified.add(key)
            self._enter(body)

    def _enter(self, body: _Body) -> _Command:
        command = _Command(body, {body.carrier})
        self.rows.append(command)
        return command


@analysis(
    "conference_commands",
    bodies=only(
        (
            "message_id",
            "time",
            "capture",
            "frame_number",
            "call_id",
            "media_type",
            "value",
        ),
        media_type=(_MEDIA_TYPE,),
    ),
    messages=("message_id", "time", "call_id", "src_ip", "dst_ip", "from_tag", "cseq"),
)
def conference_commands(bodies: pd.DataFrame, messages: pd.DataFrame) -> pd.DataFrame:
    """Return the conference commands in `bodies`.

    Parameters
    ----------
    bodies, messages : DataFrame
        Rows of these tables.

    Returns
    -------
    DataFrame
        Rows of the table `conference_commands`, in order of time.
    """
    commands = _Commands()
    for body in _read(bodies, messages):
        commands.push(body)
    rows = [_row(command) for command in commands.rows]
    return rows_frame(CONFERENCE_COMMANDS, rows)


def _read(bodies: pd.DataFrame, messages: pd.DataFrame) -> Iterator[_Body]:
    """Yield the C3P documents in order of time."""
    is_c3p = is_one_of(bodies["media_type"], _MEDIA_TYPE)
    readable = is_c3p & bodies["value"].notna().to_numpy(dtype=np.bool_)
    bodies = in_order(bodies[readable].reset_index(drop=True))
    times = nanoseconds(bodies["time"]).tolist()
    told = ("message_id", "capture", "frame_number", "call_id", "value")
    columns = [bodies[name].astype(object).tolist() for name in told]
    carriers = _carriers(bodies["message_id"], messages)
    for time_ns, (hop, carrier), row in zip(
        times, carriers, zip(*columns, strict=True), strict=True
    ):
        message_id, capture, frame_number, call_id, value = row
        decoded = json.loads(value)
        yield _Body(message_id, time_ns, capture, frame_number, call_id, hop, carrier, decoded)


def _carriers(message_ids: pd.Series[Any], messages: pd.DataFrame) -> list[tuple[Hop, Carrier]]:
    """Return for each body the hop and the SIP request of the message that carries it."""
    wanted, ours = shared_codes(message_ids, messages["message_id"])
    _, found = Groups.joined((ours,), (wanted,), where=np.ones(len(ours), dtype=np.bool_))
    row_of = np.append(Groups.by(ours).first(), -1)[found.of_row]
    addresses = [codes_of.tolist() for codes_of in _taken(messages, row_of, "src_ip", "dst_ip")]
    requests = [codes_of.tolist() for codes_of in _taken(messages, row_of, "from_tag")]
    cseq = np.append(integers(messages["cseq"]), -1)[row_of].tolist()
    return [
        (frozenset((source, destination)), (from_tag, number))
        for source, destination, from_tag, number in zip(*addresses, *requests, cseq, strict=True)
    ]


def _taken(messages: pd.DataFrame, rows: Integers, *names: str) -> list[Integers]:
    return [np.append(one, -1)[rows] for one in shared_codes(*(messages[name] for name in names))]


def _row(command: _Command) -> dict[str, Any]:
    body, answer = command.body, command.answer
    value, told = body.value, answer.value if answer else {}
    verbs = value.get("verbs") or ()
    return {
        "message_id": body.message_id,
        "time": body.time_ns,
        "capture": body.capture,
        "frame_number": body.frame_number,
        "call_id": body.call_id,
        "kind": value.get("kind"),
        "request_id": value.get("request_id"),
        "verb": body.verb or None,
        "from_uri": value.get("from_uri"),
        "to_uri": value.get("to_uri"),
        "conference_id": value.get("conference_id"),
        "mcu_uri": next((verb["mcu_uri"] for verb in verbs if verb.get("mcu_uri")), None),
        "code": told.get("code"),
        "reason": told.get("reason"),
        "result": _result(told),
        "diagnostics": _diagnostics(told),
        "answer_message_id": answer.message_id if answer else None,
        "answer_s": _delay(command),
    }


def _result(answer: dict[str, Any]) -> str | None:
    return next((verb["result"] for verb in answer.get("verbs") or () if verb.get("result")), None)


def _diagnostics(answer: dict[str, Any]) -> str | None:
    told = answer.get("diagnostics")
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")) if told else None


def _delay(command: _Command) -> float | None:
    """Return the seconds from a request to the answer that settled it; None when not known."""
    answer, start_ns = command.answer, command.body.time_ns
    is_request = command.body.value.get("kind") == "request"
    if answer is None or not (is_request and command.is_settled) or answer.time_ns < start_ns:
        return None
    return (answer.time_ns - start_ns) / 1e9
