"""The secrets that a run's TLS connections were opened with: as many as are needed, no more.

They are handed to a capture that is to be opened elsewhere, and never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dissectors.sip.message import SipMessage
from dissectors.tls.keys import KeyRing
from dissectors.transport.flow import Flow

Entry = tuple[str, bytes, bytes]
"""Label, client random and secret."""


class SessionSecrets:
    """Collects secrets while captures are taken apart; an observer of a run."""

    def __init__(self) -> None:
        self._entries: dict[Entry, None] = {}

    def __repr__(self) -> str:
        return f"SessionSecrets({len(self)} sessions)"

    def __len__(self) -> int:
        """Count the handshakes that there is a secret of."""
        return len(self.client_randoms)

    @property
    def client_randoms(self) -> frozenset[bytes]:
        """Their client randoms; no secrets themselves."""
        return frozenset(client_random for _, client_random, _ in self._entries)

    def take_message(
        self, capture: int, frame_number: int, flow: Flow, message: SipMessage
    ) -> None:
        """Pass a message over."""

    def take_secrets(self, capture: int, secrets: Iterable[Entry]) -> None:
        """Keep secrets, each once."""
        self._entries.update(dict.fromkeys(secrets))

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def key_log(self) -> Iterator[bytes]:
        """Yield the lines of a key log that holds them (RFC 9850)."""
        for label, client_random, secret in self._entries:
            yield f"{label} {client_random.hex()} {secret.hex()}\n".encode()


def unneeded(embedded: Iterable[bytes], needed: frozenset[bytes]) -> int:
    """Return how many sessions key logs have secrets of, beside those that are needed.

    Parameters
    ----------
    embedded : iterable of bytes
        Key logs.
    needed : frozenset of bytes
        Client randoms.
    """
    ring = KeyRing()
    for key_log in embedded:
        ring.add_keylog(key_log, "")
    return len(ring) - sum(client_random in ring for client_random in needed)
