from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipelines.analyses.calls import calls
from pipelines.schema import BODIES, CALLS
from tests.analyses.script import TEXT_TYPES, at, messages, typed

ANSWERED = """
    0.0  alice>fe  INVITE
    0.1  fe>alice  100
    0.4  fe>alice  101  to=routing
    0.5  fe>alice  180
    3.0  fe>alice  200
    3.1  alice>fe  ACK
    9.0  alice>fe  BYE  cseq=2
    9.1  fe>alice  200 BYE  cseq=2
"""


def table(script: str, text: str = "string[pyarrow]", bodies: list[dict[str, Any]] | None = None):
    return calls(messages(script, text), typed(bodies or [], BODIES, text))


def only(script: str, **options: Any) -> pd.Series:
    found = table(script, **options)
    assert len(found) == 1, found
    return found.iloc[0]


def sdp(message_id: str, *media: str) -> dict[str, Any]:
    offered = ",".join(media) or None
    return {"message_id": message_id, "media_type": "application/sdp", "media": offered}


# --- an ordinary call ---------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_answered(text: str) -> None:
    call = only(ANSWERED, text=text)
    assert call["outcome"] == "answered"
    assert call["status_code"] == 200
    assert call["reason_phrase"] == "OK"
    assert call["start_time"] == at(0)
    assert call["first_response_time"] == at(0.1)
    assert call["first_provisional_time"] == at(0.5)
    assert call["ringing_time"] == at(0.5)
    assert call["answer_time"] == at(3)
    assert call["ack_time"] == at(3.1)
    assert call["end_time"] == at(9)
    assert call["setup_delay_s"] == 3
    assert call["ringback_delay_s"] == 0.5
    assert call["session_request_delay_s"] == 0.5
    assert call["duration_s"] == 6
    assert (call["released_by"], call["release_method"]) == ("caller", "BYE")
    assert (call["invites"], call["hops"], call["branches"], call["reinvites"]) == (1, 1, 1, 0)
    assert (call["call_key"], call["frame_number"], call["flow_id"]) == ("1-1-1", 1, "alice-fe")
    assert call["from_tag"] == "a"


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    nothing = table("", text)
    full = table(ANSWERED, text)
    assert list(nothing.columns) == list(CALLS.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]
    assert len(nothing) == 0


def test_start_is_the_first_bit_of_the_invite() -> None:
    call = only("1.0 alice>fe INVITE first_time=0.2 \n 1.5 fe>alice 200")
    assert call["start_time"] == at(0.2)
    assert call["setup_delay_s"] == 1.3


def test_session_request_delay_ends_with_the_2xx_when_nothing_came_before() -> None:
    call = only("0 alice>fe INVITE \n 0.1 fe>alice 100 \n 0.2 fe>alice 101 \n 2 fe>alice 200")
    assert call["session_request_delay_s"] == 2
    assert pd.isna(call["ringback_delay_s"])
    assert pd.isna(call["first_provisional_time"])


@pytest.mark.parametrize("status", [181, 182, 199])
def test_a_status_that_does_not_ring(status: int) -> None:
    call = only(f"0 alice>fe INVITE \n 1 fe>alice {status} \n 2 fe>alice 180 \n 4 fe>alice 200")
    assert call["session_request_delay_s"] == 1
    assert call["ringback_delay_s"] == 2


def test_183_before_180_is_ringback() -> None:
    call = only("0 alice>fe INVITE \n 1 fe>alice 183 \n 2 fe>alice 180 \n 4 fe>alice 200")
    assert call["ringback_delay_s"] == 1


def test_open_at_the_end_of_the_capture() -> None:
    call = only("0 alice>fe INVITE \n 1 fe>alice 180 \n 4 fe>alice 200 \n 4.1 alice>fe ACK")
    assert call["outcome"] == "answered"
    for column in ("end_time", "duration_s", "released_by", "release_method"):
        assert pd.isna(call[column])


def test_released_by_the_callee() -> None:
    call = only(
        """
        0 alice>fe INVITE
        1 fe>alice 200
        1 alice>fe ACK
        5 fe>alice BYE from=b to=a cseq=1
        5 alice>fe 200 BYE from=b to=a cseq=1
        """
    )
    assert (call["released_by"], call["release_method"]) == ("callee", "BYE")
    assert call["duration_s"] == 4


