"""``python -m pipelines.convert CAPTURE… --out DIR``: every table as a file, or none."""

from __future__ import annotations

import argparse
import pkgutil
import sys
from pathlib import Path

from pipelines.command import (
    EXIT_DONE,
    EXIT_PROBLEMS,
    input_arguments,
    progress_bar,
    request_of,
    run_command,
    warn,
)
from pipelines.engine import EVERY_TABLE, run
from pipelines.errors import UsageError
from pipelines.output import check_destination

FORMATS = sorted(
    module.name for module in pkgutil.iter_modules([str(Path(__file__).parent / "outputs")])
)
"""What ``--format`` takes: each a file in :mod:`pipelines.outputs`."""


def parser() -> argparse.ArgumentParser:
    """Return the command's argument parser."""
    made = argparse.ArgumentParser(
        prog="python -m pipelines.convert",
        description="Write every table of one or more captures as files.",
    )
    input_arguments(made)
    made.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="directory for the files; made when missing",
    )
    made.add_argument("--format", choices=FORMATS, default="parquet", help="default: parquet")
    made.add_argument("--tables", metavar="NAME,…", help="only these tables (default: all)")
    made.add_argument("--overwrite", action="store_true", help="replace files that are in DIR")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command; see :mod:`pipelines.command` for the exit codes."""
    return run_command(_convert, argv)


def _convert(argv: list[str] | None) -> int:
    arguments = parser().parse_args(argv)
    chosen = _table_names(arguments.tables) if arguments.tables is not None else None
    check_destination(arguments.out, overwrite=arguments.overwrite)
    request = request_of(arguments)
    with progress_bar(request) as progress:
        tables = run(request, arguments.workers, progress, wanted=chosen or EVERY_TABLE)
    # Imported only now, so that the workers start at once.
    from pipelines import outputs as _registered  # noqa: F401
    from pipelines.output import write_tables
    from pipelines.problems import problems_of
    from pipelines.schema import TABLES

    names = chosen or list(TABLES)
    write_tables(
        arguments.out, arguments.format, names, tables.chunks, overwrite=arguments.overwrite
    )
    problems = problems_of(tables, request)
    for problem in problems:
        warn(problem)
    return EXIT_PROBLEMS if problems and arguments.strict else EXIT_DONE


def _table_names(wanted: str) -> list[str]:
    from pipelines.schema import TABLES

    names = [name.strip() for name in wanted.split(",") if name.strip()]
    unknown = [name for name in names if name not in TABLES]
    if unknown or not names:
        raise UsageError(f"--tables {wanted}: known tables are {', '.join(TABLES)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
