"""Registrations: one row per attempt of an endpoint, and what became of the binding it made.

A binding lasts until it expires; the endpoint refreshes it before, the server may end it with a
NOTIFY (``text/registration-event``), and a user who signs out takes it back with Expires 0. A
binding that expired and was not refreshed has *lapsed* only where the refresh would have been seen
(:mod:`pipelines.coverage`), nothing tells of the same user at the same address, and no attempt to
refresh it is left without a known outcome.

Outcomes, by the last final response:

=============== =================================================================================
registered      2xx
removed         2xx to Expires 0
answered        2xx to a REGISTER without Contact, which asks for the bindings only (§10.2.3)
challenge_loop  401 or 407, and it is the fourth or a later one: NTLM takes two, TLS-DSK three
challenged      401 or 407, and no REGISTER followed within a minute
redirected      3xx, and no REGISTER followed within a minute
timed_out       408, 504; or no answer within Timer F, 32 s, where one would have been seen
rejected        any other 4xx or 6xx
failed          any other 5xx
unknown         no final response, and one would not have been seen
=============== =================================================================================

References
----------
RFC 3261 §10, §22; RFC 6076 §4.1; [MS-SIPAE] §3; [MS-SIPREGE].
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from pipelines.analysis import analysis
from pipelines.coverage import (
    CAPTURE_COLUMNS,
    FLOW_COLUMNS,
    MESSAGE_COLUMNS,
    TIMER_F_NS,
    TLS_COLUMNS,
    Coverage,
    with_names,
)
from pipelines.grouping import (
    NEVER,
    Booleans,
    in_order,
    is_one_of,
    nanoseconds,
    plain,
    rows_frame,
    truth,
)
from pipelines.needs import only
from pipelines.register_attempts import COLUMNS, Attempt, attempts, by_endpoint, exchanges
from pipelines.register_attempts import registers as read_registers
from pipelines.schema import REGISTRATIONS

CHALLENGES_OF_A_LOOP = 4
"""The first number of challenges that no scheme needs."""

_EVENT_TYPE = "text/registration-event"
_EVENT_COLUMNS = (
    *("message_id", "time", "is_request", "method", "to_uri", "to_epid", "dst_ip"),
    *("event", "content_type", "diagnostics_code"),
)
_EVENT_PACKAGES = ("registration", "registration-notify")
_CLOCKS_NS = 1_000_000_000  # expiry counts from the server's clock, whose answer travels


@analysis(
    "registrations",
    whole=True,
    messages=only(
        tuple(
            dict.fromkeys(
                (
                    *COLUMNS,
                    *MESSAGE_COLUMNS,
                    "first_time",
                    "method",
                )
            )
        ),
        method=("REGISTER",),
    ),
    notifications=only(_EVENT_COLUMNS, table="messages", method=("NOTIFY", "BENOTIFY")),
    traffic=only(MESSAGE_COLUMNS, table="messages"),
    bodies=only(("message_id", "media_type", "text"), media_type=(_EVENT_TYPE,)),
    captures=CAPTURE_COLUMNS,
    flows=FLOW_COLUMNS,
    tls_sessions=TLS_COLUMNS,
)
def registrations(
    messages: pd.DataFrame,
    notifications: pd.DataFrame,
    traffic: pd.DataFrame,
    bodies: pd.DataFrame,
    captures: pd.DataFrame,
    flows: pd.DataFrame,
    tls_sessions: pd.DataFrame,
) -> pd.DataFrame:
    """Return the attempts to register in `messages`.

    Parameters
    ----------
    messages : DataFrame
        Rows of the table `messages`: at least REGISTER and its responses.
    notifications : DataFrame
        Rows of `messages`: at least NOTIFY and BENOTIFY.
    traffic : DataFrame
        All rows of `messages`.
    bodies, captures, flows, tls_sessions : DataFrame
        Rows of these tables.

    Returns
    -------
    DataFrame
        Rows of the table `registrations`, in order of time.
    """
    messages = in_order(messages)
    own = with_names(messages[is_one_of(messages["method"], "REGISTER")])
    endpoints = [attempts(one) for one in by_endpoint(exchanges(read_registers(own)))]
    coverage = Coverage.of(traffic, captures, flows, tls_sessions, own)
    events = _Events.of(in_order(notifications), bodies)
    presence = _presence(endpoints)
    made = [
        row for one in endpoints for row in _rows(_Endpoint(one, coverage, events, presence))
    ]  # fmt: skip
    made.sort(key=lambda row: (row["order"] == NEVER, row["order"]))
    return rows_frame(REGISTRATIONS, made)


# --- the server's word --------------------------------------------------------------------------


class _Event(NamedTuple):
    """A NOTIFY that ends a registration."""

    time_ns: int
    message_id: str
    reason: str | None
    error_id: int | None


@dataclass(slots=True)
class _Events:
    """What servers said of registrations, by user and epid, and by user and address."""

    by_epid: defaultdict[tuple[str, str], list[_Event]] = field(
        default_factory=lambda: defaultdict(list)
    )
    by_address: defaultdict[tuple[str, str | None], list[_Event]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def of(cls, messages: pd.DataFrame, bodies: pd.DataFrame) -> _Events:
        """Return the events in `messages`; their bodies may be missing."""
        texts = bodies[is_one_of(bodies["media_type"], _EVENT_TYPE)]
        said = dict(zip(plain(texts["message_id"]), plain(texts["text"]), strict=True))
        names = ["message_id", "to_uri", "to_epid", "dst_ip", "diagnostics_code"]
        rows = messages[_is_event(messages)]
        columns = (plain(rows[name]) for name in names)
        found = cls()
        for time_ns, message_id, uri, epid, client, error_id in zip(
            nanoseconds(rows["time"]).tolist(), *columns, strict=True
        ):
            event = _Event(time_ns, message_id, _reason(said.get(message_id)), error_id)
            user = (uri or "").lower()
            if epid:
                found.by_epid[user, epid.lower()].append(event)
            else:
                found.by_address[user, client].append(event)
        return found

    def about(self, endpoint: list[Attempt]) -> list[_Event]:
        """Return the events about an endpoint, by time."""
        found: set[_Event] = set()
        for user, address, epid in {(*_place(one), one.last.asked.from_epid) for one in endpoint}:
            found.update(self.by_epid.get((user, (epid or "").lower()), ()))
            found.update(self.by_address.get((user, address), ()))
        return sorted(one for one in found if one.time_ns != NEVER)


def _is_event(messages: pd.DataFrame) -> Booleans:
    notify = truth(messages["is_request"]) & is_one_of(messages["method"], "NOTIFY", "BENOTIFY")
    typed = is_one_of(messages["content_type"], _EVENT_TYPE)
    found: Booleans = notify & (typed | is_one_of(messages["event"], *_EVENT_PACKAGES))
    return found


def _reason(text: str | None) -> str | None:
    """Return the event of ``deregistered;event=rejected``."""
    event = (text or "").partition("event=")[2]
    return event.split(";")[0].strip('" \t\r\n').lower() or None


# --- one endpoint -------------------------------------------------------------------------------

_Place = tuple[str, str | None]
"""User and address of the client."""


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """The attempts of one endpoint, and what else is known."""

    attempts: list[Attempt]
    coverage: Coverage
    events: _Events
    presence: dict[_Place, int]
    """User and client's address → the last moment that a REGISTER came from there."""


