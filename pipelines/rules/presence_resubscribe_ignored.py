"""A contact of which the server said ``resubscribe``, and that nobody asked for again.

The server of a batch does not follow contacts that are homed elsewhere: it sends the subscriber
there, to the pool that it names or to the contact itself. Whoever does not go never sees them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, Threshold, message, rule
from pipelines.grouping import is_one_of
from pipelines.presence_claims import CLAIM_COLUMNS, Watched, plain_rows, same, spelled, who


@rule(
    "presence_resubscribe_ignored",
    "warning",
    Threshold(
        "wait_s",
        60.0,
        "Seconds that a subscriber may take to ask for the contact again; clients that spread "
        "their requests take some.",
    ),
    whole=True,
    subscriptions=CLAIM_COLUMNS,
    captures=("capture", "end_time"),
    flows=("flow_id", "lost_bytes"),
)
def presence_resubscribe_ignored(
    subscriptions: pd.DataFrame, captures: pd.DataFrame, flows: pd.DataFrame, *, wait_s: float
) -> Iterator[Finding]:
    """Find contacts that a subscriber was told to ask for again, and did not."""
    answered = subscriptions[is_one_of(subscriptions["answer"], "resubscribe")]
    if answered.empty:
        return
    watched = Watched.of(captures, flows, subscriptions)
    asked = _asked(subscriptions)
    ignored: dict[tuple[str | None, str], list[Any]] = {}
    for row in plain_rows(answered[answered["message_id"].notna()]):
        again = asked.get((same(row.subscriber_uri), same(row.contact_uri)), {})
        if not watched.lasts(row, row.answer_time, wait_s) or _followed(row, again):
            continue
        doubts = watched.doubts(row, told_otherwise=True)
        ignored.setdefault((same(row.subscriber_uri), doubts), []).append(row)
    for (_, doubts), rows in ignored.items():
        yield _finding(rows, doubts, wait_s)


def _asked(
    subscriptions: pd.DataFrame,
) -> dict[tuple[str | None, str | None], dict[str, pd.Timestamp]]:
    """Return by subscriber and contact the dialogs that asked, and when last."""
    found: dict[tuple[str | None, str | None], dict[str, pd.Timestamp]] = {}
    for row in plain_rows(subscriptions[subscriptions["message_id"].notna()]):
        pair = same(row.subscriber_uri), same(row.contact_uri)
        found.setdefault(pair, {})[row.call_id] = row.time
    return found


def _followed(row: Any, again: dict[str, pd.Timestamp]) -> bool:
    others = (time for call_id, time in again.items() if call_id != row.call_id)
    return row.requests > 1 or any(time is None or time >= row.answer_time for time in others)


def _finding(rows: list[Any], doubts: str, wait_s: float) -> Finding:
    first = rows[0]
    pools = sorted({row.pool_fqdn for row in rows if row.pool_fqdn})
    evidence = [one for row in rows for one in (row.message_id, row.answer_message_id)]
    return Finding(
        title="Contacts not asked for again as the server wanted",
        subject=first.subscriber_uri,
        start_time=first.answer_time,
        evidence=tuple(message(one) for one in evidence),
        explanation="The server answered resubscribe for "
        f"{spelled(row.contact_uri for row in rows)}; {who(first.subscriber_uri)} sent no "
        f"SUBSCRIBE to {_where(pools)} within {wait_s:g} s, so their presence stays "
        f"unknown.{doubts}",
        advice="Let the application subscribe to each such contact in a dialog of its own, at the "
        "pool that poolFqdn names where there is one.",
        reference="[MS-PRES] (resubscribe)",
        severity="note" if doubts else None,
        count=len(rows),
    )


def _where(pools: list[str]) -> str:
    return f"{', '.join(pools)} or to them" if pools else "them"
