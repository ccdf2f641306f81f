"""The rules on TLS: each says what is wrong, and none speaks of a connection that works."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipelines import read_capture
from pipelines.arrow_rows import arrow_table
from pipelines.finding import Findings, rules
from pipelines.frames import finish, to_frame
from pipelines.schema import FINDINGS, FLOWS, TLS_SESSIONS, Table
from tests.rules.handshakes import CLIENT, SERVER, Case, capture, pair

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BOTH = pytest.mark.parametrize("version", [TLS12, TLS13], ids=["1.2", "1.3"])


def findings(path: Path, **options: Any) -> pd.DataFrame:
    found: pd.DataFrame = read_capture(path, **options).findings
    return found


def only(path: Path, **options: Any) -> Any:
    """Return the one finding that a capture has."""
    found = findings(path, **options)
    assert len(found) == 1, found[["rule", "title", "subject"]].to_string()
    return next(found.itertuples())


# --- what works ---------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("end", ["fin", "rst", "open"])
def test_a_connection_that_works_is_no_finding(
    version: ssl.TLSVersion, end: str, tmp_path: Path
) -> None:
    server, client = pair(), pair("edge.fabrikam.com")
    plain = Case(server, version=version, client_trusts=server)
    mutual = Case(server, client, version, client_trusts=server, server_trusts=client)
    path = capture(tmp_path / "a.pcap", plain.flights(), mutual.flights(), end=end)
    trace = read_capture(path)
    assert trace.findings.empty
    by = {"fin": ["client"] * 2, "rst": ["server"] * 2, "open": []}
    assert trace.flows["ended_by"].dropna().tolist() == by[end]


def test_wildcards_common_names_and_clients_that_name_no_host_are_no_findings(
    tmp_path: Path,
) -> None:
    cases = [
        Case(pair(names=["*.contoso.com"])),
        Case(pair(names=[])),
        Case(pair("other.contoso.com"), server_name=None),
        Case(pair("other.contoso.com"), server_name="10.0.0.2"),
    ]
    path = capture(tmp_path / "a.pcap", *[case.flights() for case in cases])
    assert findings(path).empty


def test_a_handshake_that_the_capture_cuts_off_is_no_finding(tmp_path: Path) -> None:
    flights = Case().flights()
    for count in range(1, len(flights)):
        path = capture(tmp_path / f"{count}.pcap", flights[:count], end="open", last_s=1)
        assert findings(path).empty


def test_one_side_of_a_connection_is_no_finding(tmp_path: Path) -> None:
    """A tap that sees what the client sends shows no silent server."""
    flights = [flight for flight in Case().flights() if flight[0] == CLIENT]
    path = capture(tmp_path / "a.pcap", flights, last_s=60)
    one_way = tmp_path / "b.pcap"
    from dpkt import pcap

    with path.open("rb") as file, one_way.open("wb") as out:
        writer = pcap.Writer(out)
        for time, packet in pcap.Reader(file):
            if packet[26:30] == bytes([10, 0, 0, 1]):
                writer.writepkt(packet, time)
    trace = read_capture(one_way)
    assert len(trace.tls_sessions) == 1
    assert trace.findings.empty


# --- certificates -------------------------------------------------------------------------------


def test_an_expired_certificate_is_judged_by_the_time_of_the_capture(tmp_path: Path) -> None:
    flights = Case(pair(until="2014-07-16")).flights()
    row = only(capture(tmp_path / "a.pcap", flights))
    assert (row.rule, row.severity) == ("tls_certificate_validity", "error")
    assert row.title == "The server's certificate has expired"
    assert "CN=fe01.contoso.com" in row.subject
    assert "2014-07-16 00:00 UTC" in row.explanation
    before = dt.datetime(2014, 7, 15, 23, tzinfo=dt.timezone.utc)
    assert findings(capture(tmp_path / "b.pcap", flights, time=before)).empty


def test_a_certificate_of_tomorrow(tmp_path: Path) -> None:
    flights = Case(pair(since="2014-07-17")).flights()
    row = only(capture(tmp_path / "a.pcap", flights))
    assert row.title == "The server's certificate is not valid yet"
    later = dt.datetime(2014, 7, 17, 1, tzinfo=dt.timezone.utc)
    assert findings(capture(tmp_path / "b.pcap", flights, time=later)).empty


def test_an_expired_certificate_of_a_client_and_many_connections_are_one_finding(
    tmp_path: Path,
) -> None:
    client = pair("edge.fabrikam.com", until="2014-07-01")
    flights = Case(client=client, server_trusts=pair()).flights()
    path = capture(tmp_path / "a.pcap", *[flights] * 3)
    found = findings(path)
    row = next(found[found["rule"] == "tls_certificate_validity"].itertuples())
    assert row.title == "The client's certificate has expired"
    assert "CN=edge.fabrikam.com" in row.subject
    assert row.count == 3
    assert len(row.evidence) == 3


def test_a_certificate_of_another_host(tmp_path: Path) -> None:
    row = only(capture(tmp_path / "a.pcap", Case(pair("pool01.contoso.local")).flights()))
    assert (row.rule, row.severity) == ("tls_certificate_name", "warning")
    assert "fe01.contoso.com" in row.explanation
    assert "pool01.contoso.local" in row.explanation


# --- alerts -------------------------------------------------------------------------------------


@BOTH
def test_a_client_that_does_not_trust_the_server(version: ssl.TLSVersion, tmp_path: Path) -> None:
    case = Case(version=version, client_trusts=pair("elsewhere"))
    trace = read_capture(capture(tmp_path / "a.pcap", case.flights()))
    (row,) = trace.findings.itertuples()
    assert (row.rule, row.severity) == ("tls_handshake_failed", "error")
    assert row.title == "The server's certificate was refused: unknown_ca"
    shown = ", CN=fe01.contoso.com" if version == TLS12 else ""  # TLS 1.3 hides it
    assert row.subject == f"10.0.0.2:5061 (fe01.contoso.com){shown}"
    session = trace.tls_sessions.iloc[0]
    assert session["handshake_complete"] == False  # noqa: E712 (a nullable boolean)
    assert row.start_time == session["alert_time"]
    assert row.evidence[0] == f"frame {session['alert_frame_number']} of a.pcap"


def test_a_server_that_does_not_trust_the_client(tmp_path: Path) -> None:
    case = Case(client=pair("edge.fabrikam.com"), server_trusts=pair("elsewhere"))
    row = only(capture(tmp_path / "a.pcap", *[case.flights()] * 2))
    assert row.title == "The client's certificate was refused: unknown_ca"
    assert row.subject.endswith("CN=edge.fabrikam.com")
    assert row.count == 2


def test_a_client_without_the_certificate_that_is_asked_for(tmp_path: Path) -> None:
    row = only(capture(tmp_path / "a.pcap", Case(server_trusts=pair("elsewhere")).flights()))
    assert row.title == "TLS handshake failed: handshake_failure"
    assert "client certificate" in row.explanation


def test_no_cipher_suite_in_common(tmp_path: Path) -> None:
    case = Case(ciphers="AES256-SHA256", client_ciphers="ECDHE-RSA-AES256-GCM-SHA384")
    row = only(capture(tmp_path / "a.pcap", case.flights()))
    assert row.title == "TLS handshake failed: handshake_failure"
    assert "no cipher suite" in row.explanation


def test_no_version_in_common(tmp_path: Path) -> None:
    row = only(capture(tmp_path / "a.pcap", Case(version=TLS13, client_version=TLS12).flights()))
    assert row.title == "TLS handshake failed: protocol_version"


@BOTH
def test_a_connection_that_is_aborted_later(version: ssl.TLSVersion, tmp_path: Path) -> None:
    case = Case(version=version, damaged=True, key_log=tmp_path / "keys.log")
    path = capture(tmp_path / "a.pcap", case.flights())
    row = only(path, keys=case.key_log)
    assert (row.rule, row.severity) == ("tls_connection_aborted", "warning")
    assert row.title == "TLS connection aborted: bad_record_mac"
    assert findings(path).empty  # the alert is encrypted, and without keys stays so


def test_tls_13_refuses_the_client_after_it_is_through(tmp_path: Path) -> None:
    case = Case(
        client=pair("edge.fabrikam.com"),
        version=TLS13,
        server_trusts=pair("elsewhere"),
        key_log=tmp_path / "keys.log",
    )
    path = capture(tmp_path / "a.pcap", case.flights())
    row = only(path, keys=case.key_log)
    assert row.title == "The client's certificate was refused: unknown_ca"
    assert row.subject.endswith("CN=edge.fabrikam.com")
    assert findings(path).empty


# --- silence ------------------------------------------------------------------------------------


def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    hello = Case().flights()[:1]
    row = only(capture(tmp_path / "a.pcap", hello, end="rst"))
    assert row.rule == "tls_handshake_unanswered"
    assert row.subject == "10.0.0.2:5061 (fe01.contoso.com)"
    assert "was reset by the server" in row.explanation
    assert findings(capture(tmp_path / "c.pcap", hello, end="fin")).empty  # the client's own will
    waiting = capture(tmp_path / "b.pcap", hello, end="open", last_s=6)
    assert only(waiting).rule == "tls_handshake_unanswered"
    setting = {"tls_handshake_unanswered.wait_s": 10.0}
    assert findings(waiting, thresholds=setting).empty


@pytest.mark.parametrize("end", ["fin", "rst"])
def test_a_handshake_that_is_broken_off(end: str, tmp_path: Path) -> None:
    server, client = pair(), pair("edge.fabrikam.com")
    flights = Case(server, client, server_trusts=client).flights()
    row = only(capture(tmp_path / "a.pcap", flights[:3], end=end))
    assert row.rule == "tls_handshake_broken_off"
    assert "CN=edge.fabrikam.com" in row.explanation
    assert row.severity == ("error" if end == "rst" else "warning")
    assert ("server reset" if end == "rst" else "client closed") in row.explanation
    assert flights[3][0] == SERVER


# --- anything -----------------------------------------------------------------------------------


def test_a_capture_without_tls_has_no_findings() -> None:
    path = Path(__file__).parents[2] / "fixtures" / "transports" / "udp_linux_sll.pcap"
    trace = read_capture(path)
    assert len(trace.messages) > 0
    assert trace.findings.empty


NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]  # of sixty columns it takes minutes
_WORDS = st.sampled_from(
    ["server: unknown_ca", "client: alert 200", "server: handshake_failure", "x", "", "CN=a,O=b"]
)
_MOMENTS = st.integers(-(2**62), 2**62)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "time": st.none() | _MOMENTS,
    "seconds": st.none() | st.floats(allow_nan=False),
    "integer": st.none() | st.integers(0, 2**40),
    "boolean": st.none() | st.booleans(),
    "text": st.none() | _WORDS | st.text(max_size=20),
    "category": st.none() | st.sampled_from(["syn", "fin", "rst", "open", "tcp"]) | _WORDS,
    "texts": st.none() | st.lists(st.text(max_size=20), max_size=3),
}


def _rows(table: Table) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    flow_ids = st.sampled_from(["1-1", "1-2", "1-3"])
    values = [flow_ids if one.name == "flow_id" else _VALUES[one.kind] for one in table]
    return st.lists(st.tuples(*values), max_size=4)


@settings(max_examples=40, phases=NO_SHRINKING)
@given(_rows(TLS_SESSIONS), _rows(FLOWS))
def test_any_rows_give_findings_that_make_a_table(
    sessions: list[tuple[Any, ...]], flows: list[tuple[Any, ...]]
) -> None:
    tables = {
        "tls_sessions": to_frame(arrow_table(TLS_SESSIONS, sessions)),
        "flows": to_frame(arrow_table(FLOWS, flows)),
    }
    collected = Findings()
    for name in rules:
        one = rules[name]
        if {it.table for it in one.needs.values()} <= set(tables):
            given_ = {name: tables[it.table][list(it.columns)] for name, it in one.needs.items()}
            collected.add(one, one.function(**given_, **one.values({})))
    assert finish(collected.table(), FINDINGS).schema == FINDINGS.arrow
