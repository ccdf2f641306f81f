"""Trace logs as captures: every table says of a log what it says of the wire."""

from __future__ import annotations

import datetime as dt
import json
import os
import threading
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dissectors.bodies  # noqa: F401  (importing it fills the registry)
from dissectors.body import MediaPart, decode_part
from dissectors.sip.headers import decode_name_addr, decode_opaque, decode_uri
from pipelines import read_capture
from pipelines.errors import UsageError
from pipelines.schema import TABLES
from pipelines.trace import Trace
from pipelines.trace_logs import LogClock
from tests.conftest import CORPUS
from tests.pipelines.test_commands import run
from tests.tracelog.texts import DIAGNOSTIC, record

FIXTURES = Path(__file__).parents[2] / "fixtures"
LOGS = FIXTURES / "tracelog_kinds"
TRUTH: dict[str, dict[str, Any]] = json.loads((LOGS / "expected" / "truth.json").read_text())[
    "logs"
]
CASES = [
    (name, table)
    for name, facts in TRUTH.items()
    for table in facts
    if table not in ("timezone", "messages", "conference_joins")
]
KEYS = ("call_id", "list_version", "contact_uri", "category", "request_id")

_read: dict[str, Trace] = {}


def trace_of(name: str) -> Trace:
    if name not in _read:
        _read[name] = read_capture(LOGS / name, timezone=TRUTH[name]["timezone"])
    return _read[name]


def log(tmp_path: Path, text: str, name: str = "x.log") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


# --- what the logs of a scripted talk say -------------------------------------------------------


@pytest.mark.parametrize("name", TRUTH)
def test_every_record_is_a_message(name: str) -> None:
    facts = ("time_ns", "method", "status_code", "call_id", "cseq")
    told = [tuple(row[fact] for fact in facts) for row in TRUTH[name]["messages"]]
    messages = trace_of(name).messages
    seen = [
        (row.time.value, row.method, _plain(row.status_code), row.call_id, _plain(row.cseq))
        for row in messages.itertuples()
    ]
    assert sorted(seen, key=str) == sorted(told, key=str)
    assert set(messages["transport"]) == {"log"}
    if not name.startswith("page"):
        lines = sorted(row["frame_number"] for row in TRUTH[name]["messages"])
        assert sorted(messages["frame_number"]) == lines
    assert messages["message_id"].is_unique
    assert set(messages["flow_id"]) <= set(trace_of(name).flows["flow_id"])
    assert not (trace_of(name).expert["severity"] == "error").any()


@pytest.mark.parametrize(("name", "table"), CASES)
def test_every_analysis_says_what_it_says_of_the_capture(name: str, table: str) -> None:
    frame = getattr(trace_of(name), table)
    told = TRUTH[name][table]
    assert len(frame) == len(told)
    for facts in told:
        rows = frame
        for key in KEYS:
            if key in facts and key in frame:
                missing = facts[key] is None
                rows = rows[rows[key].isna() if missing else rows[key] == facts[key]]
        assert len(rows) == 1, facts
        for key in facts.keys() & set(frame.columns):
            seen, want = _plain(rows.iloc[0][key]), facts[key]
            assert seen == (pytest.approx(want, abs=0.02) if isinstance(want, float) else want), key


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def test_the_columns_of_a_servers_record() -> None:
    row = trace_of("front_end.ocslogger.txt").messages.iloc[0]
    assert (row["log_level"], row["component"], row["process"]) == ("TL_INFO", "SIPStack", "06E4")
    assert row["time_zone"] == "Europe/Berlin"
    assert row["log_direction"] == "incoming"
    assert (row["src_ip"], row["src_port"]) == ("192.168.20.51", 50444)
    assert pd.isna(row["dst_ip"])
    messages = trace_of("pool.clslogger.txt").messages
    assert set(messages["machine"]) == {r"pool01\fe01", r"pool01\edge01"}
    assert messages["correlation_id"].notna().all()


