"""Session timers: who had to refresh a call, whether it happened, and how the call ended.

A 2xx to INVITE or UPDATE that has Session-Expires starts the timer anew; the side that it names as
refresher sends the next UPDATE or INVITE after half the interval. The other side ends the call with
BYE when none came: 32 seconds before the end, or a third of the interval where that is shorter
(RFC 4028 §7.2, §10). A refresh counts as none when its answer never reached the refresher, or lacks
what lets it be used: Contact, which every 2xx to UPDATE and INVITE carries (RFC 3311 §5.2, RFC 3261
§13.3.1.4), or a Session-Expires that the answer to the INVITE had.

Where a capture shows several hops, the first copy of a request and of its final response count. A
response is lost on the way when one hop shows it and another, where the request was seen too, does
not: nothing says so but a capture of both.

References
----------
RFC 4028; RFC 3311; RFC 3261 §13.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import pandas as pd

from pipelines.analysis import analysis
from pipelines.grouping import in_order, is_one_of, nanoseconds, plain, rows_frame
from pipelines.needs import only
from pipelines.schema import SESSION_TIMERS

_METHODS = ("INVITE", "UPDATE", "BYE")

BYE_BEFORE_EXPIRY_S = 32
"""How long before the end the side that does not refresh sends BYE (RFC 4028 §10)."""
LATE_S = 32
"""How long after the end a BYE still belongs to it: Timer F of the refresh that failed."""


class _Row(NamedTuple):
    """One message, as plain values."""

    message_id: str
    time: int
    capture: str
    hop: frozenset[str]
    method: str
    status: int | None
    cseq: int | None
    from_tag: str | None
    to_tag: str | None
    from_uri: str | None
    to_uri: str | None
    product: str | None
    marks: str
    session_expires: int | None
    refresher: str | None
    min_se: int | None
    headers: str | None


_COLUMNS = (
    "message_id",
    "capture",
    "src_ip",
    "dst_ip",
    "method",
    "status_code",
    "cseq",
    "from_tag",
    "to_tag",
    "from_uri",
    "to_uri",
    "user_agent",
    "route_marks",
    "session_expires_s",
    "session_refresher",
    "min_se_s",
    "session_headers",
    "via_count",
)


@analysis("session_timers", messages=only(("call_id", "time", *_COLUMNS), method=_METHODS))
def session_timers(messages: pd.DataFrame) -> pd.DataFrame:
    """Return the session timers of the dialogs in `messages`.

    Parameters
    ----------
    messages : DataFrame
        Rows of the table `messages`.

    Returns
    -------
    DataFrame
        Rows of the table `session_timers`, in order of the answers.
    """
    messages = in_order(messages)
    timed = messages["session_expires_s"].notna() | messages["session_refresher"].notna()
    of_interest = messages["call_id"].isin(messages["call_id"][timed].unique())
    kept = messages[of_interest.to_numpy(dtype=bool) & is_one_of(messages["method"], *_METHODS)]
    made = [row for call_id, rows in _by_call(kept) for row in _rows(call_id, rows)]
    made.sort(key=lambda row: (row["answer_time"] is None, row["answer_time"] or 0))
    return rows_frame(SESSION_TIMERS, made)


def _by_call(messages: pd.DataFrame) -> Iterator[tuple[str, list[_Row]]]:
    messages = messages.sort_values("call_id", kind="stable")
    columns = {name: plain(messages[name]) for name in _COLUMNS}
    ends = (columns.pop(name) for name in ("src_ip", "dst_ip", "via_count"))
    hops = [_hop(*of_row) for of_row in zip(*ends, strict=True)]
    columns["route_marks"] = [marks or "" for marks in columns["route_marks"]]
    times = nanoseconds(messages["time"]).tolist()
    message_ids, captures, *others = columns.values()
    rows = map(_Row, message_ids, times, captures, hops, *others)
    pairs = zip(messages["call_id"].tolist(), rows, strict=True)
    for call_id, group in groupby(pairs, key=lambda pair: pair[0]):
        yield str(call_id), [row for _, row in group]


def _hop(source: str | None, destination: str | None, vias: int | None) -> frozenset[str]:
    """Return what names a hop; empty when nothing does.

    A log names one end, or none. There the Vias tell: a response has as many on a hop as its
    request had (RFC 3261 §8.2.6.2, §16.7).
    """
    if source and destination:
        return frozenset((source, destination))
    return frozenset((f"{vias} Vias",)) if vias is not None else frozenset()


# --- one dialog ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Exchange:
    """A request inside or before the dialog, its copies and its answers on every hop."""

    requests: list[_Row] = field(default_factory=list)
    """Copies of the request, by time."""
    finals: list[_Row] = field(default_factory=list)
    """Copies of its final responses, by time."""

    @property
    def success(self) -> _Row | None:
        """The first 2xx."""
        return next((row for row in self.finals if 200 <= (row.status or 0) < 300), None)

    @property
    def lost(self) -> bool:
        """Whether the final response did not come back on a hop where the request had passed."""
        if not self.finals:
            return False
        answered = {row.hop for row in self.finals}
        return any(row.hop not in answered for row in self.requests if row.hop)


def _rows(call_id: str, rows: list[_Row]) -> Iterator[dict[str, Any]]:
    """Yield the row of each dialog of one Call-ID that has a timer."""
    exchanges = _exchanges(rows)
    opening = [one for key, one in exchanges.items() if _opens(key, one)]
    for tags, first in _dialogs(rows).items():
        byes = [
            row for row in rows
            if row.method == "BYE" and row.status is None and {row.from_tag, row.to_tag} == tags
        ]  # fmt: skip
        made = _dialog(tags, first, opening, exchanges) | {"call_id": call_id}
        made |= _end(made, byes[0] if byes else None)
        if made["session_expires_s"] is not None or made["asked_session_expires_s"] is not None:
            yield made


def _dialogs(rows: list[_Row]) -> dict[frozenset[str | None], _Row]:
    """Return the pairs of tags that a 2xx to INVITE or a request inside shows, with the first."""
    found: dict[frozenset[str | None], _Row] = {}
    for row in rows:
        answers = row.method == "INVITE" and 200 <= (row.status or 0) < 300
        if row.from_tag and row.to_tag and (answers or row.status is None):
            found.setdefault(frozenset((row.from_tag, row.to_tag)), row)
    return found


def _exchanges(rows: list[_Row]) -> dict[tuple[Any, ...], _Exchange]:
    """Return the INVITE and UPDATE transactions, each with what all hops show of it."""
    found: dict[tuple[Any, ...], _Exchange] = {}
    to_tags = {
        (row.from_tag, row.cseq, row.method): row.to_tag for row in reversed(rows)
        if row.status is None
    }  # fmt: skip
    for row in rows:
        if row.method not in ("INVITE", "UPDATE"):
            continue
        inside = to_tags.get((row.from_tag, row.cseq, row.method), row.to_tag)
        one = found.setdefault((row.method, row.cseq, row.from_tag, inside), _Exchange())
        if row.status is None:
            one.requests.append(row)
        elif row.status >= 200:
            one.finals.append(row)
    return found


def _opens(key: tuple[Any, ...], exchange: _Exchange) -> bool:
    method, _, _, to_tag = key
    return method == "INVITE" and to_tag is None and bool(exchange.requests)


def _dialog(
    tags: frozenset[str | None],
    first: _Row,
    opening: list[_Exchange],
    exchanges: dict[tuple[Any, ...], _Exchange],
) -> dict[str, Any]:
    own = [one for one in opening if one.requests[0].from_tag in tags]
    answer = next((row for one in own for row in one.finals if _answers(row, tags)), None)
    caller = own[0].requests[0].from_tag if own else first.from_tag
    inside = [
        one for (_, _, from_tag, to_tag), one in exchanges.items()
        if to_tag is not None and {from_tag, to_tag} == tags and one.requests
    ]  # fmt: skip
    inside.sort(key=lambda one: one.requests[0].time)
    timer = _Timer.of(answer, inside, caller)
    asked = next((one.requests[0].session_expires for one in own), None)
    everything = [row for one in (*own, *inside) for row in (*one.requests, *one.finals)]
    return {
        "dialog_id": first.message_id,
        "capture": first.capture,
        **_sides(first, caller, everything),
        "answer_time": answer.time if answer else None,
        "session_expires_s": timer.interval,
        "asked_session_expires_s": asked,
        "min_se_s": max((row.min_se for row in everything if row.min_se), default=None),
        "refresher": timer.refresher,
        "too_small": len({(row.cseq, row.from_tag) for row in everything if row.status == 422}),
        "refreshes": len(inside),
        "refreshes_answered": sum(one.success is not None for one in inside),
        **_last_refresh(inside, answer, caller),
        "expiry_time": timer.expiry,
    }


def _answers(row: _Row, tags: frozenset[str | None]) -> bool:
    return 200 <= (row.status or 0) < 300 and {row.from_tag, row.to_tag} == tags


def _sides(first: _Row, caller: str | None, rows: list[_Row]) -> dict[str, Any]:
    straight = first.from_tag == caller
    products: dict[bool, str] = {}
    for row in rows:
        by_caller = (row.from_tag == caller) == (row.status is None)
        if row.product:
            products.setdefault(by_caller, row.product)
    from_uri, to_uri = first.from_uri, first.to_uri
    phone = "phone" in first.marks.split() or any("phone" in row.marks.split() for row in rows)
    return {
        "from_tag": caller,
        "to_tag": first.to_tag if straight else first.from_tag,
        "from_uri": from_uri if straight else to_uri,
        "to_uri": to_uri if straight else from_uri,
        "caller_product": products.get(True),
        "callee_product": products.get(False),
        "phone": phone or _is_phone(from_uri) or _is_phone(to_uri),
    }


def _is_phone(uri: str | None) -> bool:
    lower = (uri or "").lower()
    return lower.startswith("tel:") or "user=phone" in lower


@dataclass(frozen=True, slots=True)
class _Timer:
    """The timer as it stands after the last answer that named one."""

    interval: int | None
    """Seconds; None without a timer."""
    refresher: str | None
    """caller or callee."""
    expiry: int | None
    """Nanoseconds since 1970 UTC."""

    @classmethod
    def of(cls, answer: _Row | None, inside: list[_Exchange], caller: str | None) -> _Timer:
        """Return the timer that the answer set and each refresh set again that counts."""
        timer = cls(None, None, None)
        for row in (answer, *(_counting(one, answer) for one in inside)):
            if row is not None and row.session_expires:
                timer = cls(row.session_expires, _who(row, caller), _expiry(row))
        return timer


def _counting(exchange: _Exchange, answer: _Row | None) -> _Row | None:
    """Return the 2xx to a refresh unless it came to nothing."""
    success = exchange.success
    if success is None or exchange.lost:
        return None
    had = (answer.headers or "").split() if answer else ()
    has = (success.headers or "").split()
    return success if "contact" in has or "contact" not in had else None


def _expiry(row: _Row) -> int:
    return row.time + (row.session_expires or 0) * 1_000_000_000


def _who(row: _Row, caller: str | None) -> str | None:
    """Return who refreshes: ``uac`` is who sent the request that `row` answers (RFC 4028 §4)."""
    if row.refresher is None:
        return None
    asked_by_caller = row.from_tag == caller
    return "caller" if (row.refresher == "uac") == asked_by_caller else "callee"


def _last_refresh(
    inside: list[_Exchange], answer: _Row | None, caller: str | None
) -> dict[str, Any]:
    if not inside:
        return {}
    last = inside[-1]
    request, final = last.requests[0], last.success or (last.finals[0] if last.finals else None)
    return {
        "last_refresh_time": request.time,
        "last_refresh_method": request.method,
        "last_refresh_by": "caller" if request.from_tag == caller else "callee",
        "last_refresh_message_id": request.message_id,
        "last_refresh_status": final.status if final else None,
        "last_refresh_missing": _missing(request, answer, last.success),
        "last_refresh_lost": last.lost if last.finals else None,
    }


def _missing(request: _Row, answer: _Row | None, refreshed: _Row | None) -> str | None:
    """Return which headers the answer to the INVITE had and the answer to a refresh has not.

    Proxies need not put Record-Route into a request inside a dialog (RFC 3261 §16.6 step 4): where
    the request has none, its answer lacks none.
    """
    if answer is None or refreshed is None:
        return None
    had, has = set((answer.headers or "").split()), set((refreshed.headers or "").split())
    if "record-route" not in (request.headers or ""):
        had.discard("record-route")
    return " ".join(sorted(had - has)) or None


def _end(dialog: dict[str, Any], bye: _Row | None) -> dict[str, Any]:
    """Return how the dialog ended, and how that stands to the end of its timer."""
    if bye is None:
        return {"state": "open"}
    answered, expiry = dialog["answer_time"], dialog["expiry_time"]
    late = None if expiry is None else (bye.time - expiry) / 1e9
    return {
        "end_time": bye.time,
        "ended_by": "caller" if bye.from_tag == dialog["from_tag"] else "callee",
        "end_message_id": bye.message_id,
        "duration_s": None if answered is None else (bye.time - answered) / 1e9,
        "end_after_expiry_s": late,
        "state": "expired" if _at_expiry(late, dialog["session_expires_s"]) else "ended",
    }


def _at_expiry(late: float | None, interval: int | None) -> bool:
    """Tell whether a BYE came when the session expires, within a second before §10's moment."""
    if late is None or interval is None:
        return False
    return -min(BYE_BEFORE_EXPIRY_S, interval / 3) - 1 <= late <= LATE_S
