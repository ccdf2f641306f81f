"""A file that appears whole or not at all, and inputs that can be read more than once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from pipelines.errors import UsageError
from pipelines.ingest import STDIN, copy_bytes
from pipelines.request import Request


@contextmanager
def staging_for(destination: Path, request: Request, *, overwrite: bool) -> Iterator[Path]:
    """Give a private directory beside `destination`, and remove it and what is in it afterwards.

    Parameters
    ----------
    destination : Path
        The file to be written; its directory is made when missing.
    request : Request
        What is read: none of it is ever overwritten.
    overwrite : bool
        Whether another file that is there may be replaced.

    Raises
    ------
    UsageError
        When the destination is taken or cannot be written.
    """
    _check_destination(destination, request, overwrite)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        staging = tempfile.mkdtemp(prefix=f".{destination.name}-", dir=destination.parent)
    except OSError as error:
        raise _cannot_write(destination, error) from None
    try:
        yield Path(staging)
    except OSError as error:
        raise _cannot_write(destination, error) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check_destination(destination: Path, request: Request, overwrite: bool) -> None:
    if destination.is_dir():
        raise UsageError(f"{destination}: is a directory; name a file")
    for path in (*request.captures, *request.keys, *filter(None, [request.key_log])):
        with suppress(OSError):
            if destination.samefile(path):
                raise UsageError(f"{destination}: is read by this command; write to another file")
    if not overwrite and os.path.lexists(destination):
        raise UsageError(f"{destination}: exists; --overwrite replaces it")


def _cannot_write(destination: Path, error: OSError) -> UsageError:
    return UsageError(f"{destination}: cannot be written: {(error.strerror or str(error)).lower()}")


def create(path: Path, *, private: bool) -> BinaryIO:
    """Open a new file for writing; a `private` one is for its owner only."""
    file = path.open("xb")
    if private:
        path.chmod(0o600)
    return file


def at_rest(request: Request, directory: Path) -> Request:
    """Return the same request, with captures that can be read but once copied into `directory`."""
    captures = [_at_rest(path, directory) for path in request.captures]
    return replace(request, captures=captures)


def _at_rest(path: str, directory: Path) -> str:
    if path != STDIN and (Path(path).is_file() or not Path(path).exists() or Path(path).is_dir()):
        return path
    copy = Path(tempfile.mkdtemp(dir=directory)) / ("stdin" if path == STDIN else Path(path).name)
    with create(copy, private=True) as file:
        copy_bytes(path, file)
    return str(copy)
