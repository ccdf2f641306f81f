"""Steps of authentication, and that no secret gets out of them."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.errors import Malformed
from dissectors.sip.authentication import (
    HEADERS,
    decode_authentication,
    redact_authentication,
)
from dissectors.sip.message import full_name

SECRET = "c2VjcmV0c2VjcmV0"
INFO, OFFER, ANSWER = "authentication-info", "www-authenticate", "authorization"
SIGNED = f'crand="{SECRET}", cnum="12", response="{SECRET}"'
CONFIRMED = f'rspauth="{SECRET}", srand="{SECRET}", snum="7"'
BASE = 'realm="SIP Communications Service", targetname="fe01.contoso.com", version=4'


def ntlm(kind: int) -> str:
    return base64.b64encode(b"NTLMSSP\0" + struct.pack("<I", kind) + b"rest of it").decode()


def tls(record: int, handshake: int) -> str:
    return base64.b64encode(bytes([record, 3, 1, 0, 60, handshake]) + b"rest of it").decode()


def token(scheme: str, data: str) -> str:
    return f'{scheme} {BASE}, gssapi-data="{data}"'


@pytest.mark.parametrize(
    ("header", "value", "step", "token", "number"),
    [
        (OFFER, f"NTLM {BASE}", "offer", None, None),
        (OFFER, f'TLS-DSK {BASE}, sts-uri="https://fe01/Cert"', "offer", None, None),
        (ANSWER, f'NTLM qop="auth", {BASE}, gssapi-data=""', "begin", None, None),
        (ANSWER, token("NTLM", ntlm(1)), "token", "NTLM NEGOTIATE_MESSAGE", None),
        (OFFER, token("NTLM", ntlm(2)), "token", "NTLM CHALLENGE_MESSAGE", None),
        ("proxy-authorization", token("NTLM", ntlm(3)), "token", "NTLM AUTHENTICATE_MESSAGE", None),
        (ANSWER, token("NTLM", ntlm(9)), "token", "unknown", None),
        (ANSWER, token("TLS-DSK", tls(22, 1)), "token", "TLS client_hello", None),
        (OFFER, token("TLS-DSK", tls(22, 2)), "token", "TLS server_hello", None),
        (ANSWER, token("TLS-DSK", tls(20, 1)), "token", "TLS change_cipher_spec", None),
        (ANSWER, token("Kerberos", "YIIFCgYJKoZIhvcS"), "token", "unknown", None),
        (ANSWER, token("NTLM", "=?"), "token", "unknown", None),
        (ANSWER, f"NTLM {BASE}, {SIGNED}", "signature", None, 12),
        (INFO, f"TLS-DSK {BASE}, {CONFIRMED}", "signature", None, 7),
        (INFO, f'nextnonce="{SECRET}", rspauth="{SECRET}"', "signature", None, None),
        (ANSWER, f'Digest uri="sip:a", response="{SECRET}"', "signature", None, None),
        (ANSWER, f"Basic {SECRET}", "credentials", None, None),
        (ANSWER, f'NTLM {BASE}, cnum="٣", response="x"', "signature", None, None),
    ],
)
def test_steps(header: str, value: str, step: str, token: str | None, number: int | None) -> None:
    one = decode_authentication(header, value)
    assert (one.step, one.token, one.sequence_number) == (step, token, number)
    assert SECRET not in repr(one)
    assert SECRET not in redact_authentication(value)
    if BASE in value:
        assert one.targetname == "fe01.contoso.com"
        assert one.version == "4"
        assert one.realm == "SIP Communications Service"


def test_schemes_as_sent() -> None:
    assert decode_authentication("www-authenticate", f"TLS-DSK {BASE}").scheme == "TLS-DSK"
    assert decode_authentication("authentication-info", 'rspauth="1"').scheme == "Digest"
    assert decode_authentication("www-authenticate", "Negotiate").scheme == "Negotiate"
    assert decode_authentication("www-authenticate", 'Digest realm="x", stale=TRUE').stale


@pytest.mark.parametrize("value", ["", SECRET, f"{SECRET} {SECRET}", "=", '"x"'])
def test_what_has_no_scheme_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(Malformed) as caught:
        decode_authentication("authorization", value)
    assert SECRET not in caught.value.summary
    assert SECRET not in redact_authentication(value)


_NAMES = st.sampled_from(["response", "gssapi-data", "rspauth", "crand", "srand", "cnonce", "new"])
_BLANKS = st.sampled_from(["", " ", "\t"])
_SCHEMES = st.sampled_from(["NTLM ", "Kerberos ", "TLS-DSK ", "Digest ", "Basic ", "Bearer ", ""])


@given(
    _SCHEMES,
    st.lists(st.tuples(_NAMES, _BLANKS, st.sampled_from(['"', ""]), st.sampled_from(['"', ""]))),
    st.booleans(),
)
def test_no_secret_gets_out(
    scheme: str, secrets: list[tuple[str, str, str, str]], bare: bool
) -> None:
    pieces = [f"{name}{blank}={blank}{a}{SECRET}{b}" for name, blank, a, b in secrets]
    value = scheme + ", ".join([*pieces, *([SECRET] if bare else [])])
    assert SECRET not in redact_authentication(value)
    for header in HEADERS:
        try:
            assert SECRET not in repr(decode_authentication(header, value))
        except Malformed as error:
            assert SECRET not in error.summary


@pytest.mark.parametrize(
    "broken",
    [
        'realm="x, response="{}"',
        'realm="x, response="{}", opaque="y"',
        'realm="x" response="{}"',
        'realm=x" response="{}',
        "realm=x response={}",
        'opaque="1", realm="x, crand="{}", cnum="1"',
    ],
)
def test_quotes_and_commas_that_are_missing_let_no_secret_out(broken: str) -> None:
    value = f"NTLM {broken.format(SECRET)}"
    assert SECRET not in redact_authentication(value)
    assert SECRET not in repr(decode_authentication("authorization", value))


@given(st.sampled_from(HEADERS), st.text(max_size=60))
def test_any_value_gives_a_step_or_an_error(header: str, value: str) -> None:
    assert full_name(header) == header
    redact_authentication(value)
    try:
        decode_authentication(header, value)
    except Malformed:
        return
