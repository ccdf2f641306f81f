"""The rules on what servers and clients say: each speaks where it should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dpkt
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dissectors.sip.diagnostics import decode_diagnostics_value
from pipelines import read_capture
from pipelines import rules as _registered  # noqa: F401  (importing it fills the registry)
from pipelines.analyses.calls import calls
from pipelines.analyses.failures import failures
from pipelines.analyses.transactions import transactions
from pipelines.arrow_rows import arrow_table
from pipelines.finding import Finding, Findings, rules
from pipelines.frames import finish, to_frame
from pipelines.schema import (
    BODIES,
    CALLS,
    DIAGNOSTICS,
    FAILURES,
    FINDINGS,
    MESSAGES,
    TRANSACTIONS,
    Column,
    Table,
)
from tests.analyses.script import TEXT_TYPES, at, messages, typed

RULES = (
    "auth_loop",
    "call_admission",
    "federation_certificate",
    "federation_silent",
    "federation_srv",
    "ice_failed",
)
EDGE = "sip:bob@fabrikam.com"


def said(message: str, value: str, status: int | None = None, **more: Any) -> dict[str, Any]:
    """Return the row of `diagnostics` for a header's value."""
    [one] = decode_diagnostics_value("ms-diagnostics", value)
    row: dict[str, Any] = {"message_id": message, "position": 1, "header": one.header}
    row |= {"code": one.code, "reason": one.reason, "source": one.source, "status_code": status}
    row |= {"parameters": json.dumps(one.tree), "call_id": "c1", "time": at(1.0), "value": value}
    return row | more


def found(script: str, *told: dict[str, Any], text: str = "string[pyarrow]") -> list[Finding]:
    """Return what all these rules find in a script and what was said in it."""
    rows = messages(script, text)
    tables = {"messages": rows, "transactions": transactions(rows)}
    tables["diagnostics"] = typed(list(told), DIAGNOSTICS, text)
    tables["calls"] = calls(rows, typed([], BODIES))
    tables["failures"] = failures(tables["transactions"], tables["diagnostics"], tables["calls"])
    findings: list[Finding] = []
    for name in RULES:
        one = rules[name]
        given_ = {name: tables[it.table][list(it.columns)] for name, it in one.needs.items()}
        findings += one.function(**given_, **one.values({}))
    return findings


def only(script: str, *told: dict[str, Any], text: str = "string[pyarrow]") -> Finding:
    findings = found(script, *told, text=text)
    assert len(findings) == 1, [(one.title, one.subject) for one in findings]
    return findings[0]


# --- nothing where nothing is wrong -------------------------------------------------------------

ANSWERED = """
    0.0 alice>fe INVITE
    0.1 fe>alice 100
    0.2 fe>alice 101
    0.9 fe>alice 180
    3.0 fe>alice 200
    3.1 alice>fe ACK
    9.0 alice>fe BYE cseq=2
    9.1 fe>alice 200 BYE cseq=2
"""
SIGNED_IN = """
    0.0 alice>fe REGISTER call=r
    0.1 fe>alice 401 REGISTER call=r
    0.2 alice>fe REGISTER call=r cseq=2
    0.3 fe>alice 401 REGISTER call=r cseq=2
    0.4 alice>fe REGISTER call=r cseq=3
    0.5 fe>alice 401 REGISTER call=r cseq=3
    0.6 alice>fe REGISTER call=r cseq=4
    0.7 fe>alice 200 REGISTER call=r cseq=4
"""
CALLEE = '51007;reason="Callee media connectivity diagnosis info";CalleeMediaDebug="audio:'


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_calls_and_sign_ins_that_work_give_none(text: str) -> None:
    told = [
        said("1-3-1", '12006;reason="Trying next hop"', 101),
        said("1-3-1", '13004;reason="Request was proxied"', 101),
        said("1-5-1", f'{CALLEE}ICEWarn=0x3a0,LocalSite=10.0.0.1:5"', 200),
        said("1-7-1", f'51004;reason="Action initiated by user";{CALLEE[-27:]}ICEWarn=0x20"'),
    ]
    assert found(ANSWERED + SIGNED_IN, *told, text=text) == []


def test_a_call_that_nobody_takes_gives_none() -> None:
    script = "0.0 alice>fe INVITE\n0.9 fe>alice 180\n30 fe>alice 480\n30.1 alice>fe ACK"
    assert found(script, said("1-3-1", '13001;reason="rules"', 480)) == []


# --- federation ---------------------------------------------------------------------------------

