"""The summary of a run as one plain value: what `summarize` prints, and its ``--json``.

Everything in it is JSON: text, numbers, booleans, lists, objects, and null for what is not known.
Times are ISO 8601 in UTC, durations seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dissectors.sip.diagnostics import component_of
from pipelines import __version__
from pipelines.problems import problems_of
from pipelines.request import Request
from pipelines.results import Tables

SLOW_RINGBACK_S = 5.0
"""Seconds to ringback from which a call is called slow; callers of Skype met 10 to 15 s."""

PEERS = 5
"""How many domains of a group of failures are named."""

SLOWEST = 5
"""How many slow calls are shown in detail."""

ROWS = 12
"""How many rows a ranking has at the most."""

_MESSAGES = ("method", "status_code", "transport", "retransmission_of")
_PRESENCE = (
    *("message_id", "call_id", "contact_uri", "instance_id", "state", "reason"),
    *("status_code", "diagnostics_code"),
)

Summary = dict[str, Any]


def summary_of(tables: Tables, request: Request) -> Summary:
    """Return the summary of a run.

    Returns
    -------
    dict
        Keys ``version``, ``findings``, ``captures``, ``tls``, ``messages``, ``calls``,
        ``failures``, ``damage``, ``problems``; each is described at the function that makes it.
    """
    return {
        "version": __version__,
        "findings": _findings(tables.frame("findings")),
        "captures": _captures(tables.frame("captures")),
        "tls": _tls(tables.frame("tls_sessions"), tables.frame("flows")),
        "messages": _messages(tables.frame("messages", _MESSAGES)),
        "calls": _calls(tables.frame("calls"), tables.frame("transactions")),
        "failures": _failures(tables),
        "damage": _damage(tables.frame("expert")),
        "problems": problems_of(tables, request),
    }


def plain(value: Any) -> Any:
    """Return a cell of a DataFrame as a JSON value."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return None if value != value else round(value, 6)
    return value.item() if hasattr(value, "item") else value


