"""Groups of rows as integers: the arithmetic that the analyses share.

A key of any type becomes an integer once (:func:`codes`); from there on everything is arrays of
group numbers and row numbers, so that an analysis costs the same few array operations for ten
messages and for a million. A row number of -1 stands for "no such row" and becomes a missing value
when :func:`take` fetches something for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.schema import Kind, Table

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Seconds = npt.NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.generic)

NEVER = np.iinfo(np.int64).min
"""The nanoseconds of a time that is missing (pandas' NaT)."""

_LARGEST_PRODUCT = 2**62

_DTYPES: dict[Kind, Any] = {
    "seconds": np.dtype(np.float64),
    "number": np.dtype(np.float64),
    "integer": pd.Int64Dtype(),
    "boolean": pd.BooleanDtype(),
    "text": pd.StringDtype("pyarrow"),
    "category": pd.CategoricalDtype(),
}


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows that belong together.

    Groups count from 0 in the order in which their first rows come.
    """

    of_row: Integers
    """(N,) group of each row; -1 for a row that belongs to none."""
    count: int
    """Number of groups."""

    @classmethod
    def by(cls, *keys: Integers, where: Booleans | None = None) -> Groups:
        """Return the groups of rows that are equal in every key.

        Parameters
        ----------
        *keys : (N,) int64
            Codes of the rows, not below -1; -1 (missing) equals -1.
        where : (N,) bool, optional
            Rows that make groups; any other row joins the group of its key, or none.
        """
        numbers, uniques = pd.factorize(_product(keys))
        numbers = numbers.astype(np.int64, copy=False)
        if where is None:
            return cls(numbers, len(uniques))
        made = pd.unique(numbers[where])
        renumbered = np.full(len(uniques), -1, dtype=np.int64)
        renumbered[made] = np.arange(len(made))
        return cls(renumbered[numbers], len(made))

    @classmethod
    def joined(
        cls, keys: Sequence[Integers], others: Sequence[Integers], where: Booleans
    ) -> tuple[Groups, Groups]:
        """Return groups of rows by `keys`, and the same groups of other rows by `others`.

        Parameters
        ----------
        keys, others : sequence of int64 arrays
            Codes that are comparable: of (N,) and of (M,) rows.
        where : (N,) bool
            Rows that make groups, as for :meth:`by`.

        Returns
        -------
        Groups
            Of the N rows.
        Groups
            Of the M rows; none of them makes a group.
        """
        columns = [np.concatenate(pair) for pair in zip(keys, others, strict=True)]
        count, more = len(keys[0]), len(others[0])
        both = cls.by(*columns, where=np.append(where, np.zeros(more, dtype=np.bool_)))
        return cls(both.of_row[:count], both.count), cls(both.of_row[count:], both.count)

    def first(self, where: Booleans | None = None, *instead: Booleans) -> Integers:
        """Return each group's first row that meets `where`.

        In groups that have none, the first row that meets the first condition of `instead` that
        any row of the group meets.

        Returns
        -------
        (count,) int64
            Row numbers; -1 in groups without such a row.
        """
        found = np.full(self.count, -1, dtype=np.int64)
        for condition in (*reversed(instead), where):
            self._enter(found, self.rows(condition)[::-1])
        return found

    def best(self, where: Booleans, rank: Integers) -> Integers:
        """Return each group's row of the lowest `rank` among those that meet `where`; -1: none."""
        rows = self.rows(where)
        found = np.full(self.count, -1, dtype=np.int64)
        self._enter(found, rows[np.argsort(rank[rows], kind="stable")][::-1])
        return found

    def last(self, where: Booleans) -> Integers:
        """Return each group's last row that meets `where`; -1 in groups without one."""
        found = np.full(self.count, -1, dtype=np.int64)
        self._enter(found, self.rows(where))
        return found

    def tally(self, where: Booleans) -> Integers:
        """Return how many rows of each group meet `where`."""
        return np.bincount(self.of_row[self.rows(where)], minlength=self.count).astype(np.int64)

    def any(self, where: Booleans) -> Booleans:
        """Return whether any row of each group meets `where`."""
        found = np.zeros(self.count, dtype=np.bool_)
        found[self.of_row[self.rows(where)]] = True
        return found

    def distinct(self, key: Integers, where: Booleans) -> Integers:
        """Return how many different keys stand in the rows of each group that meet `where`."""
        rows = self.rows(where)
        parts = Groups.by(self.of_row[rows], key[rows])
        return np.bincount(self.of_row[rows[parts.first()]], minlength=self.count).astype(np.int64)

    def most(self, values: Integers, where: Booleans) -> Integers:
        """Return the greatest value in the rows of each group that meet `where`; 0 without any."""
        rows = self.rows(where)
        greatest = np.zeros(self.count, dtype=np.int64)
        ascending = rows[np.argsort(values[rows], kind="stable")]
        greatest[self.of_row[ascending]] = values[ascending]
        return greatest

    def spread(self, values: npt.NDArray[Scalar], otherwise: Any) -> npt.NDArray[Scalar]:
        """Return each row's value of its group; `otherwise` in rows without a group."""
        if self.count == 0:
            return np.full(len(self.of_row), otherwise, dtype=values.dtype)
        spread: npt.NDArray[Scalar] = np.where(self.of_row >= 0, values[self.of_row], otherwise)
        return spread

    def rows(self, where: Booleans | None) -> Integers:
        """Return the row numbers, ascending, that belong to a group and meet `where`."""
        inside = self.of_row >= 0
        return np.flatnonzero(inside if where is None else inside & where)

    def _enter(self, found: Integers, rows: Integers) -> None:
        # Of several rows of one group the assignment leaves the last one standing.
        found[self.of_row[rows]] = rows


def _product(keys: tuple[Integers, ...]) -> Integers:
    """Return one integer per row that is equal where all keys are."""
    product, size = keys[0] + 1, _bound(keys[0])
    for key in keys[1:]:
        factor, bound = key + 1, _bound(key)
        if size * bound > _LARGEST_PRODUCT:
            product, size = _dense(product)
        if size * bound > _LARGEST_PRODUCT:
            factor, bound = _dense(factor)
        product, size = product * bound + factor, size * bound
    return product


def _bound(key: Integers) -> int:
    return int(key.max(initial=-1)) + 2


def _dense(key: Integers) -> tuple[Integers, int]:
    numbers, uniques = pd.factorize(key)
    return numbers.astype(np.int64, copy=False), max(len(uniques), 1)


# --- columns → arrays ---------------------------------------------------------------------------


def in_order(messages: pd.DataFrame) -> pd.DataFrame:
    """Return rows in order of time; the order of rows with equal times stays."""
    if messages["time"].is_monotonic_increasing:
        return messages
    ordered: pd.DataFrame = messages.sort_values("time", kind="stable", ignore_index=True)
    return ordered


def codes(column: pd.Series[Any]) -> Integers:
    """Return one integer per row, equal for equal values; -1 where the value is missing."""
    return _coded(column)[0]


def shared_codes(*columns: pd.Series[Any]) -> list[Integers]:
    """Return :func:`codes` of several columns; equal values are equal across the columns too."""
    if len({column.dtype for column in columns}) == 1 and columns[0].dtype == _DTYPES["text"]:
        together = codes(pd.concat(columns, ignore_index=True))
        return np.split(together, np.cumsum([len(column) for column in columns])[:-1])
    coded = [_coded(column) for column in columns]
    spellings = np.concatenate([np.asarray(uniques, dtype=object) for _, uniques in coded])
    shared = pd.factorize(spellings)[0].astype(np.int64)
    made, start = [], 0
    for numbers, uniques in coded:
        translation = np.append(shared[start : start + len(uniques)], -1)
        made.append(translation[numbers])
        start += len(uniques)
    return made


def _coded(column: pd.Series[Any]) -> tuple[Integers, Any]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(np.int64), column.cat.categories
    numbers, uniques = pd.factorize(column)
    return numbers.astype(np.int64, copy=False), uniques


def is_one_of(column: pd.Series[Any], *values: str) -> Booleans:
    """Return where a text column holds one of `values`; False where it is missing."""
    found: Booleans = column.isin(values).to_numpy(dtype=np.bool_)
    return found


def truth(column: pd.Series[Any]) -> Booleans:
    """Return where a boolean column is True; False where it is missing."""
    values: Booleans = column.astype("boolean").to_numpy(dtype=np.bool_, na_value=False)
    return values


def integers(column: pd.Series[Any]) -> Integers:
    """Return an integer column; -1 where it is missing."""
    values: Integers = column.astype("Int64").to_numpy(dtype=np.int64, na_value=-1)
    return values


def plain(column: pd.Series[Any]) -> list[Any]:
    """Return a column as Python's own values; None where it is missing."""
    missing: Any = None  # pandas' stubs do not know that it may be that
    values: list[Any] = column.to_numpy(dtype=object, na_value=missing).tolist()
    return values


def nanoseconds(column: pd.Series[Any]) -> Integers:
    """Return a time column as nanoseconds since 1970 UTC; :data:`NEVER` where it is missing."""
    moments: Integers = pd.DatetimeIndex(column).as_unit("ns").asi8
    return moments


# --- arrays → columns ---------------------------------------------------------------------------


def take(column: pd.Series[Any], rows: Integers) -> Any:
    """Return the values of `column` in `rows`; missing where the row number is -1.

    Returns
    -------
    (len(rows),) pandas ExtensionArray
    """
    if len(column) == 0:
        return column.astype(object).reindex(np.full(len(rows), -1)).array
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub":
        column = column.astype("boolean" if column.dtype.kind == "b" else "Int64")
    return column.array.take(rows, allow_fill=True)


def times_of(time_ns: Integers, rows: Integers) -> Integers:
    """Return the times of `rows`; :data:`NEVER` where the row number is -1."""
    if len(time_ns) == 0:
        return np.full(len(rows), NEVER, dtype=np.int64)
    return np.where(rows >= 0, time_ns[rows], NEVER)


def seconds_between(start_ns: Integers, end_ns: Integers) -> Seconds:
    """Return end minus start in seconds; NaN where either is missing or the end comes first.

    A capture shows an effect before its cause when packets were swapped on the way to the capture
    or when the clocks of two captures disagree. No delay can be read off such a pair.
    """
    known = (start_ns != NEVER) & (end_ns != NEVER) & (end_ns >= start_ns)
    delay = np.subtract(end_ns, start_ns, out=np.zeros(len(known), np.int64), where=known)
    return np.where(known, delay / 1e9, np.nan)


def known(values: Integers, where: Booleans) -> Any:
    """Return integers as a nullable array that is missing outside `where`."""
    return pd.arrays.IntegerArray(values.astype(np.int64), ~where)


def words(values: npt.NDArray[Any]) -> Any:
    """Return an array of text, in which an empty string stands for nothing, as a text column."""
    texts = values.astype(object)
    texts[texts == ""] = None
    return pd.array(texts, dtype=_DTYPES["text"])


def table_frame(table: Table, columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return `columns` as a DataFrame with the columns and types of `table`.

    Parameters
    ----------
    table : Table
        What is being made.
    columns : mapping of str to array
        One array for each column of the table; a time as int64 nanoseconds (:data:`NEVER` where
        missing), all else in any type that pandas turns into the column's.
    """
    typed = {column.name: _typed(columns[column.name], column.kind) for column in table}
    frame: pd.DataFrame = pd.DataFrame(typed)
    return frame


def rows_frame(table: Table, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return `rows` as a DataFrame with the columns and types of `table`.

    Parameters
    ----------
    table : Table
        What is being made.
    rows : sequence of mapping
        Values by the names of columns; what a row does not name, or names None, is missing. A time
        is an int, nanoseconds since 1970 UTC; :data:`NEVER` is missing, too.
    """
    columns = {
        column.name: _listed([row.get(column.name) for row in rows], column.kind)
        for column in table
    }
    return table_frame(table, columns)


def _listed(values: list[Any], kind: Kind) -> Any:
    """Return plain values, None where missing, as :func:`table_frame` takes a column."""
    if kind == "time":
        return np.array([NEVER if value is None else value for value in values], dtype=np.int64)
    return pd.array(values, dtype=_DTYPES["text" if kind == "category" else kind])


def _typed(values: Any, kind: Kind) -> Any:
    if kind == "time":
        moments = np.asarray(values, dtype=np.int64).view("datetime64[ns]")
        return pd.DatetimeIndex(moments).tz_localize("UTC")
    if kind == "category" and isinstance(values, np.ndarray):
        values = pd.array(values, dtype=_DTYPES["text"])
    if getattr(values, "dtype", None) == _DTYPES[kind]:
        return values
    return pd.Series(values).astype(_DTYPES[kind]).array
