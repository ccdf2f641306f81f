"""The rules about presence: what each finds, and what keeps it silent or makes it doubt."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.analyses.subscriptions import subscriptions
from pipelines.finding import Finding, rules
from pipelines.presence_claims import spelled
from pipelines.rules.legacy_interop_published import legacy_interop_published
from pipelines.rules.pic_presence_missing import pic_presence_missing
from pipelines.rules.presence_forbidden_untrusted import presence_forbidden_untrusted
from pipelines.rules.presence_refused import presence_refused
from pipelines.rules.presence_resubscribe_ignored import presence_resubscribe_ignored
from pipelines.rules.presence_silent import presence_silent
from pipelines.schema import BODIES, CAPTURES, FLOWS, MESSAGES, PRESENCE, SESSION_TIMERS
from tests.analyses.script import at, typed
from tests.analyses.test_subscriptions import (
    ASK,
    BACK,
    DAVE,
    ERIN,
    FRANK,
    OK,
    PLAIN,
    PLAIN_OK,
    SELF,
    anything,
    asks,
    online,
    says,
    table,
)

UCMA = "ua=RTCC/5.0.0.0+App"
REFUSED = {"reason": "forbidden", "status_code": 403}
BATCH = [asks(1, DAVE, FRANK, ERIN)]


def watched(seconds: float = 100, lost: int = 0) -> dict[str, pd.DataFrame]:
    """Return the tables that tell how long the capture lasts, and what it lost."""
    capture = {"capture": "edge", "start_time": at(0), "end_time": at(seconds)}
    flow = {"flow_id": "app-fe", "lost_bytes": lost}
    return {"captures": typed([capture], CAPTURES), "flows": typed([flow], FLOWS)}


def silence(found: pd.DataFrame, wait_s: float = 10, **more: Any) -> list[Finding]:
    return list(presence_silent(found, **watched(**more), wait_s=wait_s))


def ignored(found: pd.DataFrame, wait_s: float = 60, **more: Any) -> list[Finding]:
    return list(presence_resubscribe_ignored(found, **watched(**more), wait_s=wait_s))


def missing(found: pd.DataFrame, wait_s: float = 30, calls: Any = (), **more: Any) -> list[Finding]:
    timers = typed(list(calls), SESSION_TIMERS)
    tables = watched(**more)
    return list(pic_presence_missing(found, **tables, session_timers=timers, wait_s=wait_s))


def test_all_are_registered() -> None:
    assert {
        "legacy_interop_published",
        "pic_presence_missing",
        "presence_forbidden_untrusted",
        "presence_refused",
        "presence_resubscribe_ignored",
        "presence_silent",
    } <= set(rules)


def test_contacts_are_spelled() -> None:
    assert spelled([None]) == "contacts that were not captured"
    assert spelled(["a", "a", "b"]) == "a, b"
    assert spelled(map(str, range(1234))) == "0, 1, 2, 3, 4 and 1,229 more"


# --- presence_forbidden_untrusted


def test_error_id_2157() -> None:
    told = [online(2, DAVE), says(2, FRANK, "terminated", diagnostics_code=2157, **REFUSED)]
    told.append(says(2, ERIN, "terminated", diagnostics_code=2157, **REFUSED))
    (one,) = presence_forbidden_untrusted(table(ASK + OK, BATCH, told))
    assert (one.severity, one.subject, one.count) == ("error", "sip:app@contoso.com", 2)
    assert one.evidence == ("message 1-1-1", "message 1-2-1", "message 1-1-1", "message 1-2-1")
    for words in ("3 contacts", f"{FRANK}, {ERIN}", "2157", "inside the 200 after 0.10 s"):
        assert words in one.explanation
    assert "user endpoint" in one.advice
    assert not list(presence_refused(table(ASK + OK, BATCH, told)))


def test_error_id_2157_between_servers() -> None:
    found = table("0 fe>edge SUBSCRIBE event=presence \n 0.1 edge>fe 403 SUBSCRIBE diag=2157")
    (one,) = presence_forbidden_untrusted(found)
    assert one.severity == "error" and "whole SUBSCRIBE" in one.explanation
    (one,) = presence_forbidden_untrusted(table("1 edge>fe 403 SUBSCRIBE event=presence diag=2157"))
    assert one.severity == "error" and one.evidence == ("message 1-1-1",)


def test_the_refusal_comes_in_a_notification() -> None:
    told = [says(3, DAVE, "terminated", diagnostics_code=2157, **REFUSED)]
    rows = table(ASK + OK + f"3 fe>app BENOTIFY {SELF} from=b to=a", [asks(1, DAVE)], told)
    (one,) = presence_forbidden_untrusted(rows)
    assert "inside a notification after 3.00 s" in one.explanation


def test_only_the_answer_was_captured() -> None:
    told = [says(1, FRANK, "terminated", diagnostics_code=2157, **REFUSED)]
    (one,) = presence_forbidden_untrusted(table(OK, told=told))
    assert "request itself was not captured" in one.explanation


@pytest.mark.parametrize(
    ("facts", "domain", "found"),
    [
        (UCMA, "fabrikam.com", 1),
        (UCMA, "contoso.com", 0),
        ("ua=UCCAPI/15.0", "fabrikam.com", 0),
    ],
)
def test_403_for_an_application_elsewhere(facts: str, domain: str, found: int) -> None:
    ask = ASK.replace("\n", f"{facts} \n")
    told = [says(2, f"sip:x@{domain}", "terminated", **REFUSED)]
    rows = table(ask + OK, [asks(1, f"sip:x@{domain}")], told)
    findings = list(presence_forbidden_untrusted(rows))
    assert [one.severity for one in findings] == ["warning"] * found
    assert len(list(presence_refused(rows))) == 1 - found


# --- presence_refused


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (REFUSED, "status 403, forbidden"),
        ({"reason": "noresource", "status_code": 404}, "status 404, noresource"),
        ({"reason": "rejected"}, "rejected"),
        ({"status_code": 488, "diagnostics_code": 21}, "status 488, error id 21"),
    ],
)
def test_refused_inside(facts: dict[str, Any], words: str) -> None:
    rows = table(ASK + OK, [asks(1, DAVE)], [says(2, DAVE, "terminated", **facts)])
    (one,) = presence_refused(rows)
    assert words in one.title and "inside" in one.title and one.subject == DAVE
    assert one.evidence == ("message 1-1-1", "message 1-2-1") and one.start_time == at(0)


@pytest.mark.parametrize("reason", ["timeout", "deactivated", "probation", None])
def test_what_only_ends_is_not_refused(reason: str | None) -> None:
    rows = table(ASK + OK, [asks(1, DAVE)], [says(2, DAVE, "terminated", reason=reason)])
    assert not list(presence_refused(rows))


@pytest.mark.parametrize(("status", "found"), [(403, 1), (404, 1), (503, 1), (302, 0), (407, 0)])
def test_refused_as_a_whole(status: int, found: int) -> None:
    rows = table(PLAIN + f"0.1 fe>alice {status} SUBSCRIBE")
    assert len(list(presence_refused(rows))) == found
    unknown = table(f"0 fe>app {status} SUBSCRIBE {SELF}")
    assert len(list(presence_refused(unknown))) == found


# --- presence_silent

TOLD_OF_DAVE = [online(2, DAVE)]


def test_silence() -> None:
    (one,) = silence(table(ASK + OK, BATCH, TOLD_OF_DAVE))
    assert (one.severity, one.subject, one.count) == (None, "sip:app@contoso.com", 2)
    assert f"{FRANK}, {ERIN}" in one.explanation


def test_silence_needs_time() -> None:
    rows = table(ASK + OK, BATCH, TOLD_OF_DAVE)
    assert silence(rows, seconds=10) and not silence(rows, seconds=9)
    assert silence(rows, seconds=9, wait_s=3)
    ended = f"5 app>fe SUBSCRIBE {SELF} cseq=2 to=b expires=0"
    assert not silence(table(ASK + OK + ended, BATCH, TOLD_OF_DAVE))


def test_silence_needs_the_answer() -> None:
    assert not silence(table(ASK, BATCH))
    assert not silence(table(ASK + OK, [asks(1, DAVE)], [says(2, DAVE, "active")]))
    assert not silence(table(ASK + OK, [asks(1, DAVE)], [says(2, DAVE, "terminated", **REFUSED)]))


def test_what_was_lost_may_have_told() -> None:
    (one,) = silence(table(ASK + OK, BATCH, TOLD_OF_DAVE), lost=1460)
    assert one.severity == "note" and "lacks 1,460 bytes" in one.explanation


def test_notifications_may_travel_elsewhere() -> None:
    (one,) = silence(table(ASK + OK, BATCH))
    assert one.severity == "note" and "No notification to app" in one.explanation
    notified = f"1 fe>app BENOTIFY {SELF} from=b to=a call=c2"
    (one,) = silence(table(ASK + OK + f"0 app>fe SUBSCRIBE {SELF} call=c2 \n" + notified, BATCH))
    assert one.severity is None


def test_late_is_not_silent() -> None:
    (one,) = silence(
        table(
            ASK + OK + f"25 fe>app BENOTIFY {SELF} from=b to=a", [asks(1, DAVE)], [online(3, DAVE)]
        )
    )
    assert "25.0 s" in one.explanation and one.evidence == ("message 1-1-1", "message 1-3-1")


# --- presence_resubscribe_ignored

SENT_AWAY = says(2, DAVE, "resubscribe", pool_fqdn="pool02.contoso.com")


def test_resubscribe_ignored() -> None:
    rows = table(ASK + OK, BATCH, [SENT_AWAY, online(2, FRANK), online(2, ERIN)])
    (one,) = ignored(rows)
    assert one.count == 1 and "pool02.contoso.com" in one.explanation and DAVE in one.explanation
    assert not ignored(rows, seconds=60) and ignored(rows, seconds=60, wait_s=59)
    assert ignored(rows, lost=10)[0].severity == "note"


@pytest.mark.parametrize("to", [DAVE, "sip:pool02.contoso.com"])
def test_resubscribe_followed(to: str) -> None:
    again = f"5 app>fe SUBSCRIBE {SELF} call=c2".replace(
        "to_uri=sip:app@contoso.com", f"to_uri={to}"
    )
    rows = table(ASK + OK + again, [asks(1, DAVE), asks(3, DAVE, call="c2")], [SENT_AWAY])
    assert rows["call_id"].tolist() == ["c1", "c2"]
    assert not ignored(rows)


def test_asked_elsewhere_before_is_not_followed() -> None:
    before = f"-5 app>fe SUBSCRIBE {SELF} call=c2 \n"
    rows = table(before + ASK + OK, [asks(1, DAVE, call="c2"), asks(2, DAVE)],
                 [says(3, DAVE, "resubscribe")])  # fmt: skip
    assert len(ignored(rows)) == 1


# --- pic_presence_missing

SKYPE = "from_uri=sip:kim@skypeids.net to_uri=sip:helpdesk@contoso.com"
ASKS = f"0 skype>edge SUBSCRIBE event=presence {SKYPE} \n"
ANSWER = f"0.2 edge>skype 200 SUBSCRIBE {SKYPE} \n"
SHOWN = "edge>skype NOTIFY event=presence from_uri=sip:helpdesk@contoso.com from=b to=a \n"
IS_APP = (
    "0 app>fe SUBSCRIBE event=presence call=c9 from_uri=sip:helpdesk@contoso.com "
    "to_uri=sip:dave@contoso.com ua=RTCC/5.0.0.0+Desk \n"
)


def state(number: int, basic: str) -> dict[str, Any]:
    return says(number, None, category="tuple", basic=basic, part="1")


def test_nothing_follows() -> None:
    (one,) = missing(table(ASKS + ANSWER))
    assert (one.severity, one.subject) == (None, "sip:helpdesk@contoso.com")
    assert "no presence followed" in one.explanation and "If the contact" in one.advice
    assert not silence(table(ASKS + ANSWER))
    assert not missing(table(ASKS + ANSWER), seconds=29)
    assert not missing(table(ASKS)) and not missing(table(PLAIN + PLAIN_OK))


def test_of_an_application() -> None:
    (one,) = missing(table(ASKS + ANSWER + IS_APP))
    assert one.severity == "error" and "MSPL" in one.advice


@pytest.mark.parametrize(
    ("product", "severity"),
    [
        ("RTCC/5.0.0.0 HelpDesk", "error"),
        ("RTCC/5.0.0.0", "error"),
        ("RTCC/5.0.0.0 MediationServer", None),
        ("UCCAPI/15.0", None),
        (None, None),
    ],
)
def test_of_an_application_that_takes_calls(product: str | None, severity: str | None) -> None:
    call = {"to_uri": "sip:HelpDesk@contoso.com", "callee_product": product}
    (one,) = missing(table(ASKS + ANSWER), calls=[call])
    assert one.severity == severity


def test_open_is_right_and_late_is_not() -> None:
    assert not missing(table(ASKS + ANSWER + f"5 {SHOWN}", told=[state(3, "open")]))
    (one,) = missing(table(ASKS + ANSWER + f"45 {SHOWN}", told=[state(3, "open")]))
    assert "after 45.0 s only" in one.explanation


def test_closed_is_wrong_of_applications_only() -> None:
    script = ASKS + ANSWER + f"5 {SHOWN}"
    assert not missing(table(script, told=[state(3, "closed")]))
    (one,) = missing(table(script + IS_APP, told=[state(3, "closed")]))
    assert "shown closed only" in one.explanation


def test_bytes_were_lost() -> None:
    script = (
        (ASKS + ANSWER + IS_APP).replace("skype>edge", "app>fe").replace("edge>skype", "fe>app")
    )
    (one,) = missing(table(script), lost=20)
    assert one.severity == "note"


def test_ours_who_watch_skype_are_another_matter() -> None:
    ours = PLAIN.replace("\n", "to_uri=sip:kim@skypeids.net \n")
    assert not missing(table(ours + PLAIN_OK.replace("\n", "to_uri=sip:kim@skypeids.net \n")))


def test_a_healthy_dialog_finds_nothing() -> None:
    rows = table(
        ASK + OK + PLAIN.replace("event", "call=c2 event")
        + PLAIN_OK.replace("\n", "call=c2 \n") + f"0.3 fe>alice NOTIFY {BACK} call=c2",
        [asks(1, DAVE)],
        [online(2, DAVE), online(5, DAVE, None) | {"call_id": "c2"}],
    )  # fmt: skip
    assert len(rows) == 2
    assert not [
        *presence_forbidden_untrusted(rows), *presence_refused(rows),
        *silence(rows), *ignored(rows), *missing(rows),
    ]  # fmt: skip


# --- legacy_interop_published


@pytest.mark.parametrize(("container", "found"), [(0, 1), (100, 1), (200, 0), (None, 0)])
def test_legacy_interop(container: int | None, found: int) -> None:
    row = says(1, "sip:helpdesk@contoso.com", category="legacyInterop", container=container)
    row |= {"part_media_type": "application/msrtc-category-publish+xml", "availability": 3500}
    row |= {"time": at(0)}
    findings = list(legacy_interop_published(typed([row], PRESENCE), table(ASKS + ANSWER)))
    assert len(findings) == found
    for one in findings:
        assert "1 subscriber from Skype" in one.explanation and one.evidence == ("message 1-1-1",)


def test_what_the_server_shows_is_no_publication() -> None:
    row = says(1, "sip:helpdesk@contoso.com", category="legacyInterop", container=0)
    assert not list(legacy_interop_published(typed([row], PRESENCE), table(ASKS)))


# --- whatever comes


@settings(max_examples=80, deadline=None)
@given(anything(), st.sampled_from([0, 3, 100]), st.sampled_from([0, 5]))
def test_any_messages_give_findings_or_none(
    given_rows: tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]],
    seconds: float,
    lost: int,
) -> None:
    rows, bodies, told = given_rows
    presence = typed(told, PRESENCE)
    found = subscriptions(typed(rows, MESSAGES), typed(bodies, BODIES), presence)
    findings = [
        *presence_forbidden_untrusted(found),
        *presence_refused(found),
        *silence(found, wait_s=0, seconds=seconds, lost=lost),
        *ignored(found, wait_s=0, seconds=seconds, lost=lost),
        *missing(found, wait_s=0, seconds=seconds, lost=lost),
        *legacy_interop_published(presence, found),
    ]
    for one in findings:
        assert not re.search(r"<NA>|\bnan\b|\bNone\b|NaT", one.explanation + one.title)
        assert one.evidence and all(piece.startswith("message 1-") for piece in one.evidence)
