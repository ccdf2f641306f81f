"""Apache Parquet: one file per table, categories and times as in the schema."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.output import Chunks, outputs


@outputs.register("parquet")
def write_parquet(directory: Path, names: list[str], chunks: Chunks) -> None:
    """Write ``NAME.parquet`` for each table, one row group per chunk, compressed with Zstandard."""

    def write(name: str) -> None:
        _write_table(directory / f"{name}.parquet", chunks(name))

    # To encode and compress is Arrow's work, which other threads need not wait for.
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(write, names):
            pass


def _write_table(path: Path, rows: Iterator[pa.Table]) -> None:
    first = next(rows)
    with pq.ParquetWriter(path, first.schema, compression="zstd", compression_level=1) as writer:
        writer.write_table(first)
        for chunk in rows:
            writer.write_table(chunk)
