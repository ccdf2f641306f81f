"""``application/ms-filetransfer+xml``: commands of a file transfer, their answers, its progress.

It comes in the INVITE that offers the transfer (beside an SDP, in ``multipart/mixed``), and in INFO
inside its dialog. As with conference control, the child of the root is the command.

Names follow what Lync's clients send, in the namespace
``http://schemas.microsoft.com/rtc/2009/05/filetransfer``; the tree is kept whole besides.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, flat_values
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml
from dissectors.xml_types import integer_of


@dataclass(frozen=True, slots=True)
class FileTransfer:
    """A command of a file transfer, an answer, or a notification."""

    kind: str
    """Name of the root: request, response, notify."""
    request_id: str | None
    """``requestId``: the same in request and answer."""
    notify_id: str | None
    """``notifyId`` of a notification."""
    verb: str | None
    """The command: publishFile, downloadFile, cancelTransfer, fileTransferProgress …"""
    code: str | None
    """``code`` of an answer: success, failure, pending."""
    reason: str | None
    """``reason`` of an answer."""
    transfer_id: str | None
    """``transferId``."""
    file_id: str | None
    """``id`` of the file, a GUID in braces."""
    file_name: str | None
    """``name`` of the file."""
    file_size: int | None
    """``size`` of the file, bytes."""
    values: dict[str, str]
    """All of it: path → text or attribute, as :func:`dissectors.markup.flatten` writes them."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


_KINDS = ("request", "response", "notify")


@bodies.register("application/ms-filetransfer+xml")
def decode_ms_filetransfer(part: MediaPart) -> FileTransfer:
    """Return a command of a file transfer, an answer, or a notification.

    Raises
    ------
    DissectError
        When it is no XML, or its root is none of ``request``, ``response`` and ``notify``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() not in _KINDS:
        raise Malformed(f"root is {root.name[:40]!r}, not {', '.join(_KINDS)}", layer="xml")
    verb = root.children[0] if root.children else None
    return FileTransfer(
        root.name.lower(),
        root.get("requestId"),
        root.get("notifyId"),
        verb.name if verb else None,
        root.get("code"),
        root.get("reason"),
        _first(root, "transferId"),
        _first(root, "id"),
        _first(root, "name"),
        integer_of(_first(root, "size")),
        flat_values(root),
        document.problems,
    )


def _first(root: Element, name: str) -> str | None:
    """Return the first such attribute or element: the products write these both ways."""
    for element in root.walk():
        told = element.get(name) or (element.text.strip() if element.name == name else None)
        if told:
            return told
    return None
