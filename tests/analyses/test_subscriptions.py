from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.analyses.subscriptions import subscriptions
from pipelines.presence_dialogs import contact_key
from pipelines.schema import BODIES, MESSAGES, PRESENCE, SUBSCRIPTIONS
from tests.analyses.script import TEXT_TYPES, at, body, messages, typed

LIST = "application/msrtc-adrl-categorylist+xml"
APP = "from_uri=sip:app@contoso.com"
SELF = f"{APP} to_uri=sip:app@contoso.com event=presence"
ASK = f"0 app>fe SUBSCRIBE {SELF} type={LIST} \n"
OK = f"0.1 fe>app 200 SUBSCRIBE {SELF} \n"
DAVE, FRANK, ERIN = (f"sip:{name}@contoso.com" for name in ("dave", "frank", "erin"))
PLAIN = "0 alice>fe SUBSCRIBE event=presence \n"
PLAIN_OK = "0.1 fe>alice 200 SUBSCRIBE \n"
BACK = "from_uri=sip:bob@contoso.com to_uri=sip:alice@contoso.com from=b to=a event=presence"


def asks(number: int, *uris: str, name: str = "subscribe", call: str = "c1") -> dict[str, Any]:
    """Return the list in message `number` of the script."""
    resources = "".join(f'<resource uri="{uri}"/>' for uri in uris)
    document = (
        f'<batchSub xmlns="" uri="sip:app@contoso.com"><action name="{name}" id="1">'
        f'<adhocList>{resources}</adhocList><categoryList><category name="state"/>'
        "</categoryList></action></batchSub>"
    )
    return body(f"1-{number}-1", 0, LIST, document, call_id=call)


