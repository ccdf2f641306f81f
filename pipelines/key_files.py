"""Files with keys: opened here and nowhere else, and told by their content.

A file that the user names must be of use: if it is not, or is encrypted and stays so, that is one
line and the end. In a folder of keys, what is no use is told, and the rest used.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dissectors.errors import DissectError, Unsupported
from dissectors.tls.key_formats import FoundKeys, decode_keys
from dissectors.tls.keys import KeyRing, looks_like_keylog
from pipelines.errors import UsageError
from pipelines.request import Request

KEY_LOG_LIMIT = 1 << 30
"""A file larger than this, in bytes, is taken for a mistake."""

FOLDER_LIMIT = 1000
"""Files of one folder that are looked at."""

PASSPHRASE_LIMIT = 100
"""Passphrases that are tried: each costs up to a second for each key."""

PROMPTS = 3
"""Times that a passphrase for one file is asked for."""

_STDIN = "-"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file with keys, read but not yet understood."""

    name: str
    """Name for messages."""
    data: bytes = field(repr=False)
    """Its bytes; never shown."""
    named: bool = True
    """Whether the user named it, and not the folder it is in."""


@dataclass(slots=True)
class Passphrases:
    """Passphrases to try, and where others come from."""

    known: list[str] = field(default_factory=list, repr=False)
    """Those that there are; one that was asked for, and fits, joins them."""
    ask: Callable[[str], str] | None = None
    """Asks the user for the passphrase of the file named; None where there is no one to ask."""


def ask_on_terminal() -> Callable[[str], str] | None:
    """Return what asks for a passphrase; None unless a person sits at input and output."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()):
        return None
    return _ask


def _ask(name: str) -> str:
    try:
        return getpass.getpass(f"passphrase of {name} (empty: go on without): ")
    except EOFError:
        return ""


def read_passphrases(path: str) -> list[str]:
    """Read a file of passphrases: one on each line, empty lines left out.

    Raises
    ------
    UsageError
        When it cannot be read, or holds none.
    """
    lines = _read(path).decode("utf-8-sig", "surrogateescape").split("\n")
    passphrases = [line.rstrip("\r") for line in lines if line.rstrip("\r")]
    if not passphrases:
        raise UsageError(f"{path}: holds no passphrase; each stands on a line of its own")
    return passphrases[:PASSPHRASE_LIMIT]


def read_key_files(paths: list[str]) -> list[KeyFile]:
    """Read files that hold keys, and those in folders of them.

    Raises
    ------
    UsageError
        When one cannot be read.
    """
    return [file for path in paths for file in _files(path)]


def _files(path: str) -> Iterator[KeyFile]:
    if path == _STDIN or not Path(path).is_dir():
        yield KeyFile(path, _read(path))
        return
    try:
        inside = sorted(one for one in Path(path).iterdir() if one.is_file())
    except OSError as error:
        raise _cannot_read(path, error) from None
    if len(inside) > FOLDER_LIMIT:
        raise UsageError(f"{path}: holds {len(inside)} files; name those with the keys")
    for one in inside:
        yield KeyFile(str(one), _read(str(one)), named=False)


def load_keys(
    files: list[KeyFile], passphrases: Passphrases | None = None
) -> tuple[KeyRing, list[DissectError]]:
    """Put the keys of `files` on one ring.

    Parameters
    ----------
    files : list of KeyFile
        Key logs and private keys, in any order.
    passphrases : Passphrases, optional
        What opens encrypted ones.

    Returns
    -------
    KeyRing
        The keys.
    list of DissectError
        What was wrong with lines of key logs, and with files in folders.

    Raises
    ------
    UsageError
        When a file that was named is no use.
    """
    ring, passphrases = KeyRing(), passphrases or Passphrases()
    problems = [problem for file in files for problem in _load(file, passphrases, ring)]
    idle = [problem.name for problem in problems if isinstance(problem, _NoKeys)]
    problems = [problem for problem in problems if not isinstance(problem, _NoKeys)]
    if idle:
        more = f" and {len(idle) - 3} more" if len(idle) > 3 else ""
        summary = f"no keys are in {', '.join(idle[:3])}{more}"
        problems.append(Unsupported(summary, layer="keys", severity="note"))
    return ring, problems


class _NoKeys(Unsupported):
    """A file in a folder of keys is none; such files are told together."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: holds no keys", layer="keys", severity="note")
        self.name = name


