"""``application/msrtc-reporterror+xml``: failures that a client tells its server.

It comes in a SERVICE request to oneself and names the dialog that failed, which the capture need
not hold: Call-ID, tags, the final response and its diagnostics.

References
----------
[MS-OCER] §3.1.4.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, flat_values
from dissectors.errors import DissectError, Malformed
from dissectors.markup import Element, decode_xml
from dissectors.sip.diagnostics import Diagnostics, decode_diagnostics_value
from dissectors.sip.headers import decode_parameters
from dissectors.xml_types import integer_of


@dataclass(frozen=True, slots=True)
class ReportedError:
    """One failure."""

    call_id: str | None
    """``callId``: Call-ID of the dialog that failed."""
    from_tag: str | None
    """``fromTag`` of that dialog."""
    to_tag: str | None
    """``toTag`` of that dialog."""
    to_uri: str | None
    """``toUri``: who was called."""
    conference_uri: str | None
    """``conferenceUri``, in a conference."""
    request_type: str | None
    """``requestType``: method of the request that failed."""
    response_code: int | None
    """``responseCode``: status code of the final response."""
    content_type: str | None
    """``contentType`` of that request, as sent."""
    call_type: str | None
    """``call-type``, which Microsoft writes as a parameter of the content type: audiovideo, im."""
    diagnostics: tuple[Diagnostics, ...]
    """``diagHeader``: the diagnostics of the final response."""
    progress_reports: tuple[Diagnostics, ...]
    """``diagHeader`` of the progress reports, in order: those of 101 responses on the way."""


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """What failed, as a client tells it."""

    errors: tuple[ReportedError, ...]
    """The failures."""
    values: dict[str, str]
    """All of it: path → text or attribute, as :func:`dissectors.markup.flatten` writes them."""
    problems: tuple[str, ...]
    """What was wrong although the report could be read; empty as a rule."""


@bodies.register("application/msrtc-reporterror+xml")
def decode_reporterror(part: MediaPart) -> ErrorReport:
    """Return what a client tells of failures.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``reportError``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name != "reportError":
        raise Malformed(f"root is {root.name[:40]!r}, not reportError", layer="xml")
    problems = list(document.problems)
    errors = tuple([_error(error, problems) for error in root.all("error")])
    return ErrorReport(errors, flat_values(root), tuple(problems))


def _error(element: Element, problems: list[str]) -> ReportedError:
    content_type = element.get("contentType")
    parameters = (content_type or "").partition(";")[2]
    progress = element.child("progressReports")
    reports = progress.all("progressReport") if progress else []
    return ReportedError(
        element.get("callId"),
        element.get("fromTag"),
        element.get("toTag"),
        element.get("toUri"),
        element.get("conferenceUri"),
        element.get("requestType"),
        integer_of(element.get("responseCode")),
        content_type,
        decode_parameters(parameters).get("call-type"),
        _diagnostics([element], problems),
        _diagnostics(reports, problems),
    )


def _diagnostics(elements: list[Element], problems: list[str]) -> tuple[Diagnostics, ...]:
    found: list[Diagnostics] = []
    for header in (one for element in elements for one in element.all("diagHeader")):
        try:
            found.extend(decode_diagnostics_value("ms-diagnostics", header.text.strip()))
        except DissectError as error:
            problems.append(error.summary)
    return tuple(found)