def says(number: int, uri: str | None, state: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a row of `presence`: what message `number` says of a contact."""
    row: dict[str, Any] = {"message_id": f"1-{number}-1", "call_id": "c1", "contact_uri": uri}
    row |= {"state": state, "list_version": 0 if state else None}
    return row | more


def online(number: int, uri: str | None, state: str | None = "active") -> dict[str, Any]:
    shown = {"category": "state", "availability": 3500, "presence": "online"}
    return says(number, uri, state, part="1.2", activity="Available", **shown)


def table(
    script: str,
    bodies: list[dict[str, Any]] | None = None,
    told: list[dict[str, Any]] | None = None,
    text: str = "string[pyarrow]",
) -> pd.DataFrame:
    return subscriptions(
        messages(script, text), typed(bodies or [], BODIES, text), typed(told or [], PRESENCE, text)
    )


def by_contact(found: pd.DataFrame) -> dict[str, Any]:
    return {re.split("[:@]", row.contact_uri)[1]: row for row in found.itertuples()}


def only(script: str, **more: Any) -> Any:
    found = list(table(script, **more).itertuples())
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_a_batch(text: str) -> None:
    rows = by_contact(
        table(
            ASK + OK,
            [asks(1, DAVE, FRANK, ERIN)],
            [
                online(2, DAVE),
                says(
                    2, FRANK, "terminated", reason="forbidden", status_code=403,
                    diagnostics_code=2157,
                ),
            ],
            text,
        )
    )  # fmt: skip
    dave, frank, erin = rows["dave"], rows["frank"], rows["erin"]
    assert (dave.answer, dave.presence, dave.availability) == ("active", "online", 3500)
    assert (dave.activity, dave.presence_s, dave.reachable_s) == ("Available", 0.1, 0.1)
    assert (frank.answer, frank.reason, frank.status_code) == ("terminated", "forbidden", 403)
    assert (frank.diagnostics_code, frank.answer_s) == (2157, 0.1)
    assert pd.isna(frank.presence_s) and pd.isna(frank.presence)
    assert erin.answer == "silent" and pd.isna(erin.answer_s) and pd.isna(erin.last_state)
    for row in rows.values():
        assert (row.form, row.seen, row.response_status, row.response_s) == (
            "batch", "both", 200, 0.1,
        )  # fmt: skip
        assert (row.message_id, row.time, row.categories) == ("1-1-1", at(0), "state")
        assert (row.route, row.requests, row.notifications) == ("internal", 1, 0)


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    nothing = table("0 a>b INVITE", text=text)
    full = table(PLAIN, text=text)
    assert len(nothing) == 0 and len(full) == 1
    assert list(nothing.columns) == list(SUBSCRIPTIONS.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]


def test_other_packages_are_none_of_it() -> None:
    assert table("0 a>b SUBSCRIBE event=conference \n 0.1 b>a 200 SUBSCRIBE").empty
    assert table("0 a>b SUBSCRIBE event=vnd-microsoft-roaming-self", told=[online(1, DAVE)]).empty


# --- which side was seen


def test_only_the_request_is_seen() -> None:
    row = only(ASK, bodies=[asks(1, DAVE)])
    assert row.seen == "request" and pd.isna(row.answer) and pd.isna(row.response_status)


def test_only_the_answer_is_seen() -> None:
    row = only(OK.replace("0.1", "7"), told=[online(1, DAVE)])
    assert (row.seen, row.answer, row.time, row.contact_uri) == ("answer", "active", at(7), DAVE)
    assert (row.subscriber_uri, row.presence) == ("sip:app@contoso.com", "online")
    assert pd.isna(row.message_id) and pd.isna(row.answer_s) and pd.isna(row.presence_s)
    assert pd.isna(row.form) and row.requests == 0


def test_only_a_notification_is_seen() -> None:
    row = only(f"3 fe>app BENOTIFY {SELF} from=b to=a", told=[online(1, DAVE)])
    assert (row.seen, row.answer, row.subscriber_uri) == ("answer", "active", "sip:app@contoso.com")
    row = only(f"3 fe>alice NOTIFY {BACK} subscription_state=terminated;reason=rejected")
    assert (row.contact_uri, row.answer, row.reason) == (
        "sip:bob@contoso.com", "terminated", "rejected",
    )  # fmt: skip
    assert row.subscriber_uri == "sip:alice@contoso.com"


def test_only_a_refusal_is_seen() -> None:
    row = only("3 fe>alice 403 SUBSCRIBE event=presence diag=2157")
    assert (row.seen, row.answer, row.contact_uri) == ("answer", "refused", "sip:bob@contoso.com")
    assert (row.status_code, row.diagnostics_code, row.time) == (403, 2157, at(3))
    row = only(f"3 fe>app 503 SUBSCRIBE {SELF}")
    assert row.answer == "refused" and pd.isna(row.contact_uri)


def test_the_list_was_lost() -> None:
    row = only(ASK)
    assert row.seen == "request" and row.form == "batch" and pd.isna(row.contact_uri)
    row = only(ASK + OK, told=[online(2, DAVE)])
    assert (row.seen, row.contact_uri, row.presence_s) == ("both", DAVE, 0.1)


# --- the whole SUBSCRIBE


def test_refused_as_a_whole() -> None:
    rows = table(ASK + f"0.2 fe>app 504 SUBSCRIBE {SELF} diag=1036", [asks(1, DAVE, FRANK)])
    assert rows["answer"].tolist() == ["refused", "refused"]
    assert rows["status_code"].tolist() == [504, 504]
    assert rows["diagnostics_code"].tolist() == [1036, 1036]
    assert rows["answer_s"].tolist() == [0.2, 0.2]


def test_a_challenge_is_no_refusal() -> None:
    script = (
        PLAIN + "0.1 fe>alice 401 SUBSCRIBE \n 0.2 alice>fe SUBSCRIBE event=presence cseq=2 \n"
        "0.3 fe>alice 200 SUBSCRIBE cseq=2"
    )
    row = only(script, told=[online(4, "sip:bob@contoso.com", None)])
    assert (row.answer, row.response_status, row.requests) == ("active", 200, 2)
    assert row.response_s == 0.3
    row = only(PLAIN + "0.1 fe>alice 401 SUBSCRIBE")
    assert (row.answer, row.status_code) == ("refused", 401)


# --- plain dialogs (RFC 3856)


def test_a_plain_dialog() -> None:
    row = only(
        PLAIN + PLAIN_OK + f"0.2 fe>alice NOTIFY {BACK} subscription_state=pending \n"
        f"4 fe>alice NOTIFY {BACK} cseq=2 subscription_state=active",
        told=[says(4, "pres:whoever@x", category="tuple", basic="open", part="1")],
    )
    assert (row.form, row.answer, row.answer_s, row.last_state) == ("single", "active", 4, "active")
    assert (row.contact_uri, row.basic, row.reachable_s) == ("sip:bob@contoso.com", "open", 4)
    assert row.notifications == 2


def test_pending_stays_pending() -> None:
    row = only(PLAIN + PLAIN_OK + f"0.2 fe>alice NOTIFY {BACK} subscription_state=pending")
    assert (row.answer, row.answer_s) == ("pending", 0.2)


def test_closed_is_not_reachable() -> None:
    closed = says(3, None, category="tuple", basic="closed", presence="online", part="1")
    row = only(PLAIN + PLAIN_OK + f"0.2 fe>alice NOTIFY {BACK}", told=[closed])
    assert row.presence_s == 0.2 and pd.isna(row.reachable_s)
    offline = says(3, None, category="state", availability=18500, presence="offline", part="1")
    row = only(PLAIN + PLAIN_OK + f"0.2 fe>alice NOTIFY {BACK}", told=[offline])
    assert row.presence == "offline" and pd.isna(row.reachable_s)


def test_active_then_terminated() -> None:
    row = only(
        PLAIN + PLAIN_OK + f"0.2 fe>alice NOTIFY {BACK} subscription_state=active \n"
        f"60 fe>alice NOTIFY {BACK} cseq=2 subscription_state=terminated;reason=deactivated"
    )
    assert (row.answer, row.last_state, row.reason) == ("active", "terminated", "deactivated")


def test_the_subscriber_ends_it() -> None:
    row = only(PLAIN + PLAIN_OK + "50 alice>fe SUBSCRIBE event=presence cseq=2 to=b expires=0")
    assert row.end_time == at(50) and row.requests == 1


def test_a_list_that_the_server_keeps() -> None:
    found = by_contact(
        table(PLAIN + PLAIN_OK + f"0.2 fe>alice NOTIFY {BACK}", told=[online(3, DAVE)])
    )
    assert list(found) == ["dave"]
    assert (found["dave"].form, found["dave"].presence_s) == ("list", 0.2)


# --- batches that change


def test_unsubscribe_ends_one_contact() -> None:
    rows = by_contact(
        table(
            ASK + OK + f"9 app>fe SUBSCRIBE {SELF} cseq=2 to=b type={LIST}",
            [asks(1, DAVE, FRANK), asks(3, FRANK, name="unsubscribe")],
        )
    )
    assert rows["frank"].end_time == at(9) and pd.isna(rows["dave"].end_time)


def test_a_contact_is_added() -> None:
    rows = by_contact(
        table(
            ASK + OK + f"9 app>fe SUBSCRIBE {SELF} cseq=2 to=b type={LIST} \n"
            f"9.5 fe>app 200 SUBSCRIBE {SELF} cseq=2",
            [asks(1, DAVE), asks(3, DAVE, FRANK)],
            [online(2, DAVE), online(4, FRANK)],
        )
    )
    assert (rows["dave"].requests, rows["frank"].requests) == (2, 1)
    assert (rows["frank"].time, rows["frank"].presence_s) == (at(9), 0.5)


def test_resubscribe() -> None:
    row = only(
        ASK + OK,
        bodies=[asks(1, DAVE)],
        told=[says(2, DAVE, "resubscribe", pool_fqdn="pool02.contoso.com")],
    )
    assert (row.answer, row.pool_fqdn) == ("resubscribe", "pool02.contoso.com")


def test_active_without_a_document_is_an_answer() -> None:
    row = only(ASK + OK, bodies=[asks(1, DAVE)], told=[says(2, DAVE, "active")])
    assert row.answer == "active" and pd.isna(row.presence_s)


def test_spellings_of_one_contact() -> None:
    row = only(ASK + OK, bodies=[asks(1, DAVE)], told=[online(2, "SIP:Dave@contoso.com;gruu")])
    assert (row.contact_uri, row.presence) == (DAVE, "online")
    assert contact_key("pres:Dave@contoso.com") == contact_key("dave@contoso.com") != None  # noqa: E711
    assert contact_key("tel:+1") == "tel:+1" and contact_key("") is None


# --- several hops, copies


def test_two_hops_are_one_subscription_timed_at_the_subscriber() -> None:
    row = only(
        ASK + f"0.1 fe>edge SUBSCRIBE {SELF} type={LIST} \n 0.5 edge>fe 200 SUBSCRIBE {SELF} \n"
        f"0.7 fe>app 200 SUBSCRIBE {SELF}",
        bodies=[asks(1, DAVE), asks(2, DAVE)],
        told=[online(3, DAVE), online(4, DAVE)],
    )
    assert (row.response_s, row.presence_s, row.requests) == (0.7, 0.7, 1)
    assert row.presence_message_id == "1-4-1"


def test_the_near_hop_shows_no_answer() -> None:
    row = only(
        ASK + f"0.1 fe>edge SUBSCRIBE {SELF} type={LIST} \n 0.5 edge>fe 200 SUBSCRIBE {SELF}",
        bodies=[asks(1, DAVE), asks(2, DAVE)],
        told=[online(3, DAVE)],
    )
    assert row.presence_s == 0.5


# --- who asks, and whom


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ("ua=RTCC/5.0.0.0+App contact_uri=sip:a@b;gruu;opaque=srvr:x:y", "trusted application"),
        ("ua=RTCC/5.0.0.0+App contact_uri=sip:a@b;opaque=user:epid:x;gruu", "UCMA application"),
        ("ua=UCCAPI/15.0+OC/15.0", "user"),
        ("contact_uri=sip:a@b;opaque=user:epid:x;gruu", "user"),
        ("ua=Phone", None),
    ],
)
def test_kinds_of_subscribers(facts: str, kind: str | None) -> None:
    row = only(f"0 alice>fe SUBSCRIBE event=presence {facts}")
    assert row.subscriber_kind == kind if kind else pd.isna(row.subscriber_kind)


def test_routes() -> None:
    assert only(PLAIN.replace("\n", "from_uri=sip:x@skypeids.net")).route == "skype"
    assert only(PLAIN.replace("\n", "to_uri=sip:x@fabrikam.com")).route == "federated"
    assert only(PLAIN.replace("\n", "marks=split:splitintra")).route == "hybrid"


def test_a_log_without_times() -> None:
    rows = messages(ASK + OK)
    rows["time"] = rows["time"].where(rows["time"].isna())
    bodies, told = typed([asks(1, DAVE)], BODIES), typed([online(2, DAVE)], PRESENCE)
    (row,) = subscriptions(rows, bodies, told).itertuples()
    assert (row.answer, row.seen) == ("active", "both")
    for value in (row.time, row.answer_time, row.answer_s, row.presence_s, row.response_s):
        assert pd.isna(value)


# --- whatever comes


@st.composite
def anything(draw: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    rows, bodies, told = [], [], []
    uris = st.sampled_from([DAVE, FRANK, "sip:app@contoso.com", "junk", "", None])
    for number in range(1, draw(st.integers(0, 8)) + 1):
        status = draw(st.sampled_from([None, None, 100, 200, 202, 401, 403, 423]))
        rows.append(
            {
                "message_id": f"1-{number}-1",
                "time": draw(st.sampled_from([at(0), at(1), at(2), at(5), None])),
                "src_ip": draw(st.sampled_from(["a", "b", None])),
                "dst_ip": draw(st.sampled_from(["a", "b", None])),
                "is_request": status is None,
                "status_code": status,
                "method": draw(st.sampled_from(["SUBSCRIBE", "SUBSCRIBE", "NOTIFY", "BENOTIFY"])),
                "event": draw(st.sampled_from(["presence", "Presence", None, "conference"])),
                "call_id": draw(st.sampled_from(["c1", "c1", "c2", None])),
                "cseq": draw(st.sampled_from([1, 2, None])),
                "from_uri": draw(uris),
                "to_uri": draw(uris),
                "from_tag": draw(st.sampled_from(["a", "b", None])),
                "to_tag": draw(st.sampled_from(["a", "b", None])),
                "expires_s": draw(st.sampled_from([0, 60, None])),
                "subscription_state": draw(st.sampled_from([None, "active", ";reason=", "x"])),
            }
        )
        if draw(st.booleans()):
            name = draw(st.sampled_from(["subscribe", "unsubscribe", ""]))
            listed = draw(st.lists(uris.filter(bool), max_size=3))
            bodies.append(asks(number, *listed, name=name))
        for uri in draw(st.lists(uris, max_size=2)):
            state = draw(st.sampled_from([None, "active", "terminated", "resubscribe", "?"]))
            told.append(draw(st.sampled_from([online, says]))(number, uri, state))
    rows.sort(key=lambda row: row["time"] or at(9))
    return rows, bodies, told


@settings(max_examples=60, deadline=None)
@given(anything())
def test_any_messages_make_rows(
    given_rows: tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    rows, bodies, told = given_rows
    found = subscriptions(typed(rows, MESSAGES), typed(bodies, BODIES), typed(told, PRESENCE))
    assert found["time"].dropna().is_monotonic_increasing
    assert set(found["seen"]) <= {"request", "answer", "both"}
    assert ((found["seen"] == "answer") == found["message_id"].isna()).all()
    assert not found.duplicated(["call_id", "contact_uri"]).any()
    assert (found["answer_s"].dropna() >= 0).all() and (found["presence_s"].dropna() >= 0).all()
