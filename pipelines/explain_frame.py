"""``python -m pipelines.explain CAPTURE FRAME``: one frame through every floor, link to body."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from io import TextIOWrapper

from dissectors.errors import DissectError
from dissectors.stack import DecodeAs
from pipelines.command import EXIT_DONE, request_of, warn
from pipelines.errors import UsageError
from pipelines.floors_text import plain_floors, render_floors
from pipelines.frame_floors import frame_floors, is_named, why_no_sip
from pipelines.frame_watch import FrameView, RecordView, watch_frame
from pipelines.key_files import ask_on_terminal, open_keys
from pipelines.request import Request

_MESSAGE_ID = re.compile(r"([0-9]{1,9})-([0-9]{1,18})-([0-9]{1,9})", re.ASCII)
_FRAME = re.compile(r"[0-9]{1,18}", re.ASCII)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments that :func:`explain_frame` takes."""
    made = argparse.ArgumentParser(
        prog="python -m pipelines.explain",
        description="Show one frame from link to body: each field, its bytes, what it means. "
        "Keys, passwords and credentials are left out.",
    )
    made.add_argument("capture", metavar="CAPTURE", help="capture or trace log, as for summarize")
    made.add_argument(
        "frame",
        metavar="FRAME",
        help="number of a frame (of a trace log: line of a record), from 1, or message_id of a "
        "message, such as 1-120-2",
    )
    made.add_argument(
        "--keys",
        action="append",
        default=[],
        metavar="FILE",
        help="TLS key log or RSA private key, or a folder of them; may be given again",
    )
    made.add_argument(
        "--key-passphrase-file",
        metavar="FILE",
        help="passphrases of encrypted keys, one on each line (default: asked for on a terminal)",
    )
    made.add_argument(
        "-d",
        dest="decode_as",
        action="append",
        default=[],
        metavar="RULE",
        help="what a port carries, such as tcp.port==5061,tls or udp.port==5070,sip",
    )
    made.add_argument("--hex", action="store_true", help="show the bytes of each floor as well")
    made.add_argument("--json", action="store_true", help="print JSON instead of text")
    return made


def explain_frame(arguments: argparse.Namespace) -> int:
    """Print one frame through every floor.

    Parameters
    ----------
    arguments : argparse.Namespace
        What :func:`parser` makes.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    UsageError
        When the capture or a key cannot be read, there is no such frame, or no such message.
    """
    frame_number, ordinal = _wanted(arguments.frame)
    request = _request(arguments)
    ring, problems = open_keys(request, ask_on_terminal())
    for problem in problems:
        warn(problem.summary)
    path = request.captures[0]
    view = watch_frame(path, frame_number, ring, _decode_as(request.decode_as))
    if ordinal is not None:
        _check_message(path, view, ordinal, arguments.frame)
    floors = frame_floors(view, ordinal)
    reason = why_no_sip(view)
    _accept_all_characters()
    if arguments.json:
        plain = plain_floors(floors, hexdump=arguments.hex)
        told = {
            "capture": view.capture,
            "frame_number": view.frame_number,
            "messages": [seen.message_id for seen in view.messages],
            "no_sip": reason or None,
            "floors": plain,
        }
        print(json.dumps(told, indent=2))
        return EXIT_DONE
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    print(render_floors(floors, width, hexdump=arguments.hex, bold=terminal))
    if reason:
        warn(f"{path}: frame {frame_number}: no SIP: {reason}")
    return EXIT_DONE


def _accept_all_characters() -> None:
    """Let what the output's encoding lacks be escaped."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _wanted(text: str) -> tuple[int, int | None]:
    """Return the frame, and of a message_id also the message's number in it."""
    message = _MESSAGE_ID.fullmatch(text)
    if message:
        # The first number is that of the capture in a run with several: here there is one.
        return int(message[2]), int(message[3])
    if _FRAME.fullmatch(text):
        return int(text), None
    raise UsageError(f"{text}: neither a frame number (120) nor a message_id (1-120-2)")


def _request(arguments: argparse.Namespace) -> Request:
    names = {"captures": [arguments.capture], "thresholds": [], "each": False, "timezone": None}
    request = request_of(argparse.Namespace(**{**vars(arguments), **names}))
    if len(request.captures) != 1:
        raise UsageError(f"{arguments.capture}: {len(request.captures)} captures; name one")
    return request


def _decode_as(rules: list[str]) -> DecodeAs:
    try:
        return DecodeAs.from_rules(rules)
    except DissectError as error:
        raise UsageError(f"-d {error.summary}") from None


def _check_message(path: str, view: FrameView | RecordView, ordinal: int, name: str) -> None:
    """See that the frame completes the message that was asked for.

    Raises
    ------
    UsageError
        When it does not.
    """
    number = view.frame_number
    if any(is_named(seen, number, ordinal) for seen in view.messages):
        return
    complete = sum(seen.message.frames[-1] == number for seen in view.messages)
    what = "one message" if complete == 1 else f"{complete or 'no'} messages"
    why = why_no_sip(view) or f"frame {number} completes {what}"
    raise UsageError(f"{path}: has no message {name}: {why}")
