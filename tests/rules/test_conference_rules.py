"""The rules on conferences: a join that stops, one that is slow, one that waits in the lobby."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipelines.finding import Finding, rules
from pipelines.schema import CONFERENCE_JOINS
from tests.analyses.conferences import command, joins, roster
from tests.analyses.script import at, typed
from tests.analyses.test_conference_joins import AUDIO, FOCUS, INVITATION, INVITED, REGISTERS


def found(rule: str, table: pd.DataFrame, **thresholds: float) -> list[Finding]:
    one = rules[rule]
    columns = list(one.needs["conference_joins"].columns)
    return list(one.function(conference_joins=table[columns], **one.values({}) | thresholds))


def all_found(table: pd.DataFrame) -> list[str]:
    names = ("conference_join_incomplete", "conference_join_slow", "conference_lobby")
    return [name for name in names if found(name, table)]


@pytest.mark.parametrize(
    "script",
    [
        FOCUS + AUDIO,
        INVITATION + FOCUS + AUDIO,
        INVITATION.replace(" 200 ", " 603 "),
        f"{FOCUS}\n 7 carol>fe BYE call=f by=carol to=focus",
        FOCUS.replace(" 200 ", " 487 "),
        "1 fe>erin INVITE call=o by=av for=erin\n9 erin>fe 603 call=o by=av for=erin",
        (FOCUS).replace("by=carol", "by=carol ua=RTCC/5.0.0.0+Recorder"),
    ],
    ids=["joined", "invited", "declined", "left", "cancelled", "call declined", "application"],
)
def test_no_finding(script: str) -> None:
    invited = INVITED if "call=i" in script else ()
    assert all_found(joins(script, *invited)) == []


def test_nothing_gives_nothing() -> None:
    assert all_found(typed([], CONFERENCE_JOINS)) == []


def test_no_invite_to_the_focus() -> None:
    table = joins(INVITATION + REGISTERS, *INVITED)
    [one] = found("conference_join_incomplete", table)
    assert one.severity == "error"
    assert "The invitation was accepted, then for 95 s: no INVITE to the focus" in one.explanation
    assert one.start_time == at(1.0)
    assert one.evidence == ("message 1-1-1",)


@pytest.mark.parametrize(("end", "count"), [(14.9, 0), (15.1, 1)])
def test_a_client_has_ten_seconds(end: float, count: int) -> None:
    table = joins(INVITATION + REGISTERS, *INVITED, end=end)
    assert len(found("conference_join_incomplete", table)) == count


@pytest.mark.parametrize(("end", "count"), [(37.0, 0), (37.4, 1)])
def test_an_invite_has_timer_b(end: float, count: int) -> None:
    table = joins(FOCUS.replace(" 200 ", " 100 "), end=end)
    assert len(found("conference_join_incomplete", table)) == count


def test_no_modality_is_a_warning_and_with_bytes_missing_a_note() -> None:
    [one] = found("conference_join_incomplete", joins(FOCUS))
    assert one.severity == "warning"
    [one] = found("conference_join_incomplete", joins(FOCUS, lost_bytes=1234))
    assert one.severity == "note"
    assert "1,234 bytes" in one.explanation


@pytest.mark.parametrize(
    ("script", "title"),
    [
        (FOCUS.replace(" 200 ", " 403 "), "Refused by a conference: the focus"),
        (FOCUS + AUDIO.replace(" 200 ", " 503 "), "Refused by a conference: the MCU"),
    ],
)
def test_refused(script: str, title: str) -> None:
    told = [{"message_id": "1-2-1", "call_id": "f", "code": 3014, "reason": "no", "position": 1}]
    [one] = found("conference_join_incomplete", joins(script, diagnostics=tuple(told)))
    assert (one.title, one.severity) == (title, "error")
    assert "403 3014 no" in one.explanation or "503" in one.explanation


def test_refused_by_add_user() -> None:
    told = command("1-1-1", 5.3), command("1-2-1", 5.8, "failure", "unauthorized")
    [one] = found("conference_join_incomplete", joins(FOCUS, *told))
    assert one.explanation == "The answer to addUser said unauthorized."


def test_bytes_that_are_missing_do_not_undo_a_refusal() -> None:
    table = joins(FOCUS.replace(" 200 ", " 403 "), lost_bytes=9)
    assert found("conference_join_incomplete", table)[0].severity == "error"


def test_slow_tells_the_longest_step() -> None:
    slow = FOCUS + AUDIO.replace("7.2", "19.2")
    [one] = found("conference_join_slow", joins(slow))
    assert one.subject == "audio-video, until the MCU answered"
    assert "13.9 s" in one.explanation
    assert "12.9 s until the MCU answered" in one.explanation
    assert found("conference_join_slow", joins(slow), join_s=20) == []


def test_the_lobby_has_a_threshold() -> None:
    held = roster(1, 6.0, "carol", focus="on-hold")
    table: Any = joins(FOCUS, held)
    assert found("conference_lobby", table) == []
    [one] = found("conference_lobby", table, lobby_s=60)
    assert "94 s and was still there at the end" in one.explanation
    assert found("conference_join_incomplete", table) == []


def test_not_let_in() -> None:
    held = roster(1, 6.0, "carol", focus="on-hold")
    [one] = found("conference_join_incomplete", joins(FOCUS, held, roster(2, 30.0, "carol")))
    assert one.title == "Not let into a conference from the lobby"
    assert "waited and was not let in from the lobby" in one.explanation
