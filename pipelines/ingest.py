"""The only place that opens a capture; keys are opened in :mod:`pipelines.key_files`.

A plain file is memory-mapped and forgotten window by window; what cannot be mapped (a pipe,
standard input) is streamed. Either way the rest of the program sees :class:`PacketBatch` after
:class:`PacketBatch` and holds one window of the capture at a time.
"""

from __future__ import annotations

import mmap
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dissectors.capture.batch import Bytes, PacketBatch
from dissectors.capture.format import Reader, describe_format, detect_format, make_reader
from dissectors.tracelog.encoding import looks_like_text
from dissectors.tracelog.reader import TraceLogReader
from pipelines.errors import UsageError

WINDOW = 8 << 20
"""Bytes of capture that are decoded at once."""

STDIN = "-"
"""The path that means standard input."""

_HEAD = 4096
"""Bytes that are looked at to tell a file's format."""

ProgressHook = Callable[[int], None]
"""Told how many more bytes of the capture are done."""


def capture_name(path: str) -> str:
    """Return the name under which the capture at `path` stands in the tables."""
    return "stdin" if path == STDIN else Path(path).name


@contextmanager
def _readable(path: str) -> Iterator[BinaryIO]:
    """Open `path` for reading, or say in one line why that is not possible."""
    if path == STDIN:
        yield sys.stdin.buffer
        return
    with ExitStack() as opened:
        try:
            if Path(path).is_dir():
                raise UsageError(f"{path}: is a directory; name the files in it")
            file = opened.enter_context(Path(path).open("rb"))
        except OSError as error:
            raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from None
        yield file


def copy_bytes(path: str, file: BinaryIO) -> None:
    """Copy what `path` (``-``: standard input) gives into `file`, for what is to be read twice.

    Raises
    ------
    UsageError
        When it cannot be read.
    """
    with _readable(path) as source:
        shutil.copyfileobj(source, file)


class CaptureFile:
    """One capture, read as batches; what was wrong with it is told afterwards.

    Parameters
    ----------
    path : str
        Path of a file or pipe, or ``-`` for standard input.
    progress : callable, optional
        Told how many more bytes are done.
    make : callable, optional
        Makes the reader for a format; by default :func:`~dissectors.capture.format.make_reader`.

    Raises
    ------
    UsageError
        While iterating: when it cannot be read or is no capture at all; of text without any trace
        record that is known at its end only.
    """

    def __init__(
        self,
        path: str,
        progress: ProgressHook | None = None,
        make: Callable[[str], Reader] = make_reader,
    ) -> None:
        self.path = path
        self.name = capture_name(path)
        self.size = 0
        """Bytes read so far, or the file's size once known."""
        self.format = ""
        """``pcap`` or ``pcapng``, once its head was read; of text what its first record tells."""
        self.reader: Reader | TraceLogReader | None = None
        """The reader, once the format is known: its problems, secrets and names."""
        self._description = ""
        self._progress = progress or (lambda done: None)
        self._make = make

    def batches(self) -> Iterator[PacketBatch]:
        """Yield the packets, window by window; a batch is not valid after the next one."""
        with _readable(self.path) as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                yield from self._mapped(file)
            else:
                yield from self._streamed(file)
        if isinstance(self.reader, TraceLogReader):
            self._demand_records(self.reader)

    def _mapped(self, file: BinaryIO) -> Iterator[PacketBatch]:
        self.size = os.fstat(file.fileno()).st_size
        reader = self._open_reader(os.pread(file.fileno(), _HEAD, 0))
        view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        whole = np.frombuffer(view, dtype=np.uint8)
        position, window = 0, WINDOW
        while position < self.size:
            final = position + window >= self.size
            batch, used = reader.read(whole[position : position + window], final=final)
            if len(batch) or isinstance(reader, TraceLogReader):
                yield batch
            del batch
            self._progress(used)
            _forget(view, position, used)
            position += used
            window = max(WINDOW, reader.needs)
            if final:
                break

    def _streamed(self, file: BinaryIO) -> Iterator[PacketBatch]:
        buffer = _read_at_least(file, _HEAD)
        reader = self._open_reader(buffer[:_HEAD])
        final = False
        while not final:
            more = _read_at_least(file, max(1, max(WINDOW, reader.needs) - len(buffer)))
            final = not more
            buffer += more
            window: Bytes = np.frombuffer(buffer, dtype=np.uint8)
            batch, used = reader.read(window, final=final)
            if len(batch) or isinstance(reader, TraceLogReader):
                yield batch
            self.size += used
            self._progress(used)
            buffer = buffer[used:]

    def _demand_records(self, reader: TraceLogReader) -> None:
        if not reader.recognised:
            raise UsageError(f"{self.path}: {self._description}, and holds no trace record")
        self.format = reader.format

    def _open_reader(self, head: bytes) -> Reader | TraceLogReader:
        if not head:
            raise UsageError(f"{self.path}: is empty")
        found = detect_format(head)
        if found is None:
            self._description = describe_format(head)
            if not looks_like_text(head):
                raise UsageError(f"{self.path}: {self._description}")
            # A page of prose may come before the first record: only its end tells.
            self.reader = TraceLogReader()
            return self.reader
        self.format = found
        self.reader = self._make(found)
        return self.reader


def _read_at_least(file: BinaryIO, wanted: int) -> bytes:
    """Read until `wanted` bytes are there or the stream ends: a pipe gives less at a time."""
    parts, have = [], 0
    while have < wanted:
        part = file.read(wanted - have)
        if not part:
            break
        parts.append(part)
        have += len(part)
    return b"".join(parts)


def _forget(view: mmap.mmap, start: int, length: int) -> None:
    """Let the system drop the pages that were read: memory stays flat however long the file is."""
    if not hasattr(view, "madvise"):  # Windows
        return
    first = start - start % mmap.PAGESIZE
    view.madvise(mmap.MADV_DONTNEED, first, start + length - first)
