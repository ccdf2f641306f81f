"""Calls whose media found no way.

Clients say so with the error ids 21 to 34 in ms-client-diagnostics, when the call fails and in the
BYE that ends it. With 51007, which is no failure, the callee tells how its media fared in every
call; its warnings count only where the call failed and no other reason was given: some of them
stand in calls that work as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from dissectors.sip.media_debug import MediaDebug, ice_warnings
from pipelines.diagnosed import or_else, parameters_of
from pipelines.diagnostic_codes import diagnostic_code
from pipelines.finding import Finding, message, rule
from pipelines.grouping import truth

_CONNECTIVITY = range(21, 35)
_CALLEE_INFO = 51007
_WHERE = {
    21: "where the endpoints are is not told",
    22: "both endpoints inside",
    23: "one endpoint inside, one remote",
    24: "both endpoints remote",
    32: "both endpoints inside",
    33: "one endpoint inside, one remote",
}
_BROKE_DOWN = range(32, 35)
_NO_REASON_GIVEN = (1011, 1034, 1036, 1037)


@rule(
    "ice_failed",
    "error",
    diagnostics=(
        "call_id",
        "message_id",
        "time",
        "status_code",
        "code",
        "reason",
        "parameters",
    ),
    calls=("call_id", "from_uri", "to_uri", "outcome"),
)
def ice_failed(diagnostics: pd.DataFrame, calls: pd.DataFrame) -> Iterator[Finding]:
    """Find calls whose media could not be connected, and what ICE said of it."""
    codes = diagnostics["code"]
    media = truth(codes.isin(_CONNECTIVITY) | (codes == _CALLEE_INFO))
    told = diagnostics[media & truth(diagnostics["call_id"].notna())]
    parties = calls.drop_duplicates("call_id").set_index("call_id")
    innocent = {*_CONNECTIVITY, _CALLEE_INFO, *_NO_REASON_GIVEN}
    others = truth((diagnostics["status_code"] >= 400) & ~codes.isin(list(innocent)))
    explained = set(diagnostics.loc[others, "call_id"].dropna())
    failed = set(calls.loc[truth(calls["outcome"].isin(["failed", "timed_out"])), "call_id"])
    by_call: dict[str, list[Any]] = {}
    for row in told.itertuples(index=False):
        by_call.setdefault(row.call_id, []).append(row)
    for call_id, rows in by_call.items():
        said = _first_failure(rows)
        warned = call_id in failed and call_id not in explained
        if said is not None or (warned and _flags(rows)):
            call = parties.loc[call_id] if call_id in parties.index else None
            yield _finding(said or rows[0], _flags(rows), call)


def _first_failure(rows: list[Any]) -> Any | None:
    """Return the first row with which a client says that media failed: no success says so."""
    for row in rows:
        if row.code in _CONNECTIVITY and (pd.isna(row.status_code) or row.status_code >= 400):
            return row
    return None


def _flags(rows: list[Any]) -> int:
    """Return all ICE warnings that the rows tell."""
    flags = 0
    for row in rows:
        for value in parameters_of(row).values():
            flags |= _ice_warn(value)
    return flags


def _ice_warn(value: object) -> int:
    """Return the ICE warnings of a parameter that tells of media, by modality or not."""
    if not isinstance(value, dict):
        return 0
    flags = 0
    for one in (value, *value.values()):
        if isinstance(one, dict):
            texts = {name: text for name, text in one.items() if isinstance(text, str)}
            flags |= MediaDebug(None, texts).ice_warn or 0
    return flags


def _finding(row: Any, flags: int, call: Any | None) -> Finding:
    code = int(row.code)
    known = diagnostic_code(code)
    certain = known is not None and known.certainty != "uncertain" and code != _CALLEE_INFO
    who = "A call"
    if call is not None:
        caller, callee = or_else(call["from_uri"], "somebody"), or_else(call["to_uri"], "somebody")
        who = f"The call from {caller} to {callee}"
    warnings = f" ICE warns (0x{flags:x}): {', '.join(ice_warnings(flags))}." if flags else ""
    broke = code in _BROKE_DOWN
    return Finding(
        title="Media of a running call broke down" if broke else "Media could not be connected",
        subject=_WHERE.get(code, "where the endpoints are is not told"),
        start_time=row.time,
        evidence=(message(row.message_id),),
        explanation=f"{who}: an endpoint says {code}, {_meaning(row, known)}{warnings}",
        advice=_advice(flags),
        reference="[MS-OCER]; RFC 5245 §7",
        severity="error" if certain else "warning",
    )


def _meaning(row: Any, known: Any) -> str:
    text = or_else(row.reason, known.meaning if known else "which is not explained")
    return text if text.endswith(".") else f"{text}."


def _advice(flags: int) -> str:
    if flags & 0x1F:
        return (
            "Let the clients reach the A/V Edge: UDP 3478 and TCP 443, from inside by its internal "
            "interface; see whether the service runs there, and whether a proxy breaks the TLS."
        )
    return (
        "Compare the candidates of both SDPs: without one of the A/V Edge on a side, look at its "
        "credentials (MRAS) and at UDP 3478 and TCP 443 to it; with them, at the firewalls between "
        "the Edges (ports 50000 to 59999) and between the clients' networks."
    )