# --- every outcome ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "answered"),
        (202, "answered"),
        (302, "redirected"),
        (401, "challenged"),
        (407, "challenged"),
        (402, "failed"),
        (404, "failed"),
        (408, "timed_out"),
        (480, "no_answer"),
        (486, "busy"),
        (487, "cancelled"),
        (488, "failed"),
        (500, "failed"),
        (503, "failed"),
        (504, "timed_out"),
        (600, "busy"),
        (603, "declined"),
        (604, "failed"),
        (607, "declined"),
        (699, "failed"),
    ],
)
def test_outcome_by_final_status(status: int, outcome: str) -> None:
    call = only(f"0 alice>fe INVITE \n 2 fe>alice {status} \n 2 alice>fe ACK")
    assert call["outcome"] == outcome
    assert call["status_code"] == status
    if status >= 300:
        assert call["end_time"] == at(2)
        assert pd.isna(call["answer_time"]) and pd.isna(call["ack_time"])
        assert pd.isna(call["setup_delay_s"]) and pd.isna(call["duration_s"])
        assert pd.isna(call["released_by"])
    if status >= 300 and status != 487:
        assert call["release_method"] == "rejected"


@pytest.mark.parametrize("status", [180, 183])
def test_408_after_ringing_is_no_answer(status: int) -> None:
    call = only(f"0 alice>fe INVITE \n 2 fe>alice {status} \n 30 fe>alice 408")
    assert call["outcome"] == "no_answer"


@pytest.mark.parametrize("status", [401, 402, 407])
def test_a_challenge_ends_no_session_request_delay(status: int) -> None:
    assert pd.isna(only(f"0 alice>fe INVITE \n 2 fe>alice {status}")["session_request_delay_s"])


def test_failure_ends_the_session_request_delay() -> None:
    call = only("0 alice>fe INVITE \n 0.1 fe>alice 100 \n 2 fe>alice 503")
    assert call["session_request_delay_s"] == 2


def test_unanswered_at_the_end_of_the_capture() -> None:
    call = only("0 alice>fe INVITE \n 0.1 fe>alice 100 \n 1 fe>alice 180")
    assert call["outcome"] == "unanswered"
    assert pd.isna(call["status_code"]) and pd.isna(call["end_time"])
    assert call["ringback_delay_s"] == 1


def test_timer_b() -> None:
    copies = "\n".join(f"{t} alice>fe INVITE" for t in (0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5))
    call = only(copies)
    assert call["outcome"] == "timed_out"
    assert pd.isna(call["status_code"])
    assert (call["invites"], call["branches"]) == (7, 0)
    assert only(copies + "\n 31.6 fe>alice 100")["outcome"] == "unanswered"
    assert only("0 alice>fe INVITE \n 16 alice>fe INVITE")["outcome"] == "unanswered"


def test_cancelled_by_the_caller() -> None:
    call = only(
        """
        0.0 alice>fe INVITE
        0.5 fe>alice 180
        9.0 alice>fe CANCEL
        9.1 fe>alice 200 CANCEL
        9.2 fe>alice 487
        9.3 alice>fe ACK
        """
    )
    assert call["outcome"] == "cancelled"
    assert call["status_code"] == 487
    assert call["end_time"] == at(9.2)
    assert (call["released_by"], call["release_method"]) == ("caller", "CANCEL")


def test_cancel_without_a_final_response() -> None:
    call = only("0 alice>fe INVITE \n 1 fe>alice 180 \n 2 alice>fe CANCEL \n 2 fe>alice 200 CANCEL")
    assert call["outcome"] == "cancelled"
    assert pd.isna(call["status_code"])
    assert (call["released_by"], call["release_method"]) == ("caller", "CANCEL")


def test_2xx_that_crosses_a_cancel() -> None:
    call = only(
        """
        0.00 alice>fe INVITE
        0.50 fe>alice 180
        5.00 alice>fe CANCEL
        5.01 fe>alice 200
        5.02 fe>alice 200 CANCEL
        5.03 alice>fe ACK
        5.04 alice>fe BYE cseq=2
        5.05 fe>alice 200 BYE cseq=2
        """
    )
    assert call["outcome"] == "answered"
    assert call["setup_delay_s"] == 5.01
    assert (call["released_by"], call["release_method"]) == ("caller", "BYE")


def test_decline_that_crosses_a_cancel() -> None:
    call = only("0 alice>fe INVITE \n 5 alice>fe CANCEL \n 5.01 fe>alice 603")
    assert (call["outcome"], call["release_method"]) == ("declined", "rejected")


