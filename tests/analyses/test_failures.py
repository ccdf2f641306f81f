from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipelines.analyses.calls import calls
from pipelines.analyses.failures import failures
from pipelines.analyses.transactions import transactions
from pipelines.schema import BODIES, DIAGNOSTICS, FAILURES
from tests.analyses.script import TEXT_TYPES, messages, typed


def diagnosis(message: str, code: int, position: int = 1, **more: Any) -> dict[str, Any]:
    return {"message_id": message, "position": position, "code": code, "call_id": "c1"} | more


def table(script: str, *told: dict[str, Any], text: str = "string[pyarrow]") -> pd.DataFrame:
    rows = messages(script, text)
    return failures(
        transactions(rows), typed(list(told), DIAGNOSTICS, text), calls(rows, typed([], BODIES))
    )


TWO_HOPS = """
    0.0 alice>fe INVITE
    0.1 fe>edge  INVITE
    1.0 edge>fe  504
    1.1 fe>edge  ACK
    1.2 fe>alice 480
    1.3 alice>fe ACK
"""
TOLD = (
    diagnosis("1-3-1", 1034, 1, source="edge.contoso.com", reason="peer gave no reason"),
    diagnosis("1-3-1", 1010, 2, source="sip.fabrikam.com", reason="certificate"),
    diagnosis("1-5-1", 1037, 1, source="fe.contoso.com", reason="no reason"),
)


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_the_cause_is_the_innermost_diagnosis_of_the_farthest_response(text: str) -> None:
    script = TWO_HOPS.replace("fe>alice 480", "fe>alice 503")
    [one] = table(script, *TOLD, text=text).to_dict("records")
    assert (one["method"], one["status_code"], one["hops"]) == ("INVITE", 503, 2)
    assert (one["cause_message_id"], one["cause_status_code"]) == ("1-3-1", 504)
    assert (one["cause_code"], one["cause_source"]) == (1010, "sip.fabrikam.com")
    assert one["peer_domain"] == "contoso.com"
    assert one["route"] is not None


def test_no_reason_given_counts_last() -> None:
    script = TWO_HOPS.replace("fe>alice 480", "fe>alice 503")
    [one] = table(script, TOLD[0], diagnosis("1-5-1", 12000, source="fe")).to_dict("records")
    assert (one["cause_code"], one["cause_source"]) == (12000, "fe")
    [one] = table(script, TOLD[0]).to_dict("records")
    assert one["cause_code"] == 1034
    [one] = table(script).to_dict("records")
    assert pd.isna(one["cause_code"])
    assert one["cause_status_code"] == 504


@pytest.mark.parametrize(
    "script",
    [
        "0 a>fe INVITE\n1 fe>a 486",
        "0 a>fe INVITE\n1 fe>a 603",
        "0 a>fe REGISTER\n1 fe>a 401 REGISTER\n2 a>fe REGISTER cseq=2\n3 fe>a 200 REGISTER cseq=2",
        "0 a>fe INVITE\n1 fe>a 488\n1.1 a>fe ACK\n2 a>fe INVITE cseq=2\n3 fe>a 200 cseq=2",
        "0 a>fe SERVICE\n1 fe>a 409 SERVICE",
        "0 a>fe BYE\n1 fe>a 481 BYE",
        "0 a>fe MESSAGE\n1 fe>a 503 MESSAGE\n5 a>fe MESSAGE call=c2\n6 fe>a 200 MESSAGE call=c2",
        "0 a>fe OPTIONS\n1 fe>a 503 OPTIONS",
        "0 a>fe INVITE",
        "0 a>fe INVITE\n0.1 fe>b INVITE\n1 b>fe 503\n2 fe>a 200",
    ],
    ids=[
        "busy",
        "declined",
        "challenge",
        "second try",
        "older publication",
        "inside a dialog",
        "sent again",
        "poll",
        "capture ends",
        "one branch of a fork",
    ],
)
def test_no_failures(script: str) -> None:
    assert table(script).empty


@pytest.mark.parametrize("method", ["SUBSCRIBE", "MESSAGE", "REGISTER", "SERVICE", "REFER"])
def test_other_requests(method: str) -> None:
    [one] = table(f"0 a>fe {method}\n0.5 fe>a 403 {method}").to_dict("records")
    assert (one["method"], one["status_code"], one["response_s"]) == (method, 403, 0.5)
    assert pd.isna(one["route"])


def test_a_success_long_after_mends_nothing() -> None:
    script = (
        "0 a>fe MESSAGE\n1 fe>a 503 MESSAGE\n60 a>fe MESSAGE call=c2\n61 fe>a 200 MESSAGE call=c2"
    )
    assert len(table(script)) == 1


def test_of_an_attempt_the_last_try_counts() -> None:
    script = "0 a>fe INVITE\n1 fe>a 422\n1.1 a>fe ACK\n2 a>fe INVITE cseq=2\n3 fe>a 503 cseq=2"
    assert table(script)["status_code"].tolist() == [503]


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    assert list(table("", text=text).columns) == list(FAILURES.names)