def test_a_peer_s_name_has_a_column_of_its_own() -> None:
    messages = trace_of("front_end.ocslogger.txt").messages
    named = messages[messages["peer_host"] == "edge01.contoso.com"]
    sent = named[named["log_direction"] == "outgoing"]
    assert sent["dst_ip"].isna().all()
    assert set(sent["dst_port"]) == {5061}


def test_a_client_knows_its_own_address() -> None:
    messages = trace_of("Lync-UccApi-0.uccapilog").messages
    received = messages[messages["log_direction"] == "incoming"]
    assert set(received["dst_ip"]) == {"192.168.20.53"}
    assert set(received["src_ip"]) == {"192.168.10.11"}


def test_bodies_that_were_left_out_are_told() -> None:
    messages = trace_of("front_end.ocslogger.txt").messages
    pushes = messages[messages["is_request"] & (messages["method"] == "MESSAGE")]
    assert set(pushes["body_state"]) == {"deleted"}
    assert (pushes["content_length"] > 0).all()
    assert (pushes["body_length"] == 0).all()
    assert (messages[messages["method"] == "ACK"]["body_state"] == "absent").all()


def test_a_diagnostic_is_a_row_and_explains_a_failure() -> None:
    trace = trace_of("front_end.ocslogger.txt")
    (row,) = trace.log_diagnostics.to_dict("records")
    assert row["result_code"] == "0xC3E93C86"
    assert row["result_name"] == "SIPPROXY_E_REQUEST_TIMEOUT"
    assert json.loads(row["data"]) == {"destination": "bob@contoso.com", "seconds": "60"}
    assert row["call_id"] in set(trace.calls["call_id"])
    assert row["time_zone"] == "Europe/Berlin"


def test_a_diagnostic_explains_a_failure(tmp_path: Path) -> None:
    request = record(cseq=7, method="INVITE")
    answer = request.replace("incoming", "outgoing").replace("05:00:43.101", "05:00:44.101")
    answer = answer.replace("Message-Type: request", "Message-Type: response")
    answer = answer.replace("INVITE sip:bob@fabrikam.com SIP/2.0", "SIP/2.0 504 Server time-out")
    trace = read_capture(log(tmp_path, request + DIAGNOSTIC + answer))
    shown = " ".join(trace._repr_html_().split())
    assert "1 × INVITE 504 Server time-out" in shown
    assert "log: No route to the domain (SIPPROXY_E_EPROUTING_MSG_ALLOWED_DOMAIN_NO" in shown


def test_hops_of_a_merged_log() -> None:
    trace = trace_of("pool.clslogger.txt")
    hops = trace.hops[trace.hops["status_code"].isna() & (trace.hops["method"] == "INVITE")]
    assert hops["hop"].max() == 3
    assert (trace.hops["observed_delay_s"] >= 0).all()
    # Clocks of two machines need not agree: no delay is read off them.
    machine = trace.messages.set_index("message_id")["machine"].astype("string")
    own = machine.reindex(trace.hops["message_id"]).array
    other = machine.reindex(trace.hops["previous_message_id"]).array
    assert (trace.hops["delay_s"].notna() == (own == other)).all()


def test_a_ladder_of_a_log() -> None:
    trace = trace_of("pool.clslogger.txt")
    call = trace.calls.sort_values("hops")["call_id"].iloc[-1]
    assert r"pool01\fe01" in trace.ladder(call)._repr_svg_()


# --- times --------------------------------------------------------------------------------------


def test_without_a_zone_times_are_utc_and_that_is_told(tmp_path: Path) -> None:
    trace = read_capture(log(tmp_path, record() + DIAGNOSTIC))
    assert trace.messages["time"].iloc[0] == pd.Timestamp("2012-01-18T05:00:43.101Z")
    assert set(trace.messages["time_zone"]) == {"UTC"}
    (note,) = trace.expert[trace.expert["layer"] == "log"].to_dict("records")
    assert "--timezone" in note["summary"]
    assert (note["severity"], note["count"]) == ("note", 2)


