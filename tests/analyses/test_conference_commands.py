from __future__ import annotations

import pandas as pd
import pytest

from pipelines.analyses.conference_commands import conference_commands
from pipelines.schema import BODIES, CONFERENCE_COMMANDS
from tests.analyses.script import TEXT_TYPES, at, body, messages, typed

FOCUS = "sip:kim@contoso.com;gruu;opaque=app:conf:focus:id:X1Y2Z3W4"
ALICE = "sip:alice@contoso.com"
TYPE = "application/cccp+xml"


def request(number: int = 1, verb: str = "addUser", sender: str = ALICE) -> str:
    return f"""<request xmlns="urn:ietf:params:xml:ns:cccp" C3PVersion="1" requestId="{number}"
        from="{sender}" to="{FOCUS}"><{verb} xmlns:mscp="urn:x" mscp:mcuUri="{FOCUS}">
        <conferenceKeys confEntity="{FOCUS}"/></{verb}></request>"""


def response(
    number: int = 1, code: str = "success", verb: str = "addUser", receiver: str = ALICE
) -> str:
    reason = "" if code != "failure" else ' reason="unauthorized"'
    return f"""<response xmlns="urn:ietf:params:xml:ns:cccp" C3PVersion="1" requestId="{number}"
        from="{FOCUS}" to="{receiver}" code="{code}"><{verb}{reason}/></response>"""


def table(script: str, documents: list[str], text: str = "string[pyarrow]") -> pd.DataFrame:
    rows = messages(script, text)
    bodies = [
        body(
            row["message_id"],
            (row["time"] - at(0)).total_seconds(),
            TYPE,
            document,
            call_id=row["call_id"],
        )
        for (_, row), document in zip(rows.iterrows(), documents, strict=True)
        if document
    ]
    return conference_commands(typed(bodies, BODIES, text), rows)


def only(script: str, documents: list[str]) -> pd.Series:
    found = table(script, documents)
    assert len(found) == 1, found
    return found.iloc[0]


JOIN = f"0 alice>fe INVITE type={TYPE} \n 0.8 fe>alice 200 type={TYPE}"


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_answer_in_the_2xx(text: str) -> None:
    found = table(JOIN, [request(), response()], text)
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["kind"], row["request_id"], row["verb"]) == ("request", "1", "addUser")
    assert (row["from_uri"], row["to_uri"], row["mcu_uri"]) == (ALICE, FOCUS, FOCUS)
    assert (row["conference_id"], row["code"], row["answer_s"]) == ("X1Y2Z3W4", "success", 0.8)
    assert (row["message_id"], row["answer_message_id"], row["time"]) == ("1-1-1", "1-2-1", at(0))
    assert pd.isna(row["reason"])


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    nothing = table("", [], text)
    full = table(JOIN, [request(), response()], text)
    assert list(nothing.columns) == list(CONFERENCE_COMMANDS.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]


PENDING = """
    0.0 alice>fe INFO cseq=2
    0.1 fe>alice 200 INFO cseq=2
    5.0 fe>alice INFO from=b to=a
"""


def test_the_delay_runs_to_the_answer_after_pending() -> None:
    row = only(PENDING, [request(), response(code="pending"), response()])
    assert (row["code"], row["answer_s"], row["answer_message_id"]) == ("success", 5, "1-3-1")


def test_only_pending() -> None:
    row = only(PENDING, [request(), response(code="pending"), ""])
    assert row["code"] == "pending"
    assert pd.isna(row["answer_s"])


def test_pending_after_the_final_answer_changes_nothing() -> None:
    row = only(PENDING, [request(), response(), response(code="pending")])
    assert (row["code"], row["answer_s"]) == ("success", 0.1)


def test_failure() -> None:
    row = only(JOIN, [request(), response(code="failure")])
    assert (row["code"], row["reason"]) == ("failure", "unauthorized")


def test_unanswered() -> None:
    row = only("0 alice>fe INFO", [request()])
    for column in ("code", "answer_s", "answer_message_id"):
        assert pd.isna(row[column])


def test_two_hops_are_one_command_measured_on_the_first() -> None:
    row = only(
        "0 alice>fe INFO \n 0.1 fe>focus INFO \n 0.7 focus>fe 200 INFO \n 0.9 fe>alice 200 INFO",
        [request(), request(), response(), response()],
    )
    assert (row["answer_s"], row["answer_message_id"]) == (0.9, "1-4-1")