def _presence(endpoints: list[list[Attempt]]) -> dict[_Place, int]:
    found: dict[_Place, int] = {}
    for one in endpoints:
        for attempt in one:
            place = _place(attempt)
            found[place] = max(found.get(place, NEVER), attempt.last.moment_ns)
    return found


def _place(attempt: Attempt) -> _Place:
    return (attempt.last.asked.to_uri or "").lower(), attempt.last.client_ip


def _rows(endpoint: _Endpoint) -> Iterator[dict[str, Any]]:
    rows = [_row(attempt, endpoint.coverage) for attempt in endpoint.attempts]
    events = endpoint.events.about(endpoint.attempts)
    current: int | None = None
    for number, attempt in enumerate(endpoint.attempts):
        if current is not None:
            _tell_event(rows[current], events, attempt.first.moment_ns)
            current = current if "fate" not in rows[current] else None
        current = _follow(rows, current, number, endpoint)
    if current is not None:
        _tell_event(rows[current], events, NEVER)
        if "fate" not in rows[current]:
            rows[current] |= _at_the_end(rows[current], endpoint.attempts[current], endpoint)
    _count_refreshes(rows)
    yield from rows


def _row(attempt: Attempt, coverage: Coverage) -> dict[str, Any]:
    first, last = attempt.first, attempt.last
    asked, final = first.asked, last.final
    outcome, reason = _outcome(attempt, coverage)
    redirection = attempt.redirection
    granted = last.granted_s if outcome == "registered" else None
    used = [one.asked.auth_schemes for one in attempt.steps if one.requests]
    challenges = [one.final for one in attempt.steps if one.is_challenge]
    return {
        **{name: getattr(asked, name) for name in ("message_id", "capture", "frame_number")},
        "order": first.moment_ns,
        "registration_id": asked.message_id,
        "call_id": asked.call_id,
        "user_uri": asked.to_uri,
        "epid": asked.from_epid,
        "contact_uri": asked.contact_uri if first.requests else None,
        "user_agent": asked.user_agent if first.requests else None,
        "client": first.client_ip,
        "server": last.server_ip,
        "kind": "removal" if attempt.removes else "query" if attempt.is_query else "initial",
        "start_time": first.start_ns,
        "end_time": last.end_ns,
        "delay_s": _delay(first.start_ns, last.end_ns) if attempt.succeeded else None,
        "requests": sum(bool(one.requests) for one in attempt.steps),
        "challenges": attempt.challenges,
        "auth_scheme": next((one for one in reversed(used) if one), None),
        "offered_schemes": challenges[0].auth_schemes if challenges and challenges[0] else None,
        "redirected_to": redirection.contact_uri if redirection else None,
        "redirect_followed": attempt.redirect_followed,
        "outcome": outcome,
        "outcome_reason": reason,
        "status_code": final.status_code if final else None,
        "reason_phrase": final.reason_phrase if final else None,
        "diagnostics_code": final.diagnostics_code if final else None,
        "asked_expires_s": last.asked_expires_s,
        "expires_s": granted,
        "expiry_time": NEVER
        if granted is None or last.end_ns == NEVER
        else last.end_ns + granted * 1_000_000_000,
    }


