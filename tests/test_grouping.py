from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.grouping import (
    NEVER,
    Groups,
    codes,
    in_order,
    integers,
    is_one_of,
    nanoseconds,
    seconds_between,
    shared_codes,
    table_frame,
    take,
    times_of,
    truth,
    words,
)
from pipelines.schema import TABLES

TEXT_TYPES = ("string[pyarrow]", "string[python]", "object", "category")

keys = st.lists(
    st.tuples(st.integers(-1, 3), st.sampled_from([-1, 0, 7, 2**40, 2**62]), st.booleans()),
    max_size=30,
)


def columns(rows: list[tuple[int, int, bool]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    one, other, flag = zip(*rows, strict=True) if rows else ((), (), ())
    return np.array(one, np.int64), np.array(other, np.int64), np.array(flag, np.bool_)


@given(keys)
def test_groups_are_those_of_a_dict(rows: list[tuple[int, int, bool]]) -> None:
    one, other, flag = columns(rows)
    groups = Groups.by(one, other, one)
    numbers: dict[tuple[int, int], int] = {}
    expected = [numbers.setdefault((a, b), len(numbers)) for a, b, _ in rows]
    assert groups.of_row.tolist() == expected
    assert groups.count == len(numbers)
    for group in range(groups.count):
        members = [index for index, number in enumerate(expected) if number == group]
        flagged = [index for index in members if rows[index][2]]
        assert groups.first()[group] == members[0]
        assert groups.first(flag)[group] == (flagged[0] if flagged else -1)
        assert groups.first(flag, ~flag)[group] == (flagged or members)[0]
        assert groups.last(flag)[group] == (flagged[-1] if flagged else -1)
        assert groups.tally(flag)[group] == len(flagged)
        assert groups.any(flag)[group] == bool(flagged)
        assert groups.distinct(other, flag)[group] == len({rows[index][1] for index in flagged})
        position = np.arange(len(rows))
        assert groups.most(position, flag)[group] == (flagged[-1] if flagged else 0)
        assert groups.best(flag, -position)[group] == (flagged[-1] if flagged else -1)


@given(keys)
def test_rows_that_make_no_group_join_one(rows: list[tuple[int, int, bool]]) -> None:
    one, other, flag = columns(rows)
    groups = Groups.by(one, other, where=flag)
    made = {(a, b) for a, b, flagged in rows if flagged}
    assert [number >= 0 for number in groups.of_row] == [(a, b) in made for a, b, _ in rows]
    assert groups.count == len(made)
    assert sorted(set(groups.of_row.tolist()) - {-1}) == list(range(groups.count))


@given(keys, keys)
def test_joined(rows: list[tuple[int, int, bool]], more: list[tuple[int, int, bool]]) -> None:
    one, other, flag = columns(rows)
    ours, theirs = Groups.joined((one, other), columns(more)[:2], where=flag)
    numbers = {row[:2]: int(number) for row, number in zip(rows, ours.of_row, strict=True)}
    assert [numbers.get(row[:2], -1) for row in more] == theirs.of_row.tolist()
    assert ours.count == theirs.count


def test_best_prefers_the_earlier_of_equals() -> None:
    groups = Groups.by(np.zeros(4, np.int64))
    assert groups.best(np.array([False, True, True, True]), np.array([0, 2, 1, 1])).tolist() == [2]


def test_spread() -> None:
    groups = Groups(np.array([1, -1, 0]), 2)
    assert groups.spread(np.array([10, 20]), -5).tolist() == [20, -5, 10]
    nothing = Groups(np.array([-1, -1]), 0)
    assert nothing.spread(np.array([], np.int64), -5).tolist() == [-5, -5]


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_codes(text: str) -> None:
    column = pd.Series(["x", None, "y", "x"]).astype(text)
    numbers = codes(column)
    assert numbers[1] == -1
    assert numbers[0] == numbers[3] != numbers[2]
    assert codes(column.iloc[:0]).tolist() == []
    assert is_one_of(column, "x", "z").tolist() == [True, False, False, True]


@pytest.mark.parametrize("one", TEXT_TYPES)
@pytest.mark.parametrize("other", TEXT_TYPES)
def test_shared_codes(one: str, other: str) -> None:
    left, right = pd.Series(["x", None, "y"]).astype(one), pd.Series([None, "y", "z"]).astype(other)
    ours, theirs = shared_codes(left, right)
    assert ours[2] == theirs[1] != ours[0]
    assert ours[1] == theirs[0] == -1
    assert len({ours[0], ours[2], theirs[2]}) == 3


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_take(text: str) -> None:
    column = pd.Series(["x", "y"]).astype(text)
    taken = take(column, np.array([1, -1, 0]))
    assert pd.Series(taken).isna().tolist() == [False, True, False]
    assert (taken[0], taken[2]) == ("y", "x")
    assert pd.isna(take(column.iloc[:0], np.array([-1]))).tolist() == [True]


@pytest.mark.parametrize("dtype", ["int64", "Int64"])
def test_take_of_integers(dtype: str) -> None:
    taken = pd.Series(take(pd.Series([5, 6], dtype=dtype), np.array([1, -1])))
    assert (taken.dtype, taken[0], taken.isna()[1]) == (pd.Int64Dtype(), 6, True)


def test_columns_to_arrays() -> None:
    assert integers(pd.Series([1, None], dtype="Int64")).tolist() == [1, -1]
    assert integers(pd.Series([1.0, np.nan])).tolist() == [1, -1]
    assert integers(pd.Series([1, 2])).tolist() == [1, 2]
    assert truth(pd.Series([True, None], dtype="boolean")).tolist() == [True, False]
    assert truth(pd.Series([True, False])).tolist() == [True, False]


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_nanoseconds_of_any_unit(unit: str) -> None:
    column = pd.Series(pd.to_datetime(["1970-01-01T00:00:02Z", None], utc=True)).dt.as_unit(unit)
    assert nanoseconds(column).tolist() == [2_000_000_000, NEVER]


def test_times_and_delays() -> None:
    time_ns = np.array([10, 1_000_000_010])
    assert times_of(time_ns, np.array([1, -1])).tolist() == [1_000_000_010, NEVER]
    assert times_of(time_ns[:0], np.array([-1])).tolist() == [NEVER]
    start, end = (
        np.array([10, 10, NEVER, 10, NEVER]),
        np.array([1_000_000_010, 9, 10, NEVER, NEVER]),
    )
    delays = seconds_between(start, end)
    assert delays[0] == 1
    assert np.isnan(delays[1:]).all()


def test_in_order_is_stable() -> None:
    frame = pd.DataFrame({"time": pd.to_datetime([2, 1, 1], utc=True), "x": [0, 1, 2]})
    assert in_order(frame)["x"].tolist() == [1, 2, 0]
    assert in_order(in_order(frame))["x"].tolist() == [1, 2, 0]


def test_words() -> None:
    assert pd.isna(words(np.array(["", "x"]))).tolist() == [True, False]


MADE_OF_GROUPS = [
    name for name in TABLES if not any(one.kind in ("integers", "texts") for one in TABLES[name])
]
"""Tables without lists; those with some are not made by `table_frame`, which does not know them."""


@pytest.mark.parametrize("name", MADE_OF_GROUPS)
def test_table_frame_has_the_types_of_the_schema(name: str) -> None:
    table = TABLES[name]
    values = {column.name: np.array([], dtype=object) for column in table}
    values |= {column.name: np.array([], np.int64) for column in table if column.kind == "time"}
    frame = table_frame(table, values)
    assert tuple(frame.columns) == table.names
    kinds = {column.name: column.kind for column in table}
    expected = {"time": "datetime64[ns, UTC]", "seconds": "float64", "integer": "Int64"}
    expected |= {
        "number": "float64",
        "boolean": "boolean",
        "text": "string",
        "category": "category",
    }
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        name: expected[kind] for name, kind in kinds.items()
    }
