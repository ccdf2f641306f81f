"""What came out of a run: every table, in order, the analyses computed when they are asked for."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import analyses as _analyses  # noqa: F401  (importing it fills the registry)
from pipelines import rules as _rules  # noqa: F401  (the same)
from pipelines.analysis import analyses
from pipelines.finding import Findings, rules
from pipelines.frames import finish, from_frame, to_frame
from pipelines.schema import FINDINGS, TABLES
from pipelines.spool import Spool

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 16_384
"""Rows that are finished and handed to an output at once."""

PORTION_ROWS = 100_000
"""Messages that an analysis is given at once; more are divided by Call-ID."""


class Tables:
    """Every table of one run; what is not asked for is not computed.

    Parameters
    ----------
    spools : list of Spool
        The rows of each process.
    directory : Path
        Where the rows are that went to disk; removed with this object.
    thresholds : mapping of str to float
        Thresholds of findings, as :func:`pipelines.finding.check_settings` takes them.
    unreadable : list of str
        One line for each capture that could not be read.
    private_keys : dict of str to bool
        For each file with a private key, whether a certificate that it belongs to was met.
    """

    def __init__(
        self,
        spools: list[Spool],
        directory: Path,
        thresholds: Mapping[str, float],
        unreadable: list[str],
        private_keys: dict[str, bool],
    ) -> None:
        self.unreadable = unreadable
        self.private_keys = private_keys
        self._spools = spools
        self._thresholds = thresholds
        self._made: dict[str, pa.Table] = {}
        self._orders: dict[str, npt.NDArray[np.int64]] = {}
        self._cleanup = weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)

    @property
    def lacks_originals(self) -> bool:
        """Whether a resumed TLS session stayed closed although others were opened."""
        sessions = pa.concat_tables([spool.table("tls_sessions") for spool in self._spools])
        opened = sessions["opened"]
        stayed_closed = pc.and_(sessions["resumed"].fill_null(False), pc.invert(opened))
        return bool(pc.any(opened).as_py() and pc.any(stayed_closed).as_py())

    def arrow(self, name: str) -> pa.Table:
        """Return a whole table, in order."""
        chunks = list(self._plain_chunks(name))
        return finish(pa.concat_tables(chunks).combine_chunks(), TABLES[name])

    def chunks(self, name: str) -> Iterator[pa.Table]:
        """Yield a table in order, at most :data:`CHUNK_ROWS` rows at once; at least one chunk."""
        for chunk in self._plain_chunks(name):
            yield finish(chunk.combine_chunks(), TABLES[name])

    def frame(self, name: str) -> pd.DataFrame:
        """Return a whole table as a DataFrame."""
        return to_frame(self.arrow(name))

    def _plain_chunks(
        self, name: str, columns: tuple[str, ...] | None = None
    ) -> Iterator[pa.Table]:
        """Yield a table's rows in order, of all columns or some, categories as plain text."""
        columns = columns or TABLES[name].names
        if name in analyses or name == FINDINGS.name:
            whole = self._computed(name).select(columns)
            for start in range(0, max(1, len(whole)), CHUNK_ROWS):
                yield whole.slice(start, CHUNK_ROWS)
        else:
            parts = [spool.table(name) for spool in self._spools]
            if name not in self._orders:  # every analysis and rule reads in the same order
                self._orders[name] = _order(parts)
            rows = _in_order([part.select(columns) for part in parts], self._orders[name])
            yield from self._with_hops(rows) if "hop_of" in columns else rows

    def _with_hops(self, messages: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Fill in the one column of `messages` that only all of them together can tell."""
        hops = self._computed("hops")
        for rows in messages:
            found = pc.index_in(rows["message_id"], value_set=hops["message_id"].combine_chunks())
            at = rows.schema.get_field_index("hop_of")
            yield rows.set_column(at, "hop_of", hops["hop_of"].take(found))

    # --- analyses and rules ---------------------------------------------------------------------

    def _computed(self, name: str) -> pa.Table:
        if name not in self._made:
            made = self._findings() if name == FINDINGS.name else self._analysis(name)
            self._made[name] = made
            pa.default_memory_pool().release_unused()
        return self._made[name]

    def _analysis(self, name: str) -> pa.Table:
        one = analyses[name]
        return pa.concat_tables(
            from_frame(one.function(**frames), TABLES[name])
            for frames in self._given(one.needs, one.whole)
        )

    def _findings(self) -> pa.Table:
        findings = Findings()
        for name in sorted(rules):
            one = rules[name]
            for frames in self._given(one.needs, one.whole):
                findings.add(one, one.function(**frames, **one.values(self._thresholds)))
        return findings.table()

    def _given(
        self, needs: dict[str, tuple[str, ...]], whole: bool
    ) -> Iterator[dict[str, pd.DataFrame]]:
        """Yield the tables that an analysis or a rule takes, whole or in portions."""
        needed = {
            table: pa.concat_tables(self._plain_chunks(table, columns))
            for table, columns in needs.items()
        }
        for portion in [needed] if whole else _portions(needed):
            yield {name: to_frame(rows) for name, rows in portion.items()}


def _portions(needed: dict[str, pa.Table]) -> Iterator[dict[str, pa.Table]]:
    """Divide tables by Call-ID, so that an analysis never holds a long capture whole."""
    largest = max(needed.values(), key=len)
    count = -(-len(largest) // PORTION_ROWS)
    if count <= 1:
        yield needed
        return
    call_ids = pc.unique(largest["call_id"])
    shares = {
        name: pc.index_in(rows["call_id"], value_set=call_ids).fill_null(0).to_numpy() % count
        for name, rows in needed.items()
    }
    for share in range(count):
        yield {name: rows.filter(pa.array(shares[name] == share)) for name, rows in needed.items()}


# --- order --------------------------------------------------------------------------------------


def _in_order(parts: list[pa.Table], order: npt.NDArray[np.int64]) -> Iterator[pa.Table]:
    """Yield the rows of all parts in `order`, a chunk at a time.

    Each part is nearly in order, so a chunk needs a short stretch of each: nothing is copied whole.
    """
    offsets = np.cumsum([0, *map(len, parts)])
    for start in range(0, max(1, len(order)), CHUNK_ROWS):
        rows = order[start : start + CHUNK_ROWS]
        stretches, positions, base = [], np.empty(len(rows), dtype=np.int64), 0
        for part, low, high in zip(parts, offsets[:-1], offsets[1:], strict=True):
            mine = (rows >= low) & (rows < high)
            if not mine.any():
                stretches.append(part.slice(0, 0))
                continue
            inside = rows[mine] - low
            first, last = int(inside.min()), int(inside.max())
            stretches.append(part.slice(first, last + 1 - first))
            positions[mine] = inside - first + base
            base += last + 1 - first
        stretch = pa.concat_tables(stretches).combine_chunks()
        in_place = len(stretch) == len(rows) and bool((np.diff(positions) == 1).all())
        yield stretch if in_place else stretch.take(pa.array(positions))


def _order(parts: list[pa.Table]) -> npt.NDArray[np.int64]:
    """Return the rows of all parts, numbered through, in order of time, then of frames."""
    names = parts[0].schema.names
    keys = [name for name in ("time", "start_time", "frame_number", "flow_id") if name in names][:2]
    columns = [np.concatenate([_sortable(part[name]) for part in parts]) for name in keys]
    if not columns:
        return np.arange(sum(map(len, parts)))
    return np.lexsort(columns[::-1])


def _sortable(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return times, frame numbers or flow ids as integers; what is missing comes last."""
    if pa.types.is_string(column.type):  # 1-60: the flow that frame 60 of a capture opened
        column = pc.replace_substring_regex(column, r"^[0-9]+-|\.[0-9]+$", "")
    filled = column.cast(pa.int64()).fill_null(np.iinfo(np.int64).max)
    return np.asarray(filled.to_numpy(), dtype=np.int64)
