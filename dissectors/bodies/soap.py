"""``application/SOAP+xml``: a client changes its contact list, or asks the directory.

Sent in a SERVICE to the user itself. The child of ``Body`` is the method: setContact,
deleteContact, addGroup, modifyGroup, deleteGroup, setACE, setPresence, directorySearch. No list of
them is kept here; whatever stands there is the method.

``deltaNum`` is that of the contact list which the client knows; a server that has another one
refuses.

References
----------
[MS-SIP] (contacts and directory search by SOAP), SOAP 1.1 §4.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, flat_values, redact_value
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml
from dissectors.xml_types import integer_of


@dataclass(frozen=True, slots=True)
class SoapFault:
    """Why a method failed (``Fault``, SOAP 1.1 §4.4)."""

    code: str | None
    """``faultcode``, such as Client.BadCall.WrongDelta."""
    reason: str | None
    """``faultstring``."""


@dataclass(frozen=True, slots=True)
class SoapMethod:
    """A method, or its answer."""

    name: str
    """Local name of the element."""
    parameters: dict[str, str]
    """Its children without children of their own: name → text; the first of a name counts."""
    delta_num: int | None
    """``deltaNum``: the contact list that the method is about."""


@dataclass(frozen=True, slots=True)
class SoapEnvelope:
    """A SOAP message."""

    methods: tuple[SoapMethod, ...]
    """Children of ``Body``; what else stands there (``m:Array``) is among `values` only."""
    fault: SoapFault | None
    """``Fault``, where there is one."""
    values: dict[str, str]
    """All of it: path → text or attribute, as :func:`dissectors.markup.flatten` writes them."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/soap+xml")
def decode_soap(part: MediaPart) -> SoapEnvelope:
    """Return a SOAP message.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``Envelope``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "envelope":
        raise Malformed(
            f"root is {root.name[:40]!r}, not Envelope", layer="soap", spec="SOAP 1.1 §4"
        )
    body = root.child("Body") or Element("Body", {}, [], "")
    fault = body.child("Fault")
    methods = [child for child in body.children if child.name not in ("Fault", "Array")]
    return SoapEnvelope(
        tuple([_method(child) for child in methods]),
        SoapFault(fault.child_text("faultcode"), fault.child_text("faultstring"))
        if fault
        else None,
        flat_values(root),
        document.problems,
    )


def _method(element: Element) -> SoapMethod:
    parameters: dict[str, str] = {}
    for child in element.children:
        if not child.children:
            parameters.setdefault(child.name, redact_value(child.name, child.text.strip()))
    return SoapMethod(element.name, parameters, integer_of(parameters.get("deltaNum")))
