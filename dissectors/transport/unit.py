"""One message of a transport that keeps the boundaries between messages."""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.transport.stream import Frames


@dataclass(frozen=True, slots=True)
class Unit:
    """A whole message of SCTP or a WebSocket."""

    direction: int
    """0: sent by the flow's initiator (client); 1: sent by its responder (server)."""
    data: bytes
    """The message."""
    frames: Frames
    """Frames that carried it, ascending; the last one completed it."""
    time_ns: int
    """Time of the frame that completed it, nanoseconds since 1970 UTC."""
    first_time_ns: int
    """Time of the frame that brought its first byte."""
