"""Bytes that arrive piece by piece, and what captures are packed in.

Compression is told by content and undone as a stream, so that neither a long capture nor a bomb
needs more memory than one piece. What stands before damage is given out; the damage is then found
in :attr:`ByteStream.problem`.

References
----------
RFC 1952 (gzip), RFC 8878 (Zstandard), APPNOTE.TXT §4.3.7 (zip: local file header).
"""

from __future__ import annotations

import bz2
import lzma
import select
import struct
import zlib
from collections.abc import Callable
from time import monotonic
from typing import BinaryIO, Protocol

import pyarrow as pa

from dissectors.errors import DissectError, LimitExceeded, Malformed, Truncated
from pipelines.errors import UsageError

PIECE = 64 << 10
"""Bytes that are decompressed at once."""

PAUSE_S = 0.05
"""Seconds without a byte after which a pipe is taken to pause: what has come is handled then."""

LATEST_S = 0.5
"""Seconds after which what has come is handled although the pipe never pauses."""

MOST_LAYERS = 3
"""Containers within one another that are opened; more is no capture but a trick."""

_XZ_MEMORY = 256 << 20  # bytes: a file can ask for 4 GiB, the strongest preset needs 65 MiB

_MAGICS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
}


def container_of(head: bytes) -> str | None:
    """Return the name of the container that begins with `head`, or None."""
    if head[:4] in _SKIPPABLE:
        return "zstd"
    return next((name for magic, name in _MAGICS.items() if head.startswith(magic)), None)


# What pzstd and others put before a frame (RFC 8878 §3.1.2).
_SKIPPABLE = {bytes((0x50 + number, 0x2A, 0x4D, 0x18)) for number in range(16)}


class ByteStream:
    """Bytes in order; subclasses say where they come from."""

    def __init__(self) -> None:
        self.problem: DissectError | None = None
        """What ended the stream before its end, once it has ended."""
        self._ahead = b""
        self._given = 0

    def peek(self, number: int) -> bytes:
        """Return the next `number` bytes, fewer only at the end, without taking them."""
        while len(self._ahead) < number:
            piece = self._next(number - len(self._ahead))
            if not piece:
                break
            self._ahead += piece
        return self._ahead[:number]

    def read(self, most: int) -> bytes:
        """Take up to `most` bytes: one at least, none only at the end."""
        if not self._ahead:
            return self._next(most)
        data, self._ahead = self._ahead[:most], self._ahead[most:]
        return data

    def waits(self) -> bool:
        """Tell whether the next byte is still to come."""
        return not self._ahead and self._pulls_wait()

    def _next(self, most: int) -> bytes:
        data = self._pull(most)
        self._given += len(data)
        return data

    def _pull(self, most: int) -> bytes:
        raise NotImplementedError

    def _pulls_wait(self) -> bool:
        return False


class FileStream(ByteStream):
    """A file, pipe or remote object.

    Parameters
    ----------
    file : binary file
    taken : callable
        Told how many more bytes were taken.
    """

    def __init__(self, file: BinaryIO, taken: Callable[[int], None]) -> None:
        super().__init__()
        self._file = file
        self._taken = taken
        self._read = getattr(file, "read1", file.read)

    def _pull(self, most: int) -> bytes:
        try:
            data: bytes = self._read(most)
        except OSError as error:
            summary = f"reading failed: {error.strerror or error}"
            self.problem = Truncated(summary, layer="file", offset=self._given)
            return b""
        self._taken(len(data))
        return data

    def _pulls_wait(self) -> bool:
        try:
            ready, _, _ = select.select([self._file], [], [], PAUSE_S)
        except (OSError, ValueError):  # Windows waits for sockets only; an object has no number
            return False
        return not ready


class _Decompressor(Protocol):
    """What the standard library's decompressors share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Inflater:
    """zlib's decompressor with the manners of the others."""

    def __init__(self, window_bits: int) -> None:
        self._zlib = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


class _Stored:
    """Bytes of a zip archive as they are, up to a number of them."""

    needs_input = True

    def __init__(self, size: int) -> None:
        self._left = size
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        return not self._left

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        data, self.unused_data = data[: self._left], data[self._left :]
        self._left -= len(data)
        return data


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "gzip": lambda: _Inflater(31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY),
}


