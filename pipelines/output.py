"""The contract of an output format, and how a set of tables becomes files.

A format is one file in :mod:`pipelines.outputs` with one function, registered by :data:`outputs`
under the word that ``--format`` takes. Files appear whole or not at all: everything is written
beside its destination first, and moved there when the last byte is on disk.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dissectors.registry import Registry
from pipelines.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

Chunks = Callable[[str], "Iterator[pa.Table]"]
"""Table name → its rows, a chunk at a time; the first chunk has the schema even without rows."""

OutputFunction = Callable[[Path, "list[str]", Chunks], None]
"""Writes the named tables into a directory."""

outputs: Registry[str, OutputFunction] = Registry("output format")
"""Word for ``--format`` → the function that writes it."""


def check_destination(directory: Path, *, overwrite: bool) -> None:
    """Check that tables may be written into `directory`: before the work, and again after it.

    Raises
    ------
    UsageError
        When it is taken.
    """
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory}: is no directory; name another")
    if not overwrite and directory.exists() and any(directory.iterdir()):
        raise UsageError(
            f"{directory}: exists and is not empty; --overwrite replaces what is there"
        )


def write_tables(
    directory: Path,
    output_format: str,
    names: list[str],
    chunks: Chunks,
    *,
    overwrite: bool = False,
) -> list[Path]:
    """Write tables as files of one format into `directory`.

    Parameters
    ----------
    directory : Path
        Destination; made when missing.
    output_format : str
        A word that is registered in :data:`outputs`.
    names : list of str
        Tables to write.
    chunks : callable
        Gives each table's rows.
    overwrite : bool
        Replace files of the same names; otherwise the destination must be new or empty.

    Returns
    -------
    list of Path
        The files, at their destination.

    Raises
    ------
    UsageError
        When the destination is taken or cannot be written.
    """
    check_destination(directory, overwrite=overwrite)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    except OSError as error:
        raise _cannot_write(directory, error) from None
    try:
        outputs[output_format](staging, names, chunks)
        return _publish(staging, directory)
    except OSError as error:
        raise _cannot_write(directory, error) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _publish(staging: Path, directory: Path) -> list[Path]:
    files = sorted(path.name for path in staging.iterdir())
    if not directory.exists():
        staging.chmod(0o755)  # mkdtemp makes its directory private
        staging.rename(directory)
    else:
        for name in files:
            (staging / name).replace(directory / name)
    return [directory / name for name in files]


def _cannot_write(directory: Path, error: OSError) -> UsageError:
    return UsageError(f"{directory}: cannot be written: {(error.strerror or str(error)).lower()}")
