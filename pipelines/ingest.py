"""The only place that opens a capture; keys are opened in :mod:`pipelines.key_files`.

A plain file is memory-mapped and forgotten window by window; what cannot be mapped (a pipe,
standard input, a compressed file, an object of a store) is streamed. Either way the rest of the
program sees :class:`PacketBatch` after :class:`PacketBatch` and holds one window of the capture at
a time.
"""

from __future__ import annotations

import mmap
import os
import shutil
import stat
import sys
import tempfile
import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dissectors.capture.batch import Bytes, PacketBatch
from dissectors.capture.format import Reader, describe_format, detect_format, make_reader
from dissectors.capture.netmon import NetmonReader
from dissectors.capture.reader import RecordReader
from dissectors.tracelog.encoding import looks_like_text
from dissectors.tracelog.reader import TraceLogReader
from pipelines.containers import (
    MOST_LAYERS,
    ByteStream,
    FileStream,
    container_of,
    read_pieces,
    unpack,
)
from pipelines.errors import UsageError

WINDOW = 4 << 20
"""Bytes of capture that are decoded at once."""

STDIN = "-"
"""The path that means standard input."""

_HEAD = 4096
"""Bytes that are looked at to tell a file's format."""

_PEEK = 64 << 10
"""Bytes that are decoded to see a capture's first packet."""

_BY_SUFFIX = dict.fromkeys(
    (".matp", ".matu"), "is a Message Analyzer trace: export it as .cap with Message Analyzer"
)
"""What files are that only their names tell: nothing documents these formats."""

_LARGEST_NETMON = 1 << 33
"""Bytes of a Network Monitor file that are kept of a stream: its offsets have 32 bits."""

AnyReader = Reader | TraceLogReader
"""What reads a file's content."""

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
            file = _open_remote(path, opened) if "://" in path else _open_local(path, opened)
        except OSError as error:
            raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from None
        yield file


def _open_local(path: str, opened: ExitStack) -> BinaryIO:
    """Open a file, or a zip archive at the local header of one of its members."""
    if Path(path).is_dir():
        raise UsageError(f"{path}: is a directory; name the files in it")
    archive = next((parent for parent in Path(path).parents if parent.is_file()), None)
    if archive is None or Path(path).exists():
        return opened.enter_context(Path(path).open("rb"))
    file = opened.enter_context(archive.open("rb"))
    member = path[len(str(archive)) + 1 :]
    try:
        with zipfile.ZipFile(file) as zipped:
            at = zipped.getinfo(member).header_offset
    except KeyError:
        raise UsageError(f"{path}: {archive} has no such member") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UsageError(f"{path}: {archive} is no whole zip archive ({error})") from None
    file.seek(at)
    return file


def _open_remote(path: str, opened: ExitStack) -> BinaryIO:
    """Open an object of a store through fsspec."""
    with _stores(path) as fsspec:
        file: BinaryIO = opened.enter_context(fsspec.open(path, "rb"))
    return file


def remote_matches(url: str) -> list[str]:
    """Return the URLs of the objects that match the pattern `url`, in order.

    Raises
    ------
    UsageError
        When the store cannot be asked.
    """
    with _stores(url) as fsspec:
        store, _, paths = fsspec.get_fs_token_paths(url)
        return sorted(store.unstrip_protocol(path) for path in paths)