def test_challenged() -> None:
    row = only(
        "0 alice>fe INVITE \n 0.1 fe>alice 401 "
        "\n 0.2 alice>fe INVITE cseq=2 \n 0.5 fe>alice 200 cseq=2",
        [request(), "", request(), response()],
    )
    assert (row["code"], row["answer_s"]) == ("success", 0.5)


def test_a_copy_that_another_capture_shows_after_the_answer() -> None:
    row = only(
        "0 a>f INFO \n 1 f>a 200 INFO \n 1.5 a>f INFO capture=fe \n 2.5 f>a 200 INFO capture=fe",
        [request(), response(), request(), response()],
    )
    assert (row["answer_s"], row["answer_message_id"]) == (1, "1-2-1")


def test_a_request_id_used_again() -> None:
    found = table(
        "0 a>f INFO cseq=2 \n 1 f>a 200 INFO cseq=2 \n 2 a>f INFO cseq=3 \n 5 f>a 200 INFO cseq=3",
        [request(), response(), request(), response(code="failure")],
    )
    assert found["code"].tolist() == ["success", "failure"]
    assert found["answer_s"].tolist() == [1, 3]


def test_request_ids_of_two_commands_and_of_two_calls() -> None:
    found = table(
        "0 a>f INFO cseq=2 \n 1 a>f INFO cseq=3 \n 2 a>f INFO call=c2"
        "\n 3 f>a INFO from=b to=a \n 4 f>a INFO from=b to=a cseq=2"
        "\n 5 f>a INFO call=c2 from=b to=a",
        [
            request(1),
            request(2, "deleteUser"),
            request(1),
            response(2, verb="deleteUser"),
            response(1),
            response(1, "failure"),
        ],
    )
    assert found["answer_s"].tolist() == [4, 2, 3]
    assert found["code"].tolist() == ["success", "success", "failure"]


def test_both_sides_count_from_one() -> None:
    found = table(
        "0 a>f INFO cseq=2 \n 1 f>a INFO from=b to=a \n 2 a>f 200 INFO from=b to=a"
        "\n 4 f>a 200 INFO cseq=2",
        [
            request(1, "modifyUserRoles"),
            request(1, "renameUser", FOCUS),
            response(1, verb="renameUser", receiver=FOCUS),
            response(1, verb="modifyUserRoles"),
        ],
    )
    assert found["answer_s"].tolist() == [4, 1]


def test_an_answer_that_names_the_requester_otherwise() -> None:
    assert only(JOIN, [request(), response(receiver="sip:other@contoso.com")])["answer_s"] == 0.8


def test_response_without_its_request() -> None:
    row = only(PENDING, ["", response(code="pending"), response()])
    assert (row["kind"], row["code"], row["message_id"]) == ("response", "success", "1-2-1")
    assert pd.isna(row["answer_s"])


def test_notifications() -> None:
    notify = f'<notify from="{FOCUS}" to="{ALICE}" notifyId="{{}}"><x/></notify>'
    found = table(
        "0 f>fe INFO cseq=1 \n 0.1 fe>a INFO cseq=1 \n 1 f>fe INFO cseq=2",
        [notify.format(1), notify.format(1), notify.format(2)],
    )
    assert found["kind"].tolist() == ["notify", "notify"]
    assert found["time"].tolist() == [at(0), at(1)]


def test_a_body_that_could_not_be_decoded() -> None:
    broken = typed([{"message_id": "1-1-1", "media_type": TYPE, "time": at(0)}], BODIES)
    assert len(conference_commands(broken, messages("0 a>f INFO"))) == 0


def test_an_answer_captured_before_its_request() -> None:
    found = table("0 f>a 200 INFO \n 1 a>f INFO", [response(), request()])
    assert found["kind"].tolist() == ["response", "request"]
    assert found["answer_s"].isna().all()


def test_a_failure_that_came_after_pending_tells_why() -> None:
    why = (
        "<diagnostics-info><entry><key>HRESULT</key><value>0x80</value></entry></diagnostics-info>"
    )
    failure = (
        f'<response requestId="1" from="{FOCUS}" to="{ALICE}" code="failure">'
        f'<addUser reason="otherFailure" result="otherFailure">{why}</addUser></response>'
    )
    row = only(PENDING, [request(), response(code="pending"), failure])
    assert (row["code"], row["reason"], row["result"]) == ("failure",) + ("otherFailure",) * 2
    assert row["diagnostics"] == '{"HRESULT":"0x80"}'


def test_success_tells_no_diagnostics() -> None:
    row = only(JOIN, [request(), response()])
    assert pd.isna(row["diagnostics"]) and pd.isna(row["result"])
