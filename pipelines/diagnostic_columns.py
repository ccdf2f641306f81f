"""Columns of `diagnostics`: what an error id means, and whether it tells of a failure."""

from __future__ import annotations

from dissectors.sip.diagnostics import Diagnostics
from pipelines.diagnostic_codes import diagnostic_code, is_failure

DiagnosticColumns = tuple[str | None, str | None, bool | None]


def diagnostic_columns(one: Diagnostics, status_code: int | None) -> DiagnosticColumns:
    """Return meaning, certainty and is_failure of a diagnosis."""
    known = diagnostic_code(one.code)
    failure = is_failure(one.code, status_code)
    return (known.meaning, known.certainty, failure) if known else (None, None, failure)
