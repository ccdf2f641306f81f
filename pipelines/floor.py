"""What explains a frame: floors, each with its fields, as values."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a header, or one leaf or branch of a body."""

    name: str
    """Name in its specification."""
    value: str = ""
    """Its value as text; empty for a branch."""
    meaning: str = ""
    """What the value means; empty where it speaks for itself."""
    offset: int | None = None
    """Byte at which it begins in its floor; None where that is not known."""
    length: int | None = None
    """How many bytes it takes; None where that is not known."""
    fields: tuple[Field, ...] = ()
    """What it consists of."""


@dataclass(slots=True)
class Floor:
    """One protocol of a frame."""

    protocol: str
    """Its name."""
    specification: str = ""
    """Section that describes it; empty where none does."""
    offset: int | None = None
    """Byte of the frame at which it begins; None when it was put together or decrypted."""
    length: int | None = None
    """How many bytes it takes, payload not counted; None where that is not known."""
    fields: list[Field] = field(default_factory=list)
    """Its fields, in order."""
    notes: list[str] = field(default_factory=list)
    """What else is to be said: where it goes on, what is missing, what is wrong."""
    data: bytes = field(default=b"", repr=False)
    """Its bytes, keys and credentials taken out; empty where they are not to be shown."""