@contextmanager
def _stores(url: str) -> Iterator[Any]:
    """Give fsspec, and turn what it cannot do with `url` into one line."""
    try:
        import fsspec
    except ImportError:
        raise UsageError(f"{url}: URLs need fsspec: pip install 'lyncshark[remote]'") from None
    try:
        yield fsspec
    except OSError as error:
        raise UsageError(f"{url}: {(error.strerror or str(error)).lower()}") from None
    except (ImportError, ValueError) as error:  # a store that fsspec does not know, or not yet
        raise UsageError(f"{url}: {error}") from None


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
        Path of a file or pipe, of a member of a zip archive (``archive.zip/member``), a URL that
        fsspec knows, or ``-`` for standard input.
    progress : callable, optional
        Told how many more bytes are done.
    window : int, optional
        Bytes to decode at once.
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
        window: int | None = None,
        make: Callable[[str], Reader] = make_reader,
    ) -> None:
        self.path = path
        self.name = capture_name(path)
        self.size = 0
        """Bytes read so far, or the file's size once known."""
        self.format = ""
        """``pcap``, ``pcapng``, ``snoop`` or ``netmon``, once its head was read; of text what its
        first record tells."""
        self.compression: list[str] = []
        """What it is packed in, from the outside in."""
        self.reader: AnyReader | None = None
        """The reader, once the format is known: its problems, secrets and names."""
        self._description = ""
        self._progress = progress or (lambda done: None)
        self._window = window or WINDOW
        self._make = make

    def batches(self) -> Generator[PacketBatch]:
        """Yield the packets, window by window; a batch is not valid after the next one."""
        with _readable(self.path) as file:
            if _is_regular(file):
                self.size = os.fstat(file.fileno()).st_size
            if _is_regular(file) and file.tell() == 0 and container_of(_head(file)) is None:
                yield from self._mapped(file, self._open_reader(_head(file)))
            else:
                yield from self._streamed(self._unpacked(file))
        if isinstance(self.reader, TraceLogReader):
            self._demand_records(self.reader)

    def _mapped(self, file: BinaryIO, reader: AnyReader) -> Iterator[PacketBatch]:
        view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        whole = np.frombuffer(view, dtype=np.uint8)
        if isinstance(reader, NetmonReader):
            yield from self._by_table(view, whole, reader)
            return
        position, window = 0, self._window
        while position < len(whole):
            final = position + window >= len(whole)
            batch, used = reader.read(whole[position : position + window], final=final)
            if len(batch) or isinstance(reader, TraceLogReader):
                yield batch
            del batch
            self._progress(used)
            _forget(view, position, used)
            position += used
            window = max(self._window, reader.needs)
            if final:
                break

    def _by_table(
        self, view: mmap.mmap, whole: Bytes, reader: NetmonReader
    ) -> Iterator[PacketBatch]:
        """Read a file whose packets are found by a table at its end."""
        done = 0
        for batch, position in reader.batches(whole):
            yield batch
            _forget(view, 0, len(whole))
            self._progress(max(0, position - done))
            done = max(done, position)
        self._progress(len(whole) - done)

    def _streamed(self, stream: ByteStream) -> Iterator[PacketBatch]:
        head = stream.peek(_HEAD)
        if not head and stream.problem is not None:
            raise UsageError(f"{self.path}: {stream.problem.summary}")
        reader = self._open_reader(head)
        if isinstance(reader, NetmonReader):
            yield from self._spooled(stream, reader)
        else:
            yield from self._in_pieces(stream, reader)
        # What broke off inside a container broke off for the reader, too.
        if stream.problem is not None:
            reader.problems.insert(0, stream.problem)

    def _in_pieces(
        self, stream: ByteStream, reader: RecordReader | TraceLogReader
    ) -> Iterator[PacketBatch]:
        buffer, final = b"", False
        while not final:
            least = max(1, reader.needs - len(buffer))
            most = max(least, self._window - len(buffer))
            more = read_pieces(stream, least, most)
            final = not more
            buffer += more
            window: Bytes = np.frombuffer(buffer, dtype=np.uint8)
            batch, used = reader.read(window, final=final)
            if len(batch) or isinstance(reader, TraceLogReader):
                yield batch
            buffer = buffer[used:]

    def _spooled(self, stream: ByteStream, reader: NetmonReader) -> Iterator[PacketBatch]:
        """Read by way of a file without a name, since the frame table stands at the end."""
        with tempfile.TemporaryFile() as spool:
            left = _LARGEST_NETMON
            while left and (piece := stream.read(min(left, 1 << 20))):
                left -= spool.write(piece)
            spool.flush()
            yield from self._mapped(spool, reader)

    def _unpacked(self, file: BinaryIO) -> ByteStream:
        """Return the bytes of the capture, out of all that it is packed in."""
        regular = _is_regular(file)
        begin = file.tell() if regular else 0

        def taken(number: int) -> None:
            if not regular:
                self.size += number
            self._progress(number)

        def again() -> ByteStream:
            file.seek(begin)
            return FileStream(file, lambda number: None)

        stream: ByteStream = FileStream(file, taken)
        restart = again if regular else None
        while (name := container_of(stream.peek(_HEAD))) and len(self.compression) < MOST_LAYERS:
            self.compression.append(name)
            try:
                stream = unpack(stream, name, restart)
            except UsageError as error:
                raise UsageError(f"{self.path}: {error}") from None
            restart = None
        return stream

    def _demand_records(self, reader: TraceLogReader) -> None:
        if not reader.recognised:
            raise UsageError(f"{self.path}: {self._description}, and holds no trace record")
        self.format = reader.format

    def _open_reader(self, head: bytes) -> AnyReader:
        inside = f" ({' in '.join(reversed(self.compression))})" if self.compression else ""
        if not head:
            raise UsageError(f"{self.path}{inside}: is empty")
        found = detect_format(head)
        if found is None:
            known = _BY_SUFFIX.get(Path(self.path).suffix.lower())
            self._description = known or describe_format(head)
            if known or not looks_like_text(head):
                raise UsageError(f"{self.path}{inside}: {self._description}")
            # A page of prose may come before the first record: only its end tells.
            self.reader = TraceLogReader()
            return self.reader
        self.format = found
        self.reader = self._make(found)
        return self.reader


