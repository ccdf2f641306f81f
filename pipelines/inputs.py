"""What a user names as captures → the captures meant: directories, patterns, archives, URLs."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from pipelines.errors import UsageError

_NAMED = 3  # files without interest that are named in one line


def expand(named: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the captures that are meant, in order, and a line for each thing left out.

    A directory stands for the captures in it and below it, told by their content; hidden files are
    left alone. A pattern (``edge*.pcapng``, ``**/*.pcap``, also in the URL of a store) stands for
    the files that match, a zip archive for the captures in it (``archive.zip/member``). Anything
    else stands for itself.

    Raises
    ------
    UsageError
        When a pattern matches nothing, or nothing is left.
    """
    captures: list[str] = []
    notes: list[str] = []
    for name in named:
        captures += _meant_by(name, notes)
    if not captures:
        raise UsageError("\n".join(notes) or "no captures were named")
    return list(dict.fromkeys(captures)), notes


def _meant_by(name: str, notes: list[str]) -> list[str]:
    if "://" in name:
        return _in_store(name)
    if Path(name).is_dir():
        return _captures_among(name, _files_below(name), notes)
    if glob.has_magic(name) and not Path(name).exists():
        found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  (absolute ones, too)
        if not found:
            raise UsageError(f"{name}: no file matches")
        return [path for one in found for path in _meant_by(one, notes)]
    return _in_archive(name, notes) if name.lower().endswith(".zip") else [name]


def _files_below(directory: str) -> list[str]:
    found: list[str] = []
    for folder, folders, files in os.walk(directory):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        found += (str(Path(folder) / one) for one in sorted(files) if not one.startswith("."))
    return found


def _captures_among(name: str, paths: list[str], notes: list[str]) -> list[str]:
    from pipelines.ingest import is_capture

    captures: list[str] = []
    others: list[str] = []
    for path in paths:
        inside = _in_archive(path, notes) if path.lower().endswith(".zip") else []
        if inside and inside != [path]:
            captures += inside
        else:
            (captures if is_capture(path) else others).append(path)
    if others and captures:
        some = ", ".join(os.path.relpath(path, name) for path in others[:_NAMED])
        more = ", …" if len(others) > _NAMED else ""
        what = (
            "1 file is no capture" if len(others) == 1 else f"{len(others)} files are no captures"
        )
        notes.append(f"{name}: {what}: {some}{more}")
    if not captures:
        notes.append(f"{name}: is a directory without captures")
    return captures


def _in_archive(path: str, notes: list[str]) -> list[str]:
    """Return the captures in a zip archive; the archive itself when it is not whole."""
    from pipelines.ingest import is_capture, zip_members

    members = [f"{path}/{member}" for member in zip_members(path)]
    captures = [member for member in members if is_capture(member)]
    if members and not captures:
        notes.append(f"{path}: holds no captures")
        return []
    return captures or [path]


def _in_store(url: str) -> list[str]:
    if not glob.has_magic(url):
        return [url]
    from pipelines.ingest import remote_matches

    found = remote_matches(url)
    if not found:
        raise UsageError(f"{url}: no object matches")
    return found
