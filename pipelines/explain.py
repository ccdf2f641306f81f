"""``python -m pipelines.explain CAPTURE FRAME``: what Wireshark's details pane shows, as text."""

from __future__ import annotations

import sys

from pipelines.command import run_command


def main(argv: list[str] | None = None) -> int:
    """Run the command; see :mod:`pipelines.command` for the exit codes."""
    return run_command(_explain, argv)


def _explain(argv: list[str] | None) -> int:
    from pipelines.explain_frame import explain_frame, parser

    return explain_frame(parser().parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
