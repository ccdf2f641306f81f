from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines import read_capture
from pipelines.analyses.session_timers import session_timers
from pipelines.finding import Finding
from pipelines.rules.session_timer_drop import session_timer_drop
from pipelines.schema import SESSION_TIMERS
from tests.analyses.script import TEXT_TYPES, at, messages

FIXTURES = Path(__file__).parents[2] / "fixtures"
FULL = "headers=contact+session-expires+supported:timer"

CALL = f"""
    0.0  gw>fe   INVITE vias=1 se=1800
    0.1  fe>app  INVITE vias=2 se=1800
    2.0  app>fe  200 vias=2 se=1800 refresher=uac {FULL}
    2.1  fe>gw   200 vias=1 se=1800 refresher=uac {FULL}
    2.2  gw>fe   ACK
"""


def table(script: str, text: str = "string[pyarrow]") -> pd.DataFrame:
    return session_timers(messages(script, text))


def only(script: str) -> pd.Series:
    found = table(script)
    assert len(found) == 1, found
    return found.iloc[0]


def findings(script: str, lost_bytes: int = 0) -> list[Finding]:
    rows = messages(script)
    flows = pd.DataFrame({"flow_id": rows["flow_id"].unique()}).assign(lost_bytes=lost_bytes)
    of_calls = rows[["call_id", "flow_id"]]
    return list(session_timer_drop(session_timers(rows), of_calls, flows))


def refresh(time: float, *, back: bool = True, headers: str = FULL, status: str = "200") -> str:
    lines = [
        f"{time}  gw>fe  UPDATE cseq=2 se=1800",
        f"{time + 0.1} fe>app UPDATE cseq=2 se=1800",
        f"{time + 0.2} app>fe {status} UPDATE cseq=2 se=1800 refresher=uac {headers}",
    ]
    if back:
        lines.append(f"{time + 0.3} fe>gw {status} UPDATE cseq=2 se=1800 refresher=uac {headers}")
    return "\n".join(lines)


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_refreshed_in_time(text: str) -> None:
    found = table(f"{CALL}\n{refresh(902)}\n2500 gw>fe BYE cseq=3", text).iloc[0]
    assert (found["session_expires_s"], found["refresher"]) == (1800, "caller")
    assert (found["refreshes"], found["refreshes_answered"]) == (1, 1)
    assert (found["last_refresh_by"], found["last_refresh_status"]) == ("caller", 200)
    assert found["expiry_time"] == at(902.2 + 1800)
    assert (found["state"], found["ended_by"]) == ("ended", "caller")
    assert found["duration_s"] == pytest.approx(2498)
    assert pd.isna(found["last_refresh_missing"])


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    assert list(table("", text).columns) == list(SESSION_TIMERS.names)
    assert table("0 alice>fe INVITE\n1 fe>alice 200\n9 alice>fe BYE", text).empty


def test_answer_that_never_came_back() -> None:
    found = only(f"{CALL}\n{refresh(902, back=False)}\n1802 gw>fe BYE cseq=3")
    assert (found["state"], found["last_refresh_lost"]) == ("expired", True)
    assert found["expiry_time"] == at(1802)
    [one] = findings(f"{CALL}\n{refresh(902, back=False)}\n1802 gw>fe BYE cseq=3")
    assert one.severity == "error"
    assert "never reached the next" in one.explanation
    assert "30 minutes" in one.title


def test_answer_that_never_came_back_as_a_servers_log_tells_it() -> None:
    """The log of the server between names no addresses; the number of Vias tells the hops."""
    script = f"{CALL}\n{refresh(902, back=False)}\n1802 gw>fe BYE cseq=3"
    lines = []
    for line in filter(str.strip, script.splitlines()):
        vias = 1 if "gw" in line.split()[1] else 2
        lines.append(f"{line.replace(' vias=1', '').replace(' vias=2', '')} vias={vias}")
    log = "\n".join(f"{line} src_ip=- dst_ip=- transport=log" for line in lines)
    assert only(log)["last_refresh_lost"]
    healthy = refresh(902).splitlines()[-1]
    back = f"{healthy} vias=1 src_ip=- dst_ip=- transport=log"
    assert not only(f"{log}\n{back}")["last_refresh_lost"]


def test_answer_without_contact() -> None:
    """Seen from the application's side only, its 200 looks as if it had arrived."""
    script = f"{CALL}\n{refresh(902, headers='headers=session-expires')}\n1802 gw>fe BYE cseq=3"
    found = only(script)
    assert found["last_refresh_missing"] == "contact supported:timer"
    assert found["state"] == "expired"
    assert "lacks contact" in findings(script)[0].explanation


