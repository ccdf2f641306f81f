"""A peer that answers push notifications slowly.

The clearing house answers in a few tenths of a second. The time is taken on the hop nearest to it
that was captured, so that the own servers' share is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from pipelines.finding import Finding, Threshold, message, rule


@rule(
    "push_slow_peer",
    "warning",
    Threshold("median_s", 2.0, "Median seconds from MESSAGE to its answer from which it is slow."),
    Threshold("notifications", 5, "Answered notifications that a median needs at least."),
    whole=True,
    push_notifications=("message_id", "call_id", "time", "peer", "peer_answer_s"),
)
def push_slow_peer(
    push_notifications: pd.DataFrame, *, median_s: float, notifications: float
) -> Iterator[Finding]:
    """Find peers that take long to answer push notifications."""
    answered = push_notifications[push_notifications["peer_answer_s"].notna()]
    by_peer = answered.groupby("peer", sort=False, observed=True)
    medians = by_peer["peer_answer_s"].median()
    for peer, rows in by_peer:
        if len(rows) >= notifications and medians[peer] >= median_s:
            yield _finding(str(peer), rows, medians[peer], medians.drop(peer))


def _finding(peer: str, rows: pd.DataFrame, median: float, others: pd.Series[float]) -> Finding:
    slowest = rows.sort_values("peer_answer_s", ascending=False, kind="stable")
    spelled = "" if others.empty else f" The quickest other peer takes {others.min():.2f} s."
    longest = slowest["peer_answer_s"].iloc[0]
    return Finding(
        title="Push notifications are answered slowly",
        subject=peer,
        start_time=rows["time"].min(),
        evidence=tuple(message(one) for one in slowest["message_id"].head(5)),
        explanation=f"{peer} answered {len(rows)} notifications in {median:.2f} s (median), the "
        f"slowest in {longest:.2f} s.{spelled} The phone wakes that much later.",
        advice="Compare with the round trip of its TCP connection (`flows`): where that is short, "
        "the peer is slow itself.",
        count=len(rows),
    )
