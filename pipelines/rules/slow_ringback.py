"""A caller who hears nothing for too long.

Ten to fifteen seconds of silence are what people met with calls to Skype, and hung up; five are too
many already, next to the one or two that a call inside takes. The legs of the call tell where the
time went, and the calls inside the same capture what is usual there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

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
    call_legs=(
        "call_key",
        "capture",
        "leg",
        "previous_leg",
        "dst_ip",
        "side",
        "ringback_s",
        "held_invite_s",
        "held_ringback_s",
        "last",
    ),
)
def slow_ringback(
    calls: pd.DataFrame, call_legs: pd.DataFrame, *, ringback_s: float, silence_s: float
) -> Iterator[Finding]:
    """Find calls whose caller hears nothing for a long time, and where the time went."""
    slow = calls[calls["ringback_delay_s"] >= min(ringback_s, silence_s)]
    legs = call_legs[call_legs["call_key"].isin(slow["call_key"])]
    by_call: dict[str, list[Any]] = {}
    for leg in legs.itertuples(index=False):
        by_call.setdefault(leg.call_key, []).append(leg)
    usual = _usual(calls)
    for row in slow.itertuples():
        severe = row.ringback_delay_s >= silence_s
        found = _finding(
            row, by_call.get(row.call_key, []), usual, silence_s if severe else ringback_s
        )
        yield replace(found, severity="error") if severe else found


def _usual(calls: pd.DataFrame) -> str:
    """Return what the internal calls of the run took, in words; empty when there are none."""
    internal = calls.loc[calls["route"] == "internal", "ringback_delay_s"].dropna()
    if internal.empty:
        return ""
    count, median = len(internal), internal.median()
    return f" Internal calls took {median:.1f} s here (median of {count})."


def _finding(row: Any, legs: list[Any], usual: str, limit: float) -> Finding:
    route = "unknown" if pd.isna(row.route) else str(row.route)
    shares = _shares(legs)
    subject = _ROUTES.get(route, "calls")
    return Finding(
        title=f"Silence of {limit:g} s or more before a call rings",
        subject=f"{subject}: {shares[0].where}" if shares else subject,
        start_time=row.start_time,
        evidence=(message(row.call_key),),
        explanation=f"{row.from_uri} called {row.to_uri} and heard nothing for "
        f"{row.ringback_delay_s:.1f} s{_spelled(shares)}.{usual if route != 'internal' else ''}",
        advice=_advice(shares),
        reference="RFC 6076 §4.3; ITU-T E.721",
    )


@dataclass(frozen=True, slots=True)
class _Share:
    """What one element, or what lies behind it, took of the time."""

    who: str
    seconds: float
    place: Literal["in", "beyond", "in or beyond"]
    outside: bool
    kept_invite_s: float = math.nan
    """Seconds of these for which it kept the INVITE."""

    @property
    def where(self) -> str:
        return self.who if self.place == "in" else f"{self.place} {self.who}"


def _shares(legs: list[Any]) -> list[_Share]:
    """Return who held the call, and for how many seconds, the longest first."""
    kept: dict[int, float] = {}
    for row in legs:
        if not (pd.isna(row.previous_leg) or pd.isna(row.held_invite_s)):
            before = kept.get(row.previous_leg, row.held_invite_s)
            kept[row.previous_leg] = max(row.held_invite_s, before)
    shares = []
    for row in legs:
        if pd.isna(row.ringback_s):
            continue
        untold = pd.isna(row.held_ringback_s)
        shares.append(
            _Share(
                who=_name(row),
                seconds=float(row.ringback_s if untold else row.held_ringback_s),
                place="in or beyond" if untold else "beyond" if row.last else "in",
                outside=not pd.isna(row.side) and row.side == "external",
                kept_invite_s=float(kept.get(row.leg, math.nan)),
            )
        )
    return sorted(shares, key=lambda share: -share.seconds)


def _name(row: Any) -> str:
    """Return the receiver's address; a trace log tells only whose it is."""
    return f"the machine that wrote {row.capture}" if pd.isna(row.dst_ip) else str(row.dst_ip)


def _spelled(shares: list[_Share]) -> str:
    pieces = [
        f"{share.seconds:.2f} s {'in ' if share.place == 'in' else ''}{share.where}"
        for share in shares
    ]
    return f" ({', '.join(pieces)})" if pieces else ""


def _advice(shares: list[_Share]) -> str:
    if not shares:
        return "Capture at more places, or add their keys, to see which server holds the call."
    longest = shares[0]
    who = longest.who
    if longest.place == "in or beyond":
        return (
            f"The capture holds the INVITE on the way from {who} on, but not how it rang there: "
            "frames are missing, or it rang by itself. Capture again to see whether the time goes "
            "by in it or behind it."
        )
    if longest.place == "beyond" and longest.outside:
        return (
            "The time goes by outside, on the other side of the Edge: tell the partner, with the "
            "times of this call. Until then let the caller hear ringback locally."
        )
    if longest.place == "beyond":
        return f"Capture behind {who} as well: the time goes by there."
    if longest.kept_invite_s > longest.seconds / 2:
        return f"Look at {who}: it kept the INVITE for {longest.kept_invite_s:.1f} s."
    if longest.kept_invite_s >= 0:
        return f"Look at {who}: it kept the answer, not the INVITE, for so long."
    return f"Look at {who}: it passed the INVITE or its answer on so late."
