"""What every command shares: its arguments for input, its exit codes, its manners.

Exit codes: 0 done; 1 done, but something was wrong and ``--strict`` was given; 2 usage, or nothing
could be read; 130 interrupted. Results go to stdout, progress and warnings to stderr; a closed pipe
ends a command quietly.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.engine import ALLOCATOR, WorkerFailed
from pipelines.errors import DiskFailed, UsageError
from pipelines.inputs import expand
from pipelines.request import Request

EXIT_DONE = 0
EXIT_PROBLEMS = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

_BAR_DELAY_S = 0.3
"""Seconds until the bar is drawn: not before a passphrase is asked for, nor for small captures."""


def input_arguments(parser: argparse.ArgumentParser, *, makes_tables: bool = True) -> None:
    """Add the arguments that say what is to be read; some are of use where tables are made only."""
    parser.add_argument(
        "captures",
        nargs="+",
        metavar="CAPTURE",
        help="pcap, pcapng, snoop or Network Monitor file, also compressed, or trace log; "
        "directory, pattern or URL of such; - is standard input",
    )
    parser.add_argument(
        "--each",
        action="store_true",
        help="treat each capture alone (default: captures that do not overlap in time continue "
        "each other, as the files of a rotated set do)",
    )
    parser.add_argument(
        "--keys",
        action="append",
        default=[],
        metavar="FILE",
        help="TLS key log, as SSLKEYLOGFILE makes a client or server write it, or the server's RSA "
        "private key (PEM, DER, PKCS#12), or a folder of them; may be given again",
    )
    parser.add_argument(
        "--key-passphrase-file",
        metavar="FILE",
        help="passphrases of encrypted keys, one on each line (default: asked for on a terminal)",
    )
    parser.add_argument(
        "-d",
        dest="decode_as",
        action="append",
        default=[],
        metavar="RULE",
        help="what a port carries, such as tcp.port==5061,tls or udp.port==5070,sip",
    )
    if makes_tables:
        _table_arguments(parser)
    else:
        parser.set_defaults(thresholds=[], timezone=None)
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 when something could not be read"
    )


def _table_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timezone",
        metavar="ZONE",
        help="zone of the times in trace logs, such as Europe/Berlin (default: UTC)",
    )
    parser.add_argument(
        "--workers",
        type=_positive,
        metavar="N",
        help="processes to use (default: by size and cores)",
    )
    parser.add_argument(
        "--set",
        dest="thresholds",
        type=_setting,
        action="append",
        default=[],
        metavar="RULE.THRESHOLD=VALUE",
        help="what a rule of the findings compares with; summarize --rules lists all",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not name or not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text}: expected RULE.THRESHOLD=NUMBER")
    return name.strip(), number


def request_of(arguments: argparse.Namespace) -> Request:
    """Return what the arguments say is to be read."""
    captures, notes = expand(arguments.captures)
    for note in notes:
        warn(note)
    return Request(
        captures,
        arguments.keys,
        arguments.decode_as,
        dict(arguments.thresholds),
        _passphrases(arguments.key_passphrase_file),
        _key_log_of_environment(),
        each=arguments.each,
        timezone=arguments.timezone,
    )


def _passphrases(path: str | None) -> list[str]:
    if path is None:
        return []
    from pipelines.key_files import read_passphrases  # only now: workers start before it is loaded

    return read_passphrases(path)


def _key_log_of_environment() -> str | None:
    """Return the key log that SSLKEYLOGFILE names, and say that it is used."""
    path = os.environ.get("SSLKEYLOGFILE")
    if not path:
        return None
    if not Path(path).is_file():
        warn(f"SSLKEYLOGFILE: {path}: no such file; going on without it")
        return None
    warn(f"using the key log that SSLKEYLOGFILE names: {path}")
    return path


def run_command(command: Callable[[list[str] | None], int], argv: list[str] | None = None) -> int:
    """Run a command's function and turn what stops it into one line and an exit code."""
    for name, value in ALLOCATOR.items():
        os.environ.setdefault(name, value)  # before Arrow is imported
    try:
        code = command(argv)
        sys.stdout.flush()
    except (DiskFailed, UsageError, WorkerFailed) as error:
        return _complain(error)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    return code


def _complain(error: Exception) -> int:
    for line in str(error).splitlines():
        warn(line)
    return EXIT_USAGE


def warn(line: str) -> None:
    """Print one line for the user on stderr."""
    print(f"lyncshark: {line}", file=sys.stderr)


@contextmanager
def progress_bar(request: Request) -> Iterator[Callable[[int], None]]:
    """Give a function that is told of bytes done, and shows a bar on a terminal while inside."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from tqdm import tqdm

    total = sum(Path(path).stat().st_size for path in request.captures if Path(path).is_file())
    bar = tqdm(
        total=total or None,
        unit="B",
        unit_scale=True,
        leave=False,
        file=sys.stderr,
        delay=_BAR_DELAY_S,
    )
    with bar:
        yield lambda done: bar.update(done) and None
