"""An endpoint that could not register.

A challenge is no failure (RFC 6076 §4.2): NTLM takes two, TLS-DSK three. The fourth is a loop, in
which credentials are sent again and again and never accepted. What another attempt mended within a
minute, as where a client turns to the next server, is a note only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, message, rule
from pipelines.grouping import is_one_of

_MENDED_S = 60
_FAILED = ("rejected", "failed", "timed_out", "challenge_loop")

_COLUMNS = (
    "message_id",
    "call_id",
    "user_uri",
    "epid",
    "contact_uri",
    "client",
    "server",
    "kind",
    "start_time",
    "end_time",
    "requests",
    "challenges",
    "auth_scheme",
    "outcome",
    "status_code",
    "reason_phrase",
    "diagnostics_code",
)


@rule("registration_failed", "error", whole=True, registrations=_COLUMNS)
def registration_failed(registrations: pd.DataFrame) -> Iterator[Finding]:
    """Find endpoints that could not register: refused, never answered, or challenged for ever."""
    rows = registrations[~is_one_of(registrations["kind"], "query")].reset_index(drop=True)
    for row, after in zip(rows.itertuples(), _next_successes(rows), strict=True):
        if row.kind == "removal" or not (row.outcome in _FAILED or _credentials_refused(row)):
            continue
        yield _finding(row, _is_mended(row, after))


def _next_successes(rows: pd.DataFrame) -> list[Any]:
    """Return for each attempt when the same endpoint next registered."""
    times = rows["end_time"].where(is_one_of(rows["outcome"], "registered"))
    endpoint = rows["epid"].astype("object").where(rows["epid"].notna(), rows["contact_uri"])
    keys = [rows["user_uri"].astype("object"), endpoint]
    found: list[Any] = times.groupby(keys, dropna=False, sort=False).bfill().tolist()
    return found


def _is_mended(row: Any, after: Any) -> bool:
    last = row.start_time if pd.isna(row.end_time) else row.end_time
    if pd.isna(after) or pd.isna(last):
        return False
    return bool((after - last).total_seconds() <= _MENDED_S)


def _credentials_refused(row: Any) -> bool:
    """Tell whether the endpoint gave up because the server said why it took no credentials."""
    sent = not pd.isna(row.auth_scheme) and row.challenges > 1
    return row.outcome == "challenged" and sent and not pd.isna(row.diagnostics_code)


def _finding(row: Any, mended: bool) -> Finding:
    title, explanation, advice = _TEXTS[_cause(row)]
    user = "An endpoint" if pd.isna(row.user_uri) else str(row.user_uri)
    later = " It registered within a minute all the same." if mended else ""
    place = "" if pd.isna(row.client) else f" at {row.client}"
    told = {"challenges": row.challenges, "status": _status(row), "scheme": _scheme(row)}
    return Finding(
        title=title.format(**told),
        subject=_subject(row),
        start_time=row.end_time if pd.isna(row.start_time) else row.start_time,
        evidence=(message(row.message_id),),
        explanation=f"{user}{place} {explanation.format(**told)}{later}",
        advice=advice,
        reference="RFC 3261 §10, §22; RFC 6076 §4.2",
        severity="note" if mended else "error",
    )


def _cause(row: Any) -> str:
    if row.outcome == "timed_out" and pd.isna(row.status_code):
        return "silence"
    return str(row.outcome)


def _status(row: Any) -> str:
    if pd.isna(row.status_code):
        return "no answer"
    code = "" if pd.isna(row.diagnostics_code) else f", error id {row.diagnostics_code}"
    return f"{row.status_code}{code}"


def _scheme(row: Any) -> str:
    return "no credentials" if pd.isna(row.auth_scheme) else f"{row.auth_scheme}"


def _subject(row: Any) -> str | None:
    """Return what is to be looked at: the server where it is at fault, else the user."""
    place = row.server if row.outcome in ("failed", "timed_out") else row.user_uri
    return None if pd.isna(place) else str(place)


_TEXTS = {
    "challenge_loop": (
        "Registration challenged again and again, never accepted",
        "was challenged {challenges} times in one attempt (sent: {scheme}), and never registered.",
        "Look at the clocks of both sides (Kerberos), at the password and whether the account is "
        "locked (NTLM), at the certificate that the server issued (TLS-DSK: delete it at the "
        "client), and at realm and user name (Digest).",
    ),
    "challenged": (
        "Credentials refused: {status}",
        "sent credentials ({scheme}), was answered with {status}, and gave up.",
        "Look at the password, at the lock of the account, and at the clocks of both sides.",
    ),
    "rejected": (
        "Registration rejected with {status}",
        "could not register: {status}.",
        "See whether the user is enabled and homed on this pool; `lyncshark explain` tells the "
        "error id.",
    ),
    "failed": (
        "Registration failed at the server with {status}",
        "could not register: {status}.",
        "Look at the registrar: its services, its database, its load.",
    ),
    "timed_out": (
        "Registration timed out with {status}",
        "could not register: {status}.",
        "Look at the hop behind the server that answered: the home server or the next proxy.",
    ),
    "silence": (
        "Registration never answered",
        "sent REGISTER and got no final response within 32 s, although that direction of the "
        "connection was captured.",
        "Look at the registrar, and at what stands between: the REGISTER reached the place of the "
        "capture and no answer came back there.",
    ),
}
