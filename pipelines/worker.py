"""The program of a worker process; :mod:`pipelines.engine` starts it.

It takes orders, one JSON object on each line of its standard input, and answers each with a line of
JSON. The first order is its share of the captures; further ones name tables to make of what all
processes found. It ends with its input.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.dissection import dissect_captures
from pipelines.errors import DiskFailed, UsageError
from pipelines.request import Request
from pipelines.shelf import Shelf
from pipelines.spool import Spool, spooled


def main() -> int:
    """Do what standard input says."""
    order = json.loads(sys.stdin.readline())
    _answer(_dissect(order))
    from pipelines import table_maker as _needed_next  # noqa: F401  (while the others are at it)

    further = sys.stdin.readline()
    if further:
        _make_tables(json.loads(further), order["request"]["thresholds"])
    return 0


def _dissect(order: dict[str, Any]) -> list[str]:
    """Do a share of the work; return the fingerprints of the private keys that were met."""
    met: list[str] = []
    spool = Spool(Path(order["directory"]), memory_limit=0)
    index, count = order["partition"]
    # What the user did wrong is told once, by the process that started this one.
    with suppress(UsageError):
        outcome = dissect_captures(Request(**order["request"]), spool, (index, count))
        met = sorted(outcome.met)
    spool.close()
    return met


def _make_tables(order: dict[str, Any], thresholds: dict[str, float]) -> None:
    from pipelines.table_maker import TableMaker

    found = [spooled(Path(directory)) for directory in order["found"]]
    made: dict[str, Shelf] = {}

    def source(name: str) -> Shelf:
        if name not in made:
            made[name] = maker.made_elsewhere(name)
        return made[name]

    maker = TableMaker(found, Path(order["directory"]), thresholds, source, memory_limit=0)
    for line in sys.stdin:
        name = json.loads(line)
        made[name] = maker.make(name)
        _answer(name)


def _answer(told: object) -> None:
    sys.stdout.write(f"{json.dumps(told)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DiskFailed as error:
        sys.exit(f"lyncshark: {error}")
    except KeyboardInterrupt:  # who gave the orders tells that
        sys.exit(130)
