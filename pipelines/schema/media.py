"""Tables of media: what was agreed on, and how it was received."""

from __future__ import annotations

from pipelines.schema.column import Column, Table
from pipelines.schema.common import CALL_ID, CAPTURE, FRAME, MESSAGE, TIME

_OFFERED, _ANSWERED = "of the offer", "of the answer"


def _side(prefix: str, whose: str) -> tuple[Column, ...]:
    return (
        Column(
            f"{prefix}_ip",
            "text",
            f"Address {whose}: c= of the media, else of the session.",
            "sdp.connection_info.address",
        ),
        Column(
            f"{prefix}_port", "integer", f"Port {whose}; 0 refuses the stream.", "sdp.media.port"
        ),
        Column(
            f"{prefix}_direction",
            "category",
            f"Direction {whose}: sendrecv where it is silent.",
            "sdp.media_attribute.field",
        ),
        Column(
            f"{prefix}_codecs",
            "text",
            f"Codecs {whose} in its order, comma-separated.",
            "sdp.mime.type",
        ),
        Column(
            f"{prefix}_crypto",
            "category",
            f"SRTP suites {whose}, comma-separated.",
            "sdp.crypto.crypto_suite",
        ),
        Column(
            f"{prefix}_ice",
            "category",
            f"Grammar of the candidates {whose}: rfc5245, draft-6, both.",
        ),
        *(
            Column(
                f"{prefix}_{kind}_candidates",
                "integer",
                f"Candidates {whose} of type {kind}, component 1; draft 6 does not tell it.",
                "sdp.ice_candidate.type",
            )
            for kind in ("host", "srflx", "relay")
        ),
        Column(
            f"{prefix}_udp_candidates",
            "integer",
            f"UDP candidates {whose}, component 1.",
            "sdp.ice_candidate.transport",
        ),
        Column(
            f"{prefix}_tcp_candidates",
            "integer",
            f"TCP candidates {whose}, component 1.",
            "sdp.ice_candidate.transport",
        ),
        Column(
            f"{prefix}_bypass_id", "text", f"x-bypassid {whose}: where media bypass is possible."
        ),
    )


MEDIA_STREAMS = Table(
    "media_streams",
    "One row per media line of each answered offer (RFC 3264) of a dialog; of one offer at most "
    "1000.",
    (
        Column("offer_message_id", "text", "Message with the offer, as in `messages`."),
        Column("answer_message_id", "text", "Message with the answer."),
        Column("time", "time", "Time of the offer.", "frame.time_epoch"),
        Column("answer_time", "time", "Time of the answer.", "frame.time_epoch"),
        CAPTURE,
        Column("frame_number", "integer", "Frame that completed the offer.", "frame.number"),
        CALL_ID,
        Column("from_tag", "text", "Tag of From in the request.", "sip.from.tag"),
        Column(
            "to_tag",
            "text",
            "Tag of To in its response: each fork is a dialog of its own.",
            "sip.to.tag",
        ),
        Column("offerer_uri", "text", "URI of the side that offered."),
        Column(
            "method",
            "category",
            "Request of the exchange: INVITE, UPDATE, PRACK.",
            "sip.CSeq.method",
        ),
        Column(
            "answer_status_code",
            "integer",
            "Status of the response with the answer; missing when a request (ACK, PRACK) has it.",
            "sip.Status-Code",
        ),
        Column("position", "integer", "Number of the media line, from 1."),
        Column("media", "category", "Medium: audio, video, message.", "sdp.media.media"),
        Column("label", "category", "label, such as main-audio."),
        Column(
            "protocol", "category", "Transport as offered, such as RTP/SAVP.", "sdp.media.proto"
        ),
        Column("refused", "boolean", "Whether the answer refuses it by port 0."),
        Column(
            "codec",
            "category",
            "First answered codec that carries media; its number where nothing names it.",
        ),
        Column("encrypted", "boolean", "Whether the answer chose SRTP, by crypto or by DTLS."),
        Column(
            "cryptoscale", "boolean", "Whether the answer chose it: one key for many receivers."
        ),
        Column("encryption", "category", "Microsoft's a=encryption of the offer."),
        Column(
            "hold",
            "boolean",
            "Whether the offer puts the stream on hold: sendonly, inactive, or address 0.0.0.0.",
        ),
        Column(
            "ice_concluded",
            "boolean",
            "Whether the offer names remote candidates: ICE had found a path by then.",
        ),
        Column(
            "fallback",
            "boolean",
            "Whether the only offer is the one for OCS 2007 (ms-proxy-2007fallback).",
        ),
        *_side("offered", _OFFERED),
        *_side("answered", _ANSWERED),
    ),
)


