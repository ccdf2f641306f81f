"""Scripts of conferences: the words of :mod:`tests.analyses.script`, and their URIs in short.

``to=focus`` and ``to=av`` stand for the URIs of a conference's focus and A/V MCU, ``by=NAME`` for
From, and ``call=`` gives, unless it is said, the From tag too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from pipelines.analysis import analyses
from pipelines.schema import BODIES, CAPTURES, DIAGNOSTICS, FLOWS
from tests.analyses.script import at, body, messages, typed

GRACE = "sip:grace@contoso.com;gruu;opaque=app:conf:"
CONFERENCE = "X1Y2Z3W4"
FOCUS = f"{GRACE}focus:id:{CONFERENCE}"
PARTS = {"focus": "focus", "av": "audio-video", "chat": "chat"}
INVITE, CCCP = "application/ms-conf-invite+xml", "application/cccp+xml"
INFO = "application/conference-info+xml"


def rows(script: str, text: str = "string[pyarrow]") -> pd.DataFrame:
    """Return the rows of `messages` that a script describes."""
    return messages("\n".join(map(_spelled, script.splitlines())), text)


def _spelled(line: str) -> str:
    line = re.sub(r"\bto=(focus|av|chat)\b", lambda m: f"to_uri={_uri(m[1])}", line)
    line = re.sub(r"\bby=(focus|av|chat)\b", lambda m: f"from_uri={_uri(m[1])}", line)
    line = re.sub(r"\bby=(\w+)\b", r"from_uri=sip:\1@contoso.com", line)
    line = re.sub(r"\bfor=(\w+)\b", r"to_uri=sip:\1@contoso.com", line)
    return re.sub(r"\bcall=(\w+)\b(?!.*\bfrom=)", r"call=\1 from=\1", line)


def _uri(part: str) -> str:
    return f"{GRACE}{PARTS[part]}:id:{CONFERENCE}"


def invitation(message: str, seconds: float, focus: str = FOCUS, **more: Any) -> dict[str, Any]:
    """Return the body of an invitation."""
    xml = f'<Conferencing version="2.0"><focus-uri>{focus}</focus-uri></Conferencing>'
    return body(message, seconds, INVITE, xml, call_id="i", **more)


def command(message: str, seconds: float, code: str = "", reason: str = "") -> dict[str, Any]:
    """Return the body of addUser, or of its answer with `code`."""
    kind = f'response code="{code}" reason="{reason}"' if code else "request"
    xml = f'<{kind} requestId="1"><addUser/></{kind.split()[0]}>'
    return body(message, seconds, CCCP, xml, call_id="f")


def roster(version: int, seconds: float, user: str, **statuses: str) -> dict[str, Any]:
    """Return the body of a roster in which a user's endpoints have `statuses`, by session type."""
    endpoints = "".join(
        f'<endpoint entity="{kind}" session-type="{PARTS[kind]}"><status>{status}</status>'
        "</endpoint>"
        for kind, status in statuses.items()
    )
    state = "full" if version == 1 else "partial"
    xml = (
        f'<conference-info entity="{FOCUS}" state="{state}" version="{version}"><users>'
        f'<user entity="sip:{user}@contoso.com" state="full">{endpoints}</user></users>'
        "</conference-info>"
    )
    return body(f"1-{900 + version}-1", seconds, INFO, xml, call_id="s")


def joins(
    script: str,
    *told: dict[str, Any],
    diagnostics: tuple[dict[str, Any], ...] = (),
    end: float = 100.0,
    lost_bytes: int = 0,
    recordings: Mapping[str, str] = MappingProxyType({}),
    text: str = "string[pyarrow]",
) -> pd.DataFrame:
    """Return the rows of `conference_joins` of a script and its bodies."""
    found = rows(script, text)
    captures = [
        {"capture": name, "recording": recordings.get(name, name), "end_time": at(end)}
        for name in ("edge", "fe")
    ]
    flows = [{"flow_id": one, "lost_bytes": lost_bytes} for one in found["flow_id"].unique()]
    return made(
        "conference_joins",
        {
            "messages": found,
            "bodies": typed(list(told), BODIES, text),
            "diagnostics": typed(list(diagnostics), DIAGNOSTICS, text),
            "captures": typed(captures, CAPTURES, text),
            "flows": typed(flows, FLOWS, text),
        },
    )


def made(name: str, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a table; what it is made of is made too, unless it is in `tables`."""
    if name not in tables:
        one = analyses[name]
        needs = {
            parameter: made(it.table, tables)[list(it.columns)]
            for parameter, it in one.needs.items()
        }
        tables[name] = one.function(**needs)
    return tables[name]
