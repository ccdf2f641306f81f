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
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.request import Request

if TYPE_CHECKING:
    from dissectors.tls.keys import KeyRing
    from pipelines.dissection import Observer
    from pipelines.results import Tables

ProgressHook = Callable[[int], None]

BYTES_PER_WORKER = 16 << 20
"""A capture is worth one more process for each so many bytes; one has started after 0.6 s."""

ALLOCATOR = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Environment of a process of our own: Arrow's other allocators are no faster here, and keep a
third more memory than they hand out."""

EVERY_TABLE = ("*",)
"""What stands for the names of all tables, before their module is imported."""


class WorkerFailed(RuntimeError):
    """A worker process ended before its work was done."""


class Worker:
    """A running worker process, and where it puts its rows."""

    def __init__(self, partition: tuple[int, int], directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        self._partition = partition
        environment = {
            **ALLOCATOR,
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def begin(self, request: Request) -> None:
        """Tell the worker its share; passphrases go this way only, from process to process."""
        self._tell(
            {
                "request": asdict(request),
                "partition": self._partition,
                "directory": str(self.directory),
            }
        )

    def wait(self) -> frozenset[str]:
        """Wait until the worker's share is done.

        Returns
        -------
        frozenset of str
            As :attr:`pipelines.dissection.Outcome.met`.

        Raises
        ------
        WorkerFailed
            When it ended with an error.
        """
        return frozenset(self._hear())

    def begin_tables(self, directories: list[Path], directory: Path) -> None:
        """Tell the worker, whose share is done, that tables are to be made.

        Parameters
        ----------
        directories : list of Path
            Where each process left its rows.
        directory : Path
            For the tables.
        """
        self._tell({"found": list(map(str, directories)), "directory": str(directory)})

    def make(self, table: str) -> None:
        """Let the worker make a table, and wait until it is there; after :meth:`begin_tables`.

        Raises
        ------
        WorkerFailed
            When it ended with an error.
        """
        self._tell(table)
        self._hear()

    def _tell(self, order: object) -> None:
        # A worker that ended already is told by :meth:`_hear`.
        with suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.write(json.dumps(order).encode() + b"\n")
                self._process.stdin.flush()

    def _hear(self) -> Any:
        told = self._process.stdout.readline() if self._process.stdout else b""
        if not told:
            code = self._process.wait()
            raise WorkerFailed(
                f"a worker process ended with exit code {code}; --workers 1 does without them"
            )
        return json.loads(told)

    def stop(self) -> None:
        """End the worker if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def worker_count(request: Request, wanted: int | None = None) -> int:
    """Return how many processes to use: as many as there are cores, fewer for small captures.

    Parameters
    ----------
    request : Request
        What is to be read; what cannot be read twice (a pipe) is read by one process.
    wanted : int, optional
        Number that the user asked for.
    """
    if not all(Path(path).is_file() for path in request.captures):
        return 1
    if not all(Path(path).is_file() or Path(path).is_dir() for path in request.keys):
        return 1
    if wanted is not None:
        return max(1, wanted)
    size = sum(Path(path).stat().st_size for path in request.captures)
    return max(1, min(_cores(), 1 + size // BYTES_PER_WORKER))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def start_workers(count: int, directory: Path) -> list[Worker]:
    """Start `count` - 1 workers: the caller itself does the share of partition 0."""
    return [Worker((index, count), directory / f"worker-{index}") for index in range(1, count)]


def run(
    request: Request,
    workers: int | None = None,
    progress: ProgressHook | None = None,
    *,
    observer: Observer | None = None,
    only: frozenset[str] | None = None,
    wanted: Collection[str] = (),
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
    observer : Observer, optional
        Told what the tables do not hold; all work is then done in this process.
    only : frozenset of str, optional
        Names of the tables whose rows are kept, where not all are wanted.
    wanted : collection of str
        Names of tables that will be asked for, or :data:`EVERY_TABLE`: they are made at once, by
        all processes. Others are made when they are asked for, by this one.

    Raises
    ------
    UsageError
        When a key cannot be used, or no capture can be read.
    WorkerFailed
        When a worker process was ended from outside.
    DiskFailed
        When there is no room for the rows.
    """
    count = 1 if observer is not None else worker_count(request, workers)
    tables = _run(request, count, progress, observer, only, wanted)
    if count > 1 and tables.lacks_originals:
        # A session is opened by the one that it resumes, which another worker may have had.
        tables = _run(request, 1, None, observer, only, wanted)
    return tables


def _run(
    request: Request,
    count: int,
    progress: ProgressHook | None,
    observer: Observer | None,
    only: frozenset[str] | None,
    wanted: Collection[str],
) -> Tables:
    directory = Path(tempfile.mkdtemp(prefix="lyncshark-"))
    helpers: list[Worker] = []
    try:
        helpers = start_workers(count, directory)
        # Each import is as late as it can be: the others are at work meanwhile.
        if request.thresholds:
            from pipelines import rules as _registered  # noqa: F401
            from pipelines.finding import check_settings

            check_settings(request.thresholds)
        from pipelines.key_files import ask_on_terminal, open_keys

        keys = open_keys(request, ask_on_terminal())
        for helper in helpers:
            helper.begin(request)
        from pipelines.dissection import dissect_captures
        from pipelines.spool import Spool, spooled

        # What other processes read must be on disk.
        spool = Spool(directory, memory_limit=0 if helpers else None, only=only)
        outcome = dissect_captures(request, spool, (0, count), progress, keys, observer)
        spool.close()
        from pipelines.results import Tables
        from pipelines.schema import TABLES

        met = outcome.met.union(*(helper.wait() for helper in helpers))
        shelves = [spool.shelves, *(spooled(helper.directory) for helper in helpers)]
        privates = _private_keys(keys[0], met)
        tables = Tables(shelves, directory, request.thresholds, outcome.unreadable, privates)
        if helpers and wanted and not tables.lacks_originals:
            found = [directory, *(helper.directory for helper in helpers)]
            for helper in helpers:
                helper.begin_tables(found, directory)
            names = list(TABLES) if wanted == EVERY_TABLE else wanted
            tables.make_with([helper.make for helper in helpers], names)
    except BaseException:
        for helper in helpers:
            helper.stop()
        shutil.rmtree(directory, ignore_errors=True)
        raise
    for helper in helpers:
        helper.stop()
    return tables


def _private_keys(keys: KeyRing, met: frozenset[str]) -> dict[str, bool]:
    """Return for each file with a private key whether a server was met that it belongs to."""
    origins = keys.private_keys.origins
    useful = {origin for name, origin in origins.items() if name.hex() in met}
    return {origin: origin in useful for origin in origins.values()}
