"""Which versions and suites are tried on real connections, and by whose TLS.

::

    python -m tests.tls.coverage > docs/tls.md

prints what the stacks of this machine can speak. ``test_coverage.py`` tries each of them: a
handshake, a conversation and a resumption.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, product
from pathlib import Path

from tlslite.constants import CipherSuite as Theirs

from dissectors.tls.cipher_suites import NAMES, CipherSuite, cipher_suite
from dissectors.tls.info import VERSION_NAMES
from dissectors.tls.protection import is_supported
from fixtures.workshop.tlslite_pair import Kind
from tests.tls import handshakes
from tests.tls.handshakes import CLIENT, SERVER, Contexts, identity, load_identity
from tests.tls.judgement import Recording
from tests.tls.openssl_tools import openssl_server
from tests.tls.tlslite_pair import converse, new_cache

OPENSSL, TOOLS, TLSLITE = "O", "S", "T"
"""Stacks: OpenSSL through Python's `ssl`, `openssl s_server` and `s_client`, tlslite-ng."""

TLS13 = 0x0304

_PSK = "73686172656420736563726574"
_SSL_VERSIONS = {
    0x0301: ssl.TLSVersion.TLSv1,
    0x0302: ssl.TLSVersion.TLSv1_1,
    0x0303: ssl.TLSVersion.TLSv1_2,
    TLS13: ssl.TLSVersion.TLSv1_3,
}
_FLAGS = {0x0301: "-tls1", 0x0302: "-tls1_1", 0x0303: "-tls1_2", TLS13: "-tls1_3"}


@dataclass(frozen=True)
class Case:
    """One version and suite, by one stack."""

    stack: str
    version: int
    code: int
    record: Callable[[], list[Recording]]
    """Makes a connection and the one that resumes it."""

    @property
    def suite(self) -> CipherSuite:
        """The suite."""
        return cipher_suite(self.code)

    def __str__(self) -> str:
        return f"{self.stack}-{VERSION_NAMES[self.version]}-{self.suite.name}"


def cases() -> list[Case]:
    """Return all that the stacks of this machine can speak and that is to be opened."""
    found = [*_openssl_cases(), *_tool_cases(), *_tlslite_cases()]
    return [case for case in found if is_supported(case.version, case.suite)]


# OpenSSL through Python


def _openssl_suites(wanted: str) -> Iterator[tuple[int, int, str]]:
    """Yield version, code and OpenSSL's name of all suites that `wanted` admits."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"{wanted}:@SECLEVEL=0")
    for cipher in context.get_ciphers():
        versions = (TLS13,) if cipher["protocol"] == "TLSv1.3" else (0x0303,)
        if cipher["protocol"] in ("SSLv3", "TLSv1.0"):
            versions = (0x0301, 0x0302, 0x0303)
        for version in versions:
            yield version, cipher["id"] & 0xFFFF, cipher["name"]


def _openssl_cases() -> Iterator[Case]:
    for version, code, name in _openssl_suites("ALL:COMPLEMENTOFALL:!PSK:!SRP"):
        yield Case(OPENSSL, version, code, lambda v=version, n=name: _with_openssl(v, n))  # type: ignore[misc]


def _with_openssl(version: int, name: str) -> list[Recording]:
    is_13 = version == TLS13
    contexts = Contexts(_SSL_VERSIONS[version], None if is_13 else name)
    load_identity(contexts.server, identity("dsa"))
    if is_13:
        return _with_tools(version, name, "-ciphersuites", name)
    sizes = (100, 1, 190)
    first = handshakes.converse(contexts, 2, sizes=sizes)
    keylog = contexts.keylog
    second = handshakes.converse(contexts, 2, first.session, sizes)
    rest = contexts.keylog[len(keylog) :]
    return [
        Recording(first.flights, first.said, keylog),
        Recording(second.flights, second.said, rest),
    ]


# OpenSSL's tools, which know pre-shared keys, and which TLS 1.3 suite is wanted


def _tool_cases() -> Iterator[Case]:
    for version, code, name in _openssl_suites("PSK"):
        if version != TLS13:
            yield Case(TOOLS, version, code, lambda v=version, n=name: _with_psk(v, n))  # type: ignore[misc]


def _with_psk(version: int, name: str) -> list[Recording]:
    return _with_tools(version, name, "-cipher", f"{name}:@SECLEVEL=0", "-psk", _PSK)


def _with_tools(version: int, name: str, *options: str) -> list[Recording]:
    flag = _FLAGS[version]
    recordings, logged = [], 0
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with openssl_server(directory, flag, *options) as talk:
            for session in (("-sess_out", "session.pem"), ("-sess_in", "session.pem")):
                said = {CLIENT: b"", SERVER: b""}
                talk.connect(flag, *options, *session)
                for turn in range(4):
                    for side in (CLIENT, SERVER):
                        line = b"%d says %d %s\n" % (side, turn, b"x" * 90 * (turn + 1))
                        line += b"and goes on\n" if turn == 1 else b""
                        talk.say(side, line)
                        said[side] += line
                flights = talk.hang_up()
                keylog = (directory / "keys.log").read_bytes()
                recordings.append(Recording(flights, said, keylog[logged:]))
                logged = len(keylog)
    return recordings


# tlslite-ng


def _tlslite_cases() -> Iterator[Case]:
    exchanges = {
        "rsa": Theirs.getCertSuites,
        "dhe_rsa": Theirs.getDheCertSuites,
        "ecdhe_rsa": Theirs.getEcdheCertSuites,
        "ecdhe_ecdsa": Theirs.getEcdsaSuites,
        "dh_anon": Theirs.getAnonSuites,
        "ecdh_anon": Theirs.getEcdhAnonSuites,
        "": Theirs.getTLS13Suites,
    }
    ciphers = (
        *("aes256gcm", "aes128gcm", "aes256ccm", "aes128ccm", "aes256", "aes128", "3des", "rc4"),
        *("chacha20-poly1305", "aes128ccm_8", "aes256ccm_8", "null"),
    )
    macs = ("md5", "sha", "sha256", "sha384", "aead")
    for minor, exchange, cipher, mac in product(range(5), exchanges, ciphers, macs):
        kind = Kind((3, minor), exchange, cipher, mac)
        if (minor == 4) == (exchange == ""):
            for code in exchanges[exchange](kind.settings(), kind.version):
                if code in NAMES:
                    kind.encrypt_then_mac = kind.extended_master_secret = (code + minor) % 2 == 0
                    yield Case(TLSLITE, 0x0300 + minor, code, lambda k=kind: _with_tlslite(k))  # type: ignore[misc]


def _with_tlslite(kind: Kind) -> list[Recording]:
    # Its 3DES is written in Python.
    sizes = (30, 1, 60) if kind.cipher == "3des" else (100, 1, 190)
    cache = new_cache()
    if kind.version >= (3, 4):
        kind.ticket_keys = [bytes(32)]
    first, session = converse(kind, cache, sizes=sizes)
    second, _ = converse(kind, cache, session, sizes)
    return [first, second]


# The page

INTRODUCTION = """\
# TLS: what is opened, and on what it was tried

