"""Where work runs: in this process, and in helper processes.

Each worker reads the same captures, and takes apart only the flows whose hash falls to it, so
workers share nothing; its rows come back as Arrow files in its own directory. This module is light
on purpose: workers start before their parent imports anything large.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.request import Request

if TYPE_CHECKING:
    from pipelines.results import Tables

ProgressHook = Callable[[int], None]

BYTES_PER_WORKER = 16 << 20
"""A capture is worth one more process for each so many bytes; starting one takes 0.2 s."""


class WorkerFailed(RuntimeError):
    """A worker process ended before its work was done."""


class Worker:
    """A running worker process, and where it puts its rows."""

    def __init__(self, request: Request, partition: tuple[int, int], directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        order = {"request": asdict(request), "partition": partition, "directory": str(directory)}
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=environment,
        )
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(order).encode())
            self._process.stdin.close()

    def wait(self) -> None:
        """Wait until the worker is done.

        Raises
        ------
        WorkerFailed
            When it ended with an error.
        """
        code = self._process.wait()
        if code:
            raise WorkerFailed(
                f"a worker process ended with exit code {code}; --workers 1 does without them"
            )

    def stop(self) -> None:
        """End the worker if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def worker_count(request: Request, wanted: int | None = None) -> int:
    """Return how many processes to use: as many as there are cores, fewer for small captures.

    Parameters
    ----------
    request : Request
        What is to be read; what cannot be read twice (a pipe) is read by one process.
    wanted : int, optional
        Number that the user asked for.
    """
    paths = [*request.captures, *request.keys]
    if any(path == "-" or not Path(path).is_file() for path in paths):
        return 1
    if wanted is not None:
        return max(1, wanted)
    size = sum(Path(path).stat().st_size for path in request.captures)
    return max(1, min(_cores(), 1 + size // BYTES_PER_WORKER))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def start_workers(request: Request, count: int, directory: Path) -> list[Worker]:
    """Start `count` - 1 workers: the caller itself does the share of partition 0."""
    return [
        Worker(request, (index, count), directory / f"worker-{index}") for index in range(1, count)
    ]


def run(
    request: Request,
    workers: int | None = None,
    progress: ProgressHook | None = None,
) -> Tables:
    """Take every capture apart and return the tables.

    Parameters
    ----------
    request : Request
        What is to be read.
    workers : int, optional
        Processes to use; by default as many as there are cores, fewer for small captures.
    progress : callable, optional
        Told how many more bytes of the captures are done.

    Raises
    ------
    UsageError
        When a key cannot be used, or no capture can be read.
    WorkerFailed
        When a worker process was ended from outside.
    """
    count = worker_count(request, workers)
    tables = _run(request, count, progress)
    if count > 1 and tables.lacks_originals:
        # A session is opened by the one that it resumes, which another worker may have had.
        tables = _run(request, 1, None)
    return tables


def _run(request: Request, count: int, progress: ProgressHook | None) -> Tables:
    directory = Path(tempfile.mkdtemp(prefix="lyncshark-"))
    helpers: list[Worker] = []
    try:
        helpers = start_workers(request, count, directory)
        from pipelines.dissection import dissect_captures
        from pipelines.finding import check_settings
        from pipelines.results import Tables
        from pipelines.spool import Spool, spooled

        check_settings(request.thresholds)
        spool = Spool(directory)
        unreadable = dissect_captures(request, spool, (0, count), progress)
        spool.close()
        for helper in helpers:
            helper.wait()
    except BaseException:
        for helper in helpers:
            helper.stop()
        shutil.rmtree(directory, ignore_errors=True)
        raise
    spools = [spool, *(spooled(helper.directory) for helper in helpers)]
    return Tables(spools, directory, unreadable, request.thresholds)
