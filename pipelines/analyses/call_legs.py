"""Call legs: which server held a call for how long.

Times run as those of `calls` do: from the first bit of the INVITE to the last bit of a response.

The number of Vias orders the hops of an INVITE (RFC 3261 §16.6 step 8), as in :mod:`hops`. What
lies behind a leg takes from the INVITE on it to the 180 on it; what the element between two legs
adds is the difference of two such times. Each of them is taken by one clock, so it does not matter
whether the captures' clocks agree.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import pandas as pd

from pipelines.analysis import analysis
from pipelines.grouping import in_order, is_one_of, nanoseconds, plain, rows_frame
from pipelines.matching import first_bits
from pipelines.needs import only
from pipelines.schema import CALL_LEGS

_COLUMNS = (
    "message_id",
    "capture",
    "recording",
    "src_ip",
    "dst_ip",
    "is_request",
    "status_code",
    "call_id",
    "cseq",
    "from_tag",
    "to_tag",
    "via_branch",
    "via_count",
)


class _Row(NamedTuple):
    """One INVITE or response to one, as plain values."""

    message_id: str
    capture: str
    recording: str
    src_ip: str | None
    dst_ip: str | None
    is_request: bool
    status: int | None
    call_id: str
    cseq: int | None
    from_tag: str | None
    to_tag: str | None
    via_branch: str | None
    via_count: int | None
    time: int
    first_time: int


@analysis(
    "call_legs",
    messages=only(
        ("time", "first_time", "method", "retransmission_of", *_COLUMNS), method=("INVITE",)
    ),
    calls=("call_id", "call_key", "from_tag"),
)
def call_legs(messages: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    """Return the legs of the calls in `messages`.

    Parameters
    ----------
    messages : DataFrame
        Rows of the table `messages`.
    calls : DataFrame
        Rows of the table `calls`.

    Returns
    -------
    DataFrame
        Rows of the table `call_legs`: call by call in the order of `calls`, legs from the caller.
    """
    messages = in_order(messages)
    first_copy = messages["retransmission_of"].isna().to_numpy(dtype=bool)
    wanted = is_one_of(messages["method"], "INVITE") & first_copy
    by_caller: dict[tuple[str, str | None], list[_Row]] = {}
    for row in _records(messages[wanted]):
        by_caller.setdefault((row.call_id, row.from_tag), []).append(row)
    keys = ("call_key", "call_id", "from_tag")
    columns = (plain(calls[name]) for name in keys)
    made = [
        {"call_key": call_key, **leg}
        for call_key, *caller in zip(*columns, strict=True)
        for leg in _legs(by_caller.get((caller[0], caller[1]), []))
    ]
    return rows_frame(CALL_LEGS, made)


def _records(messages: pd.DataFrame) -> Iterator[_Row]:
    columns = (plain(messages[name]) for name in _COLUMNS)
    times = (nanoseconds(messages["time"]), first_bits(messages))
    return map(_Row, *columns, *(one.tolist() for one in times))


# --- the legs of one call -----------------------------------------------------------------------


@dataclass(slots=True)
class _Leg:
    """One hop of the INVITE, with its answers there."""

    invite: _Row
    """The INVITE."""
    answers: list[_Row]
    """Its responses on this hop, by time."""
    previous: int | None = None
    """Index of the leg that it came by."""

    def until(self, *statuses: range) -> float | None:
        """Return the seconds from the INVITE to the first response with one of the statuses."""
        for row in self.answers:
            if any((row.status or 0) in one for one in statuses):
                return (row.time - self.invite.first_time) / 1e9
        return None

    @property
    def ringback(self) -> float | None:
        """Seconds from the INVITE to the first 180 or 183."""
        return self.until(range(180, 181), range(183, 184))


def _legs(rows: list[_Row]) -> Iterator[dict[str, Any]]:
    """Yield the rows of one attempt's legs, without its key."""
    legs = _of_last_invite(rows)
    _connect(legs)
    rang = _ringback_behind(legs)
    for number, leg in enumerate(legs):
        before = legs[leg.previous] if leg.previous is not None else None
        final = next((row for row in leg.answers if (row.status or 0) >= 200), None)
        last = all(other.previous != number for other in legs)
        behind = 0.0 if last else rang.get(number)
        yield {
            "capture": leg.invite.capture,
            "call_id": leg.invite.call_id,
            "leg": number + 1,
            "previous_leg": leg.previous + 1 if leg.previous is not None else None,
            "src_ip": leg.invite.src_ip,
            "dst_ip": leg.invite.dst_ip,
            "side": _side(leg.invite.src_ip, leg.invite.dst_ip),
            "message_id": leg.invite.message_id,
            "invite_time": leg.invite.first_time,
            "first_response_s": leg.until(range(100, 700)),
            "ringback_s": leg.ringback,
            "answer_s": leg.until(range(200, 300)),
            "final_s": (final.time - leg.invite.first_time) / 1e9 if final else None,
            "status_code": final.status if final else None,
            "held_invite_s": _held_invite(before, leg),
            "held_ringback_s": _difference(leg.ringback, behind),
            "last": last,
        }


