"""A message or call to a phone, missed, and no push notification was ever sent for it.

An INVITE that the Mobility Service answers is one for a phone. No notification is due while the app
is in the foreground, so only an INVITE that was missed counts; and only where the capture would
show the notification: it shows others, or at least that the same server sends requests to others
than the caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, message, rule
from pipelines.grouping import is_one_of, truth
from pipelines.needs import only

_MISSED = (408, 480)


@rule(
    "push_none",
    "warning",
    whole=True,
    messages=only(
        (
            *("call_id", "from_tag", "recording", "method", "is_request", "user_agent"),
            *("src_ip", "dst_ip"),
        ),
        method=("INVITE",),
    ),
    traffic=only(("call_id", "recording", "is_request", "src_ip", "dst_ip"), table="messages"),
    calls=("call_key", "call_id", "from_tag", "to_uri", "start_time", "outcome", "status_code"),
    push_notifications=("message_id", "call_id", "call_key", "user_uri", "time"),
)
def push_none(
    messages: pd.DataFrame,
    traffic: pd.DataFrame,
    calls: pd.DataFrame,
    push_notifications: pd.DataFrame,
) -> Iterator[Finding]:
    """Find messages and calls to a phone that were missed without any push notification."""
    announced = calls["call_key"].isin(push_notifications["call_key"].dropna())
    missed = calls["status_code"].isin(_MISSED).fillna(False).astype(bool) & ~announced
    if not missed.any():
        return
    mobile = _mobile(messages)
    pushed_from = _recordings(traffic, push_notifications)
    receivers = {} if pushed_from else _receivers(traffic)
    for row in calls[missed].itertuples():
        place = mobile.get((row.call_id, row.from_tag))
        if place is None:
            continue
        recording, server, caller = place
        if recording in pushed_from:
            yield _finding(row, "warning")
        elif not pushed_from and receivers.get((recording, server), set()) - {caller}:
            yield _finding(row, "note")


def _mobile(messages: pd.DataFrame) -> dict[tuple[Any, Any], tuple[Any, Any, Any]]:
    """Return the INVITEs that a Mobility Service answered: recording, server, who it answered."""
    answers = is_one_of(messages["method"], "INVITE") & ~truth(messages["is_request"])
    rows = messages[answers]
    agents = rows["user_agent"].astype("string").str.contains("mcx", case=False, regex=False)
    rows = rows[truth(agents)]
    names = ["call_id", "from_tag", "recording", "src_ip", "dst_ip"]
    found: dict[tuple[Any, Any], tuple[Any, Any, Any]] = {}
    for call_id, from_tag, *place in rows[names].itertuples(index=False):
        found.setdefault((call_id, from_tag), (place[0], place[1], place[2]))
    return found


def _recordings(messages: pd.DataFrame, push_notifications: pd.DataFrame) -> set[Any]:
    """Return the recordings that show push notifications."""
    sent = messages["call_id"].isin(push_notifications["call_id"])
    return set(messages.loc[sent, "recording"].dropna().unique())


def _receivers(messages: pd.DataFrame) -> dict[tuple[Any, Any], set[Any]]:
    """Return whom each server sent requests to, by recording and server."""
    asked = truth(messages["is_request"])
    names = ["recording", "src_ip", "dst_ip"]
    found: dict[tuple[Any, Any], set[Any]] = {}
    pairs = messages.loc[asked, names].drop_duplicates().dropna()
    for recording, source, target in pairs.itertuples(index=False):
        found.setdefault((recording, source), set()).add(target)
    return found


def _finding(row: Any, severity: Any) -> Finding:
    seen = (
        "Other notifications are in the capture."
        if severity == "warning"
        else "No notification at all is in the capture, although it shows requests of the server "
        "to others: push may be off, or go another way."
    )
    return Finding(
        title="INVITE to a phone missed, and no push notification sent for it",
        subject=None if pd.isna(row.to_uri) else str(row.to_uri),
        start_time=row.start_time,
        evidence=(message(row.call_key),),
        explanation="The Mobility Service took the INVITE for the phone, which ended with "
        f"{row.status_code}; no MESSAGE to the clearing house announced it. {seen}",
        advice="See whether the phone gave the server a push address (sign out of the app and in "
        "again), and the policy: Get-CsPushNotificationConfiguration, Get-CsMobilityPolicy.",
        severity=severity,
    )
