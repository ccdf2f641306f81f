"""What came out of a run: every table, in order, the analyses computed when they are asked for."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.frames import finish, to_frame
from pipelines.schedule import Maker, make_tables
from pipelines.schema import TABLES
from pipelines.shelf import MEMORY_LIMIT, Shelf
from pipelines.table_maker import TableMaker

if TYPE_CHECKING:
    import pandas as pd


class Tables:
    """Every table of one run; what is not asked for is not computed.

    Parameters
    ----------
    found : list of dict of str to Shelf
        The rows that each process found, by table.
    directory : Path
        Where rows are that went to disk; removed with this object.
    thresholds : mapping of str to float
        Thresholds of findings, as :func:`pipelines.finding.check_settings` takes them.
    unreadable : list of str
        One line for each capture that could not be read.
    private_keys : dict of str to bool
        For each file with a private key, whether a certificate that it belongs to was met.
    """

    def __init__(
        self,
        found: list[dict[str, Shelf]],
        directory: Path,
        thresholds: Mapping[str, float],
        unreadable: list[str],
        private_keys: dict[str, bool],
    ) -> None:
        self.unreadable = unreadable
        self.private_keys = private_keys
        self._found = found
        self._ready: dict[str, Shelf] = {}
        self._making = RLock()  # outputs may ask from several threads
        shared = len(found) > 1
        limit = 0 if shared else MEMORY_LIMIT
        self._maker = TableMaker(found, directory, thresholds, self._shelf, limit)
        self._cleanup = weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)

    @property
    def lacks_originals(self) -> bool:
        """Whether a resumed TLS session stayed closed although others were opened."""
        sessions = pa.concat_tables([shelves["tls_sessions"].rows() for shelves in self._found])
        opened = sessions["opened"]
        stayed_closed = pc.and_(sessions["resumed"].fill_null(False), pc.invert(opened))
        return bool(pc.any(opened).as_py() and pc.any(stayed_closed).as_py())

    def arrow(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a whole table, in order; all columns or some."""
        names = TABLES[name].names if columns is None else columns
        rows = pa.concat_tables(self._stretches(name, names)).combine_chunks()
        return finish(rows, TABLES[name])

    def chunks(self, name: str) -> Iterator[pa.Table]:
        """Yield a table in order, a stretch at a time; at least one."""
        for rows in self._stretches(name, TABLES[name].names):
            yield finish(rows.combine_chunks(), TABLES[name])

    def frame(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return a whole table as a DataFrame; all columns or some."""
        return to_frame(self.arrow(name, columns))

    def _stretches(self, name: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield a table's rows in order, categories as plain text."""
        stretches = self._shelf(name).stretches(columns)
        return (
            self._with_hops(stretches) if name == "messages" and "hop_of" in columns else stretches
        )

    def _with_hops(self, messages: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Fill in the one column of `messages` that only all of them together can tell."""
        hops = self._shelf("hops").rows(columns=("message_id", "hop_of")).combine_chunks()
        for rows in messages:
            if len(hops) == 0:
                yield rows
                continue
            found = pc.index_in(rows["message_id"], value_set=hops["message_id"])
            at = rows.schema.get_field_index("hop_of")
            yield rows.set_column(at, "hop_of", hops["hop_of"].take(found))

    def _shelf(self, name: str) -> Shelf:
        """Return a table's rows in order; they are made when they are asked for first."""
        with self._making:
            if name not in self._ready:
                self._ready[name] = self._maker.make(name)
            return self._ready[name]

    def make_with(self, others: Sequence[Maker], wanted: Collection[str]) -> None:
        """Make the tables that are wanted side by side with other processes.

        Parameters
        ----------
        others : sequence of callable
            Each makes one table at a time in another process, of the same rows.
        wanted : collection of str
            Names of tables; ``messages`` brings ``hops`` along, which fill in one of its columns.
        """

        def adopt(name: str, make: Maker) -> None:
            make(name)
            self._ready[name] = self._maker.made_elsewhere(name)

        hands = [partial(adopt, make=make) for make in others]
        make_tables({*wanted, "hops"}, [self._shelf, *hands])
