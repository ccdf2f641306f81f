"""The rules on registrations: what they find, and what they leave alone."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipelines.finding import Finding
from pipelines.rules.registration_failed import registration_failed
from pipelines.rules.registration_lapsed import registration_lapsed
from tests.analyses.test_registrations import NTLM, SECOND, ask, say, table

LOOP = "".join(
    ask(n, n, "schemes=NTLM" if n > 1 else "") + say(n + 0.1, 401, n, "schemes=NTLM")
    for n in range(1, 5)
)


def failed(script: str, **options: Any) -> list[Finding]:
    return list(registration_failed(table(script, **options)))


def lapsed(script: str, **options: Any) -> list[Finding]:
    return list(registration_lapsed(table(script, **options)))


@pytest.mark.parametrize("text", ["string[pyarrow]", "category", "object"])
def test_what_works_is_no_finding(text: str) -> None:
    assert failed(NTLM + SECOND, text=text) == []
    assert lapsed(NTLM + SECOND, text=text) == []
    assert failed("", text=text) == []


def test_a_loop_of_challenges() -> None:
    (one,) = failed(LOOP)
    assert one.severity == "error" and "4 times" in one.explanation
    assert (one.subject, one.evidence) == ("sip:alice@contoso.com", ("message 1-1-1",))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_three_challenges_are_none(count: int) -> None:
    assert failed("".join(LOOP.splitlines(True)[: 2 * count])) == []


def test_credentials_that_are_refused_with_a_reason() -> None:
    script = "".join(LOOP.splitlines(True)[:5])
    (one,) = failed(script + say(3.1, 401, 3, "diag=1000"))
    assert one.title == "Credentials refused: 401, error id 1000"


@pytest.mark.parametrize(
    ("status", "subject"), [(403, "sip:alice@contoso.com"), (503, "fe"), (504, "fe")]
)
def test_failures_name_who_is_to_be_looked_at(status: int, subject: str) -> None:
    (one,) = failed(ask(0, 1) + say(0.1, status, 1))
    assert (one.subject, one.severity) == (subject, "error")
    assert str(status) in one.title


def test_what_the_next_server_mended_is_a_note() -> None:
    other = ask(2, 1, "call=r2", "pc>fe2") + say(2.1, 200, 1, "call=r2", "fe2>pc")
    (one,) = failed(ask(0, 1) + say(0.1, 503, 1) + other)
    assert one.severity == "note"


def test_silence_counts_only_where_an_answer_would_have_been_seen() -> None:
    assert failed(ask(0, 1), end=100) == []
    (one,) = failed(ask(0, 1) + "1 fe>pc OPTIONS call=other\n", end=100)
    assert one.title == "Registration never answered"


def test_a_registration_that_lapsed() -> None:
    (one,) = lapsed(NTLM, end=7300)
    assert one.start_time == pd.Timestamp("2014-07-16T12:00:00.5Z")
    assert "7200 s" in one.explanation and lapsed(NTLM, end=7210) == []


def test_a_refresh_that_comes_too_late() -> None:
    (one,) = lapsed(NTLM + ask(7300, 4) + say(7300.2, 200, 4), end=7400)
    assert one.evidence == ("message 1-1-1", "message 1-7-1")
    assert "too late" in one.explanation
