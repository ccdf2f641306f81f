"""All headers of messages, read from the capture again."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import read_capture
from pipelines.errors import UsageError
from pipelines.message_headers import COLUMNS, headers_of
from pipelines.request import Request

FIXTURES = Path(__file__).parents[2] / "fixtures"
CONFERENCE = FIXTURES / "conference_join" / "conference_join.pcapng"
KEYS = FIXTURES / "conference_join" / "sslkeys.log"
PUSH = FIXTURES / "push_missed"
SEGMENT = FIXTURES / "exported_pdu" / "shared_segment.pcapng"


def test_headers_of_every_message_are_those_of_the_tables() -> None:
    trace = read_capture(CONFERENCE, keys=KEYS)
    headers = trace.headers(*trace.messages["message_id"])
    assert tuple(headers.columns) == COLUMNS
    assert headers["problem"].isna().all()
    first = headers.drop_duplicates(["message_id", "header"]).pivot(
        index="message_id", columns="header", values="value"
    )
    messages = trace.messages.set_index("message_id")
    assert (first["call-id"] == messages["call_id"].reindex(first.index)).all()
    assert set(headers["message_id"]) == set(messages.index)
    conference = first["to"].str.extract(r"id:(\w+)>?", expand=False)
    told = messages["conference_id"].reindex(first.index)
    assert (conference.dropna() == told[conference.notna()]).all()


def test_values_have_their_meaning() -> None:
    trace = read_capture(CONFERENCE, keys=KEYS)
    headers = trace.headers(trace.messages["message_id"].iloc[0]).set_index("header")
    assert headers.loc["cseq", "meaning"] == {"number": 1, "method": "INVITE"}
    assert headers.loc["from", "meaning"]["epid"] == "9be1470c21"
    assert headers.loc["call-id", "meaning"] is None
    assert headers.loc["ms-keep-alive", "meaning"]["hop_hop"] is True
    assert headers.loc["via", "position"] == 1


def test_no_signature_is_shown() -> None:
    trace = read_capture(CONFERENCE, keys=KEYS)
    headers = trace.headers(*trace.messages["message_id"])
    signed = headers[headers["header"] == "proxy-authorization"]
    assert len(signed) > 0
    for row in signed.itertuples():
        assert 'response="<redacted>"' in row.value
        assert 'crand="<redacted>"' in row.value
        assert row.meaning["step"] == "signature"
        assert row.meaning["parameters"]["response"] == "<redacted>"


def test_diagnoses_are_explained() -> None:
    trace = read_capture(PUSH / "push_missed.pcapng", keys=PUSH / "sslkeys.log")
    where = trace.diagnostics["message_id"].iloc[0]
    headers = trace.headers(where).set_index("header")
    [one] = headers.loc["ms-diagnostics-public", "meaning"]
    assert (one["code"], one["component"]) == (30000, "push notification")
    assert one["meaning"].startswith("The push notification was accepted")


def test_messages_of_several_captures_and_of_one_frame() -> None:
    trace = read_capture(CONFERENCE, PUSH / "push_missed.pcapng", SEGMENT, keys=[KEYS, PUSH])
    ids = list(trace.messages["message_id"])
    headers = trace.headers(*ids[::-1])
    assert list(headers["message_id"].unique()) == ids[::-1]
    call_ids = headers[headers["header"] == "call-id"].drop_duplicates("message_id")
    told = trace.messages.set_index("message_id")["call_id"]
    assert list(call_ids["value"]) == list(told.reindex(call_ids["message_id"]))


LOGS = [*sorted((FIXTURES / "tracelog_kinds").glob("*log*"))]


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.name)
def test_messages_of_trace_logs(log: Path) -> None:
    trace = read_capture(SEGMENT, log)
    ids = [one for one in trace.messages["message_id"] if one.startswith("2-")]
    assert ids
    headers = trace.headers(*ids, trace.messages["message_id"].iloc[0])
    call_ids = headers[headers["header"] == "call-id"].drop_duplicates("message_id")
    told = trace.messages.set_index("message_id")["call_id"].reindex(call_ids["message_id"])
    assert list(call_ids["value"]) == list(told)
    assert set(headers["message_id"]) >= set(ids)


def test_what_cannot_be_told() -> None:
    trace = read_capture(SEGMENT)
    with pytest.raises(KeyError, match="no message '1-99999-1'"):
        trace.headers("1-99999-1")
    assert trace.headers().empty
    with pytest.raises(UsageError, match="standard input is gone"):
        headers_of(Request(["-"], [], [], {}, []), ["1-1-1"])


def test_a_value_that_makes_no_sense_is_told(tmp_path: Path) -> None:
    damaged = FIXTURES / "transports" / "udp_linux_sll.pcap"
    data = damaged.read_bytes().replace(b"CSeq: 1", b"CSeq: x")
    (tmp_path / "a.pcap").write_bytes(data)
    trace = read_capture(tmp_path / "a.pcap")
    headers = trace.headers(*trace.messages["message_id"])
    problems = headers[headers["problem"].notna()]
    assert len(problems) > 0
    assert set(problems["header"]) == {"cseq"}
    assert problems["meaning"].isna().all()
