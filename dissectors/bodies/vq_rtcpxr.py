"""``application/vq-rtcpxr+xml``: what an endpoint measured of a call's media.

Lync sends it in a SERVICE request to the QoE Monitoring Server when a call is over. Its elements
belong to several namespaces (``ms-rtcp-metrics``, ``.v2`` to ``.v4``), one for each generation;
here local names count, and every measured value is kept under its path, known or not.

Which stream holds what is not what one expects: jitter and losses of ``InboundStream`` are the
reporter's own, round-trip times stand in ``OutboundStream``.

References
----------
[MS-QoE] §2.2.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, flat_values
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml
from dissectors.xml_types import boolean_of


@dataclass(frozen=True, slots=True)
class QualityStream:
    """One direction of a media line ([MS-QoE] §2.2.1.11)."""

    direction: str
    """``inbound`` or ``outbound``, as the reporter sees it."""
    id: str | None
    """``Id``: SSRC of the stream."""
    metrics: dict[str, str]
    """Path below the stream → value: ``Network/Jitter/InterArrival``."""


@dataclass(frozen=True, slots=True)
class QualityMediaLine:
    """One media line ([MS-QoE] §2.2.1.5)."""

    label: str | None
    """``Label``: main-audio, main-video, panoramic-video, applicationsharing-video …"""
    description: dict[str, str]
    """Path below ``Description`` → value: ``Connectivity/Ice``, ``LocalAddr/IPAddr``."""
    streams: tuple[QualityStream, ...]
    """Its directions."""
    metrics: dict[str, str]
    """What belongs to both directions: path below the media line → value."""


@dataclass(frozen=True, slots=True)
class QualitySession:
    """One report ([MS-QoE] §2.2.1.2)."""

    kind: str
    """Name of its element: VQSessionReport, or VQSessionIntervalReport while the call goes on."""
    session_id: str | None
    """``SessionId``: Call-ID and tags, joined by semicolons."""
    call_id: str | None
    """``CallId`` of ``DialogInfo``, else the beginning of ``SessionId``."""
    from_tag: str | None
    """``FromTag`` of ``DialogInfo``, else from ``SessionId``."""
    to_tag: str | None
    """``ToTag`` of ``DialogInfo``, else from ``SessionId``."""
    start: str | None
    """``Start`` of ``DialogInfo``, as sent."""
    end: str | None
    """``End`` of ``DialogInfo``, as sent."""
    from_uri: str | None
    """``FromURI``: From of the requests that the reporter sends in the dialog: itself."""
    to_uri: str | None
    """``ToURI``: the other side."""
    conference_uri: str | None
    """``ConfURI``, in a conference."""
    caller: bool | None
    """``Caller``: whether the reporter was the caller."""
    dialog: dict[str, str]
    """Path below ``DialogInfo`` → value, all of them."""
    endpoint: dict[str, str]
    """Path below ``Endpoint`` → value: the reporter's machine."""
    media_lines: tuple[QualityMediaLine, ...]
    """Its media lines."""


@dataclass(frozen=True, slots=True)
class QualityReport:
    """Quality reports of one endpoint."""

    version: str | None
    """``Version``, such as 2.0 or 3.0."""
    sessions: tuple[QualitySession, ...]
    """Its reports; one as a rule."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/vq-rtcpxr+xml")
def decode_vq_rtcpxr(part: MediaPart) -> QualityReport:
    """Return an endpoint's quality reports.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``VQReportEvent``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name != "VQReportEvent":
        raise Malformed(f"root is {root.name[:40]!r}, not VQReportEvent", layer="xml")
    reports = [child for child in root.children if child.name.startswith("VQSession")]
    sessions = tuple([_session(report) for report in reports])
    return QualityReport(root.get("Version"), sessions, document.problems)


def _session(element: Element) -> QualitySession:
    dialog = _below(element.child("DialogInfo"))
    session_id = element.get("SessionId")
    call_id, from_tag, to_tag = _dialog_of(session_id)
    return QualitySession(
        element.name,
        session_id,
        dialog.get("@CallId") or call_id,
        dialog.get("@FromTag") or from_tag,
        dialog.get("@ToTag") or to_tag,
        dialog.get("@Start"),
        dialog.get("@End"),
        dialog.get("FromURI"),
        dialog.get("ToURI"),
        dialog.get("ConfURI"),
        boolean_of(dialog.get("Caller")),
        dialog,
        _below(element.child("Endpoint")),
        tuple([_media_line(line) for line in element.all("MediaLine")]),
    )


def _dialog_of(session_id: str | None) -> tuple[str | None, str | None, str | None]:
    """Return Call-ID and tags from ``callid;from-tag=…;to-tag=…``; each None where missing."""
    call_id, *parameters = (session_id or "").split(";")
    tags = dict([one.strip().partition("=")[::2] for one in parameters])
    return call_id.strip() or None, tags.get("from-tag") or None, tags.get("to-tag") or None


_DIRECTIONS = {"InboundStream": "inbound", "OutboundStream": "outbound"}


def _media_line(element: Element) -> QualityMediaLine:
    streams = [child for child in element.children if child.name in _DIRECTIONS]
    others = [
        child for child in element.children if child.name not in {*_DIRECTIONS, "Description"}
    ]
    return QualityMediaLine(
        element.get("Label"),
        _below(element.child("Description")),
        tuple([_stream(stream) for stream in streams]),
        _leaves(others),
    )


def _stream(element: Element) -> QualityStream:
    metrics = _below(element)
    ssrc = metrics.pop("@Id", None)
    return QualityStream(_DIRECTIONS[element.name], ssrc, metrics)


def _leaves(elements: Iterable[Element]) -> dict[str, str]:
    return _below(Element("", {}, list(elements), ""))


def _below(element: Element | None) -> dict[str, str]:
    """Return what stands in an element: path below it, or ``@`` and attribute → value.

    The empty elements that separate versions (``Separator``) are left out: they say nothing.
    """
    if element is None:
        return {}
    skip = len(element.name)
    pairs = ((path[skip:].lstrip("/"), value) for path, value in flat_values(element).items())
    return {path: value for path, value in pairs if path and value}
