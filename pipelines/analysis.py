"""The contract of an analysis: tables in, one table out.

An analysis is one file in :mod:`pipelines.analyses` with one function, registered by
:func:`analysis` under the table that it makes. It is pure: DataFrames in, DataFrame out, no I/O.
It knows no other analysis; what it needs of one it asks for as a table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from dissectors.registry import Registry
from pipelines.needs import Needs, Wanted, needs_of

AnalysisFunction = Callable[..., pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Analysis:
    """One registered analysis."""

    table: str
    """Name of the table it makes."""
    needs: dict[str, Needs]
    """What it reads of the tables, by its keyword arguments."""
    whole: bool
    """Whether it is given whole tables, or portions of whole Call-IDs."""
    effort: int
    """How long it takes beside the others."""
    function: AnalysisFunction
    """Takes the tables in `needs` as keyword arguments, returns the rows of `table`."""


analyses: Registry[str, Analysis] = Registry("analysis")
"""Table name → the analysis that makes it."""


def analysis(
    table: str, *, whole: bool = False, effort: int = 1, **needs: Wanted
) -> Callable[[AnalysisFunction], AnalysisFunction]:
    """Return a decorator that registers a function as the maker of `table`.

    Parameters
    ----------
    table : str
        Table of :data:`pipelines.schema.TABLES`.
    whole : bool
        True hands the tables over whole, for what compares across Call-IDs, and for tables that
        have none. Otherwise a long capture is handed over in several portions of whole Call-IDs:
        every table must be read with its ``call_id``.
    effort : int
        How long it takes beside the others, roughly: what takes long is begun first.
    **needs : tuple of str, or Selection
        For each table that the function takes, the columns that it reads;
        :func:`pipelines.needs.only` leaves out rows too. Rows of one Call-ID always come together,
        in order of time.

    Raises
    ------
    ValueError
        When it takes portions of a table without ``call_id``.
    """
    read = needs_of(needs)
    if not (whole or all("call_id" in one.columns for one in read.values())):
        raise ValueError(f"analysis {table!r} needs call_id of every table, or whole=True")

    def enter(function: AnalysisFunction) -> AnalysisFunction:
        analyses.register(table)(Analysis(table, read, whole, effort, function))
        return function

    return enter
