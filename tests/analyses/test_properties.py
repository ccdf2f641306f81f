"""What holds for any messages, however little sense they make."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.analyses.calls import calls
from pipelines.analyses.dialogs import dialogs
from pipelines.analyses.registrations import registrations
from pipelines.analyses.transactions import transactions
from pipelines.rules.registration_failed import registration_failed
from pipelines.rules.registration_lapsed import registration_lapsed
from pipelines.schema import BODIES, CAPTURES, FLOWS, MESSAGES, TLS_SESSIONS
from tests.analyses.script import TEXT_TYPES, at, messages, typed

METHODS = ("INVITE", "INVITE", "INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "SUBSCRIBE", "BENOTIFY")


@st.composite
def anything(draw: Any) -> list[dict[str, Any]]:
    """Return the rows of messages of few calls, so that they meet."""
    rows = []
    for number in range(draw(st.integers(0, 14))):
        status = draw(st.sampled_from([None, None, None, 100, 101, 180, 200, 200, 302, 407, 486]))
        source, destination = draw(st.sampled_from(["ab", "ba", "bc", "cb"]))
        time = at(draw(st.integers(0, 5)))
        rows.append(
            {
                "message_id": f"1-{number + 1}-1",
                "time": time,
                "first_time": time if draw(st.booleans()) else None,
                "capture": draw(st.sampled_from(["edge", "edge", "fe"])),
                "frame_number": number + 1,
                "flow_id": "1-1",
                "transport": draw(st.sampled_from(["tls", "tls", "udp", "log"])),
                "src_ip": source,
                "dst_ip": destination,
                "is_request": status is None,
                "status_code": status,
                "method": draw(st.sampled_from(METHODS)),
                "call_id": draw(st.sampled_from(["c1", "c1", "c2", None])),
                "cseq": draw(st.sampled_from([1, 1, 2, None])),
                "from_uri": draw(st.sampled_from(["sip:a@x.com", "sip:b@y.com", None])),
                "to_uri": draw(st.sampled_from(["sip:a@x.com", None])),
                "from_tag": draw(st.sampled_from(["a", "a", "b", None])),
                "to_tag": draw(st.sampled_from([None, None, "b", "a", "c"])),
                "via_branch": draw(st.sampled_from([None, "z9hG4bK1", "z9hG4bK2", "old"])),
                "expires_s": draw(st.sampled_from([None, 0, 600])),
                "diagnostics_code": draw(st.sampled_from([None, 1034])),
                "route_marks": draw(st.sampled_from([None, "mediation"])),
            }
        )
    rows.sort(key=lambda row: row["time"])
    return rows


def of_table(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    makers = {
        "transactions": transactions,
        "dialogs": dialogs,
        "calls": functools.partial(calls, bodies=typed([], BODIES)),
    }
    return makers[name](rows)


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without the dtypes that a category's contents make different."""
    return table.astype(object).where(table.notna(), None)


@settings(max_examples=20, deadline=None)
@given(anything())
def test_transactions(rows: list[dict[str, Any]]) -> None:
    found = transactions(typed(rows, MESSAGES))
    one_capture = len({row["capture"] for row in rows}) <= 1
    swallowed = len(rows) - int(found["requests"].sum() + found["responses"].sum())
    acks = sum(row["is_request"] and row["method"] == "ACK" for row in rows)
    assert swallowed >= 0
    assert not one_capture or swallowed <= acks
    assert found["transaction_id"].is_unique
    assert not (found["response_s"] < 0).any()
    assert found["outcome"].notna().all()
    assert ((found["outcome"] == "response_only") == found["start_time"].isna()).all()


