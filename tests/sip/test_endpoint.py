"""Who a URI names by its opaque."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.sip.endpoint import decode_endpoint


@pytest.mark.parametrize(
    ("opaque", "role", "identifier", "conference_id"),
    [
        ("user:epid:6AbhXg", "user", "6AbhXg", None),
        ("User:epid:6AbhXg", "user", "6AbhXg", None),
        ("app:conf:focus:id:X1", "focus", "X1", "X1"),
        ("app:conf:audio-video:id:X1", "mcu:audio-video", "X1", "X1"),
        ("app:conf:chat:id:X1", "mcu:chat", "X1", "X1"),
        ("app:conf:focus:id:teams:2:0!19:meeting_x", "focus", *["teams:2:0!19:meeting_x"] * 2),
        ("app:conf:focusfactory", "focusfactory", None, None),
        ("app:voicemail", "app:voicemail", None, None),
        ("srvr:MediationServer:ABC", "server:MediationServer", "ABC", None),
        ("srvr:McxExternal:AbaS", "server:McxExternal", "AbaS", None),
        ("srvr:HomeServer", "server:HomeServer", None, None),
    ],
)
def test_roles(opaque: str, role: str, identifier: str | None, conference_id: str | None) -> None:
    endpoint = decode_endpoint(f"sip:kim@contoso.com;gruu;opaque={opaque}")
    assert endpoint is not None
    assert (endpoint.role, endpoint.identifier) == (role, identifier)
    assert endpoint.conference_id == conference_id


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "sip:kim@a.test",
        "sip:a.test;opaque=state:T:F",
        "opaque=app:conf",
        "sip:a;opaque=",
        "sip:opaque",
    ],
)
def test_whoever_is_not_told(uri: str) -> None:
    assert decode_endpoint(uri) is None


def test_names_are_bounded() -> None:
    endpoint = decode_endpoint("sip:a@b;opaque=srvr:" + "x" * 900)
    assert endpoint is not None
    assert len(endpoint.role) < 100


@given(st.text("sip:;=@opaquefr", max_size=60))
def test_any_uri_gives_an_endpoint_or_none(uri: str) -> None:
    endpoint = decode_endpoint(uri)
    assert endpoint is None or endpoint.role
