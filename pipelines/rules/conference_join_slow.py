"""A join of a conference that took long, and which step took it.

A person's steps do not count: neither the time to accept, nor the lobby, nor a modality that was
added later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, Threshold, message, rule

_STEPS = {
    "begin_s": "from the acceptance to the INVITE to the focus",
    "focus_s": "until the focus answered",
    "client_s": "from the focus's answer to the INVITE to the MCU",
    "media_s": "until the MCU answered",
    "ice_s": "until ICE had a path",
}
_ADVICE = {
    "begin_s": "The client itself took so long: look at the machine, and at its log.",
    "focus_s": "Look at the organiser's Front End: its load, its database, and the way of the "
    "INVITE to it (`trace.ladder` of the focus dialog).",
    "client_s": "The client took so long between two answers: it fetches relay credentials and "
    "gathers candidates there; look for an Edge that does not answer it.",
    "media_s": "Look at the MCU: its load, and whether the pool had to start the conference on it.",
    "ice_s": "Connectivity checks took so long: look for UDP that is dropped, so that media fell "
    "back to TCP or to a relay.",
}


@rule(
    "conference_join_slow",
    "warning",
    Threshold(
        "join_s",
        10.0,
        "Seconds from acceptance (or the INVITE to the focus) to media, people's time left out; no "
        "standard sets one.",
    ),
    whole=True,
    conference_joins=(
        "conference_id",
        "user_uri",
        "modality",
        "outcome",
        "focus_time",
        "media_time",
        "join_s",
        "later",
        "focus_message_id",
        "media_message_id",
        *_STEPS,
    ),
)
def conference_join_slow(conference_joins: pd.DataFrame, *, join_s: float) -> Iterator[Finding]:
    """Find joins of conferences that took long, and the step that took longest."""
    joined = (conference_joins["outcome"] == "joined").fillna(value=False).astype(bool)
    for row in conference_joins[joined & (conference_joins["join_s"] >= join_s)].itertuples():
        yield _finding(row, join_s)


def _finding(row: Any, limit: float) -> Finding:
    taken = ("media_s", "ice_s") if row.later else tuple(_STEPS)
    steps = [(getattr(row, name), name) for name in taken if not pd.isna(getattr(row, name))]
    longest = max(steps)[1] if steps else "media_s"
    spelled = ", ".join(f"{seconds:.1f} s {_STEPS[name]}" for seconds, name in steps)
    evidence = (row.focus_message_id, row.media_message_id)
    times = [time for time in (row.focus_time, row.media_time) if not pd.isna(time)]
    return Finding(
        title=f"Joining a conference took {limit:g} s or more",
        subject=f"{row.modality}, {_STEPS[longest]}",
        start_time=min(times, default=None),
        evidence=tuple(message(one) for one in evidence if not pd.isna(one)),
        explanation=f"{row.user_uri} joined conference {row.conference_id} in {row.join_s:.1f} s: "
        f"{spelled}.",
        advice=_ADVICE[longest],
        reference="[MS-CONFBAS] §3",
    )
