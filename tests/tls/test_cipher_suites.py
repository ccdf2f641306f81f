"""The table of suites, against the tables of others."""

from __future__ import annotations

import subprocess

import pytest

from dissectors.tls import ciphers, protection
from dissectors.tls.cipher_suites import NAMES, CipherSuite, cipher_suite
from dissectors.tls.protection import is_supported

PECULIAR = {0x0026, 0x0029, 0xC0AA, 0xC0AB}
"""Suites whose registered name others have tidied up (DES_CBC_40, PSK_DHE)."""


def test_names_are_those_of_tlslite() -> None:
    constants = pytest.importorskip("tlslite.constants")
    theirs = {
        code: name.replace("ANON", "anon") for code, name in constants.CipherSuite.ietfNames.items()
    }
    common = theirs.keys() & NAMES.keys() - PECULIAR
    assert len(common) > 90
    assert {code: NAMES[code] for code in common} == {code: theirs[code] for code in common}


def test_names_are_those_of_scapy() -> None:
    suites = pytest.importorskip("scapy.layers.tls.crypto.suites")
    theirs = suites._tls_cipher_suites
    common = theirs.keys() & NAMES.keys() - PECULIAR
    assert len(common) > 250
    different = {
        code: (NAMES[code], theirs[code]) for code in common if NAMES[code] != theirs[code]
    }
    # Scapy writes the export suites of Kerberos in the order of RFC 2712's prose.
    assert all("KRB5_EXPORT" in ours for ours, _ in different.values()), different


@pytest.mark.oracle
def test_names_are_those_of_tshark() -> None:
    listing = subprocess.run(["tshark", "-G", "values"], capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in listing.stdout.splitlines()]
    theirs = {int(row[2]): row[3] for row in rows if row[:2] == ["V", "tls.handshake.ciphersuite"]}
    common = theirs.keys() & NAMES.keys() - PECULIAR
    assert len(common) > 330
    assert {code: NAMES[code] for code in common} == {code: theirs[code] for code in common}


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        (0xC02F, ("ECDHE", "RSA", "AES", 16, "GCM", "", "sha256")),
        (0xC030, ("ECDHE", "RSA", "AES", 32, "GCM", "", "sha384")),
        (0xC014, ("ECDHE", "RSA", "AES", 32, "CBC", "sha1", "sha256")),
        (0xC028, ("ECDHE", "RSA", "AES", 32, "CBC", "sha384", "sha384")),
        (0x003D, ("RSA", "RSA", "AES", 32, "CBC", "sha256", "sha256")),
        (0xCCA9, ("ECDHE", "ECDSA", "CHACHA20", 32, "POLY1305", "", "sha256")),
        (0xC0AE, ("ECDHE", "ECDSA", "AES", 16, "CCM_8", "", "sha256")),
        (0xC09D, ("RSA", "RSA", "AES", 32, "CCM", "", "sha256")),
        (0x1301, ("", "", "AES", 16, "GCM", "", "sha256")),
        (0x1302, ("", "", "AES", 32, "GCM", "", "sha384")),
        (0x1303, ("", "", "CHACHA20", 32, "POLY1305", "", "sha256")),
        (0x1305, ("", "", "AES", 16, "CCM_8", "", "sha256")),
        (0x0005, ("RSA", "RSA", "RC4", 16, "STREAM", "sha1", "sha256")),
        (0x0016, ("DHE", "RSA", "3DES_EDE", 24, "CBC", "sha1", "sha256")),
        (0x003B, ("RSA", "RSA", "NULL", 0, "", "sha256", "sha256")),
        (0x00BA, ("RSA", "RSA", "CAMELLIA", 16, "CBC", "sha256", "sha256")),
        (0x0034, ("DH", "anon", "AES", 16, "CBC", "sha1", "sha256")),
        (0xC0AA, ("DHE", "PSK", "AES", 16, "CCM_8", "", "sha256")),
        (0xC01B, ("SRP", "RSA", "3DES_EDE", 24, "CBC", "sha1", "sha256")),
        (0xC094, ("PSK", "PSK", "CAMELLIA", 16, "CBC", "sha256", "sha256")),
        (0x0000, ("NULL", "NULL", "", 0, "", "", "sha256")),
        (0x00FF, ("", "", "", 0, "", "", "sha256")),
        (0xABCD, ("", "", "", 0, "", "", "sha256")),
    ],
)
def test_names_are_taken_apart(code: int, parts: tuple[object, ...]) -> None:
    assert cipher_suite(code) == CipherSuite(code, NAMES.get(code, "0xABCD"), *parts)


def test_every_code_gives_a_suite() -> None:
    for code in range(0x10000):
        suite = cipher_suite(code)
        assert suite.code == code
        assert suite.name.startswith(("TLS_", "0x"))
        if suite.cipher and suite.mode in ("CBC", "STREAM"):
            assert suite.mac


def test_what_is_opened() -> None:
    opened = {
        v: {c for c in NAMES if is_supported(v, cipher_suite(c))} for v in range(0x0200, 0x0306)
    }
    assert opened[0x02FF] == opened[0x0305] == set()
    assert opened[0x0304] == {0x1301, 0x1302, 0x1303, 0x1304, 0x1305}
    assert opened[0x0300] < opened[0x0301] == opened[0x0302] < opened[0x0303]
    assert not [c for c in opened[0x0301] if cipher_suite(c).mode not in ("CBC", "STREAM", "")]
    assert {cipher_suite(c).mac for c in opened[0x0300]} == {"md5", "sha1"}
    assert {cipher_suite(c).cipher for c in opened[0x0303]} == {
        *("AES", "CAMELLIA", "3DES_EDE", "RC4", "NULL", "CHACHA20")
    }
    assert len(opened[0x0303]) > 200


def test_a_cipher_that_cryptography_lacks_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ciphers, "_MODULES", ("cryptography.no_such_module",))
    for cached in (ciphers._algorithm, ciphers.is_available):
        monkeypatch.setattr(ciphers, cached.__name__, cached.__wrapped__)
    monkeypatch.setattr(protection, "is_available", ciphers.is_available)
    assert not is_supported(0x0303, cipher_suite(0x0005))
    assert not is_supported(0x0303, cipher_suite(0x002F))
    assert is_supported(0x0303, cipher_suite(0x0002))
    assert is_supported(0x0303, cipher_suite(0xC02F))
