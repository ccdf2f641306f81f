"""Columns of `messages` and `diagnostics` that say what headers mean."""

from __future__ import annotations

import json

import pytest

from dissectors.sip.message import decode_head
from pipelines.arrow_rows import arrow_table
from pipelines.header_columns import header_columns
from pipelines.schema import DIAGNOSTICS, MESSAGES
from pipelines.tables import Tabulator
from tests.pipelines.values import some_flow

FOCUS = "sip:kim@contoso.com;gruu;opaque=app:conf:focus:id:X1"
CHAT = "sip:kim@contoso.com;gruu;opaque=app:conf:chat:id:X2"


NAMES = ["product", "product_version", "conference_id", "from_role", "to_role"]


def columns(
    agent: str | None = None, sender: str | None = None, to: str | None = None,
    request: str | None = None,
) -> list[str | None]:  # fmt: skip
    found = header_columns([agent], [sender], [to], [request])
    assert list(found) == NAMES
    return [values[0] for values in found.values()]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, [None] * 5),
        ({"agent": "RTC/5.0"}, ["Lync Server 2013", "5.0", None, None, None]),
        ({"agent": "()"}, [None] * 5),
        ({"agent": "a/1 " * 500}, [None] * 5),
        ({"to": FOCUS}, [None, None, "X1", None, "focus"]),
        ({"sender": FOCUS}, [None, None, "X1", "focus", None]),
        ({"sender": "sip:a@b;opaque=srvr:HomeServer:T"}, [*[None] * 3, "server:HomeServer", None]),
        ({"to": "sip:" + "x" * 2000 + ";opaque=user:epid:1"}, [None] * 5),
        ({"to": "sip:kim@contoso.com", "request": FOCUS}, [None, None, "X1", None, "focus"]),
        ({"to": CHAT, "request": FOCUS}, [None, None, "X2", None, "mcu:chat"]),
    ],
)
def test_what_headers_mean(given: dict[str, str], told: list[str | None]) -> None:
    assert columns(**given) == told


def test_each_message_has_its_own() -> None:
    found = header_columns(["RTC/5.0", None], [None, FOCUS], [CHAT, None], [None, None])
    assert found["conference_id"] == ["X2", "X1"]
    assert found["product"] == ["Lync Server 2013", None]


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
