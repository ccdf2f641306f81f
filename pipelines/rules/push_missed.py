"""A notification that was accepted, and yet the message or call that it announced was missed.

That the clearing house accepts a notification says nothing of the phone: from there Apple's or
Microsoft's service carries it, and neither reports back. What tells is the INVITE.
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
    "call_key",
    "time",
    "outcome",
    "user_uri",
    "joined_by",
    "call_fate",
    "call_status_code",
    "answer_s",
    "waited_s",
)


@rule("push_missed", "warning", whole=True, push_notifications=_COLUMNS)
def push_missed(push_notifications: pd.DataFrame) -> Iterator[Finding]:
    """Find messages and calls that were missed although the phone's notification was accepted."""
    accepted = is_one_of(push_notifications["outcome"], "accepted")
    missed = is_one_of(push_notifications["call_fate"], "missed", "cancelled")
    rows = push_notifications[accepted & missed]
    # Each phone of a user is notified; what was missed is one call.
    for _, of_call in rows.groupby("call_key", sort=False, observed=True):
        yield _finding(list(of_call.itertuples()))


def _finding(rows: list[Any]) -> Finding:
    row = rows[0]
    user = None if pd.isna(row.user_uri) else str(row.user_uri)
    times = "" if len(rows) == 1 else f", {len(rows)} times"
    status = "" if pd.isna(row.call_status_code) else f" with {row.call_status_code}"
    waited = "" if pd.isna(row.waited_s) else f" after {row.waited_s:.0f} s"
    ended = "was given up by the caller" if row.call_fate == "cancelled" else "ended"
    told = (
        "the one of the same Ms-Conversation-ID"
        if row.joined_by == "conversation"
        else "the one to the same user, nearest in time"
    )
    return Finding(
        title="Push notification accepted, and the INVITE that it announced missed all the same",
        subject=user,
        start_time=row.time,
        evidence=(*(message(one.message_id) for one in rows), message(row.call_key)),
        explanation=f"The clearing house accepted the notification{times}; the INVITE ({told}) "
        f"{ended}{status}{waited}. The sender reads that the message may not have been delivered. "
        "Accepted means that Apple's or Microsoft's service has it, not that a phone showed it.",
        advice="Nothing in the network failed that the capture shows. If it happens to one user, "
        "look at the phone: notifications allowed, signed in again since the app was updated, "
        "battery saver. If it happens to all of one platform, at that platform's push service.",
        reference="RFC 3261 §21.4.9 (408), §21.4.18 (480), §21.4.25 (487)",
    )
