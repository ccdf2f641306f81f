"""``python -m pipelines.summarize CAPTURE…``: what is in a capture, and why its calls were slow."""

from __future__ import annotations

import argparse
import json
import sys

from pipelines.command import (
    EXIT_DONE,
    EXIT_PROBLEMS,
    input_arguments,
    progress_bar,
    request_of,
    run_command,
    warn,
)
from pipelines.engine import run


def parser() -> argparse.ArgumentParser:
    """Return the command's argument parser."""
    made = argparse.ArgumentParser(
        prog="python -m pipelines.summarize",
        description="Say what is in one or more captures, how calls went, what failed and why.",
    )
    input_arguments(made)
    made.add_argument("--json", action="store_true", help="the same as one JSON object")
    made.add_argument(
        "--rules", action=_ListRules, help="list the rules of the findings and their thresholds"
    )
    return made


class _ListRules(argparse.Action):
    """Prints the rules and ends, whatever else was given: like ``--help``."""

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from pipelines.rules_text import rules_text

        print(rules_text())
        parser.exit()


_TABLES = (
    *("captures", "expert", "failures", "findings", "flows", "calls", "log_diagnostics"),
    *("messages", "presence", "tls_sessions", "transactions"),
)
"""Tables that the summary reads."""


def main(argv: list[str] | None = None) -> int:
    """Run the command; see :mod:`pipelines.command` for the exit codes."""
    return run_command(_summarize, argv)


def _summarize(argv: list[str] | None) -> int:
    arguments = parser().parse_args(argv)
    request = request_of(arguments)
    with progress_bar(request) as progress:
        tables = run(request, arguments.workers, progress, wanted=_TABLES)
    # Imported only now, so that the workers start at once.
    from pipelines.summary import summary_of
    from pipelines.summary_text import render

    summary = summary_of(tables, request)
    if arguments.json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        print(render(summary))
    for problem in summary["problems"]:
        warn(problem)
    return EXIT_PROBLEMS if summary["problems"] and arguments.strict else EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
