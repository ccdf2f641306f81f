"""In-order bytes of one direction of a flow: what flows between stream decoders."""

from __future__ import annotations

from dataclasses import dataclass, field

Frames = tuple[int, ...]


@dataclass(slots=True)
class StreamChunk:
    """In-order bytes of one direction, and which frames brought them.

    The bytes come in pieces (a TCP segment, the plaintext of a TLS record). Piece ``k`` is
    ``data[ends[k - 1] : ends[k]]``, with ``ends[-1] == len(data)``. The four lists are of equal
    length, none is empty, and `time_ns` never decreases.
    """

    direction: int
    """0: sent by the flow's initiator (client); 1: sent by its responder (server)."""
    data: bytes
    """The bytes themselves."""
    ends: list[int]
    """Where each piece ends in `data`, ascending."""
    frames: list[Frames]
    """Frame numbers that each piece needed, ascending; the last one made it available."""
    time_ns: list[int]
    """When each piece became available: the time of the frame that completed it."""
    first_time_ns: list[int]
    """When the first frame of each piece was captured."""
    gap_before: int = 0
    """Bytes lost right before `data`: 0 none, -1 an unknown number; they are never zero-filled."""
    gap_reason: str = field(default="")
    """Why they are missing, in words; empty when `gap_before` is 0."""
