"""``lyncshark COMMAND …`` is ``python -m pipelines.COMMAND …``."""

from __future__ import annotations

import importlib
import sys

COMMANDS = {
    "summarize": "what is in a capture, how calls went, what failed and why",
    "convert": "every table as Parquet, CSV, JSON Lines or DuckDB",
    "crosscheck": "what tshark sees otherwise, message by message",
    "explain": "what an error id means; or one frame from link to body, field by field",
    "decrypt": "a capture that Wireshark opens decrypted, or the SIP of it alone",
}
"""Commands, each the module of the same name, and what they give."""


def main() -> int:
    """Run the command that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in COMMANDS:
        lines = [f"  {command:<12}{text}" for command, text in COMMANDS.items()]
        print("usage: lyncshark COMMAND …", "", "commands:", *lines, sep="\n", file=sys.stderr)
        return 0 if name in ("-h", "--help") else 2
    module = importlib.import_module(f"pipelines.{name}")
    code: int = module.main(sys.argv[2:])
    return code


if __name__ == "__main__":
    sys.exit(main())
