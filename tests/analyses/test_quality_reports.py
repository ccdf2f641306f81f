from __future__ import annotations

import json

import pandas as pd
import pytest

from fixtures.bodies.make import HERE
from pipelines.analyses.quality_reports import quality_reports
from pipelines.schema import BODIES, QUALITY_REPORTS
from tests.analyses.script import TEXT_TYPES, at, body, typed

TYPE, PLAIN = "application/vq-rtcpxr+xml", "application/vq-rtcpxr"
AUDIO = (HERE / "vq_rtcpxr" / "audio.xml").read_text("utf-8")
OLD = (HERE / "vq_rtcpxr" / "interval_2007.xml").read_text("utf-8")


def table(*texts: str, text: str = "string[pyarrow]") -> pd.DataFrame:
    rows = [body(f"1-{n}-1", n, TYPE, one, call_id="report") for n, one in enumerate(texts, 1)]
    return quality_reports(typed(rows, BODIES, text))


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_both_directions_of_a_call(text: str) -> None:
    found = table(AUDIO, text=text)
    assert found["direction"].tolist() == ["inbound", "outbound"]
    inbound, outbound = found.iloc[0], found.iloc[1]
    assert (inbound["call_id"], inbound["from_tag"], inbound["to_tag"]) == (
        "77c0ab",
        "1a2b3c",
        "4d5e6f",
    )
    assert (inbound["from_uri"], inbound["endpoint"]) == ("sip:adele@contoso.com", "ADELE-PC")
    assert inbound["start_time"] == pd.Timestamp("2014-07-16T10:00:05.1Z")
    assert inbound["time"] == at(1) and bool(inbound["caller"]) and not bool(inbound["interval"])
    numbers = ("jitter_s", "jitter_max_s", "packet_loss_rate", "packet_loss_rate_max")
    assert inbound[list(numbers)].tolist() == [0.012, 0.087, 0.0312, 0.25]
    assert inbound[["network_mos", "network_mos_min", "listening_mos"]].tolist() == [3.3, 1.9, 3.1]
    assert (inbound["concealed_ratio"], inbound["burst_duration_s"]) == (0.06, 0.12)
    assert (inbound["codec"], inbound["sample_rate"], inbound["packets"]) == (
        "SILKWide",
        16000,
        14980,
    )
    assert outbound[["round_trip_s", "round_trip_max_s", "listening_mos"]].tolist() == [
        0.24,
        0.612,
        3.9,
    ]
    assert pd.isna(outbound["jitter_s"]) and pd.isna(inbound["round_trip_s"])
    assert outbound["local_conversational_mos"] == 2.8


def test_the_path_and_the_devices() -> None:
    row = table(AUDIO).iloc[0]
    assert (row["ice"], row["ice_warnings"], row["relay_ip"]) == ("RELAY", 0x10000, "203.0.113.20")
    assert (row["local_ip"], row["remote_port"], row["reflexive_ip"]) == (
        "10.1.4.17",
        51000,
        "198.51.100.9",
    )
    assert (row["network_connection"], bool(row["vpn"])) == ("wifi", True)
    assert (row["wifi_ssid"], row["wifi_rssi"], row["wifi_channel"]) == (
        "contoso-guest",
        -71,
        11,
    )
    assert row["capture_device"] == "Headset Microphone (Contoso USB)"
    metrics = json.loads(row["metrics"])
    assert metrics["Network/Jitter/InterArrival"] == "12"
    assert metrics["Description/CaptureDev/Driver"] == "usbaudio.sys: 6.3"


def test_a_report_of_2007_during_the_call() -> None:
    row = table(OLD).iloc[0]
    assert (row["ice"], bool(row["interval"]), row["conference_id"]) == ("DIRECT", True, "H6GJ2K9P")
    assert (row["call_id"], row["from_tag"]) == ("41aa@10.0.0.9", "x1")
    assert pd.isna(row["packet_loss_rate"]) and pd.isna(row["end_time"])


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_nothing(text: str) -> None:
    nothing, full = table(text=text), table(AUDIO, text=text)
    assert len(nothing) == 0
    assert list(nothing.columns) == list(QUALITY_REPORTS.names)
    assert [str(one) for one in nothing.dtypes] == [str(one) for one in full.dtypes]


def test_copies_count_once() -> None:
    assert len(table(AUDIO, AUDIO)) == 2


def test_a_media_line_without_streams_has_a_row() -> None:
    xml = '<VQReportEvent><VQSessionReport><MediaLine Label="x"/></VQSessionReport></VQReportEvent>'
    row = table(xml).iloc[0]
    assert row["label"] == "x" and pd.isna(row["direction"]) and pd.isna(row["listening_mos"])


@pytest.mark.parametrize("start", ["", "yesterday", "99999-01-01T00:00:00Z", "2014-07-16"])
def test_times_that_are_none(start: str) -> None:
    xml = (
        f'<VQReportEvent><VQSessionReport><DialogInfo Start="{start}"/><MediaLine/>'
        "</VQSessionReport></VQReportEvent>"
    )
    assert pd.isna(table(xml)["start_time"].iloc[0]) == (start != "2014-07-16")


def test_a_telephone_by_rfc_6035() -> None:
    plain = (HERE / "vq_rtcpxr_text" / "session.txt").read_bytes().decode()
    found = quality_reports(typed([body("1-1-1", 1, PLAIN, plain, call_id="report")], BODIES))
    assert found["direction"].tolist() == ["inbound", "outbound"]
    inbound, outbound = found.iloc[0], found.iloc[1]
    assert (inbound["call_id"], inbound["to_tag"]) == ("b7e2c19f40@10.1.1.100", "t7f3")
    assert (inbound["from_uri"], inbound["to_uri"]) == (
        "sip:adele@contoso.com",
        "sip:lee@fabrikam.com",
    )
    assert (inbound["local_ip"], inbound["remote_port"]) == ("10.1.1.100", 5002)
    numbers = ("packet_loss_rate", "jitter_s", "round_trip_s", "burst_density", "burst_duration_s")
    assert inbound[list(numbers)].tolist() == [0.035, 0.011, 0.18, 0.125, 0.32]
    assert (inbound["codec"], inbound["sample_rate"]) == ("G722", 16000)
    assert (inbound["listening_mos"], inbound["local_conversational_mos"]) == (3.6, 3.4)
    assert inbound["end_time"] == pd.Timestamp("2014-07-16T10:01:02Z")
    assert (outbound["ssrc"], outbound["jitter_s"], outbound["listening_mos"]) == (
        "7d21c0a4",
        0.007,
        4.0,
    )
    assert pd.isna(outbound["remote_conversational_mos"]) and pd.isna(outbound["round_trip_s"])
    assert not found["interval"].any()


def test_a_flood_of_streams_is_bounded() -> None:
    streams = "<InboundStream/>" * 50 + "<OutboundStream/>" * 50
    name = "n" * 5000
    xml = (
        f'<VQReportEvent><VQSessionReport><Endpoint Name="{name}"/><MediaLine Label="{name}">'
        f"{streams}</MediaLine></VQSessionReport></VQReportEvent>"
    )
    found = table(xml)
    assert found["direction"].tolist() == ["inbound", "outbound"]
    assert found["endpoint"].str.len().max() == found["label"].astype(str).str.len().max() == 1001