def _of_last_invite(rows: list[_Row]) -> list[_Leg]:
    """Return the legs of the attempt's last INVITE, by Vias, then by time."""
    opening = [row for row in rows if row.is_request and row.to_tag is None]
    last = max((row.cseq or 0 for row in opening), default=0)
    legs: dict[tuple[Any, ...], _Leg] = {}
    for row in opening:
        if (row.cseq or 0) == last:
            legs.setdefault(_hop(row), _Leg(row, []))
    for row in rows:
        if not row.is_request and (row.cseq or 0) == last and _hop(row) in legs:
            legs[_hop(row)].answers.append(row)
    return sorted(legs.values(), key=lambda leg: (leg.invite.via_count or 0, leg.invite.time))


def _hop(row: _Row) -> tuple[Any, ...]:
    """Return what a request and its responses have in common on one hop of one capture."""
    ends = frozenset((row.src_ip, row.dst_ip))
    return row.recording, ends, row.via_count, row.via_branch


def _connect(legs: list[_Leg]) -> None:
    """Find the leg that each INVITE came by.

    That is one with fewer Vias, as many as there are, and where several have (a fork), the one that
    leads to where this one comes from.
    """
    for number, leg in enumerate(legs):
        vias = leg.invite.via_count or 0
        fewer = [i for i in range(number) if (legs[i].invite.via_count or 0) < vias]
        most = max((legs[i].invite.via_count or 0 for i in fewer), default=0)
        nearest = [i for i in fewer if (legs[i].invite.via_count or 0) == most]
        came_here = [i for i in nearest if legs[i].invite.dst_ip == leg.invite.src_ip]
        found = came_here or nearest
        leg.previous = found[-1] if found else None


def _ringback_behind(legs: list[_Leg]) -> dict[int, float]:
    """Return for each leg the time to ringback on the leg behind it that rang first."""
    behind: dict[int, float] = {}
    for leg in legs:
        if leg.previous is not None and leg.ringback is not None:
            first = behind.get(leg.previous)
            behind[leg.previous] = min(leg.ringback, leg.ringback if first is None else first)
    return behind


def _held_invite(before: _Leg | None, leg: _Leg) -> float | None:
    if before is None or before.invite.recording != leg.invite.recording:
        return None
    return (leg.invite.first_time - before.invite.first_time) / 1e9


def _difference(whole: float | None, part: float | None) -> float | None:
    return None if whole is None or part is None else whole - part


def _side(*addresses: str | None) -> str | None:
    if not all(addresses):
        return None
    return "internal" if all(_is_private(one) for one in _texts(addresses)) else "external"


def _texts(addresses: Iterable[str | None]) -> list[str]:
    return [one for one in addresses if one]


@lru_cache(maxsize=4096)
def _is_private(address: str) -> bool:
    """Tell whether an address is a private one; what is no address is taken for an inner name."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return True
    return any(parsed in network for network in _PRIVATE if network.version == parsed.version)


_PRIVATE = tuple(
    ipaddress.ip_network(one)
    for one in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
"""RFC 1918, RFC 4193, link-local and loopback. `is_private` of the standard library counts the
networks for documentation too."""
