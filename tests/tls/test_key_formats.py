"""Private keys in every format: the key comes out, or a sentence that says why not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.tls import key_formats
from dissectors.tls.key_formats import BLOCK_LIMIT, FoundKeys, decode_keys
from tests.tls import key_samples as samples
from tests.tls.key_samples import KEY, LEGACY, OPENSSL, PASSPHRASE, SECRETS, WINDOWS, openssl

CHECKOUT = Path(__file__).parents[2]
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="the program openssl is missing")


def found_in(data: bytes, *passphrases: str) -> FoundKeys:
    found = decode_keys(data, passphrases)
    assert found is not None
    for secret in SECRETS:
        assert secret not in repr(found)
    return found


def assert_is_the_key(found: FoundKeys) -> None:
    assert [key.private_numbers() for key in found.keys] == [KEY.private_numbers()]
    assert not found.locked


OPEN = {
    "pkcs1 pem": samples.RSA_PEM,
    "pkcs8 pem": samples.PKCS8_PEM,
    "pkcs1 der": samples.RSA_DER,
    "pkcs8 der": samples.PKCS8_DER,
    "after words": b"Bag Attributes\r\n    friendlyName: fe01\r\n" + samples.RSA_PEM,
    "windows line ends": samples.PKCS8_PEM.replace(b"\n", b"\r\n"),
    "utf-16": samples.PKCS8_PEM.decode().encode("utf-16"),
    "with certificates": samples.CERTIFICATE_PEM + samples.RSA_PEM + samples.CERTIFICATE_PEM,
    "pfx without passphrase": pkcs12.serialize_key_and_certificates(
        None, KEY, samples.CERTIFICATE, None, NoEncryption()
    ),
}
LOCKED = {
    "pem": samples.ENCRYPTED_PEM,
    "pkcs8": samples.ENCRYPTED_PKCS8,
    "der": samples.ENCRYPTED_DER,
    "pfx": samples.PFX,
}
COMMANDS = [
    "rsa -traditional -aes256",
    "rsa -traditional -des3",
    "pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256",
    "pkcs8 -topk8 -v1 PBE-SHA1-3DES",
    "pkcs8 -topk8 -outform DER",
    "pkcs8 -topk8 -scrypt",
    "pkcs12 -export",
    "pkcs12 -export -keypbe AES-256-CBC -certpbe NONE -nomac",
    f"pkcs12 -export {LEGACY}",
    f"pkcs12 -export {LEGACY} {WINDOWS}",
    f"pkcs12 -export {LEGACY} {WINDOWS} -iter 2000 -nomac",
]


@pytest.mark.parametrize("name", OPEN)
def test_a_key_that_is_not_encrypted(name: str) -> None:
    assert_is_the_key(found_in(OPEN[name]))
    assert_is_the_key(found_in(OPEN[name], "of another key"))


@pytest.mark.parametrize("name", LOCKED)
def test_an_encrypted_key(name: str) -> None:
    assert_is_the_key(found_in(LOCKED[name], "wrong", "", PASSPHRASE))
    for passphrases in ((), ("wrong",)):
        found = found_in(LOCKED[name], *passphrases)
        assert (found.keys, found.locked) == ([], True)
        assert "encrypted" in found.remarks[0]


@needs_openssl
@pytest.mark.parametrize("command", COMMANDS)
def test_what_openssl_writes(command: str) -> None:
    assert_is_the_key(found_in(openssl(command), "wrong", PASSPHRASE))
    found = found_in(openssl(command), "wrong")
    assert (found.keys, found.locked) == ([], True)


_WITHOUT_LEGACY = """
import sys
from dissectors.tls.key_formats import decode_keys
found = decode_keys(sys.stdin.buffer.read(), ["wrong", sys.argv[1]])
print(len(found.keys), *found.remarks)
"""


@needs_openssl
@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (WINDOWS, "1"),
        ("-keypbe PBE-SHA1-RC2-40 -certpbe PBE-SHA1-RC2-40", "openssl pkcs12 -legacy"),
    ],
)
def test_windows_files_open_without_the_legacy_provider(kinds: str, told: str) -> None:
    """An OpenSSL that does not know RC2 must not keep the key, which is in 3DES."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_LEGACY, PASSPHRASE],
        input=openssl(f"pkcs12 -export {LEGACY} {kinds}"),
        capture_output=True,
        check=True,
        env={**os.environ, "CRYPTOGRAPHY_OPENSSL_NO_LEGACY": "1", "PYTHONPATH": str(CHECKOUT)},
        timeout=60,
    )
    assert told in done.stdout.decode()


def test_bags_are_read_where_the_library_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(data: bytes, password: bytes | None) -> None:
        raise ValueError("unknown cipher")

    monkeypatch.setattr(key_formats.pkcs12, "load_key_and_certificates", fail)
    assert_is_the_key(found_in(samples.PFX, PASSPHRASE))
    assert_is_the_key(found_in(OPEN["pfx without passphrase"]))
    assert found_in(samples.PFX, "wrong").locked


