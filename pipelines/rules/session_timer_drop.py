"""A call that its session timer ends.

Three things have to come together: the timer was agreed, the BYE came when it ran out, and the
refresh before it failed or never came. A call that ends after thirty minutes because people hang up
is none: there the refreshes were answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, message, rule

_COLUMNS = (
    "dialog_id",
    "call_id",
    "from_uri",
    "to_uri",
    "caller_product",
    "callee_product",
    "phone",
    "session_expires_s",
    "refresher",
    "refreshes",
    "last_refresh_method",
    "last_refresh_by",
    "last_refresh_message_id",
    "last_refresh_status",
    "last_refresh_missing",
    "last_refresh_lost",
    "answer_time",
    "end_time",
    "ended_by",
    "end_message_id",
    "duration_s",
    "state",
)


@rule("session_timer_drop", "error", session_timers=_COLUMNS)
def session_timer_drop(session_timers: pd.DataFrame) -> Iterator[Finding]:
    """Find calls that end when their session timer runs out, because a refresh failed."""
    expired = session_timers[(session_timers["state"] == "expired").fillna(False).astype(bool)]
    for row in expired.itertuples():
        yield _finding(row)


def _finding(row: Any) -> Finding:
    cause, certain = _cause(row)
    minutes = f"{row.session_expires_s / 60:g}"
    article = _is_article(row)
    evidence = [row.dialog_id, row.last_refresh_message_id, row.end_message_id]
    return Finding(
        title=f"Call dropped by its session timer of {minutes} minutes",
        subject=_subject(row),
        start_time=row.end_time,
        evidence=tuple(message(one) for one in evidence if not pd.isna(one)),
        explanation=f"{_length(row)} {cause} So the session expired, and the {row.ended_by} sent "
        f"BYE.{_ARTICLE_MEANING if article else ''}",
        advice=_ARTICLE_ADVICE if article else _advice(row),
        reference="KB 2735323; RFC 4028 §10" if article else "RFC 4028 §10",
        severity="error" if certain else "warning",
    )


def _length(row: Any) -> str:
    if pd.isna(row.duration_s):
        return "The call's answer was not captured."
    return f"The call lasted {row.duration_s:,.0f} s; {row.session_expires_s} s were agreed."


def _cause(row: Any) -> tuple[str, bool]:
    """Return what became of the last refresh, and whether that is a fault for certain."""
    if row.refreshes == 0:
        who = "nobody" if pd.isna(row.refresher) else f"the {row.refresher}, who had to refresh,"
        verb = "refreshed" if pd.isna(row.refresher) else "did not do so"
        return f"In the capture {who} {verb}: no UPDATE and no INVITE inside the dialog.", False
    sent = f"The {row.last_refresh_by} sent a refresh ({row.last_refresh_method})"
    if pd.isna(row.last_refresh_status):
        return f"{sent}; no final response to it was seen.", True
    if row.last_refresh_status >= 300:
        return f"{sent}; it was refused with {row.last_refresh_status}.", True
    if not pd.isna(row.last_refresh_lost) and row.last_refresh_lost:
        return f"{sent}; its 200 was seen on one hop and never reached the next.", True
    if not pd.isna(row.last_refresh_missing):
        return f"{sent}; its 200 lacks {row.last_refresh_missing.replace(' ', ', ')}.", True
    return f"{sent}, which was answered, and none after it.", False


# --- the case that Microsoft describes ----------------------------------------------------------

_ARTICLE_MEANING = (
    " A telephone endpoint of UCMA 3.0 behind a Mediation Server: as Microsoft describes it, the "
    "endpoint's 200 to the Mediation Server's refresh lacks a header that it needs to be routed."
)
_ARTICLE_ADVICE = (
    "Install the update of UCMA 3.0 of October 2012 (KB 2740406) or a later one on the server of "
    "the application; until then let the application end and renew long calls."
)


def _is_article(row: Any) -> bool:
    products = [str(one) for one in (row.caller_product, row.callee_product) if not pd.isna(one)]
    mediation = any("mediationserver" in one.lower() for one in products)
    ucma = any("rtcc/4.0" in one.lower() and "mediation" not in one.lower() for one in products)
    return bool(row.phone) and mediation and ucma


def _subject(row: Any) -> str | None:
    """Return the side to look at: it answered the refresh, or had to send one and did not."""
    if pd.isna(row.last_refresh_by):
        silent = "callee" if pd.isna(row.refresher) else row.refresher
    else:
        silent = "callee" if row.last_refresh_by == "caller" else "caller"
    uri = row.from_uri if silent == "caller" else row.to_uri
    return None if pd.isna(uri) else str(uri)


def _advice(row: Any) -> str:
    if row.refreshes == 0:
        return (
            "See why the refresher sends nothing after half the interval: its log at that time, "
            "and whether a firewall or SBC closed the connection in the meantime."
        )
    return (
        "Follow the refresh and its answer hop by hop (`trace.ladder`, table `hops`): a 200 "
        "without Contact or Record-Route, or over a connection that is gone, does not come back."
    )
