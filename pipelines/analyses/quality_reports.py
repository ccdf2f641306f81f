"""What endpoints measured: one row per media line and direction of each quality report.

Lync's reports are XML ([MS-QoE]); other telephones send RFC 6035's text, of which each side's
metrics are a direction: what came in to the reporter, and what the other side got of it.

The report of a call is sent when the call is over, in a SERVICE with a Call-ID of its own;
``call_id`` is that of the call. A metric has its column where its meaning and unit are known;
``metrics`` holds every one. [MS-QoE] counts milliseconds, the columns seconds.

References
----------
[MS-QoE] §2.2.1.5 to §2.2.1.27; RFC 6035 §4.6.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from dissectors.body import conference_id_of
from dissectors.xml_types import boolean_of, integer_of, number_of
from pipelines.analysis import analysis
from pipelines.body_values import BODY_COLUMNS, body_values, short
from pipelines.grouping import Integers, in_order, is_one_of, nanoseconds, rows_frame
from pipelines.message_columns import party
from pipelines.needs import only
from pipelines.schema import QUALITY_REPORTS

_XML, _TEXT = "application/vq-rtcpxr+xml", "application/vq-rtcpxr"
_PLACE = ("message_id", "capture", "frame_number")

_STREAM_NUMBERS = {
    "packet_loss_rate": "PacketLoss/LossRate",
    "packet_loss_rate_max": "PacketLoss/LossRateMax",
    "burst_density": "BurstGapLoss/BurstDensity",
    "concealed_ratio": "RatioConcealedSamplesAvg",
    "network_mos": "NetworkMOS/OverallAvg",
    "network_mos_min": "NetworkMOS/OverallMin",
    "network_mos_degradation": "NetworkMOS/DegradationAvg",
}
_STREAM_MILLISECONDS = {
    "jitter_s": "Jitter/InterArrival",
    "jitter_max_s": "Jitter/InterArrivalMax",
    "round_trip_s": "Delay/RoundTrip",
    "round_trip_max_s": "Delay/RoundTripMax",
    "burst_duration_s": "BurstGapLoss/BurstDuration",
}


@analysis(
    "quality_reports",
    bodies=only(
        ("message_id", "time", "capture", "frame_number", "call_id", *BODY_COLUMNS),
        media_type=(_XML, _TEXT),
    ),
)
def quality_reports(bodies: pd.DataFrame) -> pd.DataFrame:
    """Return the quality reports in `bodies`.

    Parameters
    ----------
    bodies : DataFrame
        Rows of this table. Copies of a report on several hops count once.

    Returns
    -------
    DataFrame
        Rows of the table `quality_reports`, in order of time.
    """
    rows = list(_rows(bodies))
    for name in ("start_time", "end_time"):
        moments = _moments([row.get(name) for row in rows]).tolist()
        for row, moment in zip(rows, moments, strict=True):
            row[name] = moment
    return rows_frame(QUALITY_REPORTS, rows)


def _moments(texts: Any) -> Integers:
    """Return times as nanoseconds; missing where the text is none, or is no time."""
    return nanoseconds(
        pd.Series(pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601"))
    )


def _rows(bodies: pd.DataFrame) -> Iterator[dict[str, Any]]:
    mine = is_one_of(bodies["media_type"], _XML, _TEXT)
    bodies = in_order(bodies[mine].reset_index(drop=True))
    places = [bodies[name].astype(object).tolist() for name in (*_PLACE, "call_id")]
    times = nanoseconds(bodies["time"]).tolist()
    values = body_values(bodies)
    copies: set[tuple[str, int]] = set()
    for time_ns, value, *place, carrier in zip(times, values, *places, strict=True):
        # Rows of one text share one value, so a copy is the same object.
        if value is None or (carrier, id(value)) in copies:
            continue
        copies.add((carrier, id(value)))
        where = dict(zip(_PLACE, place, strict=True), time=time_ns)
        streams = _of_report(value) if "sessions" in value else _of_text(value)
        yield from (where | one for one in streams)


def _of_report(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for session in report["sessions"]:
        told = _cut(_of_session(session))
        for line in session["media_lines"]:
            yield from (told | one for one in _of_line(line))


def _of_session(session: dict[str, Any]) -> dict[str, Any]:
    dialog = session["dialog"]
    told = ("call_id", "from_tag", "to_tag", "from_uri", "to_uri", "caller", "conference_uri")
    return {
        **{name: session[name] for name in told},
        "interval": session["kind"] == "VQSessionIntervalReport",
        "start_time": session["start"],
        "end_time": session["end"],
        "conference_id": conference_id_of(session["conference_uri"]),
        "endpoint": session["endpoint"].get("@Name"),
        "local_user_agent": dialog.get("LocalUserAgent"),
        "remote_user_agent": dialog.get("RemoteUserAgent"),
    }


def _of_line(line: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what is told of each direction of a media line; once where it has no stream."""
    shared = _cut(_of_description(line["description"])) | {
        "label": short(line["label"]),
        "local_conversational_mos": number_of(line["metrics"].get("LocalConversationalMOS")),
        "remote_conversational_mos": number_of(line["metrics"].get("RemoteConversationalMOS")),
    }
    everything = {f"Description/{path}": value for path, value in line["description"].items()}
    everything |= line["metrics"]
    # Each direction stands once, by the schema ([MS-QoE] §2.2.1.5).
    streams = {stream["direction"]: stream for stream in reversed(line["streams"])}
    nothing: dict[str, Any] = {"direction": None, "id": None, "metrics": {}}
    for stream in reversed(streams.values()) if streams else [nothing]:
        metrics = json.dumps(everything | stream["metrics"], ensure_ascii=False)
        yield shared | _of_stream(stream) | {"metrics": metrics}