@settings(max_examples=20, deadline=None)
@given(anything())
def test_calls(rows: list[dict[str, Any]]) -> None:
    found = calls(typed(rows, MESSAGES), typed([], BODIES))
    invites = {
        (row["call_id"], row["from_tag"])
        for row in rows
        if row["is_request"] and row["method"] == "INVITE" and row["to_tag"] is None
    }
    attempts = zip(*(found[name].astype(object) for name in ("call_id", "from_tag")), strict=True)
    attempts = [tuple(None if pd.isna(key) else key for key in attempt) for attempt in attempts]
    assert sorted(map(str, attempts)) == sorted(map(str, invites))
    for column in found.columns[found.columns.str.endswith("_s")]:
        assert not (found[column] < 0).any()
    for column in ("outcome", "route", "start_time", "call_key", "invites", "hops", "branches"):
        assert found[column].notna().all()
    answered, told = found["outcome"] == "answered", found["status_code"].notna()
    for column in ("answer_time", "setup_delay_s", "duration_s"):
        assert found.loc[~answered, column].isna().all()
    assert found.loc[answered & told, "answer_time"].notna().all()
    without = found.loc[~told, "outcome"]
    assert without.isin(["answered", "cancelled", "timed_out", "unanswered"]).all()


@settings(max_examples=20, deadline=None)
@given(anything())
def test_dialogs(rows: list[dict[str, Any]]) -> None:
    found = dialogs(typed(rows, MESSAGES))
    assert found["dialog_id"].is_unique
    for column in ("from_tag", "to_tag", "state", "kind", "messages"):
        assert found[column].notna().all()
    assert ((found["state"] == "terminated") == found["end_time"].notna()).all()


@pytest.mark.parametrize("name", ["transactions", "dialogs", "calls"])
@settings(max_examples=5, deadline=None)
@given(rows=anything())
def test_types_of_text_change_nothing(name: str, rows: list[dict[str, Any]]) -> None:
    first, *others = (plain(of_table(name, typed(rows, MESSAGES, text))) for text in TEXT_TYPES)
    for other in others:
        pd.testing.assert_frame_equal(first, other)


@pytest.mark.parametrize("name", ["transactions", "dialogs", "calls"])
@settings(max_examples=5, deadline=None)
@given(rows=anything())
def test_calls_may_be_handed_over_in_portions(name: str, rows: list[dict[str, Any]]) -> None:
    def rows_of(*call_ids: str | None) -> pd.DataFrame:
        part = [row for row in rows if row["call_id"] in call_ids]
        return plain(of_table(name, typed(part, MESSAGES)))

    key = {"transactions": "transaction_id", "dialogs": "dialog_id", "calls": "call_key"}[name]
    whole = rows_of("c1", "c2", None).set_index(key)
    parts = pd.concat([rows_of("c1"), rows_of("c2", None)]).set_index(key)
    pd.testing.assert_frame_equal(whole.sort_index(), parts.sort_index(), check_dtype=False)


def many(count: int) -> pd.DataFrame:
    """Return the messages of `count` like calls, one beginning each second."""
    one = messages(
        "0.0 a>b INVITE \n 0.1 b>a 180 \n 0.5 b>a 200 \n 0.6 a>b ACK \n 0.8 a>b BYE cseq=2"
        "\n 0.9 b>a 200 BYE cseq=2"
    )
    rows = one.iloc[np.tile(np.arange(len(one)), count)].reset_index(drop=True)
    call = np.repeat(np.arange(count), len(one))
    name = pd.Series(call).astype("string")
    shift = pd.to_timedelta(call, "s")
    return rows.assign(
        call_id="c" + name,
        via_branch=rows["via_branch"] + name,
        message_id=rows["message_id"] + "-" + name,
        time=rows["time"] + shift,
        first_time=rows["first_time"] + shift,
    )


def test_many_calls() -> None:
    rows, count = many(20_000), 20_000
    found = calls(rows, typed([], BODIES))
    assert len(found) == count
    assert (found["setup_delay_s"] == 0.5).all()
    assert found["duration_s"].round(9).eq(0.3).all()
    made = transactions(rows)
    assert made["method"].value_counts().to_dict() == {"INVITE": count, "ACK": count, "BYE": count}
    ended = dialogs(rows)
    assert (len(ended), set(ended["state"])) == (count, {"terminated"})


