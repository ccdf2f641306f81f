"""The rules on push notifications: what they find, and what they leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fixtures.workshop.expected import read
from pipelines import read_capture
from pipelines.analyses.calls import calls
from pipelines.analyses.push_notifications import push_notifications
from pipelines.analyses.transactions import transactions
from pipelines.finding import Finding
from pipelines.rules.push_missed import push_missed
from pipelines.rules.push_none import push_none
from pipelines.rules.push_refused import push_refused
from pipelines.rules.push_slow_peer import push_slow_peer
from pipelines.schema import BODIES, CAPTURES, FLOWS, TLS_SESSIONS
from tests.analyses.script import at, messages, typed

TYPE = "application/vnd.microsoft.lync.pushnotification+xml"
PHONE = f"sip:McxUser{'0f' * 16}bob@contoso.com"
PUSH = f"call=p1 type={TYPE} from_uri={PHONE}"
INVITE = "0 alice>fe INVITE\n0.3 fe>alice 180 ua=RTCC/5.0.0.0+McxService\n"
ACCEPTED = f"0.1 fe>edge MESSAGE {PUSH}\n0.5 edge>fe 200 MESSAGE {PUSH} diag=30000\n"
MISSED = "60 fe>alice 408\n"


def tables(script: str, end: float | None = None, lost: int | None = None) -> dict[str, Any]:
    rows, bodies = messages(script), typed([], BODIES)
    captures = [] if end is None else [{"recording": "edge", "end_time": at(end)}]
    flows = [] if lost is None else [{"flow_id": "edge-fe", "lost_bytes": lost}]
    found = calls(rows, bodies)
    pushes = push_notifications(
        rows,
        rows,
        rows,
        bodies,
        transactions(rows),
        found,
        typed(captures, CAPTURES),
        typed(flows, FLOWS),
        typed([], TLS_SESSIONS),
    )
    return {"messages": rows, "traffic": rows, "calls": found, "push_notifications": pushes}


def findings(script: str, **options: Any) -> Iterator[tuple[str, Finding]]:
    made = tables(script, **options)
    pushes = made["push_notifications"]
    found = {
        "push_refused": push_refused(pushes),
        "push_missed": push_missed(pushes),
        "push_none": push_none(**made),
        "push_slow_peer": push_slow_peer(pushes, median_s=2.0, notifications=5),
    }
    for name, these in found.items():
        for one in these:
            yield name, one


def only(script: str, name: str, **options: Any) -> Finding:
    ((found, one),) = findings(script, **options)
    assert found == name
    return one


def row(script: str, **options: Any) -> pd.Series:
    found = tables(script, **options)["push_notifications"]
    assert len(found) == 1
    return found.iloc[0]


# --- healthy ------------------------------------------------------------------------------------


def test_a_phone_that_wakes_is_no_finding() -> None:
    script = INVITE + ACCEPTED + "8 fe>alice 200 ua=RTCC/5.0.0.0+McxService\n"
    assert list(findings(script, end=100)) == []
    one = row(script)
    assert (one["call_fate"], one["wake_s"], one["joined_by"]) == (
        "answered",
        7.9,
        "user and time",
    )
    assert (one["user_uri"], one["call_key"]) == ("sip:bob@contoso.com", "1-1-1")


def test_another_endpoint_that_answers_is_no_finding() -> None:
    one = row(INVITE + ACCEPTED + "8 fe>alice 200 ua=UCCAPI/15.0\n")
    assert one["call_fate"] == "answered_elsewhere" and pd.isna(one["wake_s"])


def test_a_test_that_succeeds_is_no_finding() -> None:
    test = f"call=p1 type={TYPE} from_uri=sip:edge@contoso.com"
    script = f"0 fe>edge MESSAGE {test}\n0.5 edge>fe 200 MESSAGE {test} diag=30007\n"
    assert list(findings(INVITE + script + MISSED, end=99)) != []  # the INVITE had no notification
    assert list(findings(script, end=99)) == []
    one = row(INVITE + script)
    assert pd.isna(one["call_key"]) and pd.isna(one["user_uri"])


# --- missed -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "fate"), [(408, "missed"), (480, "missed"), (487, "cancelled"), (486, "failed")]
)
def test_missed_all_the_same(end: int, fate: str) -> None:
    script = INVITE + ACCEPTED + f"60 fe>alice {end}\n"
    assert row(script)["call_fate"] == fate
    if fate == "failed":
        assert list(findings(script)) == []
    else:
        one = only(script, "push_missed")
        assert one.evidence == ("message 1-3-1", "message 1-1-1")
        assert one.subject == "sip:bob@contoso.com" and "60 s" in one.explanation


def test_the_conversation_tells_before_user_and_time() -> None:
    first = "0 alice>fe INVITE call=c0 conversation=talk\n1 fe>alice 408 call=c0\n"
    second = "20 alice>fe INVITE\n"
    push = f"21 fe>edge MESSAGE {PUSH} conversation=talk\n"
    one = row(first + second + push)
    assert (one["joined_by"], one["call_key"]) == ("conversation", "1-1-1")
    assert row(first + second + push.replace("conversation=talk", ""))["call_key"] == "1-3-1"


@pytest.mark.parametrize(("seconds", "joined"), [(29, True), (31, False)])
def test_thirty_seconds_join(seconds: int, joined: bool) -> None:
    script = f"0 alice>fe INVITE\n{seconds} fe>edge MESSAGE {PUSH}\n"
    assert pd.notna(row(script)["call_key"]) == joined


@pytest.mark.parametrize(
    ("from_uri", "user"),
    [
        (f"sip:McxUser{'0f' * 16}bob@contoso.com", "sip:bob@contoso.com"),
        ("sip:McxUser0123bob@contoso.com", "sip:bob@contoso.com"),
        (f"sip:McxUser{'0f' * 16}bea@contoso.com", "sip:bea@contoso.com"),
        ("sip:McxUser0123carol@contoso.com", None),
        (f"sip:McxUser{'0f' * 16}@contoso.com", None),
    ],
)
def test_the_user_of_a_notification(from_uri: str, user: str | None) -> None:
    one = row(INVITE + f"0.1 fe>edge MESSAGE {PUSH} from_uri={from_uri}\n")
    assert one["user_uri"] == user if user else pd.isna(one["user_uri"])


def test_two_phones_of_one_user_miss_one_call() -> None:
    again = ACCEPTED.replace("p1", "p2").replace("0.1", "0.2")
    one = only(INVITE + ACCEPTED + again + MISSED, "push_missed")
    assert one.count == 1 and "2 times" in one.explanation


# --- refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("504 MESSAGE diag=1046", "Push notification refused with 504, error id 1046"),
        ("200 MESSAGE diag=30003", "Push notification refused with 200, error id 30003"),
        ("403 MESSAGE", "Push notification refused with 403"),
    ],
)
def test_refused(answer: str, title: str) -> None:
    script = f"0.1 fe>edge MESSAGE {PUSH}\n0.5 edge>fe {answer} call=p1\n"
    one = only(script, "push_refused")
    assert (one.title, one.subject) == (title, "edge")


ASKED = f"0.1 fe>edge MESSAGE {PUSH}\n"
OTHER_WAY = "1 edge>fe OPTIONS call=o\n"


def test_unanswered() -> None:
    assert only(ASKED + OTHER_WAY, "push_refused", end=60).title.endswith("never answered")


@pytest.mark.parametrize(
    ("script", "options", "word"),
    [
        (ASKED, {"end": 60}, "direction"),
        (ASKED + OTHER_WAY, {"end": 30}, "ends"),
        (ASKED + OTHER_WAY, {"end": 60, "lost": 12}, "missing"),
    ],
)
def test_silence_that_the_capture_explains(script: str, options: dict[str, Any], word: str) -> None:
    assert list(findings(script, **options)) == []
    one = row(script, **options)
    assert one["outcome"] == "unknown" and word in one["outcome_reason"]


# --- none, and slow -----------------------------------------------------------------------------


def test_no_notification_for_a_call_that_was_missed() -> None:
    other = ACCEPTED.replace("bob", "kim")
    assert only(INVITE + other + MISSED, "push_none").severity == "warning"


def test_no_notification_at_all() -> None:
    assert list(findings(INVITE + MISSED)) == []  # the capture shows nobody but the caller
    one = only(INVITE + "2 fe>edge OPTIONS call=o\n" + MISSED, "push_none")
    assert one.severity == "note" and "push may be off" in one.explanation


def test_a_call_that_no_phone_was_asked_for_needs_no_notification() -> None:
    script = INVITE.replace("McxService", "Other") + ACCEPTED.replace("bob", "kim") + MISSED
    assert list(findings(script)) == []


@pytest.mark.parametrize(("seconds", "count", "found"), [(3, 5, 1), (3, 4, 0), (1, 9, 0)])
def test_a_slow_peer(seconds: int, count: int, found: int) -> None:
    script = "".join(
        f"{9 * n} fe>edge MESSAGE {PUSH} call=p{n} vias=1\n"
        f"{9 * n + 0.1} edge>cloud MESSAGE {PUSH} call=p{n} vias=2\n"
        f"{9 * n + 0.1 + seconds} cloud>edge 200 MESSAGE {PUSH} call=p{n} diag=30000\n"
        f"{9 * n + 0.2 + seconds} edge>fe 200 MESSAGE {PUSH} call=p{n} diag=30000\n"
        for n in range(count)
    )
    assert [one.subject for _, one in findings(script)] == ["cloud"] * found


# --- captures and logs --------------------------------------------------------------------------

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.mark.parametrize("name", read(FIXTURES / "push_outcomes", "truth")["captures"])
def test_captures_tell_what_was_scripted(name: str) -> None:
    folder = FIXTURES / "push_outcomes"
    told = read(folder, "truth")["captures"][name]["push_notifications"]
    found = read_capture(folder / name, keys=[folder / "sslkeys.log"], workers=1).push_notifications
    assert len(found) == len(told)  # each is seen on both sides of the Edge
    seen = name != "one_way.pcapng"
    assert (found["outcome"] == "unknown").any() != seen
    for row, one in zip(found.to_dict("records"), told, strict=True):
        told_by = ("call_id", "from_uri", "synthetic", "content_length")
        assert [row[key] for key in told_by] == [one[key] for key in told_by]
        if seen:
            assert (row["status_code"], row["diagnostics_code"]) == (
                one["status_code"],
                one["diagnostics_code"],
            )
            assert row["answer_s"] == pytest.approx(one["answer_s"])


def test_a_log_finds_what_the_capture_finds() -> None:
    log = FIXTURES / "tracelog_kinds" / "front_end.ocslogger.txt"
    found = read_capture(log, workers=1).findings
    assert found["rule"].tolist() == ["push_missed"]
    assert found["subject"].tolist() == ["sip:bob@contoso.com"]
