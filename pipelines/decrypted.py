"""Captures decrypted: opened with the keys at hand, and written so that others can read them.

The captures are read twice: once to find out which secrets open which connections, then to be
copied. Inputs are written in the order of their first packets, whatever the order in which they
were named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dissectors.capture.batch import PacketBatch
from pipelines.engine import run
from pipelines.errors import UsageError
from pipelines.ingest import CaptureFile, capture_name
from pipelines.pdu_spool import PduSpool
from pipelines.problems import problems_of
from pipelines.request import Request
from pipelines.results import Tables
from pipelines.section_copy import SectionCopy
from pipelines.session_secrets import SessionSecrets, unneeded
from pipelines.whole_file import at_rest, create, staging_for

ProgressHook = Callable[[int], None]

TOLD = frozenset(("captures", "tls_sessions", "expert"))
"""Tables that tell how decryption went."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was written, and what was not."""

    written: int
    """Packets, or messages."""
    sessions: int
    """TLS sessions in the captures."""
    opened: int
    """Of these, opened."""
    problems: list[str]
    """One line for each thing that went wrong."""


def write_decrypted(
    request: Request, out: Path, *, overwrite: bool, progress: ProgressHook
) -> Outcome:
    """Write captures with the secrets of their TLS sessions, as Wireshark opens them.

    Parameters
    ----------
    request : Request
        Captures and keys.
    out : Path
        pcapng file to write; it appears whole or not at all, for its owner's eyes only.
    overwrite : bool
        Whether a file that is there may be replaced.
    progress : callable
        Told how many more bytes of the captures are done.

    Raises
    ------
    UsageError
        When a key cannot be used, no capture can be read, or `out` cannot be written.
    """
    with staging_for(out, request, overwrite=overwrite) as staging:
        resting = at_rest(request, staging)
        secrets, half = SessionSecrets(), _half(progress)
        tables = run(resting, progress=half, observer=secrets, only=TOLD)
        with create(staging / "decrypted", private=True) as file:
            copy = copy_sections(resting, secrets, SectionCopy(file, secrets.key_log()), half)
        (staging / "decrypted").replace(out)
    problems = [*problems_of(tables, request), *closed_sessions(tables)]
    return _outcome(tables, copy.packets, problems + _left_out(copy, secrets))


def write_plain(request: Request, out: Path, *, overwrite: bool, progress: ProgressHook) -> Outcome:
    """Write the SIP of captures as exported PDUs, decrypted, without any key.

    The parameters, and what is raised, are as for :func:`write_decrypted`.
    """
    with staging_for(out, request, overwrite=overwrite) as staging:
        resting = at_rest(request, staging)
        with closing(PduSpool(staging / "messages")) as messages:
            tables = run(resting, progress=progress, observer=messages, only=TOLD)
            captures = [
                (number, capture_name(path)) for number, path in in_order_of_time(resting.captures)
            ]
            with create(staging / "plain", private=False) as file:
                for block in messages.blocks(captures):
                    file.write(block)
        (staging / "plain").replace(out)
    problems = [*problems_of(tables, request), *closed_sessions(tables)]
    if messages.too_long:
        problems.append(f"{messages.too_long} messages are cut to the longest packet there may be")
    return _outcome(tables, len(messages), problems)


def copy_sections(
    request: Request, secrets: SessionSecrets, copy: SectionCopy, progress: ProgressHook
) -> SectionCopy:
    """Copy the captures that can be read, in order of time."""
    for _, path in in_order_of_time(request.captures):
        copy.add(path, progress)
    return copy


def in_order_of_time(captures: list[str]) -> list[tuple[int, str]]:
    """Return number, from 1, and path of the captures that can be read, the earliest first.

    Raises
    ------
    UsageError
        When one is a trace log.
    """
    found = []
    for number, path in enumerate(captures, 1):
        try:
            first = next(CaptureFile(path).batches(), None)
        except UsageError:
            continue  # told when it was taken apart
        found.append((_first_time(first, path), number, path))
    return [(number, path) for _, number, path in sorted(found)]


def _first_time(first: PacketBatch | None, path: str) -> float:
    """Return the time of the first packet; infinite without packets."""
    if first is None:
        return float("inf")
    if not len(first):
        raise UsageError(f"{path}: is a trace log, or other text, and holds no packets")
    return int(first.time_ns[0])


def closed_sessions(tables: Tables) -> list[str]:
    """Return a line for each reason why TLS sessions of a capture stayed closed."""
    sessions = tables.arrow("tls_sessions").select(["capture", "opened", "reason"]).to_pylist()
    counts = Counter(
        (row["capture"], bool(row["opened"]), row["reason"]) for row in sessions if row["reason"]
    )
    lines = []
    for (capture, opened, reason), count in counts.items():
        what = f"{count} TLS session" + ("s" if count > 1 else "")
        how = "opened in part" if opened else "not opened"
        lines.append(f"{capture}: {what} {how}: {reason}")
    return lines


def _left_out(copy: SectionCopy, secrets: SessionSecrets) -> list[str]:
    lines = []
    spare = unneeded(copy.embedded, secrets.client_randoms)
    if spare:
        lines.append(f"embedded secrets of {spare} sessions open nothing here and are left out")
    if copy.other_secrets:
        lines.append("embedded secrets of protocols other than TLS are left out")
    if copy.left_out:
        lines.append(f"{copy.left_out} broken packets are left out: no program can read them")
    return lines


def _outcome(tables: Tables, written: int, problems: list[str]) -> Outcome:
    opened = tables.arrow("tls_sessions")["opened"].to_pylist()
    return Outcome(written, len(opened), sum(map(bool, opened)), problems)


def _half(progress: ProgressHook) -> ProgressHook:
    """Return a hook for each of two times that the captures are read."""
    return lambda done: progress(done // 2)
