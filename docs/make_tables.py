"""Print docs/tables.md: every table and column, from the schema.

::

    python docs/make_tables.py > docs/tables.md
"""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.schema import TABLES, Column, Table

INTRODUCTION = """\
# Tables

Made from `pipelines/schema/` by `make docs`.

Times are UTC with nanoseconds, durations seconds (`_s`), sizes bytes. What is not known is missing:
never 0, never an empty string. The third column names Wireshark's display-filter field for the same
fact, where there is one."""


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield INTRODUCTION
    for table in TABLES.values():
        yield from _section(table)


def _section(table: Table) -> Iterator[str]:
    yield f"\n## {table.name}\n"
    yield f"{table.doc}\n"
    yield "| column | type | Wireshark | what it holds |"
    yield "| --- | --- | --- | --- |"
    yield from map(_row, table)


def _row(column: Column) -> str:
    field = f"`{column.wireshark}`" if column.wireshark else ""
    doc = column.doc.replace("|", "\\|")
    return f"| `{column.name}` | {column.kind} | {field} | {doc} |"


if __name__ == "__main__":
    print(*page(), sep="\n")
