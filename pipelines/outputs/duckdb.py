"""DuckDB: one database file with every table (extra ``duckdb``)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from pipelines.errors import UsageError
from pipelines.output import Chunks, outputs


@outputs.register("duckdb")
def write_duckdb(directory: Path, names: list[str], chunks: Chunks) -> None:
    """Write ``lyncshark.duckdb`` with one table per table; categories become text.

    Raises
    ------
    UsageError
        When DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise UsageError("--format duckdb needs: pip install 'lyncshark[duckdb]'") from None
    with duckdb.connect(str(directory / "lyncshark.duckdb")) as database:
        for name in names:
            for position, chunk in enumerate(chunks(name)):
                database.register("chunk", _without_dictionaries(chunk))
                act = f"INSERT INTO {name}" if position else f"CREATE TABLE {name} AS"
                database.execute(f"{act} SELECT * FROM chunk")  # noqa: S608 (names of the schema)
                database.unregister("chunk")


def _without_dictionaries(rows: pa.Table) -> pa.Table:
    fields = [
        pa.field(field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type)
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))
