"""What the error ids of ms-diagnostics mean: ``diagnostic_codes.csv`` beside this file.

The table holds what public documents tell, in this project's own words, and how certain that is:

=============  ====================================================================================
certainty      where the meaning comes from
=============  ====================================================================================
documented     Microsoft's specifications, support articles and documentation of its SDKs
third party    other programs' sources, manuals and articles; traces that were published
uncertain      nothing that could be read again, or a rule that holds for neighbouring ids
=============  ====================================================================================

References
----------
[MS-OCER] §3.1.4, §7 and §8 (error ids), §9.3.2 (ids without a meaning).
"""

from __future__ import annotations

import csv
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, cast

from dissectors.sip.diagnostics import component_of

Outcome = Literal["failure", "progress", "success", "user"]
Certainty = Literal["documented", "third party", "uncertain"]

_CHALLENGES = (401, 407)


@dataclass(frozen=True, slots=True)
class DiagnosticCode:
    """One error id."""

    code: int
    """Error id."""
    outcome: Outcome
    """``failure``; ``progress``: the request goes on; ``success``; ``user``: what people did."""
    sip_status: int | None
    """Status code that it comes with as a rule; None where no rule is known."""
    status_seen: bool
    """Whether that status was seen; else it is only to be expected."""
    certainty: Certainty
    """How certain the meaning is."""
    source: str
    """Where it is told."""
    meaning: str
    """What it means, a sentence."""

    @property
    def component(self) -> str | None:
        """Component that owns the range of the error id."""
        return component_of(self.code)


@cache
def diagnostic_codes() -> dict[int, DiagnosticCode]:
    """Return every known error id, in order."""
    data = pkgutil.get_data(__package__, "diagnostic_codes.csv") or b""
    rows = csv.DictReader(data.decode().splitlines())
    return {code.code: code for code in map(_code, rows)}


def _code(row: dict[str, str]) -> DiagnosticCode:
    status = row["sip_status"]
    return DiagnosticCode(
        code=int(row["code"]),
        outcome=cast("Outcome", row["outcome"]),
        sip_status=int(status.rstrip("?")) if status else None,
        status_seen=bool(status) and not status.endswith("?"),
        certainty=cast("Certainty", row["certainty"]),
        source=row["source"],
        meaning=row["meaning"],
    )


def diagnostic_code(code: int) -> DiagnosticCode | None:
    """Return what is known of an error id, or None."""
    return diagnostic_codes().get(code)


def codes_of(words: str) -> Iterator[DiagnosticCode]:
    """Yield the error ids in whose component or meaning `words` stand, in any case."""
    wanted = words.casefold()
    for one in diagnostic_codes().values():
        if wanted in f"{one.component or ''}\n{one.meaning}".casefold():
            yield one


def is_failure(code: int, status_code: int | None) -> bool | None:
    """Tell whether a diagnosis is one of a failure.

    A code in a success or in a provisional response is none, whatever its number: servers tell so
    how a call went on, and clients how their media connected. A challenge asks for credentials,
    which is none either.

    Parameters
    ----------
    code : int
        Error id.
    status_code : int or None
        Status code of the response that carries it; None in a request.

    Returns
    -------
    bool or None
        None where neither the status nor the id tells: an unknown id in a request.

    Examples
    --------
    >>> is_failure(51007, 200), is_failure(1010, 504), is_failure(23, None), is_failure(99999, None)
    (False, True, True, None)
    """
    if status_code is not None and (status_code < 400 or status_code in _CHALLENGES):
        return False
    known = diagnostic_code(code)
    outcome = known.outcome if known else _outcome_of_range(code)
    if outcome is not None:
        return outcome == "failure"
    return None if status_code is None else True


def _outcome_of_range(code: int) -> Outcome | None:
    """Return what the ranges that UCMA gives to applications say of an id."""
    if 60000 <= code <= 60999:
        return "success"
    return "failure" if 61000 <= code <= 62999 else None
