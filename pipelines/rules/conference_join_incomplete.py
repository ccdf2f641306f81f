"""A participant who did not get into a conference, and where it stopped.

What was refused is a fault. What did not come is one only where the capture would have shown it:
the participant's own requests pass, nothing of the connection is missing, and the capture goes on
for long enough. With bytes missing the claim is weaker, and says so. A trusted application that
joins no modality may want none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, Threshold, message, rule

_COLUMNS = (
    "join_id",
    "conference_id",
    "user_uri",
    "user_agent",
    "modality",
    "outcome",
    "stopped_at",
    "reason",
    "lost_bytes",
    "waited_s",
    "invite_time",
    "focus_time",
    "media_time",
    "invitation_message_id",
    "focus_message_id",
    "media_message_id",
    "stop_message_id",
)

_STEPS = {
    "focus": "the focus",
    "addUser": "the answer to addUser",
    "lobby": "the lobby",
    "media": "the MCU",
    "ice": "the media path",
}
_ADVICE = {
    "focus": "Look at the focus of the organiser's pool: whether the conference exists and is not "
    "locked, and whether the participant's pool reaches the organiser's.",
    "addUser": "Look at the conference's policy: who may join (admission, anonymous and federated "
    "participants), its lock, and how many it takes.",
    "lobby": "Ask the organiser who may join without waiting, or who can let people in.",
    "media": "Look at the MCU of the organiser's pool: whether it is up and enabled for the "
    "conference, and what its diagnosis says.",
    "ice": "Check the path of media: the A/V Edge, its relay credentials, and UDP 3478 and TCP 443 "
    "from both sides.",
}
_CLIENT_ADVICE = (
    "Look at the log of the participant's client from that moment on: it had to send the next "
    "INVITE. Whether its own server is reachable, and knows the organiser's domain, shows there."
)


@rule(
    "conference_join_incomplete",
    "error",
    Threshold(
        "wait_s",
        10.0,
        "Seconds after which a client that sends no next INVITE has stopped; it takes a second.",
    ),
    Threshold(
        "answer_s", 32.0, "Seconds after which an INVITE has no answer: Timer B, RFC 3261 §17."
    ),
    whole=True,
    conference_joins=_COLUMNS,
)
def conference_join_incomplete(
    conference_joins: pd.DataFrame, *, wait_s: float, answer_s: float
) -> Iterator[Finding]:
    """Find participants who did not get into a conference, and where they stopped."""
    refused = conference_joins["outcome"] == "refused"
    stopped = conference_joins["outcome"] == "incomplete"
    for row in conference_joins[(refused | stopped).fillna(value=False).astype(bool)].itertuples():
        if row.outcome == "refused" or row.stopped_at == "ice":
            yield _refused(row)
        elif _waits_for_an_answer(row):
            if row.waited_s >= answer_s:
                yield _stopped(row)
        elif row.waited_s >= wait_s and not _wants_no_media(row):
            yield _stopped(row)


def _waits_for_an_answer(row: Any) -> bool:
    return str(row.reason).startswith("no final response")


def _wants_no_media(row: Any) -> bool:
    agent = "" if pd.isna(row.user_agent) else str(row.user_agent)
    return row.stopped_at == "media" and agent.upper().startswith("RTCC")


def _refused(row: Any) -> Finding:
    where = _STEPS[str(row.stopped_at)]
    if row.stopped_at == "ice":
        title, what = "Media of a conference found no path", "The MCU accepted; then media failed:"
    elif row.stopped_at == "lobby":
        title, what = "Not let into a conference from the lobby", "The participant waited and was"
    else:
        title, what = f"Refused by a conference: {where}", f"{where[0].upper()}{where[1:]} said"
    return _finding(row, title, f"{what} {row.reason}.", _ADVICE[str(row.stopped_at)], "error")


def _stopped(row: Any) -> Finding:
    """Return the finding for a step that did not come; weaker where bytes are missing."""
    lost = 0 if pd.isna(row.lost_bytes) else int(row.lost_bytes)
    certain = "error" if row.stopped_at == "focus" or _waits_for_an_answer(row) else "warning"
    weaker = {"error": "warning", "warning": "note"}[certain]
    doubt = (
        f" The capture lacks {lost:,} bytes of these connections, so what is missed may have been "
        "sent all the same."
    )
    silent = str(row.reason).startswith("no INVITE")
    return _finding(
        row,
        f"A conference join stopped before {_STEPS[str(row.stopped_at)]}",
        f"{_came_to(row)}, then for {row.waited_s:,.0f} s: {row.reason}.{doubt if lost else ''}",
        _CLIENT_ADVICE if silent else _ADVICE[str(row.stopped_at)],
        weaker if lost else certain,
    )


def _came_to(row: Any) -> str:
    if row.stopped_at == "focus" and pd.isna(row.focus_time):
        return "The invitation was accepted"
    if pd.isna(row.media_time):
        return "The focus was asked" if row.stopped_at in ("focus", "addUser") else (
            "The focus took the participant in, who shows in the roster without a modality"
        )  # fmt: skip
    return f"The focus took the participant in, and the client called {row.modality}"


def _finding(row: Any, title: str, explanation: str, advice: str, severity: Any) -> Finding:
    steps = (row.invitation_message_id, row.focus_message_id, row.media_message_id)
    times = [row.invite_time, row.focus_time, row.media_time]
    return Finding(
        title=title,
        subject=_subject(row),
        start_time=min((time for time in times if not pd.isna(time)), default=None),
        evidence=tuple(message(one) for one in (*steps, row.stop_message_id) if not pd.isna(one)),
        explanation=explanation,
        advice=advice,
        reference="[MS-CONFBAS] §3",
        severity=severity,
    )


def _subject(row: Any) -> str:
    user = "somebody" if pd.isna(row.user_uri) else row.user_uri
    conference = "" if pd.isna(row.conference_id) else f", conference {row.conference_id}"
    modality = "" if pd.isna(row.modality) else f", {row.modality}"
    return f"{user}{conference}{modality}"