class _Decompressed(ByteStream):
    """What a decompressor of the standard library makes of `packed`, member after member."""

    def __init__(self, packed: ByteStream, name: str, first: _Decompressor) -> None:
        super().__init__()
        self._packed = packed
        self._name = name
        self._decompressor = first
        self._unused = b""
        self._begun = self._ended = False

    def _pull(self, most: int) -> bytes:
        while not self._ended:
            if self._decompressor.eof and not self._begin_next():
                break
            packed = self._next_packed() if self._decompressor.needs_input else b""
            if not packed and self._decompressor.needs_input:
                self._end_early()
                break
            try:
                data = self._decompressor.decompress(packed, min(most, PIECE))
            except (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError) as error:
                self._fail(error)
                break
            self._begun = True
            if data:
                return data
        self._ended = True
        return b""

    def _next_packed(self) -> bytes:
        packed, self._unused = self._unused or self._packed.read(PIECE), b""
        return packed

    def _begin_next(self) -> bool:
        """Begin the next member, if one follows; padding with zeros is none."""
        self._unused = self._decompressor.unused_data
        while not self._unused.lstrip(b"\0"):
            self._unused = self._packed.read(PIECE)
            if not self._unused:
                return False
        self._unused = self._unused.lstrip(b"\0")
        if len(self._unused) < 6:
            self._unused += self._packed.peek(6 - len(self._unused))
            self._packed.read(6)
        if container_of(self._unused) != self._name:
            summary = f"bytes behind the end of the {self._name} data are not read"
            self.problem = Malformed(
                summary, layer=self._name, severity="warning", offset=self._given
            )
            return False
        self._decompressor = _DECOMPRESSORS[self._name]()
        return True

    def _end_early(self) -> None:
        self.problem = self._packed.problem or Truncated(
            f"the {self._name} data end too early", layer=self._name, offset=self._given
        )

    def _fail(self, error: Exception) -> None:
        if isinstance(error, lzma.LZMAError) and "limit" in str(error).lower():
            summary = f"the xz data ask for more than {_XZ_MEMORY >> 20} MiB of memory"
            self.problem = LimitExceeded(summary, layer=self._name, offset=self._given)
            return
        summary = f"the {self._name} data are broken ({error})"
        self.problem = Malformed(summary, layer=self._name, offset=self._given)

    def _pulls_wait(self) -> bool:
        waits = self._decompressor.needs_input and not self._unused
        return waits and not self._ended and self._packed.waits()


_DESCRIPTOR = 28  # bytes behind a member that tell its checksum and whether another one follows


class _ZipMember(_Decompressed):
    """A member of a zip archive, whose checksum is compared at its end.

    Parameters
    ----------
    packed : ByteStream
    first : decompressor
    checksum : int or None
        CRC-32 of the member; None: it stands behind the data (APPNOTE.TXT §4.3.9).
    """

    def __init__(self, packed: ByteStream, first: _Decompressor, checksum: int | None) -> None:
        super().__init__(packed, "zip", first)
        self._expected = checksum
        self._checksum = 0

    def _pull(self, most: int) -> bytes:
        data = super()._pull(most)
        self._checksum = zlib.crc32(data, self._checksum)
        return data

    def _begin_next(self) -> bool:
        behind = self._decompressor.unused_data
        behind += self._packed.peek(max(0, _DESCRIPTOR - len(behind)))
        if self._expected is None:
            at = 4 if behind.startswith(b"PK\x07\x08") else 0
            self._expected = int.from_bytes(behind[at : at + 4], "little")
            behind = behind[at + 12 :]
        if self._checksum != self._expected:
            summary = "the zip data are broken (their checksum is another)"
            self.problem = Malformed(summary, layer="zip", offset=self._given)
        elif behind.startswith(b"PK\x03\x04"):
            summary = "only the first file of the zip archive is read: name it ARCHIVE.zip/FILE"
            self.problem = Malformed(summary, layer="zip", severity="warning", offset=self._given)
        return False


class _Source:
    """A stream as a file for Arrow to read from."""

    closed = False

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream

    def read(self, number: int = -1) -> bytes:
        return self.stream.read(min(number, PIECE) if number > 0 else PIECE)

    def close(self) -> None:
        """Leave the stream to its owner."""


