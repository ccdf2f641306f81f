"""A trace log of the same talk, and how fast it becomes tables beside ``grep -c TF_PROTOCOL``."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import Timing, timed
from tests.bench.sip_mix import SERVER, Client, converse

MESSAGES = 50_000
NOISE = (
    b"TL_INFO(TF_COMPONENT) [1]06E4.0C48::07/16/2014-10:17:57.017.00005300 "
    b"(SIPStack,CSIPTransport::OnTimer:SIPTransport.cpp(88))( 0000000002B1D770 ) Enter\r\n"
)


@dataclass(frozen=True)
class LogTimes:
    """What was measured on one log."""

    size: int
    """Bytes of the log."""
    messages: int
    """Records of messages in it."""
    ours: Timing
    """Every table to Parquet."""
    grep: Timing | None
    """``grep -c TF_PROTOCOL``; None where there is no grep."""


def write_log(path: Path, messages: int) -> None:
    """Write what a Front End logs of its clients, a line of another component per record."""
    source = random.Random(1)
    talks = []
    for number in range(20):
        user, host = f"user{number:03d}@contoso.test", f"10.1.0.{number + 1}"
        talks.append(converse(Client(user, host, 49152 + number, random.Random(source.random()))))
    with path.open("wb") as file:
        for number in range(messages):
            sent = next(source.choice(talks))
            file.write(_record(number, sent.direction == SERVER, sent.message) + NOISE)


def _record(number: int, outgoing: bool, message: bytes) -> bytes:
    head, _, body = message.partition(b"\r\n\r\n")
    start, _, headers = head.partition(b"\r\n")
    seconds, milliseconds = divmod(number, 1000)
    minutes, seconds = divmod(seconds, 60)
    way = "outgoing" if outgoing else "incoming"
    kind = b"response" if start.startswith(b"SIP/2.0") else b"request"
    fields = (
        f"TL_INFO(TF_PROTOCOL) [{number % 4}]06E4.0EB4::07/16/2014-10:{minutes:02}:{seconds:02}"
        f".{milliseconds:03}.{number:08x} "
        "(SIPStack,SIPAdminLog::TraceProtocolRecord:SIPAdminLog.cpp(125))$$begin_record\r\n"
        f"Trace-Correlation-Id: {number}\r\nInstance-Id: {number:08X}\r\n"
        f"Direction: {way}\r\nPeer: 10.1.0.7:{49152 + number % 20}\r\nMessage-Type: "
    ).encode()
    text = b"%b%b\r\nStart-Line: %b\r\n%b\r\nMessage-Body: %b\r\n$$end_record\r\n\r\n"
    return text % (fields, kind, start, headers, body or b"-")


def measure_log(folder: Path, messages: int, runs: int) -> LogTimes:
    """Write a log into `folder` and take the times."""
    path, out = folder / "front-end.log", folder / "out"
    write_log(path, messages)
    path.read_bytes()
    convert = [sys.executable, "-m", "pipelines.convert", str(path), "--out", str(out)]
    ours = timed(convert, runs, lambda: shutil.rmtree(out, ignore_errors=True))
    shutil.rmtree(out, ignore_errors=True)
    grep = shutil.which("grep")
    theirs = timed([grep, "-c", "TF_PROTOCOL", str(path)], runs) if grep else None
    if theirs and int(theirs.output) != messages:
        sys.exit(f"{path.name}: grep found {int(theirs.output):,} records of {messages:,}")
    return LogTimes(path.stat().st_size, messages, ours, theirs)


def log_table(log: LogTimes) -> Iterator[str]:
    """Yield the table of the log, Markdown."""
    grep, ratio = "–", "–"
    if log.grep:
        grep, ratio = f"{log.grep.median:.2f} s", f"{log.ours.median / log.grep.median:.0f}"
    speed = log.size / 1e6 / log.ours.median
    yield "| trace log | size | lyncshark | speed | `grep -c TF_PROTOCOL` | times grep |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    yield (
        f"| {log.messages:,} messages | {log.size / 1e6:.0f} MB | {log.ours.median:.2f} s "
        f"| {speed:.0f} MB/s | {grep} | {ratio} |"
    )
