"""How a table of a run is made: from what the captures told, by an analysis, or by the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from pipelines import analyses as _analyses  # noqa: F401  (importing it fills the registry)
from pipelines import rules as _rules  # noqa: F401  (the same)
from pipelines.analysis import analyses
from pipelines.collector import collect_young, collector_paused
from pipelines.finding import Findings, rules
from pipelines.frames import from_frame, to_frame
from pipelines.needs import Needs
from pipelines.portions import Portions
from pipelines.row_order import in_order
from pipelines.schema import FINDINGS, TABLES
from pipelines.shelf import Shelf, shelved


def sources_of(table: str) -> frozenset[str]:
    """Return the tables that a table is made of; nothing for one that the captures make."""
    if table in analyses:
        return frozenset(needs.table for needs in analyses[table].needs.values())
    if table == FINDINGS.name:
        every = (rules[name].needs.values() for name in rules)
        return frozenset(needs.table for of_rule in every for needs in of_rule)
    return frozenset()


class TableMaker:
    """Makes the tables of one run.

    Parameters
    ----------
    found : list of dict of str to Shelf
        The rows that each process found, by table.
    directory : Path
        For rows that go to disk, each table's under its name.
    thresholds : mapping of str to float
        Thresholds of findings, as :func:`pipelines.finding.check_settings` takes them.
    source : callable
        Returns the rows of the table with a given name, for what is made of it.
    memory_limit : int
        Bytes of one table that may stay in memory; 0 where other processes read it.
    """

    def __init__(
        self,
        found: list[dict[str, Shelf]],
        directory: Path,
        thresholds: Mapping[str, float],
        source: Callable[[str], Shelf],
        memory_limit: int,
    ) -> None:
        self._found = found
        self._directory = directory
        self._thresholds = thresholds
        self._source = source
        self._portions = Portions(source)
        self._limit = memory_limit

    def make(self, name: str) -> Shelf:
        """Return the rows of a table, in order."""
        for source in sorted(sources_of(name)):  # first, and only then is any of them read
            self._source(source)
        if name == FINDINGS.name:
            made = self._shelved(name, iter([self._findings()]))
        elif name in analyses:
            made = self._analysed(name)
        else:
            parts = [shelves[name] for shelves in self._found]
            made = self._shelved(name, in_order(parts))
        pa.default_memory_pool().release_unused()
        return made

    def made_elsewhere(self, name: str) -> Shelf:
        """Return the rows of a table that another process made, with a memory limit of 0."""
        return Shelf.found(TABLES[name].plain, self._path(name))

    def _analysed(self, name: str) -> Shelf:
        """Return the rows that an analysis makes; those of several portions are put in order."""
        one = analyses[name]
        count = 1 if one.whole else self._portions.count(one.needs)
        if count == 1:
            return self._shelved(name, self._rows(name, one.needs, 1))
        parts = [
            self._shelved(f"{name}-{number}", iter([rows]))
            for number, rows in enumerate(self._rows(name, one.needs, count))
        ]
        return self._shelved(name, in_order(parts))

    def _rows(self, name: str, needs: dict[str, Needs], count: int) -> Iterator[pa.Table]:
        for portion in self._portions.read(needs, count):
            frames = {parameter: to_frame(rows) for parameter, rows in portion.items()}
            with collector_paused():
                made = analyses[name].function(**frames)
            rows = from_frame(made, TABLES[name])
            del portion, frames, made
            collect_young()
            yield rows

    def _findings(self) -> pa.Table:
        findings = Findings()
        for name in sorted(rules):
            one = rules[name]
            count = 1 if one.whole else self._portions.count(one.needs)
            for portion in self._portions.read(one.needs, count):
                frames = {parameter: to_frame(rows) for parameter, rows in portion.items()}
                findings.add(one, one.function(**frames, **one.values(self._thresholds)))
        return findings.table()

    def _shelved(self, name: str, lots: Iterator[pa.Table]) -> Shelf:
        table = TABLES[name.partition("-")[0]]
        return shelved(lots, table.plain, self._path(name), self._limit)

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.ready"