Made by `python -m tests.tls.coverage > docs/tls.md`; `tests/tls/test_coverage.py` tries every line.

Each letter stands for connections that a TLS stack made in the test: a full handshake, a
conversation, and a second connection that resumes the first. What comes out must be what went in:
cut in segments and byte by byte, one direction before the other, with a lost record and with half
of one in the midst, opened with a key log, with the first connection's secrets, with what
`TlsSession.secrets` tells and, where the key exchange is RSA, with the server's private key.

**O**: OpenSSL through Python's `ssl`. **S**: its tools, `openssl s_server` and `s_client`. **T**:
tlslite-ng."""

_COLUMNS = (0x0300, 0x0301, 0x0302, 0x0303, TLS13)


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield INTRODUCTION
    found = {(case.version, case.code, case.stack) for case in cases()}
    codes = sorted({code for _, code, _ in found}, key=_order)
    for exchange, group in groupby(codes, key=lambda code: _exchange(cipher_suite(code))):
        yield f"\n## {exchange}\n"
        yield f"| suite | {' | '.join(VERSION_NAMES[version] for version in _COLUMNS)} |"
        yield "| --- |" + " --- |" * len(_COLUMNS)
        yield from (_row(code, found) for code in group)
    yield from _rest({code for _, code, _ in found})


def _row(code: int, found: set[tuple[int, int, str]]) -> str:
    cells = [
        "".join(s for s in (OPENSSL, TOOLS, TLSLITE) if (version, code, s) in found)
        for version in _COLUMNS
    ]
    return f"| {NAMES[code]} | {' | '.join(cells)} |"


def _exchange(suite: CipherSuite) -> str:
    return suite.name.removeprefix("TLS_").rpartition("_WITH_")[0].replace("_", "-") or "TLS 1.3"


def _order(code: int) -> tuple[str, int]:
    return _exchange(cipher_suite(code)), code


def _rest(tried: set[int]) -> Iterator[str]:
    """Name the suites that are opened, but not spoken here, and those that stay closed."""
    opened = {code for code in NAMES if any(is_supported(v, cipher_suite(code)) for v in _COLUMNS)}
    yield "\n## Opened in the same way, but spoken by no stack that was at hand\n"
    yield ", ".join(NAMES[code] for code in sorted(opened - tried, key=_order)) + "."
    yield "\n## Named, and not opened\n"
    yield "What `cryptography` has no cipher for, or what was broken by design (export, DES).\n"
    yield ", ".join(NAMES[code] for code in sorted(NAMES.keys() - opened, key=_order)) + "."


if __name__ == "__main__":
    print(*page(), sep="\n")