def test_early_dialog_ended_with_bye() -> None:
    call = only(
        "0 alice>fe INVITE \n 1 fe>alice 180 \n 4 alice>fe BYE cseq=2 \n 4 fe>alice 200 BYE cseq=2"
        "\n 4.1 fe>alice 487 \n 4.2 alice>fe ACK"
    )
    assert call["outcome"] == "cancelled"
    assert (call["released_by"], call["release_method"]) == ("caller", "BYE")


def test_487_of_which_the_cause_was_not_captured() -> None:
    call = only("0 alice>fe INVITE \n 5 fe>alice 487")
    assert call["outcome"] == "cancelled"
    assert pd.isna(call["released_by"]) and pd.isna(call["release_method"])


# --- one attempt, several INVITEs ---------------------------------------------------------------


def test_challenge_answered() -> None:
    call = only(
        """
        0.0 alice>fe INVITE cseq=1
        0.2 fe>alice 407 cseq=1 to=p
        0.3 alice>fe ACK cseq=1 to=p
        0.4 alice>fe INVITE cseq=2
        0.5 fe>alice 100 cseq=2
        1.4 fe>alice 180 cseq=2
        3.4 fe>alice 200 cseq=2
        3.5 alice>fe ACK cseq=2
        """
    )
    assert call["outcome"] == "answered"
    assert call["setup_delay_s"] == 3.4
    assert call["ringback_delay_s"] == 1.4
    assert call["session_request_delay_s"] == 1.4
    assert call["ack_time"] == at(3.5)
    assert (call["invites"], call["branches"]) == (2, 1)


def test_challenge_loop_ends_challenged() -> None:
    call = only(
        "0 alice>fe INVITE cseq=1 \n 1 fe>alice 407 cseq=1 \n 2 alice>fe INVITE cseq=2"
        "\n 3 fe>alice 407 cseq=2"
    )
    assert (call["outcome"], call["end_time"]) == ("challenged", at(3))


def test_challenge_answered_and_then_nothing() -> None:
    call = only("0 alice>fe INVITE cseq=1 \n 1 fe>alice 401 cseq=1 \n 2 alice>fe INVITE cseq=2")
    assert call["outcome"] == "unanswered"
    assert pd.isna(call["status_code"])


@pytest.mark.parametrize("status", [422, 302, 415, 488])
def test_sent_again_after(status: int) -> None:
    call = only(
        f"0 alice>fe INVITE cseq=1 \n 1 fe>alice {status} cseq=1 \n 2 alice>fe INVITE cseq=2"
        "\n 3 fe>alice 486 cseq=2"
    )
    assert (call["outcome"], call["status_code"], call["invites"]) == ("busy", 486, 2)
    assert call["session_request_delay_s"] == 3


def test_redirected_elsewhere_is_one_attempt() -> None:
    call = only(
        """
        0.0 alice>pool1 INVITE cseq=1
        0.1 pool1>alice 302 cseq=1
        0.1 alice>pool1 ACK cseq=1
        0.2 alice>pool2 INVITE cseq=2
        0.9 pool2>alice 180 cseq=2
        2.0 pool2>alice 200 cseq=2
        """
    )
    assert call["outcome"] == "answered"
    assert (call["hops"], call["ringback_delay_s"], call["setup_delay_s"]) == (2, 0.9, 2)


def test_another_from_tag_is_another_attempt() -> None:
    found = table("0 alice>fe INVITE from=a \n 1 fe>alice 486 from=a \n 2 alice>fe INVITE from=z")
    assert found["outcome"].tolist() == ["busy", "unanswered"]


# --- hops and forks -----------------------------------------------------------------------------

TWO_HOPS = """
    0.00 alice>fe INVITE
    0.01 fe>alice 100
    0.05 fe>bob   INVITE
    0.50 bob>fe   180
    0.55 fe>alice 180
    3.00 bob>fe   200
    3.05 fe>alice 200
    3.10 alice>fe ACK
    3.15 fe>bob   ACK
    9.00 bob>fe   BYE from=b to=a
    9.05 fe>alice BYE from=b to=a
"""