def test_many_branches_in_one_call() -> None:
    # One Call-ID, one tag and thousands of INVITEs: what a loop or an attacker makes.
    count = 20_000
    rows = messages("0 a>b INVITE")
    rows = rows.iloc[np.zeros(count, np.int64)].reset_index(drop=True)
    rows = rows.assign(
        cseq=pd.array(np.arange(count), dtype="Int64"),
        via_branch=pd.Series(np.arange(count)).astype("string"),
    )
    found = calls(rows, typed([], BODIES))
    assert found["invites"].tolist() == [count]
    assert len(transactions(rows)) == count


@st.composite
def anything_registered(draw: Any) -> list[dict[str, Any]]:
    """Return REGISTERs, their answers and NOTIFYs of few endpoints, so that they meet."""
    rows = draw(anything())
    for row in rows:
        row["method"] = draw(st.sampled_from(["REGISTER", "REGISTER", "REGISTER", "NOTIFY"]))
        row["call_id"] = draw(st.sampled_from(["c1", "c2", None]))
        row["to_uri"] = draw(st.sampled_from(["sip:a@x.com", "sip:a@x.com", None]))
        row["from_epid"] = draw(st.sampled_from(["e1", "e2", None]))
        row["to_epid"] = draw(st.sampled_from(["e1", None]))
        row["status_code"] = draw(st.sampled_from([200, 301, 401, 423, 503]))
        row["status_code"] = None if row["is_request"] else row["status_code"]
        row["contact_uri"] = draw(st.sampled_from(["sip:a@1", "sip:a@2", "*", None]))
        row["bindings"] = draw(st.sampled_from([None, "- *", "0 sip:a@1", "5 sip:a@2"]))
        row["expires_s"] = draw(st.sampled_from([None, 0, 2, 600, 2**62]))
        row["auth_schemes"] = draw(st.sampled_from([None, "NTLM", "Digest"]))
        row["event"] = draw(st.sampled_from([None, "registration-notify"]))
        row["time"] = draw(st.sampled_from([row["time"], row["time"], at(1e4), None]))
        row["first_time"] = None
    return rows


def registered(rows: list[dict[str, Any]], text: str = "string[pyarrow]") -> pd.DataFrame:
    captures = [{"recording": "edge", "end_time": at(2e4)}]
    messages = typed(rows, MESSAGES, text)
    return registrations(
        messages,
        messages,
        messages,
        typed([], BODIES, text),
        typed(captures, CAPTURES, text),
        typed([], FLOWS, text),
        typed([], TLS_SESSIONS, text),
    )


@settings(max_examples=40, deadline=None)
@given(anything_registered())
def test_registrations(rows: list[dict[str, Any]]) -> None:
    found = registered(rows)
    asked = {
        (row["call_id"], row["from_tag"], row["cseq"])
        for row in rows
        if row["method"] == "REGISTER" and row["is_request"]
    }
    assert found["requests"].sum() == len(asked)
    assert found["outcome"].notna().all() and found["kind"].notna().all()
    assert not (found["delay_s"] < 0).any()
    assert found["registration_id"].isin(found["message_id"]).all()
    assert found.loc[found["outcome"] == "registered", "fate"].notna().all()
    assert found.loc[found["outcome"] != "registered", "fate"].isna().all()
    assert found["expires_s"].dropna().le(2**32 - 1).all()
    list(registration_failed(found))
    list(registration_lapsed(found))


@settings(max_examples=5, deadline=None)
@given(anything_registered())
def test_types_of_text_change_no_registration(rows: list[dict[str, Any]]) -> None:
    first, *others = (plain(registered(rows, text)) for text in TEXT_TYPES)
    for other in others:
        pd.testing.assert_frame_equal(first, other)
