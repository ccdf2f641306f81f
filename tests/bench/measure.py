"""How long a process takes, and how much memory it and its children need at once."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil

SAMPLE_S = 0.02
"""Seconds between two looks at the memory of a process tree."""

_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Timing:
    """Wall-clock times of several runs of one command, each in a fresh process."""

    seconds: tuple[float, ...]
    """Each run, start of the process to its end."""
    output: bytes
    """What the last run printed on standard output."""

    @property
    def median(self) -> float:
        """Median of the runs, seconds."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Memory:
    """Peak memory of a process tree, bytes."""

    proportional: int
    """Largest sum of proportional set sizes: a page that n processes share counts 1/n for each."""
    largest_resident: int
    """Largest resident set of any single process, files that it maps included."""


def timed(
    command: Sequence[str], runs: int, prepare: Callable[[], object] = lambda: None
) -> Timing:
    """Run `command` `runs` times, `prepare` before each, and take the time of each.

    Raises
    ------
    subprocess.CalledProcessError
        When a run fails: a time of a failure says nothing.
    """
    seconds, output = [], b""
    for _ in range(runs):
        prepare()
        start = perf_counter()
        output = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ).stdout
        seconds.append(perf_counter() - start)
    return Timing(tuple(seconds), output)


def peak_memory(command: Sequence[str]) -> Memory:
    """Run `command` once and watch the memory of the whole process tree (Linux only)."""
    sampler = _Sampler()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        watch = threading.Thread(target=sampler.watch, args=(process,))
        watch.start()
        code = process.wait()
        watch.join()
    if code:
        raise subprocess.CalledProcessError(code, command)
    return Memory(sampler.proportional, sampler.largest_resident)


class _Sampler:
    def __init__(self) -> None:
        self.proportional = self.largest_resident = 0

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        """Sample until the process has ended."""
        root = psutil.Process(process.pid)
        while process.poll() is None:
            tree = _tree(root)
            self.proportional = max(self.proportional, sum(map(_proportional_set, tree)))
            self.largest_resident = max(self.largest_resident, *map(_peak_resident_set, tree), 0)
            threading.Event().wait(SAMPLE_S)


def _tree(root: psutil.Process) -> list[int]:
    try:
        return [root.pid, *(child.pid for child in root.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _proportional_set(pid: int) -> int:
    """Return the proportional set size of a process, bytes; 0 when it is gone."""
    found = _PSS.search(_read(Path(f"/proc/{pid}/smaps_rollup")))
    return 1024 * int(found[1]) if found else 0


def _peak_resident_set(pid: int) -> int:
    found = re.search(rb"^VmHWM:\s+(\d+) kB", _read(Path(f"/proc/{pid}/status")), re.MULTILINE)
    return 1024 * int(found[1]) if found else 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ProcessLookupError):
        return b""


def machine() -> dict[str, str]:
    """Return what a reader must know of this machine to compare; nothing that identifies it."""
    memory = psutil.virtual_memory().total / (1 << 30)
    return {
        "processor": _processor_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory:.0f} GiB",
    }


def _processor_model() -> str:
    found = re.search(rb"^model name\s*:\s*(.+)$", _read(Path("/proc/cpuinfo")), re.MULTILINE)
    return found[1].decode() if found else "unknown"