def test_two_hops_are_one_call_measured_at_the_caller() -> None:
    call = only(TWO_HOPS)
    assert (call["invites"], call["hops"], call["branches"]) == (2, 2, 1)
    assert (call["ringback_delay_s"], call["setup_delay_s"]) == (0.55, 3.05)
    assert call["ack_time"] == at(3.10)
    assert (call["end_time"], call["duration_s"]) == (at(9.05), 6.0)
    assert call["released_by"] == "callee"


def test_hops_between_the_same_addresses_are_told_by_their_branches() -> None:
    call = only(
        """
        0.00 lo>lo INVITE branch=z9hG4bK1
        0.05 lo>lo INVITE branch=z9hG4bK2
        0.50 lo>lo 180 branch=z9hG4bK2
        0.55 lo>lo 180 branch=z9hG4bK1
        3.00 lo>lo 200 branch=z9hG4bK2
        3.05 lo>lo 200 branch=z9hG4bK1
        """
    )
    assert (call["ringback_delay_s"], call["setup_delay_s"]) == (0.55, 3.05)


def test_a_client_that_sends_no_branch() -> None:
    script = "\n".join(
        line + "  branch=-" if "alice" in line else line for line in TWO_HOPS.strip().splitlines()
    )
    call = only(script)
    assert (call["ringback_delay_s"], call["setup_delay_s"]) == (0.55, 3.05)


def test_the_near_hop_shows_no_responses() -> None:
    script = "\n".join(line for line in TWO_HOPS.splitlines() if "fe>alice" not in line)
    call = only(script)
    assert call["outcome"] == "answered"
    assert (call["ringback_delay_s"], call["setup_delay_s"]) == (0.5, 3.0)
    assert call["released_by"] == "callee"


def test_no_hop_shows_responses() -> None:
    call = only("0 alice>fe INVITE \n 0.1 fe>bob INVITE \n 3 alice>fe ACK")
    assert call["outcome"] == "unanswered"
    for column in ("first_response_time", "setup_delay_s", "ringback_delay_s", "status_code"):
        assert pd.isna(call[column])


def test_ringing_that_did_not_reach_the_caller_is_no_ringback() -> None:
    call = only(
        "0 alice>fe INVITE \n 0.1 fe>alice 100 \n 0.1 fe>bob INVITE \n 1 bob>fe 180"
        "\n 5 bob>fe 200 \n 5.1 fe>alice 200"
    )
    assert pd.isna(call["ringback_delay_s"])
    assert call["setup_delay_s"] == 5.1


FORK = """
    0.0 alice>fe  INVITE
    0.1 fe>desk   INVITE
    0.1 fe>mobile INVITE
    0.5 desk>fe   180 to=desk
    0.5 fe>alice  180 to=desk
    1.5 mobile>fe 180 to=mobile
    1.5 fe>alice  180 to=mobile
"""


def test_fork_answered_by_one() -> None:
    call = only(
        FORK
        + """
        6.0 mobile>fe 200 to=mobile
        6.1 fe>alice  200 to=mobile
        6.2 fe>desk   CANCEL
        6.2 alice>fe  ACK to=mobile
        6.3 desk>fe   487 to=desk
        6.4 fe>desk   ACK to=desk
        8.0 alice>fe  BYE cseq=2 to=mobile
        """
    )
    assert call["outcome"] == "answered"
    assert (call["branches"], call["hops"], call["invites"]) == (2, 3, 3)
    assert (call["ringback_delay_s"], call["setup_delay_s"]) == (0.5, 6.1)
    assert call["ack_time"] == at(6.2)
    assert call["duration_s"] == 1.9
    assert (call["released_by"], call["release_method"]) == ("caller", "BYE")


def test_fork_forwards_one_of_two_failures() -> None:
    call = only(
        FORK
        + """
        6.0 mobile>fe 480 to=mobile
        7.0 desk>fe   486 to=desk
        7.1 fe>alice  480 to=mobile
        """
    )
    assert (call["outcome"], call["status_code"], call["end_time"]) == ("no_answer", 480, at(7.1))


@pytest.mark.parametrize(
    ("one", "other", "best"),
    [
        (486, 200, 200),
        (486, 603, 603),
        (503, 486, 486),
        (404, 302, 302),
        (486, 407, 407),
        (404, 415, 415),
    ],
)
def test_best_response_when_only_the_branches_were_captured(
    one: int, other: int, best: int
) -> None:
    call = only(
        "0.0 alice>fe INVITE \n 0.1 fe>desk INVITE \n 0.1 fe>mobile INVITE"
        f"\n 1 desk>fe {one} to=d \n 2 mobile>fe {other} to=m"
    )
    assert call["status_code"] == best