REFUSED = """
    0.0 alice>fe INVITE to_uri=sip:bob@fabrikam.com
    0.1 fe>edge  INVITE to_uri=sip:bob@fabrikam.com
    1.0 edge>fe  STATUS to_uri=sip:bob@fabrikam.com
    1.1 fe>edge  ACK
    1.2 fe>alice STATUS to_uri=sip:bob@fabrikam.com
    1.3 alice>fe ACK
"""
TO_504 = REFUSED.replace("STATUS", "504")
NO_SRV = (
    '1009;reason="No match for domain in DNS SRV results";domain="fabrikam.com";'
    'fqdn1="sip.hoster.test";source="edge.contoso.com"'
)
WRONG_NAME = (
    '1010;reason="Certificate trust with another server could not be established";'
    'ErrorType="The peer certificate does not contain a matching FQDN";'
    'tls-target="sip.fabrikam.com";PeerServer="sip.fabrikam.com";'
    'HRESULT="0x80090322(SEC_E_WRONG_PRINCIPAL)";source="edge.contoso.com"'
)


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_a_srv_record_that_names_a_host_outside_the_domain(text: str) -> None:
    one = only(TO_504, said("1-3-1", NO_SRV, 504), said("1-5-1", NO_SRV, 504), text=text)
    assert one.subject == "fabrikam.com"
    assert "gave sip.hoster.test" in one.explanation
    assert "_sipfederationtls._tcp.fabrikam.com" in one.advice
    assert one.evidence == ("message 1-3-1",)


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_a_certificate_with_another_name(text: str) -> None:
    one = only(TO_504, said("1-3-1", WRONG_NAME, 504), said("1-5-1", WRONG_NAME, 504), text=text)
    assert one.subject == "sip.fabrikam.com"
    assert "does not contain a matching FQDN" in one.explanation
    assert "SEC_E_WRONG_PRINCIPAL" in one.explanation
    assert "subject alternative" in one.advice


@pytest.mark.parametrize(
    ("result", "advice"),
    [
        ("0x80090325", "Install the root"),
        ("0x80090328(SEC_E_CERT_EXPIRED)", "Renew"),
        ("0x80092013", "revocation"),
        ("0x12345678(E_OF_TOMORROW)", "Look at the certificate"),
        ("nonsense", "Look at the certificate"),
    ],
)
def test_the_hresult_decides_the_advice(result: str, advice: str) -> None:
    value = f'1010;reason="x";HRESULT="{result}";tls-target="sip.fabrikam.com"'
    one = only(TO_504, said("1-3-1", value, 504))
    assert one.advice.startswith(advice) or advice in one.advice
    assert result.partition("(")[0].removeprefix("0x") in one.explanation


@pytest.mark.parametrize("value", ["1009", "1010"])
def test_without_parameters_it_is_told_all_the_same(value: str) -> None:
    assert only(TO_504, said("1-3-1", value, 504)).subject == "unknown " + (
        "domain" if value == "1009" else "server"
    )


@pytest.mark.parametrize("value", [NO_SRV, WRONG_NAME])
def test_other_statuses_are_left_alone(value: str) -> None:
    assert found(REFUSED.replace("STATUS", "403"), said("1-3-1", value, 403)) == []


def test_options_count_as_well() -> None:
    script = "0.0 alice>fe OPTIONS\n0.1 fe>alice 504 OPTIONS"
    assert "OPTIONS from" in only(script, said("1-2-1", NO_SRV, 504)).explanation


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_a_partner_that_gives_no_reason(text: str) -> None:
    silent = '1034;reason="Previous hop federated peer did not report diagnostic information"'
    script = REFUSED.replace("STATUS", "503")
    one = only(script, said("1-3-1", silent, 503), text=text)
    assert (one.subject, one.severity) == ("fabrikam.com", "warning")
    assert one.evidence == ("message 1-3-1",)
    assert only(script, said("1-3-1", "1036", 503), text=text).severity == "note"


def test_a_partner_that_gives_a_reason_or_a_telling_status() -> None:
    silent, reason = said("1-3-1", "1034", 503), said("1-3-1", "10003", 503, position=2)
    assert found(REFUSED.replace("STATUS", "503"), silent, reason) == []
    assert found(REFUSED.replace("STATUS", "404"), said("1-3-1", "1034", 404)) == []


# --- bandwidth, media ---------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXT_TYPES)
@pytest.mark.parametrize("code", [4, 13010])
def test_a_call_without_bandwidth(code: int, text: str) -> None:
    script = REFUSED.replace("STATUS", "488")
    one = only(script, said("1-3-1", f'{code};reason="no bandwidth"', 488), text=text)
    assert (one.subject, one.severity) == (EDGE, "error")
    assert f"says {code}, no bandwidth" in one.explanation


