from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipelines.analyses.transactions import transactions
from pipelines.schema import TRANSACTIONS
from tests.analyses.script import TEXT_TYPES, at, messages


def table(script: str, text: str = "string[pyarrow]") -> pd.DataFrame:
    return transactions(messages(script, text))


def only(script: str, **options: Any) -> pd.Series:
    found = table(script, **options)
    assert len(found) == 1, found
    return found.iloc[0]


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_invite(text: str) -> None:
    found = only(
        """
        0.0 alice>fe INVITE
        0.1 fe>alice 100
        0.2 fe>alice 101 to=x
        0.5 fe>alice 180
        3.0 fe>alice 486 diag=51003
        3.1 alice>fe ACK
        """,
        text=text,
    )
    assert found["transaction_id"] == found["request_message_id"] == "1-1-1"
    assert (found["src_ip"], found["dst_ip"], found["flow_id"]) == ("alice", "fe", "alice-fe")
    assert (found["method"], found["cseq"], found["outcome"]) == ("INVITE", 1, "failure")
    assert found["start_time"] == at(0)
    assert found["first_response_time"] == at(0.1)
    assert (found["first_provisional_code"], found["first_provisional_time"]) == ("180", at(0.5))
    assert (found["final_time"], found["status_code"]) == (at(3), 486)
    assert (found["response_s"], found["diagnostics_code"]) == (3, 51003)
    assert (found["requests"], found["responses"]) == (1, 4)
    assert found["final_message_id"] == "1-5-1"
    assert pd.isna(found["to_tag"])


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    nothing = table("", text)
    full = table("0 alice>fe INVITE", text)
    assert list(nothing.columns) == list(TRANSACTIONS.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "success"),
        (202, "success"),
        (302, "redirect"),
        (401, "challenge"),
        (407, "challenge"),
        (404, "failure"),
        (487, "cancelled"),
        (503, "failure"),
        (603, "failure"),
        (799, "failure"),
        (100, "unanswered"),
        (183, "unanswered"),
    ],
)
def test_outcome(status: int, outcome: str) -> None:
    assert only(f"0 alice>fe INVITE \n 1 fe>alice {status}")["outcome"] == outcome


def test_no_response() -> None:
    found = only("0 alice>fe OPTIONS")
    assert found["outcome"] == "unanswered"
    for column in ("first_response_time", "final_time", "status_code", "response_s"):
        assert pd.isna(found[column])


def test_benotify_is_not_answered() -> None:
    assert only("0 fe>alice BENOTIFY")["outcome"] == "best_effort"
    assert only("0 fe>alice BENOTIFY \n 1 alice>fe 481 BENOTIFY")["outcome"] == "failure"


def test_response_only() -> None:
    found = only("1 fe>alice 200 OPTIONS")
    assert found["outcome"] == "response_only"
    assert (found["src_ip"], found["dst_ip"]) == ("alice", "fe")
    assert (found["requests"], found["responses"], found["status_code"]) == (0, 1, 200)
    for column in ("start_time", "request_message_id", "response_s", "request_uri", "to_tag"):
        assert pd.isna(found[column])


def test_start_is_the_first_bit_and_end_the_last() -> None:
    found = only("1.0 alice>fe INVITE first_time=0.4 \n 3 fe>alice 200 first_time=2")
    assert found["response_s"] == 2.6


def test_retransmissions_are_counted() -> None:
    found = only(
        "0 a>b OPTIONS \n 0.5 a>b OPTIONS \n 1.5 a>b OPTIONS"
        "\n 2 b>a 200 OPTIONS \n 2.1 b>a 200 OPTIONS"
    )
    assert (found["requests"], found["responses"], found["response_s"]) == (3, 2, 2)


def test_ack_to_a_2xx_is_a_transaction_of_its_own() -> None:
    found = table("0 alice>fe INVITE \n 1 fe>alice 200 \n 1.1 alice>fe ACK \n 1.6 alice>fe ACK")
    assert found["method"].tolist() == ["INVITE", "ACK"]
    assert found["outcome"].tolist() == ["success", "best_effort"]
    assert found["requests"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("status", "rows"), [(200, ["INVITE", "ACK"]), (486, ["INVITE"]), (100, ["INVITE", "ACK"])]
)
def test_ack_without_branch_follows_the_final_response(status: int, rows: list[str]) -> None:
    script = (
        f"0 alice>fe INVITE branch=- \n 1 fe>alice {status} branch=- \n 2 alice>fe ACK branch=-"
    )
    assert table(script)["method"].tolist() == rows


def test_ack_to_a_2xx_that_wrongly_has_the_branch_of_the_invite() -> None:
    script = (
        "0 a>b INVITE branch=z9hG4bK1 \n 1 b>a 200 branch=z9hG4bK1 \n 2 a>b ACK branch=z9hG4bK1"
    )
    assert table(script)["method"].tolist() == ["INVITE", "ACK"]


def test_ack_to_a_failure_that_was_not_captured() -> None:
    script = "0 a>b INVITE branch=z9hG4bK1 \n 2 a>b ACK branch=z9hG4bK1"
    found = only(script)
    assert (found["outcome"], found["requests"]) == ("unanswered", 1)


def test_ack_alone() -> None:
    assert only("0 a>b ACK")["outcome"] == "best_effort"


def test_acks_to_two_2xx_of_a_fork_without_branches() -> None:
    found = table(
        "0 a>b INVITE branch=- \n 1 b>a 200 to=x branch=- \n 1 b>a 200 to=y branch=-"
        "\n 2 a>b ACK to=x branch=- \n 2 a>b ACK to=y branch=-"
    )
    assert found["method"].tolist() == ["INVITE", "ACK", "ACK"]
    assert found["to_tag"].tolist()[1:] == ["x", "y"]


