"""JSON Lines: one file per table, one object per row, missing values as null."""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.output import Chunks, outputs
from pipelines.outputs.csv import flat


@outputs.register("jsonl")
def write_jsonl(directory: Path, names: list[str], chunks: Chunks) -> None:
    """Write ``NAME.jsonl`` for each table, UTF-8."""
    for name in names:
        with (directory / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for chunk in chunks(name):
                for row in flat(chunk).to_pylist():
                    file.write(json.dumps(row, ensure_ascii=False))
                    file.write("\n")
