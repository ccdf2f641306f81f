from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipelines import read_capture
from pipelines.analyses.call_legs import call_legs
from pipelines.analyses.calls import calls
from pipelines.finding import Finding
from pipelines.rules.slow_ringback import slow_ringback
from pipelines.schema import BODIES, CALL_LEGS
from tests.analyses.script import TEXT_TYPES, messages, typed

FIXTURES = Path(__file__).parents[2] / "fixtures"

THREE_LEGS = """
    0.00 10.0.0.1>10.0.0.2   INVITE vias=1
    0.01 10.0.0.2>10.0.0.1   100 vias=1
    0.10 10.0.0.2>10.0.0.3   INVITE vias=2
    0.30 203.0.113.9>8.8.8.8 INVITE vias=3
    9.30 8.8.8.8>203.0.113.9 180 vias=3
    9.40 10.0.0.3>10.0.0.2   180 vias=2
    9.41 10.0.0.2>10.0.0.1   180 vias=1
    12.0 8.8.8.8>203.0.113.9 200 vias=3
    12.1 10.0.0.3>10.0.0.2   200 vias=2
    12.2 10.0.0.2>10.0.0.1   200 vias=1
"""


def table(script: str, text: str = "string[pyarrow]") -> pd.DataFrame:
    rows = messages(script, text)
    return call_legs(rows, calls(rows, typed([], BODIES)))


def findings(script: str) -> list[Finding]:
    rows = messages(script)
    made = calls(rows, typed([], BODIES))
    return list(slow_ringback(made, call_legs(rows, made), ringback_s=5.0, silence_s=10.0))


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_each_server_and_how_long_it_held_the_call(text: str) -> None:
    found = table(THREE_LEGS, text)
    assert found["leg"].tolist() == [1, 2, 3]
    assert found["previous_leg"].astype(object).where(
        found["previous_leg"].notna(), 0
    ).tolist() == [
        0,
        1,
        2,
    ]
    assert found["side"].tolist() == ["internal", "internal", "external"]
    assert found["ringback_s"].round(6).tolist() == [9.41, 9.3, 9.0]
    assert found["held_ringback_s"].round(6).tolist() == [0.11, 0.3, 9.0]
    assert found["held_ringback_s"].sum() == pytest.approx(9.41)
    assert found["held_invite_s"].round(6).tolist()[1:] == [0.1, 0.2]
    assert found["answer_s"].round(6).tolist() == [12.2, 12.0, 11.7]
    assert found["status_code"].tolist() == [200, 200, 200]
    assert found["last"].tolist() == [False, False, True]


def test_of_a_fork_the_branch_that_rings_first_counts() -> None:
    found = table(
        """
        0.0 a>fe INVITE vias=1
        0.1 fe>b INVITE vias=2 branch=z9hG4bKb
        0.1 fe>c INVITE vias=2 branch=z9hG4bKc
        1.0 b>fe 180 vias=2 branch=z9hG4bKb to=b
        1.1 fe>a 180 vias=1 to=b
        3.0 c>fe 180 vias=2 branch=z9hG4bKc to=c
        """
    )
    assert found["previous_leg"].tolist()[1:] == [1, 1]
    assert found["held_ringback_s"].round(6).tolist() == [0.2, 0.9, 2.9]


def test_clocks_of_two_captures_do_not_matter() -> None:
    found = table(
        """
        0.0   a>fe INVITE vias=1 capture=fe
        100.0 fe>b INVITE vias=2 capture=b
        102.0 b>fe 180 vias=2 capture=b
        2.5   fe>a 180 vias=1 capture=fe
        """
    )
    assert found["held_ringback_s"].round(6).tolist() == [0.5, 2.0]
    assert found["held_invite_s"].isna().all()


def test_the_invite_after_a_challenge_counts() -> None:
    found = table(
        """
        0.0 a>fe INVITE vias=1
        0.1 fe>a 407 vias=1
        0.2 a>fe ACK vias=1
        0.3 a>fe INVITE vias=1 cseq=2
        1.3 fe>a 180 vias=1 cseq=2
        """
    )
    assert found["ringback_s"].round(6).tolist() == [1.0]


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    assert list(table("", text).columns) == list(CALL_LEGS.names)