def test_a_zone_that_is_named_is_used(tmp_path: Path) -> None:
    trace = read_capture(log(tmp_path, record()), timezone="America/New_York")
    assert trace.messages["time"].iloc[0] == pd.Timestamp("2012-01-18T10:00:43.101Z")
    assert trace.expert.empty


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "", "../etc/passwd", "/etc/passwd", "a\0b"])
def test_an_unknown_zone_is_one_line(zone: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--timezone") as error:
        read_capture(log(tmp_path, record()), timezone=zone)
    assert "\n" not in str(error.value)


@settings(max_examples=100)
@given(st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2037, 1, 1)))
def test_local_times_are_those_of_the_zone(moment: dt.datetime) -> None:
    zone = ZoneInfo("Europe/Berlin")
    local_ns = (moment - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1) * 1000
    clock = LogClock("Europe/Berlin")
    aware = moment.replace(tzinfo=zone) - dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
    assert clock.utc_ns(local_ns) == aware // dt.timedelta(microseconds=1) * 1000


def test_the_hour_that_comes_twice_is_told_apart_by_order() -> None:
    clock, hour = LogClock("Europe/Berlin"), 3_600_000_000_000
    first = pd.Timestamp("2015-10-25T01:30").value
    local = [first, first + hour, first + hour, first + hour // 2, first + 2 * hour]
    told = [clock.utc_ns(one) - first for one in local]
    assert told == [-2 * hour, -hour, -hour, -hour // 2, hour]
    assert clock.doubtful == 3


# --- logs beside captures, and what is no log ---------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_logs_and_captures_are_one_trace(workers: int) -> None:
    folder = FIXTURES / "push_missed"
    trace = read_capture(
        folder / "push_missed.pcapng",
        LOGS / "pool.clslogger.txt",
        keys=folder / "sslkeys.log",
        workers=workers,
    )
    formats = dict(zip(trace.captures["format"], trace.captures["packets"], strict=True))
    assert formats == {"pcapng": len(_packets(folder)), "clslogger": 187}
    assert len(trace.messages) == 28 + 187
    assert trace.messages["message_id"].is_unique
    assert len(trace.calls) == 2 + 14
    for name in TABLES:
        assert tuple(getattr(trace, name).columns) == TABLES[name].names


def _packets(folder: Path) -> list[Any]:
    import dpkt

    with (folder / "push_missed.pcapng").open("rb") as file:
        return list(dpkt.pcapng.Reader(file))


def test_the_same_record_twice_is_a_retransmission(tmp_path: Path) -> None:
    messages = read_capture(log(tmp_path, record() + record())).messages
    assert list(messages["retransmission_of"].fillna("")) == ["", messages["message_id"].iloc[0]]


def test_several_records_on_one_line_have_ids_of_their_own(tmp_path: Path) -> None:
    page = "<br>".join((record("a") + record("b").replace("fe01", "fe02")).splitlines())
    messages = read_capture(log(tmp_path, f"<p>{page}</p>")).messages
    assert list(messages["message_id"]) == ["1-1-1", "1-1-2"]
    assert messages["flow_id"].nunique() == 2


def test_a_log_that_is_cut_is_told(tmp_path: Path) -> None:
    trace = read_capture(log(tmp_path, record() + record()[:-30]))
    assert not trace.captures["complete"].any()
    (problem,) = trace.problems
    assert "ends inside a record; 2 records were read" in problem


def test_a_log_from_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    data = (LOGS / "pool.clslogger.txt").read_bytes()
    writer = threading.Thread(target=lambda: pipe.write_bytes(data))
    writer.start()
    assert len(read_capture(pipe).messages) == 187
    writer.join()


def test_small_windows_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    told = trace_of("pool.clslogger.txt").messages
    monkeypatch.setattr("pipelines.ingest.WINDOW", 997)
    pd.testing.assert_frame_equal(
        read_capture(LOGS / "pool.clslogger.txt", timezone="UTC").messages, told
    )


@pytest.mark.parametrize("content", [b"Dear Sir,\n" * 20, "Grüße\n".encode("utf-16"), b"\xfcber"])
def test_text_without_a_record_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError) as error:
        read_capture(path)
    assert "\n" not in str(error.value)
    assert "no trace record" in str(error.value)


def test_the_commands_read_logs(tmp_path: Path) -> None:
    path = LOGS / "front_end.ocslogger.txt"
    done = run("summarize", path, "--timezone", "Europe/Berlin")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nfront_end.ocslogger.txt: ocslogger, 23 records, " in done.stdout
    assert "2015-03-14 09:00:02 to" in done.stdout
    assert "INVITE" in done.stdout
    wrong = run("convert", path, "--timezone", "Nowhere", "--out", tmp_path / "out")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)
    out = tmp_path / "tables"
    assert run("convert", path, "--out", out, "--format", "csv").returncode == 0
    assert len(pd.read_csv(out / "log_diagnostics.csv")) == 1