class _ArrowDecompressed(ByteStream):
    """What Arrow makes of `packed`: zstd and lz4, which the standard library does not know.

    An error loses what was asked for with it. Where the stream can be begun again, it is, and the
    last piece before the damage is read byte by byte.
    """

    def __init__(
        self, packed: ByteStream, name: str, again: Callable[[], ByteStream] | None
    ) -> None:
        super().__init__()
        self._packed = packed
        self._name = name
        self._again = again
        self._file = _arrow_file(packed, name)
        self._most = PIECE

    def _pull(self, most: int) -> bytes:
        try:
            data: bytes = self._file.read(min(most, self._most))
        except (OSError, ValueError) as error:
            if self._again and self._most > 1:
                return self._begin_again(self._again)
            self.problem = self._packed.problem or self._damage(str(error))
            self._again, self._file = None, pa.BufferReader(b"")
            return b""
        return data

    def _begin_again(self, again: Callable[[], ByteStream]) -> bytes:
        self._packed, self._most = again(), 1
        self._file = _arrow_file(self._packed, self._name)
        left = self._given
        while left:
            left -= len(self._file.read(min(left, PIECE)))
        return self._pull(1)

    def _damage(self, text: str) -> DissectError:
        if "truncated" in text.lower():
            summary = f"the {self._name} data end too early"
            return Truncated(summary, layer=self._name, offset=self._given)
        first = text.splitlines()[0] if text else "no reason given"
        summary = f"the {self._name} data are broken ({first})"
        return Malformed(summary, layer=self._name, offset=self._given)


def _arrow_file(packed: ByteStream, name: str) -> pa.CompressedInputStream:
    return pa.CompressedInputStream(pa.PythonFile(_Source(packed), mode="r"), name)


# Signature, version, flags, method, time, date, CRC-32, sizes, lengths of name and extra field.
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")


def _unzipped(packed: ByteStream) -> ByteStream:
    """Open the archive's member whose local header comes next."""
    raw = _take(packed, _LOCAL_HEADER.size)
    if len(raw) < _LOCAL_HEADER.size:
        raise UsageError("is a zip archive that ends inside its first header")
    _, _, flags, method, _, _, checksum, size, _, name, extra = _LOCAL_HEADER.unpack(raw)
    _take(packed, name + extra)
    if flags & 1:
        raise UsageError("is an encrypted zip archive: unpack it first")
    if method == 0 and not flags & 8:
        first: _Decompressor = _Stored(size)
    elif method == 8:
        first = _Inflater(-15)
    elif method == 12:
        first = bz2.BZ2Decompressor()
    else:
        raise UsageError(f"is a zip archive of compression method {method}: unpack it first")
    return _ZipMember(packed, first, None if flags & 8 else checksum)


def _take(stream: ByteStream, number: int) -> bytes:
    data = stream.peek(number)
    stream.read(len(data))
    return data


def unpack(
    stream: ByteStream, name: str, again: Callable[[], ByteStream] | None = None
) -> ByteStream:
    """Return what is in the container that `stream` is.

    Parameters
    ----------
    stream : ByteStream
        From the container's first byte on.
    name : str
        Which container it is, as :func:`container_of` tells.
    again : callable, optional
        Gives the same stream from its beginning, where that is possible.

    Raises
    ------
    UsageError
        When it cannot be opened at all; its text lacks the name of the file.
    """
    if name == "zip":
        return _unzipped(stream)
    if name in _DECOMPRESSORS:
        return _Decompressed(stream, name, _DECOMPRESSORS[name]())
    return _ArrowDecompressed(stream, name, again)


def read_pieces(stream: ByteStream, least: int, most: int) -> bytes:
    """Read until `most` bytes are there or the stream ends.

    With `least` bytes it comes back, too, when the stream pauses, or when it has gathered for
    :data:`LATEST_S`.
    """
    parts, have, until = [], 0, 0.0
    while have < most:
        if have >= least and (stream.waits() or monotonic() >= until):
            break
        part = stream.read(most - have)
        if not part:
            break
        until = until or monotonic() + LATEST_S
        parts.append(part)
        have += len(part)
    return b"".join(parts)
