"""Facts of certificates beside what OpenSSL prints of them; hostile ones give facts or an error."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from datetime import datetime, timezone
from ipaddress import ip_address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import Malformed
from dissectors.tls.certificates import NAME_LIMIT, Certificate, decode_x509, is_named

KEY = rsa.generate_private_key(65537, 2048)
NAMES = ["sip.contoso.com", "fe01.contoso.com"]


def certificate(
    key: Any = KEY,
    names: list[str] | None = NAMES,
    since: str = "2014-01-01",
    until: str = "2016-01-01",
) -> bytes:
    """Make a self-signed certificate, DER."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Contoso, Ltd."),
            x509.NameAttribute(NameOID.COMMON_NAME, "fe01.contoso.com"),
        ]
    )
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Contoso CA")])
    builder = x509.CertificateBuilder(
        issuer,
        subject,
        key.public_key(),
        1,
        datetime.fromisoformat(since),
        datetime.fromisoformat(until),
    )
    if names is not None:
        general = [x509.DNSName(name) for name in names]
        general.append(x509.IPAddress(ip_address("10.0.0.1")))
        builder = builder.add_extension(x509.SubjectAlternativeName(general), False)
    made = builder.sign(KEY, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def nanoseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()) * 10**9


def test_facts() -> None:
    facts = decode_x509(certificate())
    assert facts.subject == r"CN=fe01.contoso.com,O=Contoso\, Ltd."
    assert facts.issuer == "CN=Contoso CA"
    assert facts.not_before_ns == nanoseconds("2014-01-01")
    assert facts.not_after_ns == nanoseconds("2016-01-01")
    assert facts.names == ("sip.contoso.com", "fe01.contoso.com", "10.0.0.1")
    assert facts.common_name == "fe01.contoso.com"
    assert (facts.key_type, facts.key_bits) == ("RSA", 2048)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is missing")
def test_openssl_says_the_same() -> None:
    der = certificate()
    command = (
        "openssl x509 -inform DER -noout -fingerprint -sha256 -dates -nameopt RFC2253 -subject"
    )
    done = subprocess.run(command.split(), input=der, capture_output=True, check=True, timeout=60)
    lines = done.stdout.decode().splitlines()
    told = dict(line.split("=", 1) for line in lines)
    facts = decode_x509(der)
    assert told["sha256 Fingerprint"].replace(":", "").lower() == facts.sha256
    assert told["subject"] == facts.subject
    assert told["notAfter"] == "Jan  1 00:00:00 2016 GMT"


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (KEY, ("RSA", 2048)),
        (ec.generate_private_key(ec.SECP256R1()), ("EC secp256r1", 256)),
        (ec.generate_private_key(ec.SECP384R1()), ("EC secp384r1", 384)),
        (ed25519.Ed25519PrivateKey.generate(), ("Ed25519", None)),
        (dsa.generate_private_key(2048), ("DSA", 2048)),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_kinds_of_keys(key: Any, told: tuple[str, int | None]) -> None:
    facts = decode_x509(certificate(key))
    assert (facts.key_type, facts.key_bits) == told


def test_without_alternative_names_there_are_none() -> None:
    assert decode_x509(certificate(names=None)).names == ()


def test_names_are_bounded() -> None:
    names = decode_x509(certificate(names=[f"h{n}.contoso.com" for n in range(300)])).names
    assert names is not None
    assert len(names) == NAME_LIMIT


def test_never_is_no_date() -> None:
    assert decode_x509(certificate(until="9999-12-31")).not_after_ns is None
    assert decode_x509(certificate(since="1950-01-02")).not_before_ns == nanoseconds("1950-01-02")


@pytest.mark.parametrize(
    ("host", "names", "is_one"),
    [
        ("fe01.contoso.com", ["sip.contoso.com", "fe01.contoso.com"], True),
        ("FE01.Contoso.com.", ["fe01.contoso.com"], True),
        ("fe01.contoso.com", ["fe01.contoso.com."], True),
        ("fe01.contoso.com", ["*.contoso.com"], True),
        ("a.fe01.contoso.com", ["*.contoso.com"], False),
        ("contoso.com", ["*.contoso.com"], False),
        (".contoso.com", ["*.contoso.com"], False),
        ("fe01.contoso.com", ["f*.contoso.com"], False),
        ("fe01.contoso.com", ["*"], False),
        ("fe01.contoso.com", ["contoso.com"], False),
        ("fe01.contoso.com", [], False),
        ("10.0.0.1", ["10.0.0.1"], True),
        ("10.0.0.1", ["*.0.0.1"], False),
        ("2001:db8::1", ["2001:0db8:0::1"], True),
        ("fe01.contoso.com", ["10.0.0.1"], False),
    ],
)
def test_hosts_that_a_certificate_names(host: str, names: list[str], is_one: bool) -> None:
    assert is_named(host, names) == is_one


SAMPLE = certificate()


@pytest.mark.parametrize("length", [0, 1, 10, 100, len(SAMPLE) // 2, len(SAMPLE) - 1])
def test_a_cut_certificate_is_malformed(length: int) -> None:
    with pytest.raises(Malformed, match="cannot be read"):
        decode_x509(SAMPLE[:length])


@settings(max_examples=300)
@given(st.data())
def test_a_mutated_certificate_gives_facts_or_an_error(data: st.DataObject) -> None:
    broken = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Malformed):
        assert isinstance(decode_x509(bytes(broken)), Certificate)


@settings(max_examples=50)
@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=3))
def test_any_names(host: str, names: list[str]) -> None:
    is_named(host, names)