def test_a_proxy_that_still_waits_for_a_branch_has_decided_nothing() -> None:
    assert only(FORK + "\n 6 desk>fe 486 to=desk")["outcome"] == "unanswered"
    assert only(FORK + "\n 6 desk>fe 603 to=desk")["outcome"] == "declined"
    assert only(FORK + "\n 6 desk>fe 200 to=desk")["outcome"] == "answered"


def test_both_branches_answer() -> None:
    call = only(
        """
        0.0 alice>fe INVITE
        3.0 fe>alice 200 to=x
        3.0 fe>alice 200 to=y
        3.1 alice>fe ACK to=x
        3.1 alice>fe ACK to=y
        3.2 alice>fe BYE cseq=2 to=y
        9.0 fe>alice BYE from=x to=a
        """
    )
    assert (call["duration_s"], call["released_by"], call["branches"]) == (6, "callee", 2)


def test_a_final_response_of_the_proxy_is_no_branch() -> None:
    call = only("0 alice>fe INVITE \n 1 fe>alice 180 to=b \n 30 fe>alice 408 to=proxy")
    assert call["branches"] == 1


def test_a_2xx_outweighs_a_failure_before_it() -> None:
    call = only("0 alice>fe INVITE \n 1 fe>alice 603 to=x \n 1.1 fe>alice 200 to=y")
    assert (call["outcome"], call["setup_delay_s"]) == ("answered", 1.1)


def test_a_reinvite_that_lost_its_to_tag_does_not_undo_the_answer() -> None:
    call = only(
        "0 alice>fe INVITE \n 1 fe>alice 200 \n 5 alice>fe INVITE cseq=2 \n 5.1 fe>alice 500 cseq=2"
    )
    assert (call["outcome"], call["setup_delay_s"]) == ("answered", 1)


def test_the_call_is_open_while_one_of_two_branches_is() -> None:
    call = only(
        "0 alice>fe INVITE \n 3 fe>alice 200 to=x \n 3 fe>alice 200 to=y"
        "\n 3.2 alice>fe BYE cseq=2 to=y"
    )
    assert call["outcome"] == "answered"
    assert pd.isna(call["end_time"]) and pd.isna(call["released_by"])


def test_a_2xx_that_the_proxy_kept_to_itself_is_no_session_of_the_caller() -> None:
    call = only(
        FORK
        + """
        6.0 mobile>fe 200 to=mobile
        6.1 fe>alice  200 to=mobile
        6.2 desk>fe   200 to=desk
        9.1 alice>fe  BYE cseq=2 to=mobile
        """
    )
    assert call["duration_s"] == 3


def test_the_ack_of_a_proxy_to_a_branch_that_failed_is_not_the_callers() -> None:
    call = only(
        FORK
        + """
        5.0 desk>fe   486 to=desk
        5.1 fe>desk   ACK to=desk
        6.0 mobile>fe 200 to=mobile
        6.1 fe>alice  200 to=mobile
        """
    )
    assert call["outcome"] == "answered"
    assert pd.isna(call["ack_time"])


def test_a_proxy_that_cancels_the_losing_branch_is_not_the_caller() -> None:
    call = only(FORK + "\n 6 fe>desk CANCEL \n 6.1 fe>desk CANCEL")
    assert call["outcome"] == "unanswered"
    assert pd.isna(call["released_by"])


def test_trace_log_without_addresses() -> None:
    script = """
        0.00 ->fe INVITE branch=- src_ip=- dst_ip=- transport=log
        0.01 fe>- 100    branch=- src_ip=- dst_ip=- transport=log
        0.02 fe>- INVITE branch=z9hG4bKfe src_ip=- dst_ip=- transport=log
        0.50 ->fe 180    branch=z9hG4bKfe src_ip=- dst_ip=- transport=log
        0.55 fe>- 180    branch=- src_ip=- dst_ip=- transport=log
        3.00 ->fe 200    branch=z9hG4bKfe src_ip=- dst_ip=- transport=log
        3.05 fe>- 200    branch=- src_ip=- dst_ip=- transport=log
    """
    call = only(script)
    assert (call["ringback_delay_s"], call["setup_delay_s"], call["hops"]) == (0.55, 3.05, 2)