def _delay(start_ns: int, end_ns: int) -> float | None:
    """Return the seconds between; None where either is missing, or the clock went back."""
    return None if NEVER in (start_ns, end_ns) or end_ns < start_ns else (end_ns - start_ns) / 1e9


def _outcome(attempt: Attempt, coverage: Coverage) -> tuple[str, str | None]:
    status = attempt.last.status
    if not status:
        request = attempt.last.asked
        due = NEVER if request.time_ns == NEVER else request.time_ns + TIMER_F_NS
        why = coverage.silence(request.flow_id, request.src_ip, request.recording, due)
        return ("unknown", why) if why else ("timed_out", None)
    if attempt.succeeded:
        kind = "removed" if attempt.removes else "answered" if attempt.is_query else "registered"
        return kind, None
    if attempt.last.is_challenge:
        loops = attempt.challenges >= CHALLENGES_OF_A_LOOP
        return "challenge_loop" if loops else "challenged", None
    if status in (408, 504):
        return "timed_out", None
    return "redirected" if status < 400 else "failed" if status // 100 == 5 else "rejected", None


# --- what becomes of a binding ------------------------------------------------------------------


def _follow(
    rows: list[dict[str, Any]], current: int | None, number: int, endpoint: _Endpoint
) -> int | None:
    """Tell what an attempt means for the binding that stands; return whose stands after it."""
    row = rows[number]
    before = None if current is None else rows[current]
    if row["kind"] == "query":
        return current
    if before is not None and _is_over(before, endpoint.attempts[number]):
        before |= _lapse(before, endpoint.attempts[current or 0], endpoint)
        before |= {"fate_message_id": row["message_id"]}
        before = current = None
    if before is not None and before["call_id"] == row["call_id"] and row["kind"] == "initial":
        row["kind"] = "refresh"
        row["registration_id"] = before["registration_id"]
    if row["outcome"] not in ("registered", "removed"):
        if before is not None and row["outcome"] == "unknown":
            before["doubt"] = "the answer to an attempt to renew or remove it was not seen"
        return current
    if before is not None:
        fate = "removed" if row["kind"] == "removal" else _renewal(row)
        before |= _fate(fate, row["end_time"], row["message_id"])
    return number if row["outcome"] == "registered" else None