def test_a_call_that_found_another_way_is_no_finding() -> None:
    script = """
        0.0 alice>fe INVITE
        0.1 fe>edge  INVITE
        0.5 edge>fe  488
        0.6 fe>gw    INVITE
        2.0 gw>fe    200
        2.1 fe>alice 200
        2.2 alice>fe ACK
    """
    assert found(script, said("1-3-1", "4;reason=x", 488)) == []


def test_video_that_could_not_be_added() -> None:
    script = ANSWERED + "5.0 alice>fe INVITE cseq=2 to=b\n5.1 fe>alice 488 cseq=2 to=b"
    one = only(script, said("1-10-1", "4", 488))
    assert one.severity == "warning"
    assert one.title == "Media refused for lack of bandwidth"


FAILED_MEDIA = '{};reason="Call failed to establish";CallerMediaDebug="audio:ICEWarn=0x321"'


@pytest.mark.parametrize("text", TEXT_TYPES)
@pytest.mark.parametrize(
    ("code", "subject", "severity"),
    [
        (22, "both endpoints inside", "error"),
        (23, "one endpoint inside, one remote", "error"),
        (24, "both endpoints remote", "error"),
        (21, "where the endpoints are is not told", "warning"),
        (30, "where the endpoints are is not told", "warning"),
        (33, "one endpoint inside, one remote", "warning"),
    ],
)
def test_media_that_found_no_way(code: int, subject: str, severity: str, text: str) -> None:
    one = only(ANSWERED, said("1-7-1", FAILED_MEDIA.format(code)), text=text)
    assert (one.subject, one.severity) == (subject, severity)
    assert "sip:alice@contoso.com to sip:bob@contoso.com" in one.explanation
    assert "TURN server (A/V Edge) unreachable, no direct connectivity" in one.explanation
    assert "reach the A/V Edge" in one.advice
    assert one.title.startswith("Media of a running call" if code == 33 else "Media could not")


def test_the_same_code_in_a_success_is_none() -> None:
    assert found(ANSWERED, said("1-5-1", FAILED_MEDIA.format(23), 200)) == []
    assert found(ANSWERED, said("1-5-1", FAILED_MEDIA.format(35), 480)) == []


def test_warnings_of_the_callee_count_when_the_call_failed_for_no_other_reason() -> None:
    failed = "0.0 alice>fe INVITE\n0.2 fe>alice 183\n9.0 fe>alice 500\n9.1 alice>fe ACK"
    warned = said("1-2-1", f'{CALLEE}ICEWarn=0x3a0"', 183)
    one = only(failed, warned)
    assert one.severity == "warning"
    assert "0x3a0" in one.explanation
    assert found(failed, said("1-2-1", f'{CALLEE}ICEWarn=0x0"', 183)) == []
    assert found(failed, warned, said("1-3-1", "12004;reason=route", 500)) == []
    assert found(ANSWERED, said("1-5-1", f'{CALLEE}ICEWarn=0x3a0"', 200)) == []


# --- authentication -----------------------------------------------------------------------------


def sign_ins(count: int, method: str = "REGISTER", last: str = "") -> str:
    lines = []
    for n in range(1, count + 1):
        lines.append(f"{n}.0 alice>fe {method} call=r cseq={n}")
        lines.append(f"{n}.1 fe>alice 401 {method} call=r cseq={n} diag=4004")
        lines.append(f"{n}.2 fe>alice 401 {method} call=r cseq={n}")  # the same on another hop
    return "\n".join([*lines, last])


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_a_client_that_is_never_let_in(text: str) -> None:
    assert found(sign_ins(3), text=text) == []
    one = only(sign_ins(4), text=text)
    assert one.subject == "sip:alice@contoso.com"
    assert "4 tries of REGISTER within 3.0 s" in one.explanation
    assert "4004: The credentials are not those" in one.explanation
    assert len(one.evidence) == 4


@pytest.mark.parametrize("status", [200, 301])
def test_only_what_comes_after_the_last_success_counts(status: int) -> None:
    assert found(sign_ins(9, last=f"9.9 fe>alice {status} REGISTER call=r cseq=9")) == []
    again = f"4.9 fe>alice {status} REGISTER call=r cseq=4"
    assert len(found(sign_ins(9, last=again))) == 1
    assert found(sign_ins(7, last=again)) == []


def test_who_only_looks_whether_a_server_is_alive_is_in_no_loop() -> None:
    assert found(sign_ins(9, "OPTIONS")) == []