def open_keys(
    request: Request, ask: Callable[[str], str] | None = None
) -> tuple[KeyRing, list[DissectError]]:
    """Open the keys that a request names; see :func:`load_keys`.

    Parameters
    ----------
    request : Request
        Its passphrases are tried; one that is asked for, and fits, joins them.
    ask : callable, optional
        Asks the user for the passphrase of the file named.
    """
    files = read_key_files(request.keys)
    problems: list[DissectError] = []
    if request.key_log is not None:
        try:
            files.append(KeyFile(request.key_log, _read(request.key_log), named=False))
        except UsageError as error:
            problems.append(Unsupported(f"SSLKEYLOGFILE: {error}", layer="keys"))
    ring, more = load_keys(files, Passphrases(request.passphrases, ask))
    return ring, problems + more


def _load(file: KeyFile, passphrases: Passphrases, ring: KeyRing) -> list[DissectError]:
    """Put the keys of one file on the ring; return what was wrong with it."""
    if looks_like_keylog(file.data):
        return ring.add_keylog(file.data, file.name)
    found = _unlocked(file, passphrases)
    if found is None and not file.named:
        return [_NoKeys(file.name)]
    for key in found.keys if found else ():
        ring.add_rsa_key(key, file.name)
    trouble = _trouble(file, found)
    if trouble and file.named and not (found and found.keys):
        raise UsageError(trouble)
    return [Unsupported(trouble, layer="keys", severity="warning")] if trouble else []


def _unlocked(file: KeyFile, passphrases: Passphrases) -> FoundKeys | None:
    """Return what a file holds, opened with a passphrase that is known or asked for."""
    found = decode_keys(file.data, passphrases.known)
    for _ in range(PROMPTS if passphrases.ask else 0):
        if found is None or not found.locked or passphrases.ask is None:
            break
        asked = passphrases.ask(file.name)
        if not asked:
            break
        found = decode_keys(file.data, [*passphrases.known, asked])
        if found is not None and not found.locked:
            passphrases.known.append(asked)
    return found


def _trouble(file: KeyFile, found: FoundKeys | None) -> str:
    """Say in a line why a file, or something in it, is no use; empty when all is well."""
    if found is None:
        return (
            f"{file.name}: holds no keys: neither a TLS key log (lines such as 'CLIENT_RANDOM …', "
            "what SSLKEYLOGFILE makes a client or server write) nor a private key (PEM, DER, "
            "PKCS#12)"
        )
    # Beside its key a server's file holds its certificates, as it should.
    told = [text for text in found.remarks if not (found.keys and "is public" in text)]
    if not told:
        return "" if found.keys else f"{file.name}: holds no private key"
    advice = "; give it by --key-passphrase-file (key_passphrase in Python)" * found.locked
    return f"{file.name}: {'; '.join(told)}{advice}"


def _read(path: str) -> bytes:
    try:
        if path == _STDIN:
            data = sys.stdin.buffer.read(KEY_LOG_LIMIT + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(KEY_LOG_LIMIT + 1)
    except OSError as error:
        raise _cannot_read(path, error) from None
    if len(data) > KEY_LOG_LIMIT:
        raise UsageError(f"{path}: larger than {KEY_LOG_LIMIT >> 20} MiB, which no key file is")
    return data


def _cannot_read(path: str, error: OSError) -> UsageError:
    return UsageError(f"{path}: {(error.strerror or str(error)).lower()}")
