from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipelines.analyses.dialogs import dialogs
from pipelines.schema import DIALOGS
from tests.analyses.script import TEXT_TYPES, at, messages


def table(script: str, text: str = "string[pyarrow]") -> pd.DataFrame:
    return dialogs(messages(script, text))


def only(script: str, **options: Any) -> pd.Series:
    found = table(script, **options)
    assert len(found) == 1, found
    return found.iloc[0]


CALL = """
    0.0 alice>fe INVITE conversation=Ac9
    0.1 fe>alice 100
    0.2 fe>alice 101 to=routing
    0.5 fe>alice 180
    3.0 fe>alice 200
    3.1 alice>fe ACK
    9.0 fe>alice BYE from=b to=a
    9.1 alice>fe 481 BYE from=b to=a
"""


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_call(text: str) -> None:
    found = only(CALL, text=text)
    assert (found["kind"], found["method"], found["state"]) == ("invite", "INVITE", "terminated")
    assert (found["from_tag"], found["to_tag"]) == ("a", "b")
    assert (found["start_time"], found["established_time"]) == (at(0), at(3))
    assert (found["end_time"], found["ended_by"]) == (at(9), "callee")
    assert (found["dialog_id"], found["messages"]) == ("1-4-1", 5)


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    nothing = table("", text)
    full = table(CALL, text)
    assert list(nothing.columns) == list(DIALOGS.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]


def test_ended_by_caller() -> None:
    assert only("0 a>b INVITE \n 1 b>a 200 \n 2 a>b BYE cseq=2")["ended_by"] == "caller"


def test_confirmed() -> None:
    found = only("0 a>b INVITE \n 1 b>a 200")
    assert found["state"] == "confirmed"
    assert pd.isna(found["end_time"]) and pd.isna(found["ended_by"])


def test_early() -> None:
    found = only("0 a>b INVITE \n 1 b>a 180 \n 1 a>b PRACK cseq=2 \n 1 b>a 200 PRACK cseq=2")
    assert found["state"] == "early"
    assert pd.isna(found["established_time"])


@pytest.mark.parametrize("tag", ["b", "proxy"])
def test_early_dialog_ends_with_a_failure(tag: str) -> None:
    found = only(f"0 a>b INVITE \n 1 b>a 180 \n 9 b>a 480 to={tag} \n 9 a>b ACK to={tag}")
    assert (found["state"], found["end_time"], found["to_tag"]) == ("terminated", at(9), "b")


def test_a_failure_makes_no_dialog() -> None:
    assert len(table("0 a>b INVITE \n 9 b>a 486 \n 9 a>b ACK")) == 0
    assert len(table("0 a>b REGISTER \n 9 b>a 401 REGISTER \n 9 b>a 200 REGISTER")) == 0
    assert len(table("0 a>b MESSAGE \n 9 b>a 200 MESSAGE")) == 0


def test_fork() -> None:
    found = table(
        """
        0.0 alice>fe INVITE
        0.5 fe>alice 180 to=desk
        1.5 fe>alice 180 to=mobile
        3.0 fe>alice 200 to=mobile
        9.0 alice>fe BYE cseq=2 to=mobile
        """
    ).set_index("to_tag")
    assert found.loc["mobile", "state"] == "terminated"
    assert (found.loc["desk", "state"], found.loc["desk", "end_time"]) == ("terminated", at(3))
    assert pd.isna(found.loc["desk", "established_time"])
    assert pd.isna(found.loc["desk", "ended_by"])


def test_a_branch_that_failed_ends_only_itself() -> None:
    found = table(
        """
        0.0 alice>fe INVITE
        0.1 fe>desk  INVITE
        0.1 fe>mobile INVITE
        0.5 desk>fe  180 to=desk
        0.6 mobile>fe 180 to=mobile
        2.0 desk>fe  486 to=desk
        """
    ).set_index("to_tag")
    assert found["state"].to_dict() == {"desk": "terminated", "mobile": "early"}


def test_subscription() -> None:
    found = only(
        """
        0 alice>fe SUBSCRIBE expires=600
        1 fe>alice 200 SUBSCRIBE
        2 fe>alice BENOTIFY from=b to=a
        9 alice>fe SUBSCRIBE cseq=2 to=b expires=0
        """
    )
    assert (found["kind"], found["state"], found["ended_by"]) == (
        "subscribe",
        "terminated",
        "caller",
    )
    assert (found["established_time"], found["end_time"]) == (at(1), at(9))


def test_notify_before_the_2xx() -> None:
    found = only(
        "0 alice>fe SUBSCRIBE \n 1 fe>alice NOTIFY from=b to=a \n 2 fe>alice 200 SUBSCRIBE"
    )
    assert (found["from_tag"], found["to_tag"], found["method"]) == ("a", "b", "SUBSCRIBE")
    assert (found["from_uri"], found["dialog_id"]) == ("sip:bob@contoso.com", "1-2-1")
    assert found["established_time"] == at(2)


def test_fetch() -> None:
    found = only("0 alice>fe SUBSCRIBE expires=0 \n 1 fe>alice 200 SUBSCRIBE")
    assert (found["state"], found["end_time"], found["ended_by"]) == ("terminated", at(1), "caller")


def test_begun_before_the_capture() -> None:
    found = only("0 alice>fe INFO cseq=7 \n 1 fe>alice 200 INFO cseq=7")
    assert (found["state"], found["kind"]) == ("seen", "other")
    assert pd.isna(found["method"]) and pd.isna(found["established_time"])
    assert only("0 a>b BYE cseq=7")["state"] == "terminated"
    assert only("0 a>b BYE cseq=7")["kind"] == "invite"
    assert only("0 a>b INVITE cseq=7 to=b \n 1 b>a 200 cseq=7")["state"] == "seen"
    assert only("0 b>a NOTIFY")["kind"] == "subscribe"


def test_the_2xx_is_lost() -> None:
    found = only("0 a>b INVITE \n 1 b>a 180 \n 5 a>b INFO cseq=2")
    assert found["state"] == "confirmed"
    assert pd.isna(found["established_time"])


def test_two_hops_are_one_dialog() -> None:
    found = only(
        "0 a>fe INVITE \n 0.1 fe>b INVITE \n 1 b>fe 200 \n 1.1 fe>a 200 \n 5 b>fe BYE from=b to=a"
        "\n 5.1 fe>a BYE from=b to=a"
    )
    assert (found["established_time"], found["messages"]) == (at(1.1), 4)


def test_challenged_invite() -> None:
    found = only(
        "0 a>b INVITE \n 0.1 b>a 407 to=p \n 0.1 a>b ACK to=p \n 0.2 a>b INVITE cseq=2"
        "\n 1 b>a 200 cseq=2 \n 1.1 a>b ACK cseq=2"
    )
    assert (found["start_time"], found["established_time"]) == (at(0), at(1))
