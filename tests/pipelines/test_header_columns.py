"""Columns of `messages` and `diagnostics` that say what headers mean."""

from __future__ import annotations

import json

import pytest

from dissectors.sip.message import decode_head
from pipelines.header_columns import header_columns
from pipelines.schema import DIAGNOSTICS, MESSAGES
from pipelines.tables import Tabulator, arrow_table
from tests.pipelines.values import some_flow

FOCUS = "sip:kim@contoso.com;gruu;opaque=app:conf:focus:id:X1"


def columns(start: str, **headers: str) -> tuple[str | None, ...]:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    message = decode_head("\r\n".join([start, *lines, "", ""]).encode())
    return header_columns(message, headers.get("From"), headers.get("To"))


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, (None, None, None, None, None, None)),
        ({"Server": "RTC/5.0"}, ("RTC/5.0", "Lync Server 2013", "5.0", None, None, None)),
        ({"User_Agent": "x/1", "Server": "RTC/5.0"}, ("x/1", "x", "1", None, None, None)),
        ({"User_Agent": ""}, (None, None, None, None, None, None)),
        ({"To": FOCUS}, (None, None, None, "X1", None, "focus")),
        ({"From": FOCUS}, (None, None, None, "X1", "focus", None)),
        ({"From": "sip:a@b;opaque=srvr:HomeServer:T"}, (*[None] * 4, "server:HomeServer", None)),
        ({"To": "sip:" + "x" * 2000 + ";opaque=user:epid:1"}, (None,) * 6),
    ],
)
def test_responses(headers: dict[str, str], told: tuple[str | None, ...]) -> None:
    assert columns("SIP/2.0 200 OK", **headers) == told


def test_a_long_user_agent_is_kept_and_not_looked_into() -> None:
    value = "a/1 " * 500
    assert columns("SIP/2.0 200 OK", User_Agent=value)[:2] == (value.strip(), None)


def test_the_request_uri_tells_what_to_does_not() -> None:
    start = f"INVITE {FOCUS} SIP/2.0"
    assert columns(start, To="sip:kim@contoso.com")[3:] == ("X1", None, "focus")
    chat = "sip:kim@contoso.com;gruu;opaque=app:conf:chat:id:X2"
    assert columns(start, To=chat)[3:] == ("X2", None, "mcu:chat")


def test_rows_of_diagnostics_tell_what_they_mean() -> None:
    message = decode_head(
        b"SIP/2.0 504 Server time-out\r\nCSeq: 1 INVITE\r\n"
        b'ms-diagnostics: 1010;reason="x";source="edge"\r\n'
        b'ms-client-diagnostics: 51007;CalleeMediaDebug="audio:ICEWarn=0x1"\r\n'
        b"ms-diagnostics-public: 98765\r\n\r\n"
    )
    message.frames = (1,)
    tabulator = Tabulator(1, "a.pcap")
    tabulator.add_message(some_flow(), "tls", message)
    tables = tabulator.drain()
    rows = tables["diagnostics"].to_pylist()
    assert [row["is_failure"] for row in rows] == [True, False, True]
    assert [row["certainty"] for row in rows] == ["documented", "third party", None]
    assert rows[0]["meaning"].startswith("The next hop's certificate")
    assert rows[2]["meaning"] is None
    assert json.loads(rows[1]["parameters"]) == {"calleemediadebug": {"audio": {"ICEWarn": "0x1"}}}
    assert rows[0]["parameters"] is None
    assert tables["diagnostics"].column_names == list(DIAGNOSTICS.names)
    assert tables["messages"].column_names == list(MESSAGES.names)
    assert len(arrow_table(DIAGNOSTICS, [])) == 0
