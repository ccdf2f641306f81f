from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipelines.analyses.conference_participants import conference_participants
from pipelines.schema import BODIES, CONFERENCE_PARTICIPANTS
from tests.analyses.script import TEXT_TYPES, at, body, typed

TYPE = "application/conference-info+xml"
FOCUS = "sip:megan@contoso.com;gruu;opaque=app:conf:focus:id:H6GJ2K9P"


def notify(
    number: int, seconds: float, state: str, version: int, users: str, **more: Any
) -> dict[str, Any]:
    head = f'entity="{FOCUS}" state="{state}" version="{version}"'
    xml = f"<conference-info {head}>{users}</conference-info>"
    return body(f"1-{number}-1", seconds, TYPE, xml, frame_number=number, **more)


def user(uri: str, status: str, more: str = "", state: str = "full") -> str:
    return (
        f'<user entity="{uri}" state="{state}"><display-text>Somebody</display-text><roles><entry>'
        f'attendee</entry></roles><endpoint entity="e1" session-type="audio-video">'
        f"<status>{status}</status>{more}</endpoint></user>"
    )


def table(*rows: dict[str, Any], text: str = "string[pyarrow]") -> pd.DataFrame:
    return conference_participants(typed(list(rows), BODIES, text))


def told(found: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    return list(found[list(names)].astype(object).itertuples(index=False, name=None))


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_a_call_out_that_fails(text: str) -> None:
    why = (
        "<disconnection-method>failed</disconnection-method>"
        "<disconnection-info><reason>SIP;cause=486</reason></disconnection-info>"
    )
    found = table(
        notify(1, 0, "full", 1, "<users/>"),
        notify(2, 1, "partial", 2, f"<users>{user('sip:kim@contoso.com', 'dialing-out')}</users>"),
        notify(
            3, 9, "partial", 3, f"<users>{user('sip:kim@contoso.com', 'disconnected', why)}</users>"
        ),
        text=text,
    )
    assert told(found, "level", "change", "frame_number") == [
        ("user", "added", 2),
        ("endpoint", "added", 2),
        ("endpoint", "changed", 3),
    ]
    assert found["status"].astype(object).tolist()[1:] == ["dialing-out", "disconnected"]
    assert pd.isna(found["status"].iloc[0])
    last = found.iloc[-1]
    assert (last["time"], last["message_id"], last["version"]) == (at(9), "1-3-1", 3)
    assert (last["user_uri"], last["display_text"], last["roles"]) == (
        "sip:kim@contoso.com",
        "Somebody",
        "attendee",
    )
    assert (last["endpoint_id"], last["session_type"]) == ("e1", "audio-video")
    assert (last["previous_status"], last["disconnection_reason"]) == (
        "dialing-out",
        "SIP;cause=486",
    )
    assert (last["conference_id"], last["conference_uri"]) == ("H6GJ2K9P", FOCUS)
    assert bool(last["complete"])


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_nothing(text: str) -> None:
    nothing = table(text=text)
    full = table(
        notify(1, 0, "full", 1, f"<users>{user('sip:a@b', 'connected')}</users>"), text=text
    )
    assert len(nothing) == 0
    assert list(nothing.columns) == list(CONFERENCE_PARTICIPANTS.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]


def test_copies_on_other_hops_count_once() -> None:
    first = notify(1, 0, "full", 1, f"<users>{user('sip:a@b', 'connected')}</users>")
    found = table(first, {**first, "message_id": "1-2-1", "time": at(0.1)})
    assert told(found, "message_id", "level") == [("1-1-1", "user"), ("1-1-1", "endpoint")]


def test_documents_kept_as_text_are_decoded() -> None:
    row = notify(1, 0, "full", 1, "<users/>")
    users = '<users><user entity="sip:a@b"/></users>'
    row |= {"value": None, "text": f'<conference-info version="1">{users}</conference-info>'}
    found = table(row)
    assert told(found, "user_uri", "document", "change") == [("sip:a@b", "full", "added")]


def test_two_subscriptions_have_rosters_of_their_own() -> None:
    users = f"<users>{user('sip:a@b', 'connected')}</users>"
    found = table(notify(1, 0, "full", 1, users), notify(2, 1, "full", 1, users, call_id="c2"))
    assert told(found, "call_id", "change") == [("c1", "added")] * 2 + [("c2", "added")] * 2


def test_documents_out_of_order() -> None:
    found = table(
        notify(1, 0, "full", 1, "<users/>"),
        notify(3, 2, "partial", 3, "<users><user entity='sip:a@b' state='deleted'/></users>"),
        notify(2, 2.1, "partial", 2, f"<users>{user('sip:a@b', 'connected')}</users>"),
    )
    assert sorted(told(found, "version", "level", "change")) == [
        (2, "endpoint", "added"),
        (2, "user", "added"),
        (3, "endpoint", "removed"),
        (3, "user", "removed"),
    ]
    assert found["complete"].all()