PUBLIC_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
ED25519_PEM = ed25519.Ed25519PrivateKey.generate().private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
DSA_PEM = dsa.generate_private_key(1024).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
OPENSSH_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (samples.EC_PEM, "an EC private key: with (EC)DHE no private key opens TLS"),
        (DSA_PEM, "a DSA private key: with (EC)DHE"),
        (ED25519_PEM, "not RSA: with (EC)DHE"),
        (samples.CERTIFICATE_PEM, "a certificate, which is public"),
        (samples.CERTIFICATE_DER, "a certificate, which is public"),
        (PUBLIC_PEM, "a public key, which is public"),
        (OPENSSH_PEM, "OpenSSH's own format"),
        (samples.RSA_PEM[:-40], "without its end"),
        (samples.RSA_PEM.replace(b"\nMII", b"\nMIJ"), "damaged"),
        (samples.RSA_DER[:300] + bytes(50) + samples.RSA_DER[350:], "damaged"),
    ],
    ids=[
        "EC",
        "DSA",
        "Ed25519",
        "certificate PEM",
        "certificate DER",
        "public key",
        "OpenSSH",
        "cut",
        "damaged PEM",
        "damaged DER",
    ],
)
def test_what_does_not_help_says_why(data: bytes, told: str) -> None:
    found = found_in(data)
    assert found.keys == []
    assert told in "; ".join(found.remarks)


def test_an_ec_key_beside_an_rsa_key_is_told() -> None:
    found = found_in(samples.EC_PEM + samples.RSA_PEM)
    assert len(found.keys) == 1
    assert "an EC private key" in found.remarks[0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello\n",
        b"\x30",
        b"\x30\x82\x04",
        b"\x30\x03\x02\x01\x00"[:4],
        b"\xd4\xc3\xb2\xa1" + bytes(20),
        b"\x30\x80\x00\x00",
        b"\x30\x05" + b"\x04\x03abc",
        bytes(2 << 20),
    ],
)
def test_what_is_no_key(data: bytes) -> None:
    found = decode_keys(data)
    assert found is None or not found.keys


# --- hostile files ------------------------------------------------------------------------------


def test_rounds_without_end_are_refused() -> None:
    """Whoever hands us a key shall not make us count to four billion."""
    for name in ("der", "pfx"):
        honest = LOCKED[name]
        salted = honest.find(b"\x02\x02", 30)
        assert salted > 0
        rounds = int.from_bytes(honest[salted + 2 : salted + 4], "big")
        assert rounds >= 2048
    start = time.process_time()
    found = found_in(_costly(b"\x02\x05\x00\xff\xff\xff\xff"), "guess")
    assert found.keys == []
    assert "more rounds" in found.remarks[0]
    scrypt = b"\x02\x04\x00\xff\xff\xff\x02\x02\x7f\xff\x02\x01\x01"
    assert "more rounds" in found_in(_costly(scrypt), "guess").remarks[0]
    assert time.process_time() - start < 5


def _costly(numbers: bytes) -> bytes:
    """Return an EncryptedPrivateKeyInfo with a salt and then `numbers`."""

    def wrap(tag: int, *contents: bytes) -> bytes:
        content = b"".join(contents)
        return bytes([tag, len(content)]) + content

    pbes1 = wrap(0x06, bytes.fromhex("2a864886f70d010c0103"))
    parameters = wrap(0x30, wrap(0x04, b"saltsalt"), numbers)
    return wrap(0x30, wrap(0x30, pbes1, parameters), wrap(0x04, bytes(16)))


def test_blocks_are_bounded() -> None:
    found = found_in(b"-----BEGIN X-----\n-----END X-----\n" * 10_000)
    assert f"more than {BLOCK_LIMIT} PEM blocks: the others were not looked at" in found.remarks
    assert len(found.remarks) == 2


def test_time_grows_with_the_file() -> None:
    start = time.process_time()
    decode_keys(b"-----BEGIN " * 90_000)
    decode_keys(b"-----BEGIN A-----" * 60_000)
    decode_keys(b"\x30\x83\x0f\x00\x00" + b"\x30\x00" * 0x78000)
    decode_keys(b"\x30\x83\x03\x00\x00" + b"\x04\x01\x00\x02\x01\x01" * 0x8000)
    assert time.process_time() - start < 5


@settings(max_examples=150)
@given(st.data())
def test_a_mutated_file_gives_keys_or_words(data: st.DataObject) -> None:
    kinds = [*OPEN.values(), samples.ENCRYPTED_PEM, samples.CERTIFICATE_DER]
    broken = bytearray(data.draw(st.sampled_from(kinds)))
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(broken[: data.draw(st.integers(0, len(broken)))])
    for one in (bytes(broken), cut):
        found = decode_keys(one, [PASSPHRASE])
        assert found is None or all(secret not in repr(found) for secret in SECRETS)


@settings(max_examples=150)
@given(st.binary(max_size=300) | st.text("-BEGIN PRIVATEKY\nA=", max_size=300).map(str.encode))
def test_any_bytes(data: bytes) -> None:
    decode_keys(data, ["a"])
