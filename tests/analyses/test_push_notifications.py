from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from pipelines.analyses.calls import calls
from pipelines.analyses.push_notifications import push_notifications
from pipelines.analyses.transactions import transactions
from pipelines.schema import BODIES, CAPTURES, FLOWS, PUSH_NOTIFICATIONS, TLS_SESSIONS
from tests.analyses.script import TEXT_TYPES, at, body, messages, typed

TYPE = "application/vnd.microsoft.lync.pushnotification+xml"
MOBILE = "sip:McxUser0123kim@contoso.com"

SENT = f"0 edge>cloud MESSAGE type={TYPE} from_uri={MOBILE} content_length=830 \n"


def table(
    script: str, bodies: list[dict[str, Any]] | None = None, text: str = "string[pyarrow]"
) -> pd.DataFrame:
    rows = messages(script, text)
    made = typed(bodies or [], BODIES, text)
    found = calls(rows, made)
    empty = (typed([], one, text) for one in (CAPTURES, FLOWS, TLS_SESSIONS))
    return push_notifications(rows, rows, rows, made, transactions(rows), found, *empty)


def only(script: str, **options: Any) -> pd.Series:
    found = table(script, **options)
    assert len(found) == 1, found
    return found.iloc[0]


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_accepted(text: str) -> None:
    document = '<notification><device type="wp7">x</device></notification>'
    row = only(
        SENT + "0.4 cloud>edge 200 MESSAGE diag=30000",
        bodies=[body("1-1-1", 0, TYPE, document)],
        text=text,
    )
    assert (row["message_id"], row["time"], row["from_uri"]) == ("1-1-1", at(0), MOBILE)
    assert (row["status_code"], row["diagnostics_code"], row["answer_s"]) == (200, 30000, 0.4)
    assert row["content_length"] == 830
    assert row["synthetic"] is False or row["synthetic"] == False  # noqa: E712
    assert "wp7" in json.loads(row["values"]).values()


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    nothing = table("0 a>b MESSAGE", text=text)
    full = table(SENT, text=text)
    assert len(nothing) == 0
    assert list(nothing.columns) == list(PUSH_NOTIFICATIONS.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]


@pytest.mark.parametrize(
    ("from_uri", "diagnostics", "synthetic"),
    [
        (MOBILE, "-", False),
        (MOBILE, "30007", True),
        ("sip:test@contoso.com", "30000", True),
        ("sip:test@contoso.com", "-", True),
        ("-", "30007", True),
        ("-", "30000", None),
        ("-", "-", None),
    ],
)
def test_synthetic(from_uri: str, diagnostics: str, synthetic: bool | None) -> None:
    row = only(
        f"0 edge>cloud MESSAGE type={TYPE} from_uri={from_uri}"
        f"\n 1 cloud>edge 200 MESSAGE diag={diagnostics}"
    )
    if synthetic is None:
        assert pd.isna(row["synthetic"])
    else:
        assert bool(row["synthetic"]) is synthetic


def test_unanswered() -> None:
    row = only(SENT)
    assert pd.isna(row["status_code"]) and pd.isna(row["answer_s"]) and pd.isna(row["values"])


def test_failed() -> None:
    row = only(SENT + "32 cloud>edge 504 MESSAGE diag=1046")
    assert (row["status_code"], row["diagnostics_code"], row["answer_s"]) == (504, 1046, 32)


def test_two_hops_are_one_notification() -> None:
    row = only(
        f"0 fe>edge MESSAGE type={TYPE} \n 0.1 edge>cloud MESSAGE type={TYPE}"
        "\n 0.5 cloud>edge 200 MESSAGE \n 0.6 edge>fe 200 MESSAGE"
    )
    assert row["answer_s"] == 0.6


def test_the_near_hop_shows_no_responses() -> None:
    row = only(
        f"0 fe>edge MESSAGE type={TYPE} \n 0.1 edge>cloud MESSAGE type={TYPE}"
        "\n 0.5 cloud>edge 200 MESSAGE"
    )
    assert (row["status_code"], row["answer_s"]) == (200, 0.4)


def test_several_in_one_dialog() -> None:
    found = table(SENT + SENT.replace("MESSAGE", "MESSAGE cseq=2"))
    assert len(found) == 2
