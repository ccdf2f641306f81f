"""A call that its session timer ends.

Three things have to come together: the timer was agreed, the BYE came when it ran out, and the
refresh before it failed or never came. A call that ends after thirty minutes because people hang up
is none: there the refreshes were answered.

What did not come may have been lost on the way to the capture: where bytes of the call's
connections are missing, a refresh or an answer that was not seen is a weaker claim, and says so.
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


@rule(
    "session_timer_drop",
    "error",
    whole=True,
    session_timers=_COLUMNS,
    messages=("call_id", "flow_id"),
    flows=("flow_id", "lost_bytes"),
)
def session_timer_drop(
    session_timers: pd.DataFrame, messages: pd.DataFrame, flows: pd.DataFrame
) -> Iterator[Finding]:
    """Find calls that end when their session timer runs out, because a refresh failed."""
    expired = session_timers[(session_timers["state"] == "expired").fillna(False).astype(bool)]
    lost = _lost_bytes(expired["call_id"], messages, flows)
    for row in expired.itertuples():
        yield _finding(row, lost.get(row.call_id, 0))


def _lost_bytes(
    call_ids: pd.Series[Any], messages: pd.DataFrame, flows: pd.DataFrame
) -> dict[Any, int]:
    """Return for each call how many bytes of its connections the capture lacks."""
    lossy = flows.loc[flows["lost_bytes"] > 0, ["flow_id", "lost_bytes"]].astype(
        {"flow_id": object}
    )
    if call_ids.empty or lossy.empty:
        return {}
    of_calls = messages.loc[messages["call_id"].isin(call_ids), ["call_id", "flow_id"]]
    pairs = of_calls.astype(object).drop_duplicates().merge(lossy, on="flow_id")
    return {call_id: int(group.sum()) for call_id, group in pairs.groupby("call_id")["lost_bytes"]}


def _finding(row: Any, lost: int) -> Finding:
    cause, certain, absent = _cause(row)
    doubt = _DOUBT.format(lost=lost) if lost and absent else ""
    minutes = f"{row.session_expires_s / 60:g}"
    article = _is_article(row)
    evidence = [row.dialog_id, row.last_refresh_message_id, row.end_message_id]
    return Finding(
        title=f"Call dropped by its session timer of {minutes} minutes",
        subject=_subject(row),
        start_time=row.end_time,
        evidence=tuple(message(one) for one in evidence if not pd.isna(one)),
        explanation=f"{_length(row)} {cause}{doubt} So the session expired, and the "
        f"{row.ended_by} sent BYE.{_ARTICLE_MEANING if article else ''}",
        advice=_ARTICLE_ADVICE if article else _advice(row),
        reference="KB 2735323; RFC 4028 §10" if article else "RFC 4028 §10",
        severity="error" if certain and not doubt else "warning",
    )


_DOUBT = (
    " The capture lacks {lost:,} bytes of the call's connections, so it may have been there all "
    "the same."
)


def _length(row: Any) -> str:
    if pd.isna(row.duration_s):
        return "The call's answer was not captured."
    return f"The call lasted {row.duration_s:,.0f} s; {row.session_expires_s:,} s were agreed."


def _cause(row: Any) -> tuple[str, bool, bool]:
    """Return what became of the last refresh, whether that is a fault, and whether it is absent."""
    if row.refreshes == 0:
        who = "nobody" if pd.isna(row.refresher) else f"the {row.refresher}, who had to refresh,"
        verb = "refreshed" if pd.isna(row.refresher) else "did not do so"
        told = f"In the capture {who} {verb}: no UPDATE and no INVITE inside the dialog."
        return told, False, True
    sent = f"The {row.last_refresh_by} sent a refresh ({row.last_refresh_method})"
    if pd.isna(row.last_refresh_status):
        return f"{sent}; no final response to it was seen.", True, True
    if row.last_refresh_status >= 300:
        return f"{sent}; it was refused with {row.last_refresh_status}.", True, False
    lacks = "" if pd.isna(row.last_refresh_missing) else row.last_refresh_missing.replace(" ", ", ")
    if not pd.isna(row.last_refresh_lost) and row.last_refresh_lost:
        also = f", which lacks {lacks}," if lacks else ""
        told = f"{sent}; its 200{also} was seen on one hop and never reached the next."
        return told, True, not lacks
    if lacks:
        return f"{sent}; its 200 lacks {lacks}.", True, False
    return f"{sent}, which was answered, and none after it.", False, True


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
    """Return whether a Mediation Server's refresh to a phone endpoint of UCMA 3.0 failed."""
    if pd.isna(row.last_refresh_by):
        return False
    products = ("" if pd.isna(one) else str(one).lower() for one in _products(row))
    sender, answerer = products
    ucma = "rtcc/4.0" in answerer and "mediation" not in answerer
    return bool(row.phone) and "mediationserver" in sender and ucma


def _products(row: Any) -> tuple[Any, Any]:
    """Return the products of who sent the last refresh, and of who had to answer it."""
    both = row.caller_product, row.callee_product
    return both if row.last_refresh_by == "caller" else both[::-1]


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
    if not pd.isna(row.last_refresh_status) and row.last_refresh_status >= 300:
        return (
            f"See why the refresh was refused with {row.last_refresh_status}: the log of who "
            "refused it, and its diagnosis (table `diagnostics`)."
        )
    return (
        "Follow the refresh and its answer hop by hop (`trace.ladder`, table `hops`): a 200 "
        "without Contact or Record-Route, or over a connection that is gone, does not come back."
    )
