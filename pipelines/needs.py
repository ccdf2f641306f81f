"""What an analysis or a rule reads of a table: which columns, and of which rows.

Rows that it would pass over anyway never become a DataFrame: most messages of a long capture tell
of presence, and an analysis of calls has no use for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Needs:
    """What a function takes of one table."""

    table: str
    """Table of :data:`pipelines.schema.TABLES`; empty: the one that the parameter is named for."""
    columns: tuple[str, ...]
    """Columns that it reads."""
    among: Mapping[str, tuple[str | bool, ...]] = field(default_factory=dict)
    """Column → values: rows that hold another one are left out; those that hold none, as
    trace logs leave much out, come too."""


Wanted = tuple[str, ...] | Needs
"""Columns of all rows, or of those that :func:`only` selects."""


def only(columns: tuple[str, ...], *, table: str = "", **among: tuple[str | bool, ...]) -> Needs:
    """Return a selection of rows, to be handed to a parameter of an analysis or a rule.

    Parameters
    ----------
    columns : tuple of str
        Columns that the function reads.
    table : str
        Name of the table, where the parameter has another: for a function that reads two
        selections of one table.
    **among : tuple of str
        As :attr:`Needs.among`.
    """
    return Needs(table, columns, among)


def needs_of(wanted: Mapping[str, Wanted]) -> dict[str, Needs]:
    """Return what a function takes, by its parameters."""
    made = {}
    for parameter, one in wanted.items():
        needs = one if isinstance(one, Needs) else Needs(parameter, one)
        made[parameter] = replace(needs, table=needs.table or parameter)
    return made