def test_slow_ringback_names_who_held_it() -> None:
    [one] = findings(THREE_LEGS)
    assert "5 s" in one.title
    assert one.severity is None  # the rule's own: a warning
    assert one.subject is not None
    assert one.subject.endswith("beyond 8.8.8.8")
    assert "9.00 s beyond 8.8.8.8" in one.explanation
    assert "Edge" in one.advice


def test_slow_inside_a_server() -> None:
    [one] = findings(
        """
        0.0  10.0.0.1>10.0.0.2 INVITE vias=1
        11.0 10.0.0.2>10.0.0.3 INVITE vias=2
        11.5 10.0.0.3>10.0.0.2 180 vias=2
        11.6 10.0.0.2>10.0.0.1 180 vias=1
        """
    )
    assert one.severity == "error"
    assert one.advice.startswith("Look at 10.0.0.2")


def test_quick_calls_and_calls_that_never_ring_are_not_slow() -> None:
    assert findings("0 a>b INVITE vias=1\n4.9 b>a 180 vias=1") == []
    assert findings("0 a>b INVITE vias=1\n20 b>a 408 vias=1") == []


def test_the_demo() -> None:
    folder = FIXTURES / "skype_ringback"
    trace = read_capture(folder / "skype_ringback.pcapng", keys=folder / "sslkeys.log")
    found = trace.findings[trace.findings["rule"] == "slow_ringback"]
    assert len(found) == 1
    one = found.iloc[0]
    assert (one["severity"], one["count"]) == ("error", 1)
    assert one["subject"] == "calls with Skype: beyond 198.51.100.70"
    assert "Internal calls took" in one["explanation"]
    assert set(trace.findings["rule"]) == {"slow_ringback"}


# --- the same call from other places -------------------------------------------------------------

VIEWS = {
    "edge.pcapng": "calls with Skype: beyond 198.51.100.70",
    "client.pcapng": "calls with Skype: beyond 192.168.10.11",
    "held_inside.pcapng": "calls with Skype: 192.168.10.11",
    "lost_outside.pcapng": "calls with Skype: in or beyond 192.168.10.20",
    "edge.ocslogger.txt": "calls with Skype: beyond the machine that wrote edge.ocslogger.txt",
    "healthy.pcapng": None,
    "lost_at_the_client.pcapng": None,
}


@pytest.mark.parametrize(("name", "subject"), VIEWS.items())
def test_what_a_place_can_tell(name: str, subject: str | None) -> None:
    path = FIXTURES / "skype_views" / name
    is_log = path.suffix == ".txt"
    trace = read_capture(
        path,
        keys=[] if is_log else [path.with_suffix(".keys.log")],
        timezone="UTC" if is_log else None,
    )
    found = trace.findings[trace.findings["rule"] == "slow_ringback"]
    assert found["subject"].tolist() == ([] if subject is None else [subject])


def test_a_frame_that_was_lost_is_told_and_nothing_claimed() -> None:
    folder = FIXTURES / "skype_views"
    trace = read_capture(
        folder / "lost_at_the_client.pcapng", keys=folder / "lost_at_the_client.keys.log"
    )
    [skype] = trace.calls[trace.calls["route"] == "skype"].itertuples()
    assert pd.isna(skype.ringback_delay_s)
    assert skype.setup_delay_s == pytest.approx(16.31, abs=0.001)
    assert trace.flows["lost_bytes"].sum() > 0
    assert (trace.expert["severity"] != "note").any()


def test_who_kept_the_invite() -> None:
    [one] = findings(
        """
        0.0  10.0.0.1>10.0.0.2 INVITE vias=1
        0.1  10.0.0.2>10.0.0.3 INVITE vias=2
        0.5  10.0.0.3>10.0.0.2 180 vias=2
        11.6 10.0.0.2>10.0.0.1 180 vias=1
        """
    )
    assert one.advice == "Look at 10.0.0.2: it kept the answer, not the INVITE, for so long."


def test_a_server_is_not_blamed_for_ringing_that_was_not_captured() -> None:
    script = """
        0.0  10.0.0.1>10.0.0.2 INVITE vias=1
        0.1  10.0.0.2>10.0.0.3 INVITE vias=2
        11.6 10.0.0.2>10.0.0.1 180 vias=1
        """
    found = table(script)
    assert found["held_ringback_s"].isna().all()
    [one] = findings(script)
    assert one.subject == "internal calls: in or beyond 10.0.0.2"
    assert "11.60 s in or beyond 10.0.0.2" in one.explanation
    assert "frames are missing" in one.advice