def _renewal(row: dict[str, Any]) -> str:
    return "refreshed" if row["kind"] == "refresh" else "replaced"


def _is_over(row: dict[str, Any], after: Attempt) -> bool:
    expiry, began = row["expiry_time"], after.first.moment_ns
    return expiry != NEVER and began != NEVER and began > expiry + _CLOCKS_NS


def _fate(fate: str, time_ns: int, message_id: str | None = None) -> dict[str, Any]:
    return {"fate": fate, "fate_time": time_ns, "fate_message_id": message_id}


def _tell_event(row: dict[str, Any], events: list[_Event], before_ns: int) -> None:
    """Tell that the server ended a binding, if it did before the next attempt."""
    number = bisect_right(events, row["end_time"], key=lambda event: event.time_ns)
    if number == len(events):
        return
    event, expiry = events[number], row["expiry_time"]
    if before_ns != NEVER and event.time_ns >= before_ns:
        return
    if expiry == NEVER or event.time_ns <= expiry + _CLOCKS_NS:
        row |= _fate("deregistered", event.time_ns, event.message_id)
        row |= {"fate_reason": event.reason, "fate_diagnostics_code": event.error_id}


def _lapse(row: dict[str, Any], attempt: Attempt, endpoint: _Endpoint) -> dict[str, Any]:
    """Return that a binding lapsed, or why that is not certain."""
    why = row.get("doubt") or _unseen(row, attempt, endpoint.coverage)
    if why:
        return {"fate": "unknown", "fate_reason": why}
    return _fate("lapsed", row["expiry_time"])


def _unseen(row: dict[str, Any], attempt: Attempt, coverage: Coverage) -> str | None:
    """Return why a refresh could have gone unseen; None when it was not sent."""
    last = attempt.last
    if coverage.closed.get(last.client_ip or "", NEVER) > last.end_ns:
        return "a TLS connection of the endpoint was not opened: a refresh may have gone there"
    asked = last.asked
    sender = last.client_ip
    return coverage.silence(asked.flow_id, sender, asked.recording, row["expiry_time"])


def _at_the_end(row: dict[str, Any], attempt: Attempt, endpoint: _Endpoint) -> dict[str, Any]:
    """Return the fate of a binding that nothing followed."""
    if row["expiry_time"] == NEVER:
        return {"fate": "unknown", "fate_reason": "the 200 does not say when the binding expires"}
    due = row["expiry_time"] + TIMER_F_NS
    if endpoint.coverage.end(attempt.last.asked.recording, due):
        return {"fate": "open"}
    if endpoint.presence[_place(attempt)] > attempt.last.moment_ns:
        why = "another endpoint of the user registered from the same address afterwards"
        return {"fate": "unknown", "fate_reason": why}
    return _lapse(row, attempt, endpoint)


def _count_refreshes(rows: list[dict[str, Any]]) -> None:
    done: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        done[row["registration_id"]] += row["kind"] == "refresh" and row["outcome"] == "registered"
    for row in rows:
        if row["outcome"] == "registered" and row["registration_id"] == row["message_id"]:
            row["refreshes"] = done[row["registration_id"]]