def records(frame: pd.DataFrame) -> list[Summary]:
    """Return the rows of a frame as JSON objects."""
    names = list(frame.columns)
    return [
        {name: plain(value) for name, value in zip(names, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]


def _findings(findings: pd.DataFrame) -> list[Summary]:
    """One object per finding, worst first, with the columns of `findings`."""
    return records(findings)


def _captures(captures: pd.DataFrame) -> list[Summary]:
    """One object per capture, with the columns of `captures`."""
    return records(captures)


def _tls(sessions: pd.DataFrame, flows: pd.DataFrame) -> Summary:
    """How many TLS sessions there are and were opened, and the others by reason, with examples."""
    closed = sessions[sessions["reason"].notna()].merge(
        flows[["flow_id", "client_ip", "client_port", "server_ip", "server_port"]].astype(
            {"flow_id": "string"}
        ),
        on="flow_id",
        how="left",
    )
    reasons = [
        {
            "reason": reason,
            "sessions": len(group),
            "opened_in_part": int(group["opened"].sum()),
            "example": records(group.head(1))[0],
        }
        for reason, group in closed.groupby("reason", sort=False)
    ]
    reasons.sort(key=lambda one: -one["sessions"])
    return {
        "sessions": len(sessions),
        "opened": int(sessions["opened"].sum()),
        "reasons": reasons[:ROWS],
    }


def _messages(messages: pd.DataFrame) -> Summary:
    """Messages by transport, and by method with the classes of their responses."""
    first = messages[messages["retransmission_of"].isna()]
    kind = first["status_code"].floordiv(100).astype("Int64").astype("string").add("xx")
    counts = pd.crosstab(first["method"].astype("string"), kind.fillna("requests"))
    counts["total"] = counts.sum(axis=1)
    counts = counts.sort_values("total", ascending=False).drop(columns="total")
    return {
        "total": len(messages),
        "retransmissions": len(messages) - len(first),
        "by_transport": {
            str(name): int(count)
            for name, count in messages["transport"].astype("string").value_counts().items()
        },
        "by_method": [
            {"method": str(method), **{str(name): int(n) for name, n in row.items()}}
            for method, row in counts.iterrows()
        ],
    }


# --- calls --------------------------------------------------------------------------------------


def _calls(calls: pd.DataFrame, transactions: pd.DataFrame) -> Summary:
    """Return calls by route with their delays, by outcome, and the slowest of them."""
    return {
        "total": len(calls),
        "by_route": [
            {
                "route": str(route),
                "attempts": len(group),
                "answered": int((group["outcome"] == "answered").sum()),
                "setup_delay_s": _distribution(group["setup_delay_s"]),
                "ringback_delay_s": _distribution(group["ringback_delay_s"]),
            }
            for route, group in sorted(
                calls.groupby(calls["route"].astype("string")), key=lambda item: -len(item[1])
            )
        ],
        "by_outcome": {
            str(name): int(count)
            for name, count in calls["outcome"].astype("string").value_counts().items()
        },
        "slowest": [_slow_call(row, transactions) for row in records(_slowest(calls))],
    }


def _distribution(values: pd.Series[float]) -> Summary | None:
    known = values.dropna()
    if known.empty:
        return None
    return {
        "n": len(known),
        "median": round(float(known.median()), 6),
        "p95": round(float(known.quantile(0.95)), 6),
        "max": round(float(known.max()), 6),
    }


def _slowest(calls: pd.DataFrame) -> pd.DataFrame:
    delay = calls["ringback_delay_s"].fillna(calls["session_request_delay_s"])
    order = delay.dropna().sort_values(ascending=False, kind="stable").index
    slowest: pd.DataFrame = calls.loc[order[:SLOWEST]]
    return slowest


def _slow_call(call: Summary, transactions: pd.DataFrame) -> Summary:
    """Return a call with the time that each hop waited for the answer to its INVITE."""
    mine = transactions[
        (transactions["call_id"] == call["call_id"])
        & (transactions["method"] == "INVITE")
        & transactions["to_tag"].isna()
        & transactions["request_message_id"].notna()
    ].sort_values("start_time", kind="stable")
    hops = []
    for one in records(mine):
        answered = one["first_provisional_time"] or one["final_time"]
        wait = _seconds_between(one["start_time"], answered)
        hops.append({"src_ip": one["src_ip"], "dst_ip": one["dst_ip"], "answer_s": wait})
    return {**call, "hops": hops}


def _seconds_between(start: str | None, end: str | None) -> float | None:
    if start is None or end is None:
        return None
    return round(float((pd.Timestamp(end) - pd.Timestamp(start)).total_seconds()), 6)


# --- failures and damage ------------------------------------------------------------------------


def _failures(tables: Tables) -> list[Summary]:
    """Failures by method, status, cause and route; refusals inside a 200, and silence, too."""
    logged = tables.frame("log_diagnostics")
    rows = [
        *_failed_requests(tables.frame("failures"), logged),
        *_unanswered_requests(tables.frame("transactions"), logged),
        *_refused_subscriptions(tables.frame("presence", _PRESENCE)),
    ]
    rows.sort(key=lambda row: -row["count"])
    return rows[:ROWS]


def _failed_requests(failures: pd.DataFrame, logged: pd.DataFrame) -> list[Summary]:
    keys = ["method", "status_code", "reason_phrase", "cause_code", "cause_source", "route"]
    failures = failures.astype({name: "string" for name in keys if "code" not in name})
    return [
        {
            "count": len(group),
            "where": "response",
            "method": plain(key[0]),
            "status_code": plain(key[1]),
            "reason_phrase": plain(key[2]),
            "diagnostics_code": plain(key[3]),
            "diagnostics_reason": _first(group["cause_reason"]),
            "component": _first(group["cause_component"]),
            "source": plain(key[4]),
            "route": plain(key[5]),
            "peer_domains": sorted(map(str, group["peer_domain"].dropna().unique()))[:PEERS],
            "logged_reason": _logged_reason(group, logged),
            "example_call_id": plain(group["call_id"].iloc[0]),
        }
        for key, group in failures.groupby(keys, dropna=False, sort=False)
    ]


def _first(values: pd.Series[Any]) -> Any:
    known = values.dropna()
    return plain(known.iloc[0]) if len(known) else None


def _unanswered_requests(transactions: pd.DataFrame, logged: pd.DataFrame) -> list[Summary]:
    silent = transactions[transactions["outcome"] == "unanswered"]
    # The same request stays without an answer on every hop that it passed.
    silent = silent.drop_duplicates(["call_id", "cseq", "method"])
    return [
        {
            "count": len(group),
            "where": "no final response in the capture",
            "method": str(method),
            **dict.fromkeys(_NOT_TOLD),
            "peer_domains": [],
            "logged_reason": _logged_reason(group, logged),
            "example_call_id": plain(group["call_id"].iloc[0]),
        }
        for method, group in silent.groupby(silent["method"].astype("string"), sort=False)
    ]


_NOT_TOLD = (
    "status_code",
    "reason_phrase",
    "diagnostics_code",
    "diagnostics_reason",
    "component",
    "source",
    "route",
)


def _logged_reason(failed: pd.DataFrame, logged: pd.DataFrame) -> str | None:
    """Return what a trace log notes about any of the requests, the worst first."""
    if logged.empty:
        return None
    about = logged.merge(
        failed[["call_id", "cseq", "method"]].dropna().astype({"method": "string"})
    )
    about = about[about["text"].notna()].sort_values("severity", kind="stable")
    if about.empty:
        return None
    first = about.iloc[0]
    name = "" if pd.isna(first["result_name"]) else f" ({first['result_name']})"
    return f"{first['text']}{name}"


def _refused_subscriptions(presence: pd.DataFrame) -> list[Summary]:
    refused = presence[(presence["state"] == "terminated") & (presence["status_code"] >= 300)]
    # A contact has a row for each category of its document, if a refused one should have any.
    refused = refused.drop_duplicates(["message_id", "contact_uri", "instance_id"])
    keys = ["status_code", "reason", "diagnostics_code"]
    refused = refused.astype({"reason": "string"})
    return [
        {
            "count": len(group),
            "where": "resource list inside a 200",
            "method": "SUBSCRIBE",
            "status_code": plain(key[0]),
            "reason_phrase": plain(key[1]),
            "diagnostics_code": plain(key[2]),
            "diagnostics_reason": None,
            "component": component_of(int(key[2])) if pd.notna(key[2]) else None,
            "source": None,
            "route": None,
            "peer_domains": [],
            "logged_reason": None,
            "example_call_id": plain(group["call_id"].iloc[0]),
        }
        for key, group in refused.groupby(keys, dropna=False, sort=False)
    ]


def _damage(expert: pd.DataFrame) -> list[Summary]:
    """Faults by layer and text, worst first, with the first frame."""
    if expert.empty:
        return []
    kinds = expert.astype({"layer": "string", "severity": "string"}).assign(
        # Numbers differ from fault to fault of one kind.
        kind=expert["summary"].str.replace(r"\d+", "#", regex=True)
    )
    rows = [
        {
            "layer": layer,
            "severity": severity,
            "summary": str(group["summary"].iloc[0]),
            "count": int(group["count"].sum()),
            "first_frame": plain(group["frame_number"].min()),
        }
        for (layer, severity, _), group in kinds.groupby(["layer", "severity", "kind"], sort=False)
    ]
    worst = {"error": 0, "warning": 1, "note": 2}
    rows.sort(key=lambda row: (worst[row["severity"]], -row["count"]))
    return rows