def _cut(row: dict[str, Any]) -> dict[str, Any]:
    return {name: short(one) if isinstance(one, str) else one for name, one in row.items()}


def _of_description(description: dict[str, str]) -> dict[str, Any]:
    get = description.get
    return {
        # OCS 2007 wrote the path as the text of Connectivity.
        "ice": get("Connectivity/Ice") or get("Connectivity"),
        "ice_warnings": integer_of(get("Connectivity/IceWarningFlags")),
        "transport": get("Transport"),
        "security": get("Security"),
        "local_ip": get("LocalAddr/IPAddr"),
        "local_port": integer_of(get("LocalAddr/Port")),
        "remote_ip": get("RemoteAddr/IPAddr"),
        "remote_port": integer_of(get("RemoteAddr/Port")),
        "relay_ip": get("Connectivity/RelayAddress/IPAddr"),
        "reflexive_ip": get("ReflexiveLocalIPAddress/IPAddr"),
        "network_connection": get("NetworkConnectivityInfo/NetworkConnection"),
        "vpn": boolean_of(get("NetworkConnectivityInfo/VPN")),
        "link_speed_bps": number_of(get("NetworkConnectivityInfo/LinkSpeed")),
        "wifi_rssi": number_of(get("WifiRSSI")),
        "wifi_channel": integer_of(get("WifiChannel")),
        "wifi_ssid": get("SSID"),
        "capture_device": get("CaptureDev/Name"),
        "render_device": get("RenderDev/Name"),
    }


def _of_stream(stream: dict[str, Any]) -> dict[str, Any]:
    metrics = stream["metrics"]
    by_end = _by_end(metrics)
    listening = {"inbound": "RecvListenMOS", "outbound": "SendListenMOS"}.get(stream["direction"])
    told: dict[str, Any] = {
        name: number_of(by_end.get(path)) for name, path in _STREAM_NUMBERS.items()
    }
    told |= {name: _divided(by_end.get(path), 1000) for name, path in _STREAM_MILLISECONDS.items()}
    return told | {
        "direction": stream["direction"],
        "ssrc": stream["id"],
        "codec": by_end.get("PayloadDescription"),
        "sample_rate": integer_of(by_end.get("SampleRate")),
        "packets": integer_of(by_end.get("Utilization/Packets")),
        "listening_mos": number_of(by_end.get(f"{listening}")),
        "listening_mos_min": number_of(by_end.get(f"{listening}Min")),
    }


def _by_end(metrics: dict[str, str]) -> dict[str, str]:
    """Return values by the last one and by the last two names of their paths.

    What lies above (Network, Payload/Audio, QualityEstimates/Audio) differs between the schemas of
    the products; the names at the end do not.
    """
    ends: dict[str, str] = {}
    for path, value in metrics.items():
        names = path.split("/")
        ends.setdefault(names[-1], value)
        ends.setdefault("/".join(names[-2:]), value)
    return ends


# --- RFC 6035 -------------------------------------------------------------------------------------

_PERCENTAGES = {"packet_loss_rate": "PacketLoss/NLR", "burst_density": "BurstGapLoss/BLD"}
_MILLISECONDS = {
    "jitter_s": "Delay/IAJ",
    "round_trip_s": "Delay/RTD",
    "burst_duration_s": "BurstGapLoss/BD",
}


def _of_text(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    local, remote = report["local_addr"], report["remote_addr"]
    told = {
        **{name: report[name] for name in ("call_id", "from_tag", "to_tag")},
        "interval": report["kind"].lower() != "vqsessionreport",
        "from_uri": party(report["local_id"])[0],
        "to_uri": party(report["remote_id"])[0],
        "local_ip": local.get("IP"),
        "local_port": integer_of(local.get("PORT")),
        "remote_ip": remote.get("IP"),
        "remote_port": integer_of(remote.get("PORT")),
    }
    for direction, metrics, ssrc in (
        ("inbound", report["local_metrics"], remote.get("SSRC")),
        ("outbound", report["remote_metrics"], local.get("SSRC")),
    ):
        if metrics:
            yield told | {"direction": direction, "ssrc": ssrc} | _of_metrics(metrics, direction)


def _of_metrics(metrics: dict[str, str], direction: str) -> dict[str, Any]:
    get = metrics.get
    whose = "local" if direction == "inbound" else "remote"
    return {
        **{name: _divided(get(path), 100) for name, path in _PERCENTAGES.items()},
        **{name: _divided(get(path), 1000) for name, path in _MILLISECONDS.items()},
        "start_time": get("Timestamps/START"),
        "end_time": get("Timestamps/STOP"),
        "codec": get("SessionDesc/PD"),
        "sample_rate": integer_of(get("SessionDesc/SR")),
        "listening_mos": number_of(get("QualityEst/MOSLQ")),
        f"{whose}_conversational_mos": number_of(get("QualityEst/MOSCQ")),
        "metrics": json.dumps(metrics, ensure_ascii=False),
    }


def _divided(text: str | None, divisor: int) -> float | None:
    number = number_of(text)
    return number / divisor if number is not None else None
