"""Captures as scripts: one line per message, as one would write them on a board.

::

    0.0  alice>fe  INVITE
    0.1  fe>alice  180
    3.0  fe>alice  200
    9.0  alice>fe  BYE cseq=2

After the time and the two hosts comes a method or a status code (with the method of its CSeq, when
that is not INVITE), then any column of `messages` as name=value; a dash stands for missing. What is
not said is filled in as a well-behaved stack would send it.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

import dissectors.bodies  # noqa: F401  (importing it fills the registry)
from dissectors.body import MediaPart, decode_part, to_plain
from pipelines.schema import MESSAGES, Table

EPOCH = pd.Timestamp("2014-07-16T10:00:00Z")

OUTSIDE_DIALOG = ("INVITE", "CANCEL", "SUBSCRIBE", "REGISTER", "MESSAGE", "OPTIONS", "SERVICE")

TEXT_TYPES = ("string[pyarrow]", "string[python]", "object", "category")

_SHORT = {"call": "call_id", "from": "from_tag", "to": "to_tag", "branch": "via_branch"}
_SHORT |= {"diag": "diagnostics_code", "type": "content_type", "marks": "route_marks"}
_SHORT |= {"vias": "via_count", "origin": "via_origin"}
_SHORT |= {"se": "session_expires_s", "refresher": "session_refresher", "min": "min_se_s"}
_SHORT |= {"headers": "session_headers"}
_SHORT |= {"ua": "user_agent", "conversation": "conversation_id", "expires": "expires_s"}

_SHORT |= {"schemes": "auth_schemes", "epid": "from_epid"}

_WITH_SPACES = ("route_marks", "session_headers", "user_agent", "auth_schemes", "bindings")
"""Columns in whose values a plus stands for a space."""


def messages(script: str, text: str = "string[pyarrow]") -> pd.DataFrame:
    """Return the rows of `messages` that a script describes, in order of time."""
    rejected: dict[str, str] = {}
    rows = []
    for number, line in enumerate(filter(str.strip, script.splitlines()), 1):
        rows.append(_row(number, line.split(), rejected))
    rows.sort(key=lambda row: row["time"])
    return typed(rows, MESSAGES, text)


def typed(rows: list[dict[str, Any]], table: Table, text: str = "string[pyarrow]") -> pd.DataFrame:
    """Return rows as a DataFrame with the columns of `table`."""
    dtypes = {"time": "datetime64[ns, UTC]", "seconds": "float64", "integer": "Int64"}
    dtypes |= {"number": "float64", "boolean": "boolean", "text": text, "category": text}
    dtypes |= {"texts": "object", "integers": "object"}
    columns = {column.name: [row.get(column.name) for row in rows] for column in table}
    return pd.DataFrame(
        {column.name: pd.array(columns[column.name], dtype=dtypes[column.kind]) for column in table}
    )


def at(seconds: float) -> pd.Timestamp:
    """Return the moment that a script calls `seconds`."""
    return EPOCH + pd.Timedelta(round(seconds * 1e9), "ns")


def _row(number: int, words: list[str], rejected: dict[str, str]) -> dict[str, Any]:
    seconds, hosts, start, *rest = words
    pairs = [word.split("=", 1) for word in rest if "=" in word]
    said = {_SHORT.get(key, key): value for key, value in pairs}
    named = [word for word in rest if "=" not in word]
    source, destination = hosts.split(">")
    row: dict[str, Any] = {"call_id": "c1", "cseq": 1, "from_tag": "a", "transport": "tls"}
    row |= {"capture": "edge", "frame_number": number, "message_id": f"1-{number}-1"}
    row |= {"time": at(float(seconds)), "first_time": at(float(seconds))}
    row |= {"src_ip": source, "dst_ip": destination}
    row |= {"flow_id": "-".join(sorted([source, destination]))}
    row |= {"from_uri": "sip:alice@contoso.com", "to_uri": "sip:bob@contoso.com"}
    row["is_request"] = not start.isdigit()
    row["method"] = start if row["is_request"] else (named[0] if named else "INVITE")
    if row["is_request"]:
        row["request_uri"] = "sip:bob@contoso.com"
        row["to_tag"] = None if row["method"] in OUTSIDE_DIALOG else "b"
    else:
        row["status_code"] = int(start)
        row["to_tag"] = "b" if int(start) > 100 else None
        row["reason_phrase"] = {100: "Trying", 180: "Ringing", 200: "OK"}.get(int(start), "Other")
    row |= {key: None if value == "-" else _value(key, value) for key, value in said.items()}
    row.setdefault("via_branch", _branch(row, rejected))
    row.setdefault("recording", row["capture"])
    return row


def _value(key: str, value: str) -> Any:
    if key in ("time", "first_time"):
        return at(float(value))
    if key in ("cseq", "diagnostics_code", "status_code", "expires_s", "frame_number", "via_count"):
        return int(value)
    if key in ("session_expires_s", "min_se_s"):
        return int(value)
    return value.replace("+", " ") if key in _WITH_SPACES else value


def _branch(row: dict[str, Any], rejected: dict[str, str]) -> str:
    """Return the branch as RFC 3261 §8.1.1.7 and §17.1.1.3 want it."""
    method, where = row["method"], f"{row['call_id']}-{row['cseq']}-{row['flow_id']}"
    own = f"z9hG4bK-{where}-{row['from_tag']}-{row['to_tag'] if row['is_request'] else ''}"
    if method in ("INVITE", "CANCEL", "ACK"):
        own = f"z9hG4bK-{where}-{row['from_tag']}"
    if method == "INVITE" and not row["is_request"] and row["status_code"] >= 300:
        rejected[where] = own
    if method == "ACK":
        return rejected.get(where, own + "-ack")
    return own if method in ("INVITE", "CANCEL") else f"z9hG4bK-{where}-{row['from_tag']}-{method}"


def body(message: str, seconds: float, media_type: str, data: str, **more: Any) -> dict[str, Any]:
    """Return the row of `bodies` for a body, decoded by the decoder of its media type."""
    part = MediaPart("1", media_type, {}, None, None, data.encode())
    value = json.dumps(to_plain(decode_part(part)))
    row = {"message_id": message, "time": at(seconds), "capture": "edge", "frame_number": 1}
    row |= {"call_id": "c1", "part": "1", "media_type": media_type, "value": value}
    return row | more
