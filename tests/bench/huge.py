"""A capture far larger than memory: signalling among RTP, the same hour again and again."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt

from tests.bench.measure import Memory, peak_memory
from tests.bench.workload import Workload, write_workload

PART = Workload(20_000, rtp_packets=1_000_000)
"""What is repeated, each time later: the connections are new ones of the same ports."""

LIMIT = 600_000_000
"""Bytes of memory that reading may take, over all processes, however long the capture is."""


def write_huge(folder: Path, size: int) -> tuple[Path, Path, int]:
    """Write a capture of about `size` bytes straight to disk.

    Returns
    -------
    capture, keys : Path
    parts : int
        How often the workload is in it.
    """
    part, keys, capture = folder / "part.pcap", folder / "huge.keys", folder / "huge.pcap"
    write_workload(PART, part, keys)
    data = np.fromfile(part, np.uint8)
    part.unlink()
    seconds = _places_of_seconds(data)
    lasting = int(_at(data, seconds[-1:])[0] - _at(data, seconds[:1])[0]) + 60
    parts = max(1, round(size / len(data)))
    with capture.open("wb") as file:
        file.write(data[:24])
        for _ in range(parts):
            file.write(data[24:])
            later = (_at(data, seconds) + lasting).astype("<u4").view(np.uint8).reshape(-1, 4)
            data[seconds[:, None] + np.arange(4)] = later
    return capture, keys, parts


def _places_of_seconds(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return where each record begins: with the seconds of its time."""
    from dissectors.capture.pcap import PcapReader

    batch, _ = PcapReader().read(data, final=True)
    return batch.start - 16


def _at(data: npt.NDArray[np.uint8], places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    numbers = data[places[:, None] + np.arange(4)].reshape(-1).view("<u4")
    return numbers.astype(np.int64)


@dataclass(frozen=True)
class Huge:
    """What was measured on a huge capture."""

    size: int
    """Bytes of the capture."""
    messages: int
    """SIP messages in it, all of which were found."""
    memory: Memory
    """Peak memory of converting it."""
    seconds: float
    """Wall clock of converting it, while memory was watched."""


def huge_lines(huge: Huge) -> list[str]:
    """Return the line of the report."""
    return [
        f"{huge.size / 1e9:.1f} GB, {huge.messages:,} messages among RTP, are converted in "
        f"{huge.seconds:.0f} s with {huge.memory.proportional / 1e6:.0f} MB of memory at most."
    ]


def measure_huge(folder: Path, size: int) -> Huge:
    """Convert a huge capture; all its messages must be found."""
    import pyarrow.parquet as pq

    capture, keys, parts = write_huge(folder, size)
    out = folder / "out"
    command = [sys.executable, "-m", "pipelines.convert", str(capture), "--keys", str(keys)]
    start = perf_counter()
    memory = peak_memory([*command, "--out", str(out)])
    seconds = perf_counter() - start
    found = pq.read_metadata(out / "messages.parquet").num_rows
    if found != parts * PART.messages:
        sys.exit(f"huge: {found:,} messages were found of {parts * PART.messages:,}")
    made = Huge(capture.stat().st_size, found, memory, seconds)
    capture.unlink()
    shutil.rmtree(out)
    return made