def test_the_number_of_challenges_can_be_set() -> None:
    one = rules["auth_loop"]
    rows = messages(sign_ins(4))[list(one.needs["messages"].columns)]
    assert list(one.function(messages=rows, **one.values({"auth_loop.challenges": 4}))) == []
    assert len(list(one.function(messages=rows, **one.values({"auth_loop.challenges": 2})))) == 1


# --- from the wire ------------------------------------------------------------------------------


def datagram(outgoing: bool, sip: str) -> bytes:
    ports = (5060, 5062) if outgoing else (5062, 5060)
    udp = dpkt.udp.UDP(sport=ports[0], dport=ports[1], data=sip.encode())
    udp.ulen = len(udp)
    hosts = (b"\x0a\0\0\x01", b"\x0a\0\0\x02")
    source, destination = hosts if outgoing else hosts[::-1]
    ip = dpkt.ip.IP(src=source, dst=destination, p=17, data=udp)
    ip.len = len(ip)
    return bytes(ip)


def sip(start: str, *more: str) -> str:
    lines = ["Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1", "From: <sip:alice@contoso.com>;tag=a"]
    lines += ["To: <sip:bob@fabrikam.com>", "Call-ID: c1", "CSeq: 1 INVITE", "Content-Length: 0"]
    return "\r\n".join([start, *lines, *more, "", ""])


def test_a_capture_of_it_gives_one_finding(tmp_path: Path) -> None:
    """As it comes over the wire, with the quotes that a relay broke."""
    path = tmp_path / "a.pcap"
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file, linktype=101)
        told = f"ms-diagnostics: {WRONG_NAME.replace(';ErrorType', '; errortype', 1)}"
        writer.writepkt(datagram(True, sip("INVITE sip:bob@fabrikam.com SIP/2.0")), 1.0)
        writer.writepkt(datagram(False, sip("SIP/2.0 504 Server time-out", told)), 2.0)
    trace = read_capture(path)
    (row,) = trace.findings.itertuples()
    assert (row.rule, row.severity, row.count) == ("federation_certificate", "error", 1)
    assert row.subject == "sip.fabrikam.com"
    assert "SEC_E_WRONG_PRINCIPAL" in row.explanation
    (diagnosis,) = trace.diagnostics.itertuples()
    assert (diagnosis.is_failure, diagnosis.certainty) == (True, "documented")


# --- anything -----------------------------------------------------------------------------------

NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
_PARAMETERS = [
    "{",
    "[1]",
    '{"a":{"ICEWarn":"0x1"},"b":1}',
    '{"ICEWarn":"x","hresult":"0x80090322"}',
]
_TEXTS = st.none() | st.sampled_from(["INVITE", "REGISTER", "answered", "failed", *_PARAMETERS])
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "time": st.none() | st.integers(-(2**62), 2**62),
    "seconds": st.none() | st.floats(allow_nan=False),
    "integer": st.none() | st.sampled_from([4, 23, 33, 401, 504, 503, 1009, 1010, 1034, 51007]),
    "boolean": st.none() | st.booleans(),
    "text": _TEXTS | st.text(max_size=5),
    "category": _TEXTS,
}
_IDS = st.none() | st.sampled_from(["c1", "c2"])
_TABLES = (MESSAGES, TRANSACTIONS, DIAGNOSTICS, CALLS, FAILURES)


_READ = {
    (it.table, column)
    for name in RULES
    for it in rules[name].needs.values()
    for column in it.columns
}


def _values(table: Table, column: Column) -> st.SearchStrategy[Any]:
    if (table.name, column.name) not in _READ:
        return st.none()
    named = column.name in ("call_id", "message_id", "final_message_id")
    return _IDS if named else _VALUES[column.kind]


@st.composite
def _frames(draw: st.DrawFn) -> dict[str, pd.DataFrame]:
    frames = {}
    for table in _TABLES:
        row = st.tuples(*(_values(table, column) for column in table))
        frames[table.name] = to_frame(arrow_table(table, draw(st.lists(row, max_size=4))))
    return frames


@settings(max_examples=30, phases=NO_SHRINKING, deadline=None)
@given(_frames())
def test_any_rows_give_findings_that_make_a_table(frames: dict[str, pd.DataFrame]) -> None:
    collected = Findings()
    for name in RULES:
        one = rules[name]
        given_ = {name: frames[it.table][list(it.columns)] for name, it in one.needs.items()}
        collected.add(one, one.function(**given_, **one.values({"auth_loop.challenges": 0})))
    assert finish(collected.table(), FINDINGS).schema == FINDINGS.arrow