# --- what others published ----------------------------------------------------------------------

ARTICLES = CORPUS.parent / "seeds"


def article(number: str) -> Path:
    found = sorted(ARTICLES.glob(f"{number}_*.txt"))
    if not found:
        pytest.skip("the articles are not beside the checkout")
    return found[0]


def test_an_article_s_subscription_was_refused_inside_its_answer() -> None:
    trace = read_capture(article("000"))
    messages = trace.messages
    assert list(messages["is_request"]) == [True, False]
    assert messages["method"].isna().all()
    assert messages["call_id"].nunique() == 1
    assert (messages["time"].iloc[1] - messages["time"].iloc[0]).total_seconds() == 0.134
    assert messages["instance_id"].iloc[1] == "1B54A30"
    (row,) = trace.presence.to_dict("records")
    assert (row["state"], row["reason"]) == ("terminated", "forbidden")
    assert (row["status_code"], row["diagnostics_code"]) == (403, 2157)
    assert "403 forbidden (resource list inside a 200)" in trace._repr_html_()


def test_an_article_s_push_notifications_were_accepted() -> None:
    trace = read_capture(article("002"))
    assert list(trace.messages["status_code"].fillna(0)) == [0, 200, 0, 200]
    assert trace.messages["time"].isna().all()
    assert list(trace.push_notifications["diagnostics_code"]) == [30000, 30007]
    assert list(trace.push_notifications["synthetic"]) == [False, True]
    assert list(trace.push_notifications["outcome"]) == ["accepted", "accepted"]
    assert trace.push_notifications["user_uri"][0].startswith("sip:brendan.carius@")
    assert trace.findings.empty
    assert list(trace.push_notifications["content_length"]) == [830, 434]
    assert list(trace.transactions["outcome"]) == ["success", "success"]
    assert list(trace.messages["body_state"]) == ["deleted", "absent"] * 2


@pytest.mark.parametrize("number", ["001", "003", "004"])
def test_articles_without_a_record_are_one_line(number: str) -> None:
    with pytest.raises(UsageError, match="no trace record"):
        read_capture(article(number))


def test_the_fragments_that_an_article_prints_decode() -> None:
    text = article("004").read_text(encoding="utf-8")
    xml = text[text.index("<Conferencing") : text.index("</Conferencing>") + 15]
    media_type = "application/ms-conf-invite+xml"
    invitation: Any = decode_part(MediaPart("1", media_type, {}, None, None, xml.encode()))
    assert invitation.focus_uri.endswith("opaque=app:conf:focus:id:JL3GPNYP")
    printed = [line[4:] for line in text.splitlines() if line.startswith("To: ")]
    opaques = [decode_uri(decode_name_addr(value).uri).opaque or "" for value in printed]
    roles = [decode_opaque(opaque).role for opaque in opaques]
    assert roles == ["conf:focus", "conf:focus", "conf:audio-video"]


def test_a_log_cannot_be_decrypted(tmp_path: Path) -> None:
    done = run("decrypt", LOGS / "front_end.ocslogger.txt", "--out", tmp_path / "x.pcapng")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "holds no packets" in done.stderr
    assert not list(tmp_path.iterdir())