QUALITY_REPORTS = Table(
    "quality_reports",
    "One row per media line and direction of each quality report: Lync's (application/"
    "vq-rtcpxr+xml), or RFC 6035's.",
    (
        MESSAGE,
        TIME,
        CAPTURE,
        FRAME,
        Column("call_id", "text", "Call-ID of the call that is reported on, not of the report."),
        Column("from_tag", "text", "FromTag of that call."),
        Column("to_tag", "text", "ToTag of that call."),
        Column("interval", "boolean", "Whether the call goes on; False in the report of its end."),
        Column("start_time", "time", "Start of the call, by the reporter's clock."),
        Column("end_time", "time", "End of the call, by the reporter's clock."),
        Column("from_uri", "text", "FromURI: the reporter."),
        Column("to_uri", "text", "ToURI: the other side."),
        Column("caller", "boolean", "Whether the reporter was the caller."),
        Column("conference_uri", "text", "ConfURI."),
        Column("conference_id", "text", "Conference id in it."),
        Column("endpoint", "text", "Name of the reporter's machine."),
        Column("local_user_agent", "category", "Product of the reporter."),
        Column("remote_user_agent", "category", "Product of the other side."),
        Column("label", "category", "Label of the media line, such as main-audio."),
        Column("direction", "category", "inbound or outbound, as the reporter sees it."),
        Column("ssrc", "text", "Id of the stream: its SSRC."),
        Column("codec", "category", "PayloadDescription."),
        Column("sample_rate", "integer", "SampleRate, hertz."),
        Column("packets", "integer", "Packets of the stream."),
        Column("packet_loss_rate", "number", "LossRate: fraction of packets lost, mean."),
        Column("packet_loss_rate_max", "number", "LossRateMax."),
        Column("jitter_s", "seconds", "Inter-arrival jitter (RFC 3550 §6.4.1), mean."),
        Column("jitter_max_s", "seconds", "The same, maximum."),
        Column("round_trip_s", "seconds", "Round-trip time, mean; told of the outbound stream."),
        Column("round_trip_max_s", "seconds", "The same, maximum."),
        Column("burst_density", "number", "Fraction of packets lost in bursts."),
        Column("burst_duration_s", "seconds", "Mean duration of bursts."),
        Column("concealed_ratio", "number", "RatioConcealedSamplesAvg: fraction of healed audio."),
        Column("network_mos", "number", "NetworkMOS OverallAvg, 1 to 5."),
        Column("network_mos_min", "number", "NetworkMOS OverallMin."),
        Column("network_mos_degradation", "number", "DegradationAvg: what the network took of it."),
        Column("listening_mos", "number", "RecvListenMOS inbound, SendListenMOS outbound."),
        Column("listening_mos_min", "number", "RecvListenMOSMin, SendListenMOSMin."),
        Column("local_conversational_mos", "number", "LocalConversationalMOS of the media line."),
        Column("remote_conversational_mos", "number", "RemoteConversationalMOS of the media line."),
        Column("ice", "category", "Path: DIRECT, RELAY, HTTP-PROXY, FAILED."),
        Column("ice_warnings", "integer", "IceWarningFlags: bits, [MS-QoE] §2.2.1.7.1."),
        Column("transport", "category", "UDP or TCP."),
        Column("security", "category", "SRTP, V1, None."),
        Column("local_ip", "text", "Reporter's address."),
        Column("local_port", "integer", "Reporter's port."),
        Column("remote_ip", "text", "Address of the other side."),
        Column("remote_port", "integer", "Port of the other side."),
        Column("relay_ip", "text", "Address of the first relay."),
        Column("reflexive_ip", "text", "Reporter's address as the relay sees it."),
        Column("network_connection", "category", "wired, wifi, or as told."),
        Column("vpn", "boolean", "Whether the reporter was in a VPN."),
        Column("link_speed_bps", "number", "Speed of the reporter's link, bits per second."),
        Column("wifi_rssi", "number", "WifiRSSI: strength of the signal, as sent."),
        Column("wifi_channel", "integer", "WifiChannel."),
        Column("wifi_ssid", "text", "SSID: name of the wireless network."),
        Column("capture_device", "text", "Microphone or camera."),
        Column("render_device", "text", "Loudspeaker or headset."),
        Column(
            "metrics",
            "text",
            "Every value of the stream and of its media line: a JSON object path → value.",
        ),
    ),
)
