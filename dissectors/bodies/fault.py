"""``application/msrtc-fault+xml``: why a publication, or another command, was refused.

``Client.BadCall.WrongDelta`` with 409 says that the client published over a version that is no
longer the current one; it learns the current ones and publishes again.

References
----------
[MS-PRES].
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, flat_values
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml
from dissectors.xml_types import integer_of


@dataclass(frozen=True, slots=True)
class FaultOperation:
    """One operation that was refused (``operation``)."""

    index: int | None
    """``index``: which of the publications, counted from 1."""
    version: int | None
    """``version``: the one that was sent."""
    current_version: int | None
    """``curVersion``: the version that the server has."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A refusal."""

    code: str | None
    """``Faultcode``, such as Client.BadCall.WrongDelta."""
    operations: tuple[FaultOperation, ...]
    """``details/operation``, in order."""
    values: dict[str, str]
    """All of it: path → text or attribute, as :func:`dissectors.markup.flatten` writes them."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/msrtc-fault+xml")
def decode_fault(part: MediaPart) -> Fault:
    """Return a refusal.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``Fault``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "fault":
        raise Malformed(f"root is {root.name[:40]!r}, not Fault", layer="presence")
    details = root.child("details") or root.child("Details")
    return Fault(
        root.child_text("Faultcode") or root.child_text("faultcode"),
        tuple(_operations(details)) if details else (),
        flat_values(root),
        document.problems,
    )


def _operations(details: Element) -> list[FaultOperation]:
    return [
        FaultOperation(
            integer_of(child.get("index")),
            integer_of(child.get("version")),
            integer_of(child.get("curVersion")),
        )
        for child in details.all("operation")
    ]
