"""SIP in transports that keep messages apart: each unit holds one message.

References
----------
RFC 4168 §4 (SCTP); RFC 7118 §5 (WebSocket).
"""

from __future__ import annotations

from dissectors.errors import DissectError
from dissectors.sip.framing import decode_datagram
from dissectors.sip.message import SipRequest, SipResponse
from dissectors.transport.unit import Unit


def decode_unit(unit: Unit) -> list[SipRequest | SipResponse | DissectError]:
    """Decode the message in a unit; nothing for a keep-alive.

    Returns
    -------
    list of SipRequest, SipResponse or DissectError
        As :func:`~dissectors.sip.framing.decode_datagram` returns them, with the unit's frames.
    """
    values = decode_datagram(unit.data, unit.frames[-1], unit.time_ns, unit.direction)
    for value in values:
        if not isinstance(value, DissectError):
            value.frames, value.first_time_ns = unit.frames, unit.first_time_ns
    return values
