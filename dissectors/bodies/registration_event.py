"""``text/registration-event``: the server tells a client that it is registered no longer.

One line, such as ``deregistered;event=rejected``. Why, stands in ms-diagnostics-public of the
NOTIFY.

References
----------
[MS-SIPREGE].
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies
from dissectors.errors import LimitExceeded, Malformed
from dissectors.markup import decode_characters
from dissectors.sip.headers import decode_parameters

MAX_SIZE = 64 << 10
"""Longest event that is read, bytes."""


@dataclass(frozen=True, slots=True)
class RegistrationEvent:
    """What became of a registration."""

    state: str
    """The first word: deregistered."""
    event: str | None
    """``event``: rejected, unregistered, deactivated, …; lower case."""
    parameters: dict[str, str]
    """All parameters, names in lower case, values as sent; ``event`` among them."""
    problems: tuple[str, ...]
    """What was wrong with the characters, or follows the first line; empty as a rule."""


@bodies.register("text/registration-event")
def decode_registration_event(part: MediaPart) -> RegistrationEvent:
    """Return what became of a registration.

    Raises
    ------
    Malformed
        When it is empty.
    LimitExceeded
        Beyond :data:`MAX_SIZE`.
    """
    if len(part.data) > MAX_SIZE:
        raise LimitExceeded(f"event of {len(part.data)} bytes is not read", layer="presence")
    text, problems = decode_characters(part.data, part.parameters.get("charset") or "")
    line, _, rest = text.strip("\0\r\n\t ").partition("\n")
    if rest.strip():
        problems = (*problems, "lines after the first one were left out")
    state, _, told = line.rstrip().partition(";")
    state = state.strip()
    if not state:
        raise Malformed("registration event is empty", layer="presence")
    parameters = decode_parameters(told)
    event = parameters.get("event", "").lower()
    return RegistrationEvent(state, event or None, parameters, problems)
