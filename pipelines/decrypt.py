"""``python -m pipelines.decrypt CAPTURE… --out FILE``: a capture that Wireshark opens decrypted."""

from __future__ import annotations

import argparse
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


def parser() -> argparse.ArgumentParser:
    """Return the command's argument parser."""
    made = argparse.ArgumentParser(
        prog="python -m pipelines.decrypt",
        description="Write a pcapng file that Wireshark opens decrypted on any machine: the same "
        "packets, and the secrets of their TLS sessions, but no other keys.",
    )
    input_arguments(made, makes_tables=False)
    made.add_argument("--out", required=True, type=Path, metavar="FILE", help="pcapng to write")
    made.add_argument(
        "--plain",
        action="store_true",
        help="write the SIP messages alone, decrypted (exported PDUs), and no key at all: those of "
        "SRTP are overwritten",
    )
    made.add_argument("--overwrite", action="store_true", help="replace FILE if it is there")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command; see :mod:`pipelines.command` for the exit codes."""
    return run_command(_decrypt, argv)


def _decrypt(argv: list[str] | None) -> int:
    arguments = parser().parse_args(argv)
    from pipelines.decrypted import write_decrypted, write_plain

    write = write_plain if arguments.plain else write_decrypted
    request = request_of(arguments)
    with progress_bar(request) as progress:
        outcome = write(request, arguments.out, overwrite=arguments.overwrite, progress=progress)
    what = "SIP messages" if arguments.plain else "packets"
    sessions = f"{outcome.opened} of {outcome.sessions} TLS sessions opened"
    print(f"{arguments.out}: {outcome.written:,} {what}, {sessions}")
    for problem in outcome.problems:
        warn(problem)
    return EXIT_PROBLEMS if outcome.problems and arguments.strict else EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
