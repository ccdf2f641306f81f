"""As much of ASN.1's DER as the wrapping of private keys takes, strictly read.

References
----------
ITU-T X.690 §8.1 (tag, length, contents), §10.1 (DER: the definite form, in the fewest octets).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dissectors.errors import Malformed

INTEGER = 0x02
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
EXPLICIT_0 = 0xA0
"""Tags, as they stand in the identifier octet."""

ELEMENT_LIMIT = 1000
"""Elements that one constructed element may have; wrappings of keys have a handful."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: what it is, and what stands in it."""

    tag: int
    """Identifier octet."""
    content: bytes = field(repr=False)
    """Contents octets; they may be secret."""
    encoded: bytes = field(repr=False)
    """The whole element as it stood."""


def decode_element(data: bytes) -> Element:
    """Read bytes that are one element.

    Raises
    ------
    Malformed
        When they are not, or when something follows.
    """
    element, end = _pull_element(data, 0)
    if end != len(data):
        raise _malformed()
    return element


def decode_elements(data: bytes) -> list[Element]:
    """Read bytes that are one element after the other: the contents of a SEQUENCE.

    Raises
    ------
    Malformed
        When they are not, or are more than :data:`ELEMENT_LIMIT`.
    """
    elements: list[Element] = []
    position = 0
    while position < len(data):
        element, position = _pull_element(data, position)
        elements.append(element)
        if len(elements) > ELEMENT_LIMIT:
            raise _malformed()
    return elements


def _pull_element(data: bytes, start: int) -> tuple[Element, int]:
    if start + 2 > len(data) or data[start] & 0x1F == 0x1F:  # tags above 30 wrap no key
        raise _malformed()
    length, begin = data[start + 1], start + 2
    if length >= 0x80:
        octets = length - 0x80
        length, begin = int.from_bytes(data[begin : begin + octets], "big"), begin + octets
        if not 1 <= octets <= 4 or length < max(0x80, 1 << 8 * (octets - 1)):
            raise _malformed()
    end = begin + length
    if end > len(data):
        raise _malformed()
    return Element(data[start], data[begin:end], data[start:end]), end


def _malformed() -> Malformed:
    return Malformed("not DER", layer="keys", spec="ITU-T X.690 §10.1")
