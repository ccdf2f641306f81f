"""From a capture to the tables of media, quality and rosters."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from dpkt import pcap

from fixtures.bodies.make import HERE
from pipelines import Trace, read_capture

FIXTURES = HERE.parent


def _conference() -> Trace:
    folder = FIXTURES / "conference_join"
    return read_capture(folder / "conference_join.pcapng", keys=folder / "sslkeys.log", workers=1)


def _datagram(head: str, content_type: str, body: bytes) -> bytes:
    """Return a SIP message in UDP in IPv4."""
    lines = (
        f"{head} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n"
        "From: <sip:adele@contoso.com>;tag=1\r\nTo: <sip:qoe@contoso.com>\r\nCall-ID: report\r\n"
        f"CSeq: 1 {head.split()[0]}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    payload = lines.encode() + body
    udp = b"".join(n.to_bytes(2, "big") for n in (5060, 5060, 8 + len(payload), 0)) + payload
    total = (20 + len(udp)).to_bytes(2, "big")
    return b"\x45\0" + total + b"\0\0\0\0\x40\x11\0\0" + bytes((10, 0, 0, 1, 10, 0, 0, 2)) + udp


def _trace(folder: Path, *datagrams: bytes) -> Trace:
    path = folder / "udp.pcap"
    with path.open("wb") as file:
        writer = pcap.Writer(file, linktype=101)  # LINKTYPE_RAW
        for second, datagram in enumerate(datagrams, 1):
            writer.writepkt(datagram, ts=second)
    return read_capture(path, workers=1)


def test_media_of_a_conference() -> None:
    streams = _conference().media_streams
    assert streams["label"].tolist() == ["main-audio", "main-audio"]
    assert streams["ice_concluded"].tolist() == [False, True]
    assert streams["cryptoscale"].all() and streams["encrypted"].all()
    assert (streams["time"] < streams["answer_time"]).all()


def test_the_roster_of_a_conference() -> None:
    trace = _conference()
    roster = trace.conference_participants
    assert set(roster["message_id"]) <= set(trace.messages["message_id"])
    assert set(roster["conference_id"]) == {"QX7TD3MB"}
    assert roster["complete"].all()
    assert roster.loc[roster["level"] == "user", "user_uri"].notna().all()


def test_quality_of_a_call(tmp_path: Path) -> None:
    report = (HERE / "vq_rtcpxr" / "audio.xml").read_bytes()
    sent = _datagram("SERVICE sip:qoe@contoso.com", "application/vq-rtcpxr+xml", report)
    trace = _trace(tmp_path, sent, sent)
    assert trace.quality_reports["direction"].tolist() == ["inbound", "outbound"]
    assert trace.quality_reports["call_id"].tolist() == ["77c0ab"] * 2
    assert trace.quality_reports["frame_number"].tolist() == [1, 1]


def test_secrets_reach_no_table(tmp_path: Path) -> None:
    granted = (HERE / "media_relay_auth" / "granted.xml").read_bytes()
    offer = (HERE / "msmsgs_invite" / "accepted.txt").read_bytes()
    roster = (HERE / "conference_info" / "full.xml").read_bytes()
    head = "SERVICE sip:mras@contoso.com"
    trace = _trace(
        tmp_path,
        _datagram(head, "application/msrtc-media-relay-auth+xml", granted),
        _datagram(head, "text/x-msmsgsinvite", offer),
        _datagram(head, "application/conference-info+xml", roster),
    )
    assert trace.bodies["decoder"].tolist() == [
        "MediaRelayAuth",
        "MessengerInvitation",
        "ConferenceInfo",
    ]
    shown = "".join(
        getattr(trace, name).astype(str).to_csv() for name in ("bodies", "conference_participants")
    )
    assert not [secret for secret in ("c2VjcmV0", "AgAAJLm3", "26354") if secret in shown]
    assert len(trace.conference_participants) == 6  # 2 users, 3 endpoints, 1 medium
    assert isinstance(trace.body("1-3-1"), dict)


def test_a_transferred_call_tells_its_end(tmp_path: Path) -> None:
    notify = _datagram(
        "NOTIFY sip:adele@contoso.com", "message/sipfrag", b"SIP/2.0 603 Decline\r\n"
    )
    trace = _trace(tmp_path, notify)
    value = trace.body("1-1-1")
    assert isinstance(value, dict) and value["status_code"] == 603
    assert pd.isna(trace.bodies["problem"].iloc[0])
