"""What opens TLS sessions: key logs, servers' private keys, sessions that were opened before.

References
----------
RFC 9850 (the SSLKEYLOGFILE format, which NSS began); RFC 5246 §7.3 and RFC 5077 (resumption, which
takes the master secret of an earlier session).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from dissectors.errors import DissectError, Malformed
from dissectors.tls.private_keys import PREMASTER_LENGTH, PrivateKeys

MASTER_SECRET = "CLIENT_RANDOM"  # noqa: S105 - a label, not a secret
CLIENT_EARLY = "CLIENT_EARLY_TRAFFIC_SECRET"
CLIENT_HANDSHAKE = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
SERVER_HANDSHAKE = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_TRAFFIC = "CLIENT_TRAFFIC_SECRET_0"
SERVER_TRAFFIC = "SERVER_TRAFFIC_SECRET_0"
"""Labels whose secrets open records. Later CLIENT_TRAFFIC_SECRET_N follow from the first."""

HELD_LIMIT = 64 << 20
"""Bytes of records that all sessions together may hold back until their keys are known."""

CANDIDATE_LIMIT = 64
"""Newest secrets of one client random and label that are kept; more are no honest key log."""

_OPENING = frozenset(
    (
        MASTER_SECRET,
        CLIENT_EARLY,
        CLIENT_HANDSHAKE,
        SERVER_HANDSHAKE,
        CLIENT_TRAFFIC,
        SERVER_TRAFFIC,
    )
)
_LINE = re.compile(r"([A-Z][A-Z0-9_]*)[ \t]+([0-9A-Fa-f]{64})[ \t]+([0-9A-Fa-f]{64,256})")
_PREMASTER_LINE = re.compile(
    r"(?:RSA[ \t]+([0-9A-Fa-f]{16})|PMS_CLIENT_RANDOM[ \t]+([0-9A-Fa-f]{64}))"
    r"[ \t]+((?:[0-9A-Fa-f]{2}){1,2048})"
)
_PREMASTER_LABELS = ("RSA ", "RSA\t", "PMS_CLIENT_RANDOM ", "PMS_CLIENT_RANDOM\t")
_LABEL = re.compile(r"[A-Z][A-Z0-9_]*")
_SECRET_LINE = re.compile(
    r"^[ \t]*(?:CLIENT_RANDOM|RSA|PMS_CLIENT_RANDOM|[A-Z_]+_SECRET(?:_\d+)?)[ \t]+[0-9A-Fa-f]{16}",
    re.MULTILINE,
)
_SECRET_LENGTHS = {MASTER_SECRET: (48,)}
_TRAFFIC_LENGTHS = (32, 48)
_PROBLEM_LIMIT = 20
_REMEMBERED_LIMIT = 20_000

_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
"""PowerShell's ``>`` writes UTF-16."""


def looks_like_keylog(data: bytes) -> bool:
    """Tell whether `data`, the beginning of a file, is that of a key log."""
    text = _text(data[: 1 << 16])
    return _SECRET_LINE.search(text) is not None or "secrets log file" in text[:200].lower()