@pytest.mark.parametrize(
    ("script", "words", "severity"),
    [
        ("1780 app>fe BYE from=b to=a cseq=9", "did not do so", "warning"),
        (f"{refresh(902, status='481', headers='')}\n1790 gw>fe BYE cseq=3", "481", "error"),
        ("902 gw>fe UPDATE cseq=2 se=1800\n1790 gw>fe BYE cseq=3", "no final response", "error"),
    ],
)
def test_other_causes(script: str, words: str, severity: str) -> None:
    [one] = findings(f"{CALL}\n{script}")
    assert words in one.explanation
    assert one.severity == severity


@pytest.mark.parametrize(
    "script",
    [
        f"{refresh(902)}\n1802 gw>fe BYE cseq=3",  # people hang up after half an hour, too
        "700 gw>fe BYE cseq=3",
        "3000 gw>fe BYE cseq=3",  # nobody enforces the timer
        refresh(902, back=False),  # still open when the capture ends
    ],
    ids=["half an hour", "short", "not enforced", "open"],
)
def test_no_finding(script: str) -> None:
    assert findings(f"{CALL}\n{script}") == []


def test_the_case_of_the_article() -> None:
    products = (
        CALL.replace("INVITE vias=1", "INVITE vias=1 ua=RTCC/5.0.0.0+MediationServer")
        .replace("200 vias=2", "200 vias=2 ua=RTCC/4.0.0.0+Attendant")
        .replace("INVITE vias=2", "INVITE vias=2 marks=phone")
    )
    [one] = findings(f"{products}\n{refresh(902, back=False)}\n1802 gw>fe BYE cseq=3")
    assert "UCMA 3.0" in one.explanation
    assert "2740406" in one.advice
    assert one.subject == "sip:bob@contoso.com"


@pytest.mark.parametrize(
    ("refreshed", "severity"),
    [
        ("902 gw>fe UPDATE cseq=2 se=1800", "warning"),
        (refresh(902, back=False), "warning"),
        (refresh(902, status="481", headers=""), "error"),
        (refresh(902, back=False, headers="headers=session-expires"), "error"),
    ],
    ids=["no answer", "lost on the way", "refused", "without Contact"],
)
def test_what_bytes_that_are_missing_may_explain(refreshed: str, severity: str) -> None:
    """What was seen stands; what was not seen may have been lost on the way to the capture."""
    [one] = findings(f"{CALL}\n{refreshed}\n1790 gw>fe BYE cseq=3", lost_bytes=700)
    assert one.severity == severity
    assert ("700 bytes" in one.explanation or "1,400 bytes" in one.explanation) == (
        severity == "warning"
    )


def test_interval_that_was_too_small() -> None:
    found = only(
        """
        0.0 alice>fe INVITE se=60
        0.1 fe>alice 422 min=90
        0.2 alice>fe ACK
        0.3 alice>fe INVITE se=90 min=90 cseq=2
        1.0 fe>alice 200 se=90 refresher=uas cseq=2
        """
    )
    assert (found["too_small"], found["min_se_s"]) == (1, 90)
    assert (found["asked_session_expires_s"], found["session_expires_s"]) == (60, 90)
    assert (found["refresher"], found["state"]) == ("callee", "open")


def test_a_dialog_that_began_before_the_capture() -> None:
    found = only(
        """
        0   gw>fe UPDATE cseq=7 se=1800
        0.2 fe>gw 200 UPDATE cseq=7 se=1800 refresher=uac
        60  gw>fe BYE cseq=8
        """
    )
    assert pd.isna(found["answer_time"])
    assert pd.isna(found["duration_s"])
    assert (found["state"], found["refreshes_answered"]) == ("ended", 1)


@pytest.mark.parametrize("name", ["drop", "kept", "refused"])
def test_the_fixtures_tell_their_truth(name: str) -> None:
    folder = FIXTURES / f"session_timer_{name}"
    told = json.loads((folder / "expected" / "truth.json").read_text())["session_timers"]
    for timer in told:
        path = folder / timer["capture"]
        trace = read_capture(path, keys=path.with_suffix(".keys.log"), workers=1)
        [row] = trace.session_timers.astype(object).to_dict("records")
        found = {key: None if pd.isna(row[key]) else row[key] for key in timer}
        assert found == timer


def test_headers_that_a_session_needs_are_named() -> None:
    """From the wire to the column."""
    from dissectors.sip.message import decode_head
    from pipelines.message_columns import _session_timer

    head = (
        b"SIP/2.0 200 OK\r\nContact: <sip:a@b>\r\nk: 100rel, Timer\r\nRequire: timer\r\n"
        b"x: 1800; Refresher=UAS\r\nMin-SE: 90\r\nCSeq: 1 UPDATE\r\n\r\n"
    )
    message: Any = decode_head(head)
    names = "contact require:timer session-expires supported:timer"
    assert _session_timer(message, "UPDATE") == ("uas", 90, names)
    assert _session_timer(message, "BYE") == (None, None, None)
