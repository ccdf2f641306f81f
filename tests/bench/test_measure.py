"""Peak memory counts children, and what they share only once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.measure import peak_memory, timed

MB = 1_000_000
HOLD = "import time; held = b'x' * 64_000_000; time.sleep(0.4)"
HOLD_IN_CHILD = (
    "import subprocess, sys; held = b'x' * 64_000_000; "
    f'subprocess.run([sys.executable, "-c", "{HOLD}"])'
)
SHARE_WITH_CHILD = (
    "import os, time; held = b'x' * 64_000_000; pid = os.fork(); time.sleep(0.4); "
    "pid and os.waitpid(pid, 0)"
)

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from Linux's /proc"
)


@needs_proc
def test_memory_of_a_child_counts() -> None:
    memory = peak_memory([sys.executable, "-c", HOLD_IN_CHILD])
    assert 128 * MB < memory.proportional < 190 * MB
    assert 64 * MB < memory.largest_resident < 110 * MB


@needs_proc
def test_shared_memory_counts_once() -> None:
    memory = peak_memory([sys.executable, "-c", SHARE_WITH_CHILD])
    assert 64 * MB < memory.proportional < 110 * MB


def test_a_failed_run_has_no_time() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        timed([sys.executable, "-c", "raise SystemExit(3)"], 1)


def test_every_run_is_prepared_and_timed() -> None:
    prepared: list[int] = []
    timing = timed([sys.executable, "-c", "print(7)"], 3, lambda: prepared.append(1))
    assert len(timing.seconds) == len(prepared) == 3
    assert timing.output.strip() == b"7"
