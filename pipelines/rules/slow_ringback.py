"""A caller who hears nothing for too long.

Ten to fifteen seconds of silence are what people met with calls to Skype, and hung up; five are too
many already, next to the one or two that a call inside takes. The legs of the call tell where the
time went, and the calls inside the same capture what is usual there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from pipelines.finding import Finding, Threshold, message, rule

_ROUTES = {
    "skype": "calls with Skype",
    "federated": "calls with federated partners",
    "hybrid": "calls within the hybrid tenant",
    "pstn": "calls with telephones",
    "conference": "calls to conferences",
    "internal": "internal calls",
}


@rule(
    "slow_ringback",
    "warning",
    Threshold(
        "ringback_s",
        5.0,
        "Seconds from INVITE to the first 180 or 183 from which a call is slow; E.721 asks of a "
        "local call 3 s in the mean and 6 s in 95 of 100.",
    ),
    Threshold(
        "silence_s",
        10.0,
        "Seconds from which it is an error: callers of Skype who gave up met 10 to 15.",
    ),
    whole=True,
    calls=("call_key", "from_uri", "to_uri", "route", "start_time", "ringback_delay_s"),
    call_legs=("call_key", "leg", "dst_ip", "side", "held_ringback_s", "last"),
)
def slow_ringback(
    calls: pd.DataFrame, call_legs: pd.DataFrame, *, ringback_s: float, silence_s: float
) -> Iterator[Finding]:
    """Find calls whose caller hears nothing for a long time, and where the time went."""
    slow = calls[calls["ringback_delay_s"] >= min(ringback_s, silence_s)]
    legs = call_legs[call_legs["call_key"].isin(slow["call_key"])]
    by_call = dict(iter(legs.groupby("call_key", sort=False)))
    usual = _usual(calls)
    for row in slow.itertuples():
        severe = row.ringback_delay_s >= silence_s
        found = _finding(row, by_call.get(row.call_key), usual, silence_s if severe else ringback_s)
        yield replace(found, severity="error") if severe else found


def _usual(calls: pd.DataFrame) -> str:
    """Return what the internal calls of the run took, in words; empty when there are none."""
    internal = calls.loc[calls["route"] == "internal", "ringback_delay_s"].dropna()
    if internal.empty:
        return ""
    count, median = len(internal), internal.median()
    return f" Internal calls took {median:.1f} s here (median of {count})."


def _finding(row: Any, legs: pd.DataFrame | None, usual: str, limit: float) -> Finding:
    route = "unknown" if pd.isna(row.route) else str(row.route)
    shares = _shares(legs)
    subject = _ROUTES.get(route, "calls")
    return Finding(
        title=f"Silence of {limit:g} s or more before a call rings",
        subject=f"{subject}: {shares[0][0]}" if shares else subject,
        start_time=row.start_time,
        evidence=(message(row.call_key),),
        explanation=f"{row.from_uri} called {row.to_uri} and heard nothing for "
        f"{row.ringback_delay_s:.1f} s{_spelled(shares)}.{usual if route != 'internal' else ''}",
        advice=_advice(shares, legs),
        reference="RFC 6076 §4.3; ITU-T E.721",
    )


def _shares(legs: pd.DataFrame | None) -> list[tuple[str, float]]:
    """Return who held the call, and for how many seconds, the longest first."""
    if legs is None:
        return []
    held = legs[legs["held_ringback_s"].notna() & legs["dst_ip"].notna()]
    shares = [
        (f"{'beyond ' if row.last else ''}{row.dst_ip}", float(row.held_ringback_s))
        for row in held.itertuples()
    ]
    return sorted(shares, key=lambda share: -share[1])


def _spelled(shares: list[tuple[str, float]]) -> str:
    pieces = [f"{seconds:.2f} s {'' if 'beyond' in who else 'in '}{who}" for who, seconds in shares]
    return f" ({', '.join(pieces)})" if pieces else ""


def _advice(shares: list[tuple[str, float]], legs: pd.DataFrame | None) -> str:
    if legs is None or not shares:
        return "Capture at more places, or add their keys, to see which server holds the call."
    who = shares[0][0]
    if not who.startswith("beyond "):
        return f"Look at {who}: it passed the INVITE or its answer on so late."
    outside = legs["side"].iloc[-1] == "external"
    if outside:
        return (
            "The time goes by outside, on the other side of the Edge: tell the partner, with the "
            "times of this call. Until then let the caller hear ringback locally."
        )
    return f"Capture behind {who.removeprefix('beyond ')} as well: the time goes by there."
