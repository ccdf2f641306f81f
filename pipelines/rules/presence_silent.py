"""A contact that was asked for, and of which nothing was told: neither a state nor a refusal.

The first state comes with the 200 OK or right after it (RFC 3856 §6.7, RFC 6665 §4.2.2). What was
lost by the capture, or travels where it does not look, is not silence: then the finding is a note
and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, Threshold, message, rule
from pipelines.grouping import is_one_of
from pipelines.presence_claims import CLAIM_COLUMNS, Watched, plain_rows, same, spelled, who
from pipelines.routes import is_skype


@rule(
    "presence_silent",
    "warning",
    Threshold(
        "wait_s",
        10.0,
        "Seconds that a contact's first state may take; servers send it with the 200 OK, or at "
        "once after it.",
    ),
    whole=True,
    subscriptions=CLAIM_COLUMNS,
    captures=("capture", "end_time"),
    flows=("flow_id", "lost_bytes"),
)
def presence_silent(
    subscriptions: pd.DataFrame, captures: pd.DataFrame, flows: pd.DataFrame, *, wait_s: float
) -> Iterator[Finding]:
    """Find contacts that were asked for and not told of, or told of late."""
    watched = Watched.of(captures, flows, subscriptions)
    told = set(subscriptions["call_id"][subscriptions["answer_message_id"].notna()].dropna())
    silent: dict[tuple[str | None, str], list[Any]] = {}
    for row in plain_rows(subscriptions[is_one_of(subscriptions["answer"], "silent")]):
        if watched.lasts(row, row.time, wait_s) and not _is_of_skype(row):
            doubts = watched.doubts(row, told_otherwise=row.call_id in told)
            silent.setdefault((same(row.subscriber_uri), doubts), []).append(row)
    for (_, doubts), rows in silent.items():
        yield _finding(rows, doubts, wait_s)
    for row in plain_rows(subscriptions[subscriptions["answer_s"] >= wait_s]):
        yield _late(row, wait_s)


def _is_of_skype(row: Any) -> bool:
    """Return whether a Skype user asks: that is `pic_presence_missing`."""
    return row.subscriber_uri is not None and is_skype(row.subscriber_uri)


def _finding(rows: list[Any], doubts: str, wait_s: float) -> Finding:
    first = rows[0]
    return Finding(
        title=f"Nothing told of contacts within {wait_s:g} s",
        subject=first.subscriber_uri,
        start_time=first.time,
        evidence=tuple(message(row.message_id) for row in rows if row.message_id),
        explanation=f"{who(first.subscriber_uri)} asked for the presence of "
        f"{spelled(row.contact_uri for row in rows)}; the SUBSCRIBE was accepted, and within "
        f"{wait_s:g} s came neither a state nor a refusal.{doubts}",
        advice="Capture at the subscriber, with the keys of all its connections, to be sure."
        if doubts
        else "Look at the pools where these contacts are homed, and at what lies between: their "
        "answer did not come back. Applications should give up such a subscription by a timer of "
        "their own, and ask again.",
        reference="RFC 6665 §4.2.2; RFC 4662 §4.5",
        severity="note" if doubts else None,
        count=len(rows),
    )


def _late(row: Any, wait_s: float) -> Finding:
    return Finding(
        title=f"Contacts told of after more than {wait_s:g} s",
        subject=row.subscriber_uri,
        start_time=row.time,
        evidence=(message(row.message_id), message(row.answer_message_id)),
        explanation=f"{who(row.subscriber_uri)} asked for the presence of {who(row.contact_uri)}; "
        f"the first answer about it took {row.answer_s:.1f} s.",
        advice="See in `hops` which server held the SUBSCRIBE or the notification.",
        reference="RFC 6665 §4.2.2",
    )
