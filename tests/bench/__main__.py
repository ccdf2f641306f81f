"""Measure how fast captures become tables, beside tshark, pyshark and scapy.

::

    python -m tests.bench [--quick] [--runs 3] [--keep] [--huge [GB]]

Every time is that of a whole process, from its start to its end, on files that are in the page
cache. The result is printed and, unless ``--quick``, written to docs/benchmarks.md. With ``--huge``
a capture of 5 GB (or so many) is converted too, which fails when it takes more memory than
:data:`tests.bench.huge.LIMIT`.
"""

from __future__ import annotations

import argparse
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

from tests.bench.huge import LIMIT, Huge, huge_lines, measure_huge
from tests.bench.measure import Memory, Timing, machine, peak_memory, timed
from tests.bench.rivals import RIVALS, tshark_command
from tests.bench.trace_log import MESSAGES as LOGGED_MESSAGES
from tests.bench.trace_log import log_table, measure_log
from tests.bench.workload import Workload, write_workload

CHECKOUT = Path(__file__).parents[2]
DATA = CHECKOUT / "bench-data" / "measured"
RECORD = CHECKOUT / "docs" / "benchmarks.md"

SLICE = Workload(2_000, connections=5)
"""What pyshark and scapy are given: they take milliseconds per message."""


@dataclass
class Case:
    """One capture, and who reads it."""

    name: str
    workload: Workload
    against_tshark: bool
    capture: Path = field(init=False)
    keys: Path = field(init=False)
    ours: Timing | None = None
    tshark: Timing | None = None
    memory: Memory | None = None
    size: int = 0

    def __post_init__(self) -> None:
        stem = self.name.replace(" ", "-").replace(",", "")
        self.capture = DATA / f"{stem}.pcap"
        self.keys = DATA / f"{stem}.keys"


def cases(*, quick: bool) -> list[Case]:
    """Return the captures to measure."""
    small = Case("20,000 messages", Workload(20_000), against_tshark=True)
    if quick:
        return [small]
    return [
        small,
        Case("100,000 messages", Workload(100_000), against_tshark=True),
        Case("200,000 messages", Workload(200_000), against_tshark=True),
        Case(
            "20,000 messages among 1,000,000 RTP packets",
            Workload(20_000, rtp_packets=1_000_000),
            against_tshark=True,
        ),
    ]


def convert_command(case: Case, out: Path) -> list[str]:
    """Return our command: every table to Parquet."""
    arguments = [str(case.capture), "--keys", str(case.keys), "--out", str(out)]
    return [sys.executable, "-m", "pipelines.convert", *arguments]


def measure(case: Case, runs: int) -> None:
    """Make the capture of `case` and fill in its times; both tools must find every message."""
    _say(f"{case.name}: writing")
    write_workload(case.workload, case.capture, case.keys)
    case.size = case.capture.stat().st_size
    case.capture.read_bytes()
    out = DATA / "out"

    def remove_out() -> None:
        shutil.rmtree(out, ignore_errors=True)

    _say(f"{case.name}: lyncshark")
    command = convert_command(case, out)
    case.ours = timed(command, runs, remove_out)
    _agree(case, pq.read_metadata(out / "messages.parquet").num_rows, "lyncshark")
    remove_out()
    case.memory = peak_memory(command)
    remove_out()
    tshark = shutil.which("tshark")
    if case.against_tshark and tshark:
        _say(f"{case.name}: tshark")
        # A long run needs no repetition: what disturbs it is small beside it.
        repeats = runs if case.workload.messages <= 20_000 and not case.workload.rtp_packets else 1
        case.tshark = timed(tshark_command(tshark, case.capture, case.keys), repeats)
        _agree(case, case.tshark.output.count(b"\n"), "tshark")


def measure_rivals() -> dict[str, float]:
    """Return, per Python rival, its seconds per message on the small slice."""
    case = Case("slice", SLICE, against_tshark=False)
    write_workload(case.workload, case.capture, case.keys)
    return {name: _seconds_per_message(case, name) for name in RIVALS}


def _seconds_per_message(case: Case, rival: str) -> float:
    _say(f"{case.name}: {rival}")
    arguments = [rival, str(case.capture), str(case.keys)]
    timing = timed([sys.executable, "-m", "tests.bench.rivals", *arguments], 1)
    _agree(case, int(timing.output), rival)
    return timing.median / case.workload.messages