def _text(data: bytes) -> str:
    """Decode a key log; its lines are ASCII, so a wrong byte spoils no other line."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("ascii", "replace")


class KeyRing:
    """Secrets by what a handshake shows: the client's random, a session id, a ticket.

    Shared by all sessions of a capture. It never prints a secret.
    """

    def __init__(self) -> None:
        self._secrets: dict[bytes, dict[str, list[bytes]]] = {}
        self._origins: dict[bytes, str] = {}
        self._matched: set[bytes] = set()
        self._remembered: OrderedDict[bytes, bytes] = OrderedDict()
        self._held = 0
        self._private = PrivateKeys()
        self._premasters: dict[bytes, list[bytes]] = {}

    def __repr__(self) -> str:
        return f"KeyRing({len(self)} sessions, {self.used} used)"

    def __len__(self) -> int:
        """Count the client randoms that there is a secret for."""
        return len(self._secrets)

    @property
    def used(self) -> int:
        """How many of the key logs' sessions were met."""
        return len(self._matched)

    @property
    def unused(self) -> int:
        """How many of the key logs' sessions were not met."""
        return len(self._secrets) - len(self._matched)

    @property
    def matched(self) -> frozenset[bytes]:
        """Client randoms that were met and have a secret; no secrets themselves."""
        return frozenset(self._matched)

    def usage(self) -> dict[str, tuple[int, int]]:
        """Return (used, unused) for each key log; a session counts where it first stood."""
        counts: dict[str, tuple[int, int]] = {}
        for client_random, origin in self._origins.items():
            used, unused = counts.get(origin, (0, 0))
            met = client_random in self._matched
            counts[origin] = (used + met, unused + (not met))
        return counts

    def add_keylog(self, data: bytes, origin: str) -> list[DissectError]:
        """Take in a key log.

        Comments, empty lines, labels that open nothing and repetitions are passed over.

        Parameters
        ----------
        data : bytes
            The file's content.
        origin : str
            Its name, for messages.

        Returns
        -------
        list of DissectError
            What was wrong, by line number; the other lines count all the same.
        """
        problems: list[DissectError] = []
        count = 0
        for number, line in enumerate(_text(data).splitlines(), 1):
            problem = self._add_line(line.strip(), origin, number)
            if problem is not None:
                count += 1
                if count <= _PROBLEM_LIMIT:
                    problems.append(problem)
        if count > _PROBLEM_LIMIT:
            summary = f"{origin}: {count - _PROBLEM_LIMIT} more lines are no key log lines"
            problems.append(Malformed(summary, layer="keys"))
        return problems

    def _add_line(self, line: str, origin: str, number: int) -> DissectError | None:
        """Take in one line; return what is wrong with it, in words that do not quote it."""
        if not line or line.startswith("#"):
            return None
        if line.startswith(_PREMASTER_LABELS):
            return self._add_premaster_line(line, origin, number)
        match = _LINE.fullmatch(line)
        if match is None:
            label = line.partition(" ")[0]
            if _LABEL.fullmatch(label) and label not in _OPENING and " " in line:
                return None
            where = f"{origin}, line {number}"
            return Malformed(f"{where}: not a line of a key log", layer="keys", spec="RFC 9850 §2")
        label, client_random, secret = match.groups()
        if label not in _OPENING:
            return None
        value = bytes.fromhex(secret) if len(secret) % 2 == 0 else b""
        if len(value) not in _SECRET_LENGTHS.get(label, _TRAFFIC_LENGTHS):
            summary = f"{origin}, line {number}: the secret of {label} has a wrong length"
            return Malformed(summary, layer="keys", spec="RFC 9850 §2")
        self._add(bytes.fromhex(client_random), label, value, origin)
        return None

    def _add_premaster_line(self, line: str, origin: str, number: int) -> DissectError | None:
        """Take in a line that tells a premaster secret: NSS's older labels, in no RFC."""
        match = _PREMASTER_LINE.fullmatch(line)
        secret = bytes.fromhex(match[3]) if match else b""
        if match is None or (match[1] and len(secret) != PREMASTER_LENGTH):
            summary = f"{origin}, line {number}: not a line of a key log"
            return Malformed(summary, layer="keys", spec="RFC 9850 §2")
        self.add_premaster(bytes.fromhex(match[1] or match[2]), secret)
        return None

    def _add(self, client_random: bytes, label: str, secret: bytes, origin: str) -> None:
        self._origins.setdefault(client_random, origin)
        candidates = self._secrets.setdefault(client_random, {}).setdefault(label, [])
        if secret in candidates:
            candidates.remove(secret)
        candidates.append(secret)
        del candidates[:-CANDIDATE_LIMIT]

    def secrets(self, label: str, client_random: bytes) -> list[bytes]:
        """Return the secrets under `label` of one session, newest first; none is an empty list."""
        by_label = self._secrets.get(client_random)
        if by_label is None:
            return []
        self._matched.add(client_random)
        return by_label.get(label, [])[::-1]

    def __contains__(self, client_random: object) -> bool:
        """Tell whether there is any secret for this client random."""
        return client_random in self._secrets

    def hold(self, count: int) -> bool:
        """Let a session hold back `count` more bytes; return False when all sessions hold enough.

        Half a conversation holds back all it has, in hope of the other half; ten thousand such
        conversations must not fill the memory. What is held must be released.
        """
        if self._held + count > HELD_LIMIT:
            return False
        self._held += count
        return True

    def release(self, count: int) -> None:
        """Give back `count` bytes that a session held."""
        self._held -= count

    def remember(self, resumable: bytes, master_secret: bytes) -> None:
        """Keep the master secret of an opened session under its session id or ticket.

        The store is bounded; the session that was not asked for longest goes first.
        """
        name = sha256(resumable).digest()
        self._remembered[name] = master_secret
        self._remembered.move_to_end(name)
        if len(self._remembered) > _REMEMBERED_LIMIT:
            self._remembered.popitem(last=False)

    def recall(self, resumable: bytes) -> bytes | None:
        """Return the master secret remembered under a session id or ticket, or None."""
        name = sha256(resumable).digest()
        secret = self._remembered.get(name)
        if secret is not None:
            self._remembered.move_to_end(name)
        return secret

    # RSA private keys, and premaster secrets

    @property
    def private_keys(self) -> PrivateKeys:
        """The RSA private keys, and which of them were met."""
        return self._private

    @property
    def rsa_keys(self) -> int:
        """How many RSA private keys there are."""
        return len(self._private)

    def add_rsa_key(self, key: RSAPrivateKey, origin: str) -> bool:
        """Take in a server's private key; return False when it is there already."""
        return self._private.add(key, origin)

    def rsa_key_for(self, certificate_der: bytes) -> RSAPrivateKey | None:
        """Return the private key that belongs to a server's certificate (DER), or None."""
        return self._private.for_certificate(certificate_der)

    @property
    def knows_premasters(self) -> bool:
        """True when a master secret may have to be made of a premaster secret."""
        return bool(self._private or self._premasters)

    def add_premaster(self, name: bytes, premaster: bytes) -> None:
        """Take in a premaster secret of a key log.

        Parameters
        ----------
        name : bytes
            The client's random (32 bytes, label ``PMS_CLIENT_RANDOM``), or the first 8 bytes of the
            premaster secret as encrypted for the server (label ``RSA``).
        premaster : bytes
            The secret: 48 bytes in RSA key exchange, as long as the group else.
        """
        candidates = self._premasters.setdefault(name, [])
        if premaster not in candidates:
            candidates.append(premaster)
            del candidates[:-CANDIDATE_LIMIT]

    def premasters(self, client_random: bytes, encrypted: bytes) -> list[bytes]:
        """Return the premaster secrets that the key log has for a handshake, newest first.

        Parameters
        ----------
        client_random : bytes
            The client's random.
        encrypted : bytes
            The premaster secret as encrypted for the server; empty when it is not sent so.
        """
        names = (client_random, encrypted[:8])
        return [secret for name in names for secret in self._premasters.get(name, [])[::-1]]
