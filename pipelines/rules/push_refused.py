"""A push notification that the clearing house did not take.

The phone then shows nothing, and the message or call waits for somebody who does not know of it.
Without any answer the way to the clearing house is the suspect: the federation over the Edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, message, rule
from pipelines.grouping import is_one_of

_COLUMNS = (
    "message_id",
    "call_id",
    "time",
    "outcome",
    "synthetic",
    "status_code",
    "diagnostics_code",
    "peer",
    "user_uri",
)


@rule("push_refused", "error", push_notifications=_COLUMNS)
def push_refused(push_notifications: pd.DataFrame) -> Iterator[Finding]:
    """Find push notifications that the clearing house refused, or never answered."""
    wrong = is_one_of(push_notifications["outcome"], "refused", "unanswered")
    for row in push_notifications[wrong].itertuples():
        yield _unanswered(row) if row.outcome == "unanswered" else _refused(row)


def _refused(row: Any) -> Finding:
    error_id = "" if pd.isna(row.diagnostics_code) else f", error id {row.diagnostics_code}"
    return Finding(
        title=f"{_what(row)} refused with {row.status_code}{error_id}",
        subject=_peer(row),
        start_time=row.time,
        evidence=(message(row.message_id),),
        explanation=f"{_addressed(row)} was answered with {row.status_code}{error_id}; accepted "
        "would be a 2xx with 30000 (30007 for a test). Nothing was shown on the phone.",
        advice="`lyncshark explain` tells the error id. For 30000 to 30999 look at the registration"
        " of the phone for push; for 403, 404 and 504 at the federation with push.lync.com: "
        "hosting provider, allowed domain, DNS and certificate of the Edge.",
        reference="RFC 3428 §7; [MS-OCER] §2.2.1",
    )


def _unanswered(row: Any) -> Finding:
    return Finding(
        title=f"{_what(row)} never answered",
        subject=_peer(row),
        start_time=row.time,
        evidence=(message(row.message_id),),
        explanation=f"{_addressed(row)} got no final response within 32 s, although that direction "
        "of the connection was captured.",
        advice="Follow the MESSAGE over the Edge (`trace.ladder`): does it leave, on an open "
        "connection to sipfed.online.lync.com:5061, and does a firewall let the answer in?",
        reference="RFC 3261 §17.1.2.2",
    )


def _what(row: Any) -> str:
    return "Test of push notifications" if _is_test(row) else "Push notification"


def _is_test(row: Any) -> bool:
    return not pd.isna(row.synthetic) and bool(row.synthetic)


def _addressed(row: Any) -> str:
    whom = "" if pd.isna(row.user_uri) else f" for {row.user_uri}"
    return f"The {'test' if _is_test(row) else 'notification'}{whom}"


def _peer(row: Any) -> str | None:
    return None if pd.isna(row.peer) else str(row.peer)
