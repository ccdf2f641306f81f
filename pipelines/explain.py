"""``python -m pipelines.explain``: what an error id means, or what one frame says.

``CODE…``: error ids of ms-diagnostics. ``CAPTURE FRAME``: a frame from link to body, which
:mod:`pipelines.explain_frame` takes apart.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator

from dissectors.sip.diagnostics import COMPONENTS, component_of
from pipelines.command import EXIT_DONE, run_command
from pipelines.diagnostic_codes import DiagnosticCode, codes_of, diagnostic_code
from pipelines.errors import UsageError
from pipelines.explain_frame import explain_frame
from pipelines.explain_frame import parser as frame_parser

_WIDTH = 100
_OUTCOMES = {
    "progress": "No failure: the request goes on.",
    "success": "No failure.",
    "user": "No failure: what people or programs wanted.",
}
_CERTAINTIES = {
    "documented": "documented",
    "third party": "not Microsoft's word",
    "uncertain": "uncertain, do not rely on it",
}


def parser() -> argparse.ArgumentParser:
    """Return the command's argument parser, for error ids."""
    made = argparse.ArgumentParser(
        prog="python -m pipelines.explain",
        description="Say what error ids of ms-diagnostics mean.",
        epilog=_usage_of_frames(),
    )
    made.add_argument("codes", nargs="*", metavar="CODE", help="error id, such as 1010")
    made.add_argument(
        "--list",
        nargs="?",
        const="",
        dest="words",
        metavar="WORDS",
        help="list the known ids, or those whose component or meaning holds WORDS",
    )
    return made


def _usage_of_frames() -> str:
    """Return how the same command is asked to take a frame apart."""
    return f"One frame from link to body: {' '.join(frame_parser().format_usage().split()[1:])}"


def main(argv: list[str] | None = None) -> int:
    """Run the command; see :mod:`pipelines.command` for the exit codes."""
    given = sys.argv[1:] if argv is None else argv
    if _about_codes(given):
        return run_command(_explain, given)
    return run_command(_of_frames, given)


def _about_codes(given: list[str]) -> bool:
    """Tell whether error ids are asked for: numbers only, or an option of their parser."""
    asks = not given or given[0] in ("-h", "--help") or given[0].startswith("--list")
    return asks or all(map(_is_number, given))


def _of_frames(argv: list[str] | None) -> int:
    return explain_frame(frame_parser().parse_args(argv))


def _explain(argv: list[str] | None) -> int:
    arguments = parser().parse_args(argv)
    codes = [_number(text) for text in arguments.codes]
    if not codes and arguments.words is None:
        raise UsageError("name an error id, such as 1010, or --list")
    told = [list(_explained(code)) for code in codes]
    if arguments.words is not None:
        told.append(list(_listed(arguments.words)))
    print("\n\n".join("\n".join(lines) for lines in told))
    return EXIT_DONE


def _is_number(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) <= 9


def _number(text: str) -> int:
    if not _is_number(text):
        raise UsageError(f"{text}: no error id, which is a number such as 1010")
    return int(text)


def _explained(code: int) -> Iterator[str]:
    """Yield what is known of an error id, line by line."""
    known = diagnostic_code(code)
    yield f"{code}  {component_of(code) or 'no component is known to own this id'}"
    if known is None:
        yield "  What this id means is not known here; the parameter reason of the header tells."
        return
    yield from textwrap.wrap(known.meaning, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    if known.outcome in _OUTCOMES:
        yield f"  {_OUTCOMES[known.outcome]}"
    if known.sip_status is not None:
        seen = "seen with" if known.status_seen else "to be expected with"
        yield f"  status: {seen} {known.sip_status}"
    yield f"  source: {known.source} ({_CERTAINTIES[known.certainty]})"


def _listed(words: str) -> Iterator[str]:
    """Yield one line for each known error id in whose component or meaning `words` stand."""
    found = list(codes_of(words))
    if not found:
        names = ", ".join(component for _, _, component in COMPONENTS)
        raise UsageError(f"--list {words}: nothing known; components are {names}")
    component = None
    for one in found:
        if one.component != component:
            component = one.component
            yield f"{component}"
        yield from _line(one)


def _line(one: DiagnosticCode) -> list[str]:
    doubt = "" if one.certainty == "documented" else f" ({_CERTAINTIES[one.certainty]})"
    text = f"{one.code:>7}  {one.meaning}{doubt}"
    return textwrap.wrap(text, _WIDTH, subsequent_indent=" " * 9)


if __name__ == "__main__":
    sys.exit(main())
