"""Rows of `presence`: lists joined with documents, and documents alone."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError
from dissectors.sip.framing import decode_datagram
from fixtures.bodies.make import HERE
from pipelines.presence_rows import MAX_ROWS
from pipelines.schema import TABLES
from pipelines.tables import Tabulator
from tests.pipelines.values import some_flow

CATEGORIES = "application/msrtc-event-categories+xml"
RLMI = "application/rlmi+xml"
NOTIFY = "BENOTIFY sip:megan@contoso.com SIP/2.0", "BENOTIFY"
ANSWER = "SIP/2.0 200 OK", "SUBSCRIBE"


def _tables(start: tuple[str, str], content_type: str, body: str | bytes) -> dict[str, list[Any]]:
    data = body if isinstance(body, bytes) else body.encode()
    head = (
        f"{start[0]}\r\nCall-ID: c\r\nCSeq: 2 {start[1]}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    message = decode_datagram(head.encode() + data, 5, 1_000_000_000, 0)[0]
    assert not isinstance(message, DissectError)
    tabulator = Tabulator(1, "a.pcap")
    tabulator.add_message(some_flow(), "tls", message)
    return {name: table.to_pylist() for name, table in tabulator.drain().items()}


def _rows(start: tuple[str, str], content_type: str, body: str | bytes) -> list[dict[str, Any]]:
    return _tables(start, content_type, body).get("presence", [])


def _multipart(*parts: tuple[str, str, str]) -> tuple[str, str]:
    """Return Content-Type and body of parts of (Content-ID, media type, text)."""
    text = "".join(
        f"--b\r\nContent-ID: {cid}\r\nContent-Type: {kind}\r\n\r\n{data}\r\n"
        for cid, kind, data in parts
    )
    return 'multipart/related;type="application/rlmi+xml";boundary=b', f"{text}--b--\r\n"


def _list(*instances: str) -> tuple[str, str, str]:
    resources = "".join(
        f'<resource uri="sip:u{number}@contoso.com">{instance}</resource>'
        for number, instance in enumerate(instances, 1)
    )
    xml = f'<list uri="sip:megan@contoso.com" version="3" fullState="false">{resources}</list>'
    return "resourceList", RLMI, xml


def _state(uri: str, availability: int, more: str = "") -> str:
    return (
        f'<categories uri="{uri}"><category name="state" instance="1" '
        f'publishTime="2015-03-09T08:14:02.250"><state type="aggregateState">'
        f"<availability>{availability}</availability></state></category>{more}</categories>"
    )


def _some(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


@pytest.mark.parametrize("start", [NOTIFY, ANSWER], ids=["notification", "answer"])
def test_a_document_alone(start: tuple[str, str]) -> None:
    (row,) = _rows(start, CATEGORIES, _state("sip:u1@contoso.com", 6500))
    assert _some(row, "contact_uri", "category", "category_instance", "state_type") == (
        *("sip:u1@contoso.com", "state", 1, "aggregateState"),
    )
    assert _some(row, "availability", "presence", "cleared") == (6500, "busy", False)
    assert row["publish_time"] == pd.Timestamp("2015-03-09T08:14:02.250Z")
    assert _some(row, "part", "part_media_type", "call_id") == ("1", CATEGORIES, "c")
    assert _some(row, "subscriber_uri", "list_version", "state", "content_id") == (None,) * 4


def test_a_list_with_documents() -> None:
    kind, body = _multipart(
        _list(
            '<instance id="0" state="active" cid="d1"/>',
            '<instance id="0" state="terminated" reason="forbidden" statusCode="403" cid="d2"/>',
            "",
        ),
        ("d1", CATEGORIES, _state("sip:u1@contoso.com", 3500, '<category name="note"/>')),
        ("d9", CATEGORIES, _state("sip:u9@contoso.com", 15500)),
    )
    rows = _rows(ANSWER, kind, body)
    names = "contact_uri", "state", "status_code", "part", "category", "presence", "cleared"
    assert [_some(row, *names) for row in rows] == [
        ("sip:u1@contoso.com", "active", None, "1.2", "state", "online", False),
        ("sip:u1@contoso.com", "active", None, "1.2", "note", None, True),
        ("sip:u2@contoso.com", "terminated", 403, None, None, None, None),
        ("sip:u3@contoso.com", None, None, None, None, None, None),
        ("sip:u9@contoso.com", None, None, "1.3", "state", "away", False),
    ]
    assert [row["list_version"] for row in rows] == [3, 3, 3, 3, None]


def test_a_document_named_by_many_is_told_once() -> None:
    instance = '<instance id="0" state="active" cid="d1"/>'
    more = '<category name="note"/>' * 50
    kind, body = _multipart(
        _list(*[instance] * 100), ("d1", CATEGORIES, _state("sip:u1@contoso.com", 3500, more))
    )
    rows = _rows(NOTIFY, kind, body)
    assert len(rows) == 51 + 99
    assert {row["part"] for row in rows} == {"1.2"}


def test_a_huge_list_is_bounded_and_told() -> None:
    instances = ['<instance id="0" state="active"/>'] * (MAX_ROWS + 7)
    tables = _tables(NOTIFY, RLMI, _list(*instances)[2])
    assert len(tables["presence"]) == MAX_ROWS
    (fault,) = tables["expert"]
    assert _some(fault, "layer", "frame_number", "count") == ("presence", 5, 1)
    assert fault["summary"] == f"presence after the {MAX_ROWS}th row of a message is left out"


def test_what_many_rows_repeat_is_cut() -> None:
    long = "x" * 100_000
    categories = f'<category name="{long}"><note><body/><body/></note></category>' * 2
    kind, body = _multipart(
        (
            "r",
            RLMI,
            f'<list uri="{long}"><resource uri="{long}"><instance cid="d"/></resource></list>',
        ),
        ("d", CATEGORIES, f'<categories uri="{long}">{categories}</categories>'),
    )
    rows = _rows(NOTIFY, kind, body)
    assert len(rows) == 4
    assert (
        max(len(value) for row in rows for value in row.values() if isinstance(value, str)) < 1100
    )


def test_notes_have_a_row_each() -> None:
    body = (
        '<categories uri="u"><category name="note"><note><body type="OOF">Away</body>'
        '<body type="personal"/></note></category><category name="note"><note/></category>'
        "</categories>"
    )
    rows = _rows(NOTIFY, CATEGORIES, body)
    assert [_some(row, "note", "note_type") for row in rows] == [
        ("Away", "OOF"),
        (None, "personal"),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (
            "pidf/public_provider.xml",
            [("sam.skypeid@example.org", "tuple", "open", "busy", "busy", "0", "Sam")],
        ),
        (
            "pidf/rpid.xml",
            [
                ("pres:kim@fabrikam.com", "tuple", "open", None, None, "t1", None),
                ("pres:kim@fabrikam.com", "tuple", "closed", None, None, "t2", None),
                (
                    *("pres:kim@fabrikam.com", "person", None, "busy"),
                    *("on-the-phone,juggling", "p1", None),
                ),
                ("pres:kim@fabrikam.com", "device", None, None, None, "d1", None),
                ("pres:kim@fabrikam.com", "note", None, None, None, None, None),
            ],
        ),
        (
            "xpidf/online.xml",
            [
                ("sip:kim@fabrikam.com", "address", "inuse", "busy", "onthephone", "1000", None),
                ("sip:kim@fabrikam.com", "address", "inactive", None, None, "1001", None),
            ],
        ),
        (
            "msrtc_pidf/presentity.xml",
            [
                ("kim@litware.com", "presentity", None, None, None, "a1b2c3d4e5", "Kim Akers"),
                ("kim@litware.com", "state", None, "busy", "busy", None, None),
                ("kim@litware.com", "state", None, None, None, None, None),
                ("kim@litware.com", "device", None, "online", None, "a1b2c3d4e5", None),
            ],
        ),
    ],
)
def test_documents_of_others(sample: str, told: list[tuple[str | None, ...]]) -> None:
    folder, _, name = sample.partition("/")
    entry = json.loads((HERE / folder / "expected.json").read_text("utf-8"))[name]
    rows = _rows(NOTIFY, entry["content_type"], (HERE / sample).read_bytes())
    names = "contact_uri", "category", "basic", "presence", "activity", "endpoint_id"
    assert [_some(row, *names, "display_name") for row in rows] == told


def test_every_column_of_a_full_document_is_filled_somewhere() -> None:
    path = HERE / "event_categories" / "everything.xml"
    rows = _rows(NOTIFY, CATEGORIES, path.read_bytes())
    assert set(rows[0]) == set(TABLES["presence"].names)
    filled = {name for row in rows for name, value in row.items() if value is not None}
    own = TABLES["presence"].names[TABLES["presence"].names.index("category") :]
    assert set(own) - filled == {"basic"}  # of PIDF
    by_category = {(row["category"], row["state_type"]): row for row in rows}
    aggregate = by_category["state", "aggregateState"]
    assert _some(aggregate, "activity", "device", "container", "endpoint_id") == (
        *("on-the-phone", "Mobile", 2, "0A1B2C3D-0000-4444-8888-AABBCCDDEEFF"),
    )
    assert aggregate["last_active_time"] == pd.Timestamp("2015-03-09T08:10:00Z")
    assert by_category["contactCard", None]["display_name"] == "Adele Vance"
    assert by_category["device", None]["device"] == "PC-ADELE"
    assert by_category["legacyInterop", None]["availability"] == 3500


@pytest.mark.parametrize(
    "body", ['<categories uri="sip:u1@contoso.com"/>', '<categories uri="sip:u1@contoso.com">']
)
def test_a_document_that_says_nothing_has_a_row(body: str) -> None:
    (row,) = _rows(NOTIFY, CATEGORIES, body)
    assert _some(row, "contact_uri", "category", "cleared") == ("sip:u1@contoso.com", None, None)


_NAMES = ("categories", "category", "state", "availability", "activity", "note", "body", "device")
_NAMES += ("presence", "tuple", "status", "basic", "atom", "address", "presentity", "userInfo")
_NAMES += ("states", "list", "resource", "instance", "contactCard", "legacyInterop")
_ATTRIBUTES = ("uri", "name", "instance", "publishTime", "cid", "avail", "since", "container")
_VALUES = st.sampled_from(("", "7", "9" * 18, "9" * 40, "d1", "2015-03-09T08:14:02", "é\n"))
_VALUES |= st.sampled_from(("1677-09-21T00:12:43", "2262-04-11T23:47:17Z", "0001-01-01T00:00:00"))
_TREES = st.recursive(
    _VALUES,
    lambda inner: st.builds(
        lambda name, told, inside: (
            f"<{name}{''.join(f' {key}={value!r}' for key, value in told.items())}>"
            f"{''.join(inside)}</{name}>"
        ),
        st.sampled_from(_NAMES),
        st.dictionaries(st.sampled_from(_ATTRIBUTES), _VALUES, max_size=3),
        st.lists(inner, max_size=4),
    ),
    max_leaves=15,
)


@settings(max_examples=80, deadline=None)
@given(
    root=st.sampled_from(("categories", "presence", "presentity")),
    kind=st.sampled_from((CATEGORIES, "application/pidf+xml", "application/xpidf+xml")),
    inside=st.lists(_TREES, max_size=4),
)
def test_any_document_fits_the_table(root: str, kind: str, inside: list[str]) -> None:
    document = f"<{root}>{''.join(inside)}</{root}>"
    content_type, body = _multipart(_list('<instance cid="d1"/>'), ("d1", kind, document))
    tables = _tables(NOTIFY, content_type, body)
    decoded = [row["problem"] is None for row in tables["bodies"]]
    assert decoded[:2] == [True, True]
    assert len(tables["presence"]) >= 1
    assert {row["contact_uri"] for row in tables["presence"]} == {"sip:u1@contoso.com"}


def test_a_broken_document_has_its_text_and_its_problem() -> None:
    tables = _tables(NOTIFY, CATEGORIES, "<presence>no categories</presence>")
    assert "presence" not in tables
    (body,) = tables["bodies"]
    assert body["text"] == "<presence>no categories</presence>"
    assert (body["decoder"], body["value"]) == (None, None)
    assert "not categories" in body["problem"]


def test_a_document_keeps_its_text_and_names_its_decoder() -> None:
    xml = _state("sip:u1@contoso.com", 6500)
    (body,) = _tables(NOTIFY, CATEGORIES, xml)["bodies"]
    assert (body["text"], body["decoder"], body["value"]) == (xml, "EventCategories", None)


PUBLISH = "SERVICE sip:app@contoso.com SIP/2.0", "SERVICE"


def test_legacy_interop_that_is_published_has_rows() -> None:
    body = (HERE / "category_publish" / "legacy_interop.xml").read_bytes()
    rows = _rows(PUBLISH, "application/msrtc-category-publish+xml", body)
    assert [(row["contact_uri"], row["category"], row["container"]) for row in rows] == [
        ("sip:contact.centre@contoso.com", "legacyInterop", 0),
        ("sip:contact.centre@contoso.com", "legacyInterop", 100),
    ]
    assert {row["availability"] for row in rows} == {3500}


def test_other_publications_have_none() -> None:
    body = (HERE / "category_publish" / "machine_state.xml").read_bytes()
    assert not _rows(PUBLISH, "application/msrtc-category-publish+xml", body)
    assert not _rows(PUBLISH, "application/msrtc-category-publish+xml", b"<legacyInterop")