@dataclass(frozen=True, slots=True)
class FirstPacket:
    """What the beginning of a capture tells."""

    format: str
    """Its format."""
    link_type: int
    """LINKTYPE_ of the first packet."""
    time_ns: int
    """Its time, nanoseconds since 1970 UTC."""


def first_packet(path: str) -> FirstPacket | None:
    """Look at the first packet of a capture; None when it has none.

    Raises
    ------
    UsageError
        When it cannot be read or is no capture.
    """
    capture = CaptureFile(path, window=_PEEK)
    with closing(capture.batches()) as batches:
        batch = next(batches, None)
    if batch is None or not len(batch):  # a trace log has no packets
        return None
    return FirstPacket(capture.format, int(batch.link_type[0]), int(batch.time_ns[0]))


def can_read_twice(path: str) -> bool:
    """Tell whether `path` is something that can be read again: no pipe, no standard input."""
    return path != STDIN and ("://" in path or not Path(path).exists() or Path(path).is_file())


def is_capture(path: str) -> bool:
    """Tell whether the file at `path` is a capture or trace log by its content, packed or not."""
    capture = CaptureFile(path, window=_PEEK)
    try:
        with closing(capture.batches()) as batches:
            for _ in batches:
                reader = capture.reader
                if not isinstance(reader, TraceLogReader) or reader.recognised:
                    return True
    except UsageError:
        return False
    return bool(capture.format)


def zip_members(path: str) -> list[str]:
    """Return the names of an archive's files; none when it is no whole zip archive."""
    try:
        with Path(path).open("rb") as file:
            if container_of(file.read(4)) != "zip":
                return []
            with zipfile.ZipFile(file) as archive:
                return [info.filename for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return []


def _is_regular(file: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (OSError, AttributeError):  # an object of a store has no number
        return False


def _head(file: BinaryIO) -> bytes:
    head = file.read(_HEAD)
    file.seek(0)
    return head


def _forget(view: mmap.mmap, start: int, length: int) -> None:
    """Let the system drop the pages that were read: memory stays flat however long the file is."""
    if not hasattr(view, "madvise"):  # Windows
        return
    first = start - start % mmap.PAGESIZE
    view.madvise(mmap.MADV_DONTNEED, first, start + length - first)
