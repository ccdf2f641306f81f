"""What the scripted fixtures say about calls, presence, conferences and push notifications.

Only the columns that a truth names are compared; a truth's number is a script's number, so times
agree to the few milliseconds that a segment takes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.workshop.expected import Row, read, views

FIXTURES = Path(__file__).parents[2] / "fixtures"
TABLES = (
    ("skype_ringback", "calls", ("call_id",)),
    ("push_missed", "calls", ("call_id",)),
    ("conference_join", "calls", ("call_id",)),
    ("conference_join", "conference_invites", ("call_id",)),
    ("conference_join", "conference_commands", ("call_id", "request_id")),
    ("push_missed", "push_notifications", ("call_id",)),
    ("presence_forbidden", "presence", ("call_id", "list_version", "contact_uri", "category")),
)
SCRIPT_ONLY = {"start_time_ns", "finding", "has_part"}
TOLERANCE_S = 0.02


@pytest.mark.parametrize(("case", "table", "key"), TABLES)
def test_a_table_says_what_was_scripted(case: str, table: str, key: tuple[str, ...]) -> None:
    truth = {_key(row, key): row for row in read(FIXTURES / case, "truth")[table]}
    rows = _rows(case, table)
    assert len(rows) == len(truth)
    for row in rows:
        told = truth[_key(row, key)]
        for name in told.keys() - SCRIPT_ONLY:
            assert row[name] == _about(told[name]), f"{name} of {_key(row, key)}"


def test_the_waiting_call_is_the_slowest_to_ring() -> None:
    calls = _rows("skype_ringback", "calls")
    slowest = max(calls, key=lambda call: call["ringback_delay_s"] or 0)
    assert slowest["route"] == "skype"
    assert slowest["ringback_delay_s"] == pytest.approx(12.31, abs=TOLERANCE_S)


def test_the_refused_contact_has_no_part() -> None:
    told = {
        (row["list_version"], row["contact_uri"]): row["has_part"]
        for row in read(FIXTURES / "presence_forbidden", "truth")["presence"]
    }
    seen = {
        (row["list_version"], row["contact_uri"]): row["part"] is not None
        for row in _rows("presence_forbidden", "presence")
    }
    assert seen == told


def _rows(case: str, table: str) -> list[dict[str, Any]]:
    """Return a table's rows with None for what is missing."""
    from pipelines import read_capture

    (view,) = views(FIXTURES / case)
    trace = read_capture(view.capture, keys=[view.keys] if view.keys else [], workers=1)
    frame = getattr(trace, table).astype(object)
    rows: list[dict[str, Any]] = frame.where(frame.notna(), None).to_dict("records")
    return rows


def _key(row: Row, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _about(value: object) -> object:
    return pytest.approx(value, abs=TOLERANCE_S) if isinstance(value, float) else value
