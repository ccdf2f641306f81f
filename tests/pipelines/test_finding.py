"""The contract of rules: what equal findings become, thresholds, whole tables and portions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from pipelines import portions, read_capture
from pipelines import rules as _registered  # noqa: F401  (importing it fills the registry)
from pipelines.analysis import analysis
from pipelines.errors import UsageError
from pipelines.finding import (
    EVIDENCE_LIMIT,
    SUBJECT_LIMIT,
    Finding,
    Findings,
    Rule,
    Threshold,
    check_settings,
    flow,
    frame,
    message,
    rule,
    rules,
)
from pipelines.needs import Needs
from pipelines.rules_text import rules_text
from pipelines.schema import FINDINGS

FIXTURE = Path(__file__).parents[2] / "fixtures" / "skype_ringback"
CAPTURE, KEYS = FIXTURE / "skype_ringback.pcapng", FIXTURE / "sslkeys.log"


def finding(subject: str | None = "fe01", second: int | None = 0, **more: Any) -> Finding:
    time = None if second is None else pd.Timestamp(f"2014-07-16T10:00:{second:02}Z")
    values = {
        "title": "It is slow",
        "evidence": (message(f"1-{second}-1"),),
        "explanation": f"It took {second} s.",
        "advice": "Make it quicker.",
    }
    return Finding(subject=subject, start_time=time, **(values | more))


def no_findings(**_: pd.DataFrame) -> list[Finding]:
    return []


SLOW = Rule("slow", "warning", (), {}, False, no_findings)
BROKEN = Rule("broken", "error", (), {}, False, no_findings)


def rows_of(*found: tuple[Rule, list[Finding]]) -> list[dict[str, Any]]:
    collected = Findings()
    for one, several in found:
        collected.add(one, several)
    table = collected.table()
    assert table.schema == FINDINGS.plain
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def test_equal_findings_become_one() -> None:
    (row,) = rows_of((SLOW, [finding(second=5), finding(second=2), finding(second=9)]))
    assert row["count"] == 3
    assert row["start_time"] == pd.Timestamp("2014-07-16T10:00:02Z")
    assert row["evidence"] == ["message 1-5-1", "message 1-2-1", "message 1-9-1"]
    assert row["explanation"] == "It took 5 s."
    assert row["reference"] is None


def test_other_subjects_severities_and_rules_stay_apart() -> None:
    several = [finding(), finding("fe02"), finding(None), finding(severity="note")]
    rows = rows_of((SLOW, several), (BROKEN, [finding(second=7), finding(second=None)]))
    assert [(row["rule"], row["severity"], row["subject"], row["count"]) for row in rows] == [
        ("broken", "error", "fe01", 2),
        ("slow", "warning", "fe01", 1),
        ("slow", "warning", "fe02", 1),
        ("slow", "warning", None, 1),
        ("slow", "note", "fe01", 1),
    ]


def test_without_a_time_it_comes_last() -> None:
    rows = rows_of((SLOW, [finding("a", None), finding("b", 3), finding("c", 1)]))
    assert [row["subject"] for row in rows] == ["c", "b", "a"]
    assert rows[-1]["start_time"] is None


def test_counts_add_up_and_evidence_is_bounded() -> None:
    (row,) = rows_of((SLOW, [finding(second=n % 60, count=2) for n in range(500)]))
    assert row["count"] == 1000
    assert len(row["evidence"]) == EVIDENCE_LIMIT


def test_subjects_are_bounded_and_the_rest_counted() -> None:
    rows = rows_of((SLOW, [finding(str(n)) for n in range(SUBJECT_LIMIT + 500)]))
    assert len(rows) == SUBJECT_LIMIT + 1
    (more,) = [row for row in rows if row["subject"] is None]
    assert more["count"] == 500
    assert more["title"].startswith("Further findings")


def test_evidence_is_told_in_one_way() -> None:
    told = [message("1-120-2"), flow("1-60"), frame("a.pcap", 7)]
    assert told == ["message 1-120-2", "flow 1-60", "frame 7 of a.pcap"]


def test_settings_change_thresholds_and_must_name_one() -> None:
    one = Rule("slow", "note", (Threshold("wait_s", 5.0, "Seconds."),), {}, False, no_findings)
    assert one.values({}) == {"wait_s": 5.0}
    assert one.values({"slow.wait_s": 2.0, "other.wait_s": 9.0}) == {"wait_s": 2.0}
    check_settings({f"{name}.{t.name}": 1.0 for name in rules for t in rules[name].thresholds})
    with pytest.raises(UsageError, match=r"nonsense\.wait_s: no rule has this threshold"):
        check_settings({"nonsense.wait_s": 1.0})


def test_portions_need_call_ids() -> None:
    with pytest.raises(ValueError, match="whole=True"):
        rule("r", "note", flows=("flow_id",))
    with pytest.raises(ValueError, match="needs tables"):
        rule("r", "note")
    with pytest.raises(ValueError, match="whole=True"):
        analysis("findings", flows=("flow_id",))


def test_the_list_of_rules_names_every_threshold() -> None:
    text = rules_text()
    assert max(map(len, text.splitlines())) <= 100
    for name in rules:
        assert f"{name} ({rules[name].severity})" in text
        for threshold in rules[name].thresholds:
            assert f"--set {name}.{threshold.name}={threshold.value:g}" in text


@pytest.mark.parametrize("whole", [True, False])
def test_a_rule_sees_whole_tables_or_whole_calls(
    whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []

    def count_calls(messages: pd.DataFrame, *, least: float) -> Iterator[Finding]:
        assert list(messages.columns) == ["call_id", "message_id"]
        seen.append(set(messages["call_id"].dropna()))
        yield finding(count=len(messages) if least == 3 else 0)

    needs = {"messages": Needs("messages", ("call_id", "message_id"))}
    threshold = Threshold("least", 2, "Number.")
    one = Rule("count_calls", "note", (threshold,), needs, whole, count_calls)
    monkeypatch.setitem(rules._entries, "count_calls", one)
    monkeypatch.setattr(portions, "PORTION_BYTES", 2000)
    trace = read_capture(CAPTURE, keys=KEYS, thresholds={"count_calls.least": 3})
    mine = trace.findings[trace.findings["rule"] == "count_calls"]
    assert mine["count"].tolist() == [167]
    assert len(seen) == (1 if whole else 4)
    assert len(set.union(*seen)) == sum(map(len, seen))
    assert isinstance(mine["evidence"].iloc[0][0], str)


def test_nothing_but_what_is_wrong_is_found() -> None:
    assert set(read_capture(CAPTURE, keys=KEYS).findings["rule"]) == {"slow_ringback"}
    assert pa.Table.from_pandas(read_capture(CAPTURE).findings).num_rows == 0
