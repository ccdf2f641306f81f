"""Rows on shelves, in memory and on disk, and what functions take of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipelines import portions, row_order, shelf
from pipelines.errors import DiskFailed
from pipelines.needs import Needs, needs_of, only
from pipelines.portions import Portions
from pipelines.row_order import in_order
from pipelines.shelf import Shelf, shelved

SCHEMA = pa.schema([("time", pa.timestamp("ns", tz="UTC")), ("call_id", pa.string())])
SCHEMA = SCHEMA.append(pa.field("method", pa.string()))
METHODS = ("INVITE", "BYE", "OPTIONS", None)


def lot(*times: int) -> pa.Table:
    methods = [METHODS[time % 4] for time in times]
    calls = [f"call {time % 5}" if time % 7 else None for time in times]
    return pa.table([pa.array(times, SCHEMA.field("time").type), calls, methods], schema=SCHEMA)


def numbers(rows: pa.Table) -> list[int]:
    found: list[int] = rows["time"].cast(pa.int64()).to_pylist()
    return found


def filled(path: Path, *lots: tuple[int, ...], spilled: int = 0) -> Shelf:
    made = Shelf(SCHEMA, path)
    for number, times in enumerate(lots):
        made.append(lot(*times))
        if number < spilled:
            made.spill()
    made.close()
    return made


@pytest.mark.parametrize("spilled", range(4))
def test_every_stretch_of_a_shelf(tmp_path: Path, spilled: int) -> None:
    made = filled(tmp_path / "rows", (0, 1, 2), (3,), (), (4, 5, 6), spilled=spilled)
    assert len(made) == 7
    for start in range(9):
        for stop in range(start, 9):
            rows = made.rows(start, stop, ("method", "time"))
            assert numbers(rows) == list(range(start, min(stop, 7)))
            assert rows.column_names == ["method", "time"]


def test_a_shelf_that_another_process_left(tmp_path: Path) -> None:
    filled(tmp_path / "rows", (0, 1), (2, 3), spilled=2)
    assert numbers(Shelf.found(SCHEMA, tmp_path / "rows").rows()) == [0, 1, 2, 3]
    nothing = Shelf.found(SCHEMA, tmp_path / "nothing")
    assert (len(nothing), nothing.rows().schema) == (0, SCHEMA)


def test_a_disk_that_fails_is_told(tmp_path: Path) -> None:
    made = Shelf(SCHEMA, tmp_path / "nowhere" / "rows")
    made.append(lot(1))
    with pytest.raises(DiskFailed, match=r"nowhere: rows cannot be kept there: no such file"):
        made.spill()


def test_parts_are_merged_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_order, "LOT_ROWS", 3)
    first = filled(tmp_path / "1", (5, 1), (9, 7, 3), spilled=1)
    second = filled(tmp_path / "2", (8, 2, 4), (6, 0), spilled=2)
    lots = list(in_order([first, second, Shelf(SCHEMA, tmp_path / "3")]))
    assert [number for rows in lots for number in numbers(rows)] == list(range(10))
    assert [len(rows) for rows in lots] == [3, 3, 3, 1]
    merged = shelved(lots, SCHEMA, tmp_path / "all", memory_limit=50)
    assert numbers(merged.rows()) == list(range(10))
    assert (tmp_path / "all").exists()


@pytest.mark.parametrize("stretch", [4, 1000])
def test_what_other_methods_have_is_left_out(
    tmp_path: Path, stretch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (shelf, portions):
        monkeypatch.setattr(module, "STRETCH_ROWS", stretch)
    rows = filled(tmp_path / "rows", tuple(range(40)))
    needs = needs_of(
        {"messages": only(("time",), method=("BYE",)), "all": only(("time",), table="messages")}
    )
    (found,) = Portions({"messages": rows}.__getitem__).read(needs, 1)
    assert numbers(found["messages"]) == [time for time in range(40) if time % 4 in (1, 3)]
    assert numbers(found["all"]) == list(range(40))
    assert found["messages"].column_names == ["time"]


def test_portions_hold_whole_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "PORTION_BYTES", 400)
    shelves = {
        "messages": filled(tmp_path / "messages", tuple(range(60)), spilled=1),
        "bodies": filled(tmp_path / "bodies", tuple(range(0, 60, 9))),
    }
    needs = {
        "messages": Needs("messages", ("time", "call_id"), {"method": ("INVITE", "BYE")}),
        "bodies": Needs("bodies", ("time", "call_id")),
    }
    made = Portions(shelves.__getitem__)
    found = list(made.read(needs, made.count(needs)))
    assert len(found) > 2
    taken = [time for one in found for time in numbers(one["messages"])]
    assert sorted(taken) == [time for time in range(60) if time % 4 != 2]
    for name in ("messages", "bodies"):
        calls = [set(one[name]["call_id"].to_pylist()) for one in found]
        assert len(set.union(*calls)) == sum(map(len, calls))
    for one in found:
        assert numbers(one["messages"]) == sorted(numbers(one["messages"]))
        of_messages = set(one["messages"]["call_id"].to_pylist())
        elsewhere = {
            call
            for other in found
            if other is not one
            for call in other["messages"]["call_id"].to_pylist()
        }
        assert not set(one["bodies"]["call_id"].to_pylist()) & (elsewhere - of_messages)