def test_two_captures_of_one_hop_with_clocks_that_differ() -> None:
    call = only(
        """
        0.0 alice>fe INVITE capture=client
        0.5 fe>alice 180 capture=client
        3.0 fe>alice 200 capture=client
        0.2 alice>fe INVITE capture=server
        0.3 fe>alice 180 capture=server
        2.8 fe>alice 200 capture=server
        """
    )
    assert (call["ringback_delay_s"], call["setup_delay_s"]) == (0.5, 3.0)
    assert call["capture"] == "client"


def test_a_call_over_two_files_of_a_ring_buffer() -> None:
    call = only(
        "0 alice>fe INVITE capture=1 \n 0.1 fe>alice 100 capture=1 \n 1 fe>alice 180 capture=2"
        "\n 4 fe>alice 200 capture=2 \n 9 alice>fe BYE cseq=2 capture=3"
    )
    assert (call["ringback_delay_s"], call["setup_delay_s"], call["duration_s"]) == (1, 4, 5)


# --- loss, repeats, disorder --------------------------------------------------------------------


def test_retransmissions() -> None:
    call = only(
        """
        0.0 alice>fe INVITE transport=udp
        0.5 alice>fe INVITE transport=udp
        1.0 fe>alice 180 transport=udp
        1.5 fe>alice 180 transport=udp
        3.0 fe>alice 200 transport=udp
        3.5 fe>alice 200 transport=udp
        3.6 alice>fe ACK transport=udp
        3.7 alice>fe ACK transport=udp
        8.0 alice>fe BYE cseq=2 transport=udp
        8.5 alice>fe BYE cseq=2 transport=udp
        """
    )
    assert (call["setup_delay_s"], call["duration_s"], call["invites"]) == (3, 5, 2)
    assert call["ack_time"] == at(3.6)


def test_responses_that_were_captured_before_the_invite() -> None:
    call = only("0.0 fe>alice 180 \n 0.1 alice>fe INVITE \n 3 fe>alice 200")
    assert pd.isna(call["ringback_delay_s"])
    assert call["setup_delay_s"] == 2.9


def test_rows_out_of_order() -> None:
    ordered = messages(ANSWERED)
    shuffled = ordered.sample(frac=1, random_state=3).reset_index(drop=True)
    none = typed([], BODIES)
    pd.testing.assert_frame_equal(calls(shuffled, none), calls(ordered, none))


def test_provisional_after_the_final_response_is_not_heard() -> None:
    call = only("0 alice>fe INVITE \n 2 fe>alice 200 \n 2.1 fe>alice 180")
    assert pd.isna(call["ringback_delay_s"])
    assert call["session_request_delay_s"] == 2


@pytest.mark.parametrize(
    ("rest", "outcome"),
    [
        ("3 alice>fe ACK \n 9 alice>fe BYE cseq=2", "answered"),
        ("9 fe>alice BYE from=b to=a", "answered"),
        ("9 alice>fe BYE cseq=2", "unanswered"),
        ("9 alice>fe BYE cseq=2 \n 9.1 alice>fe ACK", "unanswered"),
    ],
)
def test_the_2xx_is_lost(rest: str, outcome: str) -> None:
    call = only("0 alice>fe INVITE \n 1 fe>alice 180 \n" + rest)
    assert call["outcome"] == outcome
    assert pd.isna(call["duration_s"]) and pd.isna(call["answer_time"])
    assert (call["release_method"] == "BYE") is (outcome == "answered") or pd.isna(
        call["release_method"]
    )


def test_a_session_that_began_before_the_capture_is_no_attempt() -> None:
    assert len(table("0 alice>fe INVITE cseq=5 to=b \n 1 fe>alice 200 cseq=5")) == 0
    assert len(table("0 fe>alice 180 \n 1 fe>alice 200 \n 9 alice>fe BYE cseq=2")) == 0


def test_tags_missing() -> None:
    call = only(
        "0 alice>fe INVITE from=- \n 1 fe>alice 200 from=- to=- \n 9 alice>fe BYE from=- to=-"
    )
    assert (call["outcome"], call["duration_s"]) == ("answered", 8)
    assert pd.isna(call["from_tag"])


def test_call_ids_missing() -> None:
    assert only("0 alice>fe INVITE call=- \n 1 fe>alice 486 call=-")["outcome"] == "busy"