def test_cancel_is_a_transaction_of_its_own() -> None:
    found = table(
        """
        0.0 alice>fe INVITE
        5.0 alice>fe CANCEL
        5.1 fe>alice 200 CANCEL
        5.2 fe>alice 487
        5.3 alice>fe ACK
        """
    )
    assert found["method"].tolist() == ["INVITE", "CANCEL"]
    assert found["outcome"].tolist() == ["cancelled", "success"]
    assert found["via_branch"].nunique() == 1


def test_one_branch_on_two_hops() -> None:
    script = "\n".join(
        f"{time} {hop} branch=z9hG4bK1"
        for time, hop in [
            (0.0, "alice>lb INVITE"),
            (0.1, "lb>fe INVITE"),
            (1.0, "fe>lb 200"),
            (1.2, "lb>alice 200"),
        ]
    )
    found = table(script)
    assert found["src_ip"].tolist() == ["alice", "lb"]
    assert found["response_s"].tolist() == [1.2, 0.9]


def test_one_branch_for_every_call() -> None:
    script = "0 a>b OPTIONS branch=z9hG4bK1 call=c1 \n 0 a>b OPTIONS branch=z9hG4bK1 call=c2"
    assert len(table(script)) == 2


def test_a_branch_of_the_cookie_alone_identifies_nothing() -> None:
    script = "0 a>b BYE from=x to=y branch=z9hG4bK \n 0 b>a BYE from=y to=x branch=z9hG4bK"
    assert len(table(script)) == 2
    assert len(table(script.replace("z9hG4bK", "-"))) == 2
    assert len(table(script.replace("z9hG4bK", "1"))) == 2


def test_cookie_in_any_case() -> None:
    script = "0 a>b OPTIONS branch=Z9HG4BK1 from=x \n 1 b>a 200 OPTIONS branch=Z9HG4BK1 from=-"
    assert len(table(script)) == 1


def test_without_branch_each_dialog_of_a_fork_counts_for_itself() -> None:
    found = table(
        """
        0 a>b BYE cseq=2 to=x branch=-
        0 a>b BYE cseq=2 to=y branch=-
        1 b>a 200 BYE cseq=2 to=y branch=-
        2 b>a 481 BYE cseq=2 to=x branch=-
        """
    )
    assert found["to_tag"].tolist() == ["x", "y"]
    assert found["status_code"].tolist() == [481, 200]


def test_without_branch_every_response_belongs_to_the_initial_request() -> None:
    found = only(
        "0 a>b INVITE branch=- \n 1 b>a 180 to=x branch=- \n 1 b>a 180 to=y branch=-"
        "\n 2 b>a 200 to=y branch=-"
    )
    assert found["responses"] == 3


def test_without_branch_and_request_the_responses_stay_together() -> None:
    script = "0 b>a 100 branch=- \n 1 b>a 180 branch=- to=x \n 2 b>a 200 branch=- to=y"
    assert only(script)["responses"] == 3


def test_transports_are_hops() -> None:
    script = (
        "0 a>b OPTIONS transport=tls branch=z9hG4bK1 \n 0 a>b OPTIONS transport=tcp branch=z9hG4bK1"
    )
    assert len(table(script)) == 2


def test_trace_log_without_addresses() -> None:
    found = table(
        """
        0.00 c>s OPTIONS branch=- src_ip=- transport=log
        0.02 s>d OPTIONS branch=z9hG4bK2 dst_ip=- transport=log
        0.50 d>s 200 OPTIONS branch=z9hG4bK2 transport=log
        0.55 s>c 200 OPTIONS branch=- src_ip=- dst_ip=- transport=log
        """
    )
    assert found["response_s"].tolist() == [0.55, 0.48]


def test_a_response_captured_before_its_request_has_no_delay() -> None:
    found = only("0 fe>alice 200 \n 1 alice>fe INVITE")
    assert pd.isna(found["response_s"])
    assert (found["outcome"], found["status_code"]) == ("success", 200)
    assert found["transaction_id"] == "1-1-1"
    assert found["request_message_id"] == "1-2-1"


def test_two_captures_of_one_hop() -> None:
    found = only(
        """
        0.0 a>b OPTIONS capture=client
        0.5 a>b OPTIONS capture=client
        1.0 b>a 200 OPTIONS capture=client
        0.2 a>b OPTIONS capture=server
        0.7 a>b OPTIONS capture=server
        0.8 b>a 200 OPTIONS capture=server
        """
    )
    assert (found["requests"], found["responses"], found["response_s"]) == (2, 1, 1)
    assert found["capture"] == "client"


def test_a_transaction_over_two_files_of_a_ring_buffer() -> None:
    found = only("0 a>b OPTIONS capture=1 \n 1 b>a 200 OPTIONS capture=2")
    assert (found["response_s"], found["capture"]) == (1, "1")


def test_cseq_missing_or_huge() -> None:
    script = "0 a>b OPTIONS cseq=- \n 1 b>a 200 OPTIONS cseq=-"
    assert only(script)["outcome"] == "success"
    assert only(script.replace("cseq=-", f"cseq={2**62}"))["outcome"] == "success"


def test_rows_out_of_order() -> None:
    ordered = messages("0 a>b INVITE \n 1 b>a 180 \n 2 b>a 200 \n 3 a>b ACK")
    shuffled = ordered.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(transactions(shuffled), transactions(ordered))
