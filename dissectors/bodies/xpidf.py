"""``application/xpidf+xml``: presence of the years before PIDF, of Windows Messenger and Asterisk.

A document type declaration names a DTD; nothing is fetched. ``status`` is an attribute of an empty
element; MSN's ``msnsubstatus`` says more. Asterisk may write a comma into ``priority``, where its
machine's language has one.

References
----------
draft-rosenberg-impp-pidf-00.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, other_values
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml


@dataclass(frozen=True, slots=True)
class XpidfAddress:
    """One way to reach somebody (``address``)."""

    atom_id: str | None
    """``id`` of the ``atom`` that holds it."""
    uri: str | None
    """``uri``."""
    priority: str | None
    """``priority``, as sent."""
    status: str | None
    """``status``: open, inuse, closed, inactive; lower case."""
    substatus: str | None
    """``msnsubstatus``: online, away, busy, idle, berightback, onthephone, …; lower case."""
    notes: tuple[str, ...]
    """``note``, in order."""
    other: dict[str, str]
    """Further children, such as ``feature``: path → value."""


@dataclass(frozen=True, slots=True)
class Xpidf:
    """Presence of one presentity."""

    uri: str | None
    """``uri`` of ``presentity``, without the parameter ``method=SUBSCRIBE``."""
    display_name: str | None
    """``display`` of the presentity, where there is one."""
    addresses: tuple[XpidfAddress, ...]
    """``atom/address``, in order."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


_ADDRESS = frozenset(("status", "msnsubstatus", "note"))


@bodies.register("application/xpidf+xml", tabulated=True)
def decode_xpidf(part: MediaPart) -> Xpidf:
    """Return the presence of one presentity.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``presence``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "presence":
        raise Malformed(f"root is {root.name[:40]!r}, not presence", layer="presence")
    presentity = root.child("presentity")
    return Xpidf(
        _without_method(presentity.get("uri") or "") or None if presentity else None,
        presentity.child_text("display") if presentity else None,
        tuple(_address(atom, child) for atom in root.all("atom") for child in atom.all("address")),
        document.problems,
    )


def _without_method(uri: str) -> str:
    head, _, method = uri.rpartition(";")
    return head if method.strip().lower() == "method=subscribe" else uri


def _address(atom: Element, element: Element) -> XpidfAddress:
    return XpidfAddress(
        atom.get("id") or atom.get("atomid"),
        element.get("uri"),
        element.get("priority"),
        _word(element.child("status"), "status"),
        _word(element.child("msnsubstatus"), "substatus"),
        tuple([text for child in element.all("note") if (text := child.text.strip())]),
        other_values(element, _ADDRESS),
    )


def _word(element: Element | None, attribute: str) -> str | None:
    return (element.get(attribute) or "").strip().lower() or None if element else None
