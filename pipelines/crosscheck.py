"""``python -m pipelines.crosscheck CAPTURE…``: what tshark sees otherwise, message by message.

Exit codes: 0 both agree; 1 they differ; 2 usage, or nothing could be read, or no tshark.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipelines.command import (
    EXIT_DONE,
    EXIT_PROBLEMS,
    input_arguments,
    progress_bar,
    request_of,
    run_command,
    warn,
)
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.disagreement import Disagreement
    from pipelines.our_side import View
    from pipelines.second_opinion import Tshark

BASE_TIMEOUT_S, BYTES_PER_SECOND = 60, 100_000
"""How long tshark may take: so many seconds, and one more for each so many bytes of capture."""

_HEADINGS = {"missing": "not in tshark", "extra": "only in tshark", "different": "different"}


def parser() -> argparse.ArgumentParser:
    """Return the command's argument parser."""
    made = argparse.ArgumentParser(
        prog="python -m pipelines.crosscheck",
        description="Let tshark read the same captures, and print what it sees otherwise.",
    )
    input_arguments(made, makes_tables=False)
    made.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="how long tshark may take for one capture (default: by its size)",
    )
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command; see above for the exit codes."""
    return run_command(_crosscheck, argv)


def _crosscheck(argv: list[str] | None) -> int:
    arguments = parser().parse_args(argv)
    if arguments.timeout is not None and not arguments.timeout > 0:
        raise UsageError("--timeout: must be more than 0 seconds")
    from pipelines.our_side import OurSide
    from pipelines.second_opinion import Tshark

    tshark, request = Tshark(), request_of(arguments)
    with TemporaryDirectory(prefix="lyncshark-") as directory:
        with progress_bar(request) as progress:
            ours = OurSide(request, Path(directory), progress)
        for problem in ours.problems:
            warn(problem)
        differ = False
        for number, path in ours.captures:
            view = ours.view(number, path)
            view.decode_as += request.decode_as
            if view.left_out:
                warn(f"{view.name}: tshark numbers frames behind {view.left_out} broken ones lower")
            differ |= _check(view, tshark, arguments.timeout)
            view.path.unlink()
    return EXIT_PROBLEMS if differ or (ours.problems and arguments.strict) else EXIT_DONE


def _check(view: View, tshark: Tshark, timeout_s: float | None) -> bool:
    """Compare one capture, print, and return whether the two differ."""
    from pipelines.disagreement import compare

    if timeout_s is None:
        timeout_s = BASE_TIMEOUT_S + view.path.stat().st_size / BYTES_PER_SECOND
    theirs = tshark.messages(view.path, view.decode_as, timeout_s)
    agreed, found = compare(view.messages, theirs)
    for one in found:
        print("\n".join(_lines(view, one)))
    counts = ", ".join(
        f"{sum(one.kind == kind for one in found)} {heading}" for kind, heading in _HEADINGS.items()
    )
    told = f", told {' '.join(view.decode_as)}" if view.decode_as else ""
    print(f"{view.name}: {agreed:,} SIP messages agree, {counts} (tshark {tshark.version}{told})")
    return bool(found)


def _lines(view: View, one: Disagreement) -> list[str]:
    """Return a disagreement in words, and why it is one where that is certain."""
    lines = [f"{view.name}, frame {one.frame_number}: {_HEADINGS[one.kind]}"]
    if one.kind == "different" and one.ours and one.theirs:
        lines += [f"  here:   {one.ours.name}", f"  tshark: {one.theirs.name}"]
        if one.ours.frame_number != one.theirs.frame_number:
            lines[-1] += f" in frame {one.theirs.frame_number}"
    else:
        seen = one.ours or one.theirs
        lines += [f"  {seen.name}"] if seen else []
    why = view.explain(one)
    return [*lines, f"  {why}"] if why else lines


if __name__ == "__main__":
    sys.exit(main())