def test_reinvites_and_updates() -> None:
    call = only(
        """
        0.0 alice>fe INVITE
        1.0 fe>alice 200
        1.1 alice>fe ACK
        2.0 alice>fe INVITE cseq=2 to=b
        2.0 fe>bob INVITE cseq=2 to=b
        2.1 fe>alice 200 cseq=2
        3.0 fe>alice UPDATE from=b to=a cseq=1
        4.0 alice>fe UPDATE cseq=3
        4.5 alice>fe UPDATE cseq=3
        9.0 alice>fe BYE cseq=4
        """
    )
    assert call["reinvites"] == 3
    assert (call["invites"], call["setup_delay_s"], call["duration_s"]) == (1, 1, 8)


def test_failed_reinvite_does_not_end_the_call() -> None:
    call = only(
        "0 alice>fe INVITE \n 1 fe>alice 200 \n 5 alice>fe INVITE cseq=2 to=b"
        "\n 5.1 fe>alice 491 cseq=2"
    )
    assert (call["outcome"], call["status_code"]) == ("answered", 200)


# --- what is no call ----------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", ["application/ms-conf-invite+xml", "application/cccp+xml"])
def test_conference_control_is_no_call(media_type: str) -> None:
    assert len(table(f"0 alice>fe INVITE type={media_type} \n 1 fe>alice 200")) == 0
    part = {"message_id": "1-1-1", "media_type": media_type}
    assert len(table("0 alice>fe INVITE type=multipart/mixed", bodies=[part])) == 0


def test_a_focus_is_no_call_but_its_mcu_is() -> None:
    focus = "sip:kim@contoso.com;gruu;opaque=app:conf:{}:id:X1Y2Z3W4"
    assert len(table(f"0 alice>fe INVITE to_uri={focus.format('focus')}")) == 0
    call = only(f"0 alice>fe INVITE to_uri={focus.format('audio-video')}")
    assert call["route"] == "conference"


# --- diagnostics, conversation, modality --------------------------------------------------------


def test_diagnostics_of_the_final_response() -> None:
    call = only("0 alice>fe INVITE \n 1 fe>alice 101 diag=12006 \n 2 fe>alice 504 diag=1046")
    assert call["diagnostics_code"] == 1046


def test_diagnostics_that_only_another_hop_shows() -> None:
    call = only(
        "0 alice>fe INVITE \n 0.1 fe>edge INVITE \n 2 edge>fe 504 diag=1046 \n 2 fe>alice 504"
    )
    assert call["diagnostics_code"] == 1046


def test_diagnostics_of_the_bye_tell_more_than_those_of_the_2xx() -> None:
    script = "0 alice>fe INVITE \n 1 fe>alice 200 diag=51007 \n 5 alice>fe BYE cseq=2"
    assert only(script)["diagnostics_code"] == 51007
    assert only(script + " diag=23")["diagnostics_code"] == 23


def test_conversation_id() -> None:
    call = only("0 alice>fe INVITE \n 1 fe>alice 200 conversation=Ac9 \n 2 alice>fe ACK")
    assert call["conversation_id"] == "Ac9"


@pytest.mark.parametrize(
    ("media", "modality"),
    [
        (("audio",), "audio"),
        (("audio", "video"), "video"),
        (("video",), "video"),
        (("message",), "im"),
        (("x-ms-message",), "im"),
        (("applicationsharing",), "applicationsharing"),
        (("data",), "data"),
        (("audio", "applicationsharing"), "mixed"),
        (("audio", "video", "message"), "mixed"),
        (("image",), None),
        ((), None),
    ],
)
@pytest.mark.parametrize("text", TEXT_TYPES)
def test_modality(media: tuple[str, ...], modality: str | None, text: str) -> None:
    call = only(ANSWERED, bodies=[sdp("1-1-1", *media), sdp("1-5-1", "video")], text=text)
    assert call["modality"] == modality if modality else pd.isna(call["modality"])


def test_modality_of_an_offer_in_parts() -> None:
    parts = [sdp("1-1-1", "audio"), sdp("1-1-1", "audio", "video")]
    assert only(ANSWERED, bodies=parts)["modality"] == "video"


def test_modality_of_an_offer_in_the_2xx() -> None:
    assert only(ANSWERED, bodies=[sdp("1-5-1", "audio")])["modality"] == "audio"


def test_bodies_of_other_messages_do_no_harm() -> None:
    strange = [sdp("7-7-7", "video"), sdp("1-7-1", "video"), {"message_id": "1-1-1"}]
    assert pd.isna(only(ANSWERED, bodies=strange)["modality"])
