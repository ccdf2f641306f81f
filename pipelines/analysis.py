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

AnalysisFunction = Callable[..., pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Analysis:
    """One registered analysis."""

    table: str
    """Name of the table it makes."""
    needs: dict[str, tuple[str, ...]]
    """Tables and, of each, the columns it reads; passed as keyword arguments."""
    function: AnalysisFunction
    """Takes the tables in `needs` as keyword arguments, returns the rows of `table`."""


analyses: Registry[str, Analysis] = Registry("analysis")
"""Table name → the analysis that makes it."""


def analysis(
    table: str, **needs: tuple[str, ...]
) -> Callable[[AnalysisFunction], AnalysisFunction]:
    """Return a decorator that registers a function as the maker of `table`.

    Parameters
    ----------
    table : str
        Table of :data:`pipelines.schema.TABLES`.
    **needs : tuple of str
        For each table that the function takes, the columns that it reads. Rows of one Call-ID
        always come together, in order of time; a long capture is handed over in several portions
        of whole Call-IDs, so an analysis never compares across Call-IDs.
    """

    def enter(function: AnalysisFunction) -> AnalysisFunction:
        analyses.register(table)(Analysis(table, dict(needs), function))
        return function

    return enter
