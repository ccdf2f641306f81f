"""The program of a worker process; :mod:`pipelines.engine` starts it."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

from pipelines.dissection import dissect_captures
from pipelines.errors import UsageError
from pipelines.request import Request
from pipelines.spool import Spool


def main() -> int:
    """Do the share of the work that standard input describes."""
    order = json.load(sys.stdin)
    spool = Spool(Path(order["directory"]), memory_limit=0)
    index, count = order["partition"]
    # What the user did wrong is told once, by the process that started this one.
    with suppress(UsageError):
        dissect_captures(Request(**order["request"]), spool, (index, count))
    spool.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
