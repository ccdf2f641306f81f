"""The program of a worker process; :mod:`pipelines.engine` starts it."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from importlib.abc import MetaPathFinder
from pathlib import Path


class _WithoutPandas(MetaPathFinder):
    """Says that there is no pandas: pyarrow imports it for the first array, which takes long.

    A worker makes arrays and has no use for a DataFrame.
    """

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)


sys.meta_path.insert(0, _WithoutPandas())

from pipelines.dissection import dissect_captures  # noqa: E402
from pipelines.errors import UsageError  # noqa: E402
from pipelines.request import Request  # noqa: E402
from pipelines.spool import Spool  # noqa: E402


def main() -> int:
    """Do the share of the work that standard input describes."""
    order = json.load(sys.stdin)
    spool = Spool(Path(order["directory"]), memory_limit=0)
    index, count = order["partition"]
    # What the user did wrong is told once, by the process that started this one.
    with suppress(UsageError):
        outcome = dissect_captures(Request(**order["request"]), spool, (index, count))
        json.dump(sorted(outcome.met), sys.stdout)
    spool.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
