"""``application/vq-rtcpxr``: voice quality as telephones other than Lync's tell it.

A text of lines ``Name: value``, sent in PUBLISH (or NOTIFY) of the event package ``vq-rtcpxr``.
``LocalMetrics:`` begins what the reporter measured of the media that came in, ``RemoteMetrics:``
what it was told by the other side of the media that it sent.

References
----------
RFC 6035 §4.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dissectors.body import MediaPart, bodies
from dissectors.errors import LimitExceeded, Malformed
from dissectors.markup import decode_characters

MAX_SIZE = 256 << 10
"""Longest report that is read, bytes."""


@dataclass(frozen=True, slots=True)
class VoiceQualityReport:
    """A report by RFC 6035."""

    kind: str
    """VQSessionReport, VQIntervalReport or VQAlertReport."""
    subject: str | None
    """What follows on its line: CallTerm, or why an alert was sent."""
    call_id: str | None
    """``CallID`` of the session."""
    from_tag: str | None
    """from-tag of ``DialogID``."""
    to_tag: str | None
    """to-tag of ``DialogID``."""
    local_id: str | None
    """``LocalID``: the reporter, as name-addr."""
    remote_id: str | None
    """``RemoteID``: the other side."""
    local_addr: dict[str, str]
    """``LocalAddr``: IP, PORT, SSRC."""
    remote_addr: dict[str, str]
    """``RemoteAddr``."""
    local_metrics: dict[str, str]
    """``LocalMetrics``: ``JitterBuffer/JBN`` → value."""
    remote_metrics: dict[str, str]
    """``RemoteMetrics``, likewise."""
    fields: dict[str, str]
    """All other lines."""
    problems: tuple[str, ...]
    """What was wrong although it could be read; empty as a rule."""


_KINDS = ("vqsessionreport", "vqintervalreport", "vqalertreport")
_METRICS = {"localmetrics": 0, "remotemetrics": 1}
_OF_SESSION = frozenset(("dialogid", "callid", "localaddr", "remoteaddr", "localid", "remoteid"))
# JBA=3  FMTP="annexb=no; x"
_PAIR = re.compile(r'([\w-]{1,40})=("[^"]*"|[^\s"]*)')


@bodies.register("application/vq-rtcpxr")
def decode_vq_rtcpxr_text(part: MediaPart) -> VoiceQualityReport:
    """Return a report of voice quality.

    Raises
    ------
    Malformed
        When its first line names no report.
    LimitExceeded
        Beyond :data:`MAX_SIZE`.
    """
    if len(part.data) > MAX_SIZE:
        raise LimitExceeded(f"report of {len(part.data)} bytes is not read", layer="media")
    text, problems = decode_characters(part.data.strip(b"\0"))
    lines = [line.strip() for line in text.strip().replace("\r\n", "\n").split("\n")]
    kind, _, subject = lines[0].partition(":")
    if kind.strip().lower() not in _KINDS:
        raise Malformed("first line names no report", layer="media", spec="RFC 6035 §4.6.1")
    fields, (local, remote), odd = _sections(lines[1:])
    call_id, from_tag, to_tag = _dialog(fields.get("dialogid"))
    return VoiceQualityReport(
        kind.strip(),
        subject.strip() or None,
        fields.get("callid") or call_id,
        from_tag,
        to_tag,
        fields.get("localid"),
        fields.get("remoteid"),
        _pairs(fields.get("localaddr", "")),
        _pairs(fields.get("remoteaddr", "")),
        local,
        remote,
        {name: value for name, value in fields.items() if name not in _OF_SESSION},
        (*problems, f"{odd} lines are not Name: value") if odd else problems,
    )


_Metrics = dict[str, str]


def _sections(lines: list[str]) -> tuple[dict[str, str], tuple[_Metrics, _Metrics], int]:
    """Return the lines of the session, the metrics of both sides, and how many lines are none."""
    fields: dict[str, str] = {}
    metrics: tuple[_Metrics, _Metrics] = ({}, {})
    side, odd = None, 0
    for line in filter(None, lines):
        name, colon, value = line.partition(":")
        key = name.strip().lower()
        if not colon:
            odd += 1
        elif key in _METRICS:
            side = _METRICS[key]
        elif side is None or key in _OF_SESSION:
            fields.setdefault(key, value.strip())
        else:
            group = name.strip()
            metrics[side].update({f"{group}/{one}": told for one, told in _pairs(value).items()})
    return fields, metrics, odd


def _pairs(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _PAIR.findall(text)}


def _dialog(value: str | None) -> tuple[str | None, str | None, str | None]:
    call_id, *parameters = (value or "").split(";")
    tags = dict([one.strip().partition("=")[::2] for one in parameters])
    return call_id.strip() or None, tags.get("from-tag") or None, tags.get("to-tag") or None