def _agree(case: Case, found: int, tool: str) -> None:
    if found != case.workload.messages:
        sys.exit(f"{case.name}: {tool} found {found:,} messages of {case.workload.messages:,}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def report(measured: list[Case], rivals: dict[str, float]) -> Iterator[str]:
    """Yield the lines of the report, Markdown."""
    yield from _reading_table(measured)
    yield ""
    yield from _growth(measured)
    yield from _rivals_table(measured, rivals)


def _reading_table(measured: list[Case]) -> Iterator[str]:
    yield "| capture | size | lyncshark | tshark | ratio | peak memory | largest process |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for case in measured:
        assert case.ours and case.memory
        theirs, ratio = "–", "–"
        if case.tshark:
            theirs = f"{case.tshark.median:.2f} s"
            ratio = f"{case.tshark.median / case.ours.median:.1f}×"
        yield (
            f"| {case.name} | {case.size / 1e6:.0f} MB | {case.ours.median:.2f} s | {theirs} "
            f"| {ratio} | {case.memory.proportional / 1e6:.0f} MB "
            f"| {case.memory.largest_resident / 1e6:.0f} MB |"
        )


def _growth(measured: list[Case]) -> Iterator[str]:
    sip_only = {case.workload.messages: case for case in measured if not case.workload.rtp_packets}
    small, large = sip_only.get(20_000), sip_only.get(200_000)
    if small and large and small.ours and large.ours:
        growth = large.ours.median / small.ours.median
        yield f"Ten times the messages take {growth:.1f} times as long."
        yield ""


def _rivals_table(measured: list[Case], rivals: dict[str, float]) -> Iterator[str]:
    if not rivals:
        return
    largest = max(measured, key=lambda case: case.workload.messages)
    assert largest.ours
    ours = largest.ours.median / largest.workload.messages
    yield "| per message | microseconds | ratio |"
    yield "| --- | ---: | ---: |"
    yield f"| lyncshark, of {largest.workload.messages:,} | {ours * 1e6:.1f} | |"
    for name, seconds in rivals.items():
        what = f"{name}, of {SLICE.messages:,}"
        yield f"| {what} | {seconds * 1e6:,.0f} | {seconds / ours:.0f}× |"


def surroundings() -> Iterator[str]:
    """Yield what the numbers were taken on and with."""
    for key, value in machine().items():
        yield f"- {key}: {value}"
    yield f"- Python {platform.python_version()}"
    packages = ("numpy", "pandas", "pyarrow", "cryptography", "pyshark", "scapy")
    yield "- " + ", ".join(f"{name} {version(name)}" for name in packages)
    if tshark := shutil.which("tshark"):
        printed = subprocess.run([tshark, "--version"], capture_output=True, check=True).stdout
        found = re.search(r"\d+\.\d+\.\d+", printed.decode())
        yield f"- tshark {found[0] if found else 'of unknown version'}"


INTRODUCTION = """\
# Benchmarks

Written by `make bench`. Each time is the wall clock of a whole process, from its start to its end:
for lyncshark `python -m pipelines.convert CAPTURE --keys KEYS --out DIR`, which writes every table
to Parquet, the median of {runs} runs; for tshark `-Y sip -T fields` with {fields} fields and TCP
segments put in order, of which runs over ten seconds are made once. Both must find every message.
The captures hold SIP of 0.6 to 3 kB as Lync speaks it, over 50 connections with TLS 1.2
(ECDHE, AES-256-GCM), made by `python -m tests.bench.workload`. Peak memory is the largest sum, over
all processes of the run, of their proportional set sizes; the largest process is the peak resident
set of a single one, mapped files included.
"""


def _huge(gigabytes: float) -> Huge:
    _say(f"{gigabytes:g} GB: writing and converting")
    return measure_huge(DATA, int(gigabytes * 1e9))


def main() -> None:
    """Measure what the command line asks for, print the report and record it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 messages only; no record")
    parser.add_argument("--runs", type=int, default=3, help="runs of lyncshark per capture")
    parser.add_argument("--keep", action="store_true", help="keep captures in bench-data/measured/")
    parser.add_argument(
        "--huge", nargs="?", type=float, const=5.0, metavar="GB", help="a long capture, too"
    )
    options = parser.parse_args()
    DATA.mkdir(parents=True, exist_ok=True)
    try:
        huge = _huge(options.huge) if options.huge else None
        measured = cases(quick=options.quick)
        for case in measured:
            measure(case, options.runs)
        rivals = {} if options.quick else measure_rivals()
        _say("trace log")
        log = measure_log(DATA, LOGGED_MESSAGES // (5 if options.quick else 1), options.runs)
    finally:
        if not options.keep:
            shutil.rmtree(DATA, ignore_errors=True)
    lines = [*surroundings(), "", *report(measured, rivals), "", *log_table(log)]
    lines += ["", *huge_lines(huge)] if huge else []
    print(*lines, sep="\n")
    if not options.quick:
        from tests.bench.rivals import FIELDS

        introduction = INTRODUCTION.format(runs=options.runs, fields=len(FIELDS))
        RECORD.write_text("\n".join([introduction, *lines, ""]), encoding="utf-8")
    if huge and huge.memory.proportional > LIMIT:
        sys.exit(f"the huge capture took more than {LIMIT / 1e6:.0f} MB of memory")


if __name__ == "__main__":
    main()
