"""Apache Parquet: one file per table, categories and times as in the schema."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from pipelines.output import Chunks, outputs


@outputs.register("parquet")
def write_parquet(directory: Path, names: list[str], chunks: Chunks) -> None:
    """Write ``NAME.parquet`` for each table, one row group per chunk, compressed with Zstandard."""
    for name in names:
        rows = chunks(name)
        first = next(rows)
        path = directory / f"{name}.parquet"
        with pq.ParquetWriter(
            path, first.schema, compression="zstd", compression_level=1
        ) as writer:
            writer.write_table(first)
            for chunk in rows:
                writer.write_table(chunk)
