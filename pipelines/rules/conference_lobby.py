"""A long wait in a conference's lobby: nobody let the participant in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, Threshold, message, rule


@rule(
    "conference_lobby",
    "note",
    Threshold(
        "lobby_s",
        120.0,
        "Seconds in the lobby from which somebody should know; people wait a minute or two.",
    ),
    whole=True,
    conference_joins=(
        "join_id",
        "conference_id",
        "user_uri",
        "lobby_time",
        "admitted_time",
        "lobby_s",
        "waited_s",
        "outcome",
        "stopped_at",
        "focus_message_id",
    ),
)
def conference_lobby(conference_joins: pd.DataFrame, *, lobby_s: float) -> Iterator[Finding]:
    """Find participants who waited long in the lobby of a conference."""
    # One wait, however many modalities came after it.
    waits = conference_joins[conference_joins["lobby_time"].notna()].drop_duplicates("join_id")
    for row in waits[waits["stopped_at"].isna() | (waits["outcome"] != "refused")].itertuples():
        waited = row.waited_s if pd.isna(row.admitted_time) else row.lobby_s
        if not pd.isna(waited) and waited >= lobby_s:
            yield _finding(row, waited)


def _finding(row: Any, waited: float) -> Finding:
    end = "was still there at the end" if pd.isna(row.admitted_time) else "was then let in"
    if row.outcome == "left":
        end = "then left"
    return Finding(
        title="Long wait in the lobby of a conference",
        subject=f"{row.user_uri}, conference {row.conference_id}",
        start_time=row.lobby_time,
        evidence=() if pd.isna(row.focus_message_id) else (message(row.focus_message_id),),
        explanation=f"The participant waited {waited:,.0f} s and {end}.",
        advice="Ask the organiser who may join without waiting: people of the company, everybody, "
        "callers by telephone (the meeting's options).",
        reference="[MS-CONFBAS] §4.4.8",
    )
