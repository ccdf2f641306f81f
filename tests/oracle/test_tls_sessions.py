"""What `tls_sessions` tells of a handshake, beside what tshark shows of it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pandas as pd
import pytest

from pipelines import read_capture
from tests.conftest import Tshark
from tests.rules.handshakes import Case, capture, pair

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a capture of handshakes that work and that fail, each a connection of its own."""
    server = pair(names=["fe01.contoso.com", "sip.contoso.com"], until="2014-07-01")
    client = pair("edge.fabrikam.com")
    cases = [
        Case(server),
        Case(server, client, client_trusts=server, server_trusts=client),
        Case(server, client_trusts=client),
        Case(server, client, server_trusts=server),
        Case(server, server_trusts=client),
        Case(server, ciphers="AES256-SHA256", client_ciphers="ECDHE-RSA-AES256-GCM-SHA384"),
        Case(server, version=ssl.TLSVersion.TLSv1_3, client_version=ssl.TLSVersion.TLSv1_2),
        Case(server, version=ssl.TLSVersion.TLSv1_3, client_trusts=client),
    ]
    path = tmp_path_factory.mktemp("tls") / "mixed.pcap"
    return capture(path, *[case.flights() for case in cases])


@pytest.fixture(scope="module")
def sessions(mixed: Path) -> pd.DataFrame:
    found: pd.DataFrame = read_capture(mixed).tls_sessions
    assert len(found) == 8
    return found


def test_alerts_and_their_frames(mixed: Path, sessions: pd.DataFrame, tshark: Tshark) -> None:
    fields = ("frame.number", "tls.alert_message.level", "tls.alert_message.desc")
    rows = tshark.fields(mixed, *fields, display_filter="tls.alert_message.level == 2")
    numbers = {"handshake_failure": 40, "certificate_expired": 45, "unknown_ca": 48}
    numbers["protocol_version"] = 70
    ours = sessions[sessions["alert"].notna()]
    told = [
        (frame, numbers[alert.partition(": ")[2]])
        for frame, alert in zip(ours["alert_frame_number"], ours["alert"], strict=True)
    ]
    assert len(told) == 7
    assert told == [(int(row["frame.number"]), int(row["tls.alert_message.desc"])) for row in rows]


def test_certificates(mixed: Path, sessions: pd.DataFrame, tshark: Tshark) -> None:
    fields = ("tcp.srcport", "x509ce.dNSName", "x509af.utcTime", "x509sat.uTF8String")
    rows = tshark.fields(mixed, *fields, display_filter="tls.handshake.certificate")
    theirs = [
        (row["x509ce.dNSName"].split("|"), row["x509sat.uTF8String"].split("|")[-1])
        for row in rows
        if row["tcp.srcport"] == "5061"
    ]
    ours = sessions[sessions["server_certificate"].notna()]
    assert len(theirs) == 5
    assert theirs == [
        (list(names), subject.removeprefix("CN="))
        for names, subject in zip(ours["server_names"], ours["server_certificate"], strict=True)
    ]
    ends = [row["x509af.utcTime"].split("|")[1] for row in rows if row["tcp.srcport"] == "5061"]
    assert {end[:10] for end in ends} == {"2014-07-01"}
    assert {str(day) for day in ours["server_not_after_time"].dt.date} == {"2014-07-01"}


def test_names_and_versions(mixed: Path, sessions: pd.DataFrame, tshark: Tshark) -> None:
    asked = tshark.fields(
        mixed,
        "tls.handshake.extensions_server_name",
        display_filter="tls.handshake.type == 1",
    )
    assert [row["tls.handshake.extensions_server_name"] for row in asked] == list(
        sessions["server_name"]
    )
