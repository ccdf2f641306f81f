"""DER as OpenSSL and `cryptography` write it; anything else is refused."""

from __future__ import annotations

import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import Malformed
from dissectors.tls.der import (
    ELEMENT_LIMIT,
    INTEGER,
    SEQUENCE,
    decode_element,
    decode_elements,
)

KEY = rsa.generate_private_key(65537, 2048)
PKCS1 = KEY.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def test_a_private_key_is_a_sequence_of_its_numbers() -> None:
    whole = decode_element(PKCS1)
    assert (whole.tag, whole.encoded) == (SEQUENCE, PKCS1)
    parts = decode_elements(whole.content)
    assert {part.tag for part in parts} == {INTEGER}
    numbers = [int.from_bytes(part.content, "big") for part in parts]
    secret = KEY.private_numbers()
    assert numbers[1:6] == [
        secret.public_numbers.n,
        secret.public_numbers.e,
        secret.d,
        secret.p,
        secret.q,
    ]
    assert b"".join(part.encoded for part in parts) == whole.content


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x80\x00\x00",  # indefinite length is BER
        b"\x30\x81\x01\x00",  # a length below 128 in the long form
        b"\x30\x82\x00\x80" + bytes(128),  # a zero before the length
        b"\x30\x85\x00\x00\x00\x00\x00",
        b"\x30\x01",
        b"\x30\x00\x00",  # something follows
        b"\x1f\x81\x00\x00",  # a tag above 30
        b"\x30\x84\xff\xff\xff\xff",
    ],
)
def test_what_is_not_der(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode_element(data)


def test_cut_at_every_length() -> None:
    for length in range(len(PKCS1)):
        with pytest.raises(Malformed):
            decode_element(PKCS1[:length])


def test_elements_are_bounded() -> None:
    assert len(decode_elements(b"\x05\x00" * ELEMENT_LIMIT)) == ELEMENT_LIMIT
    with pytest.raises(Malformed):
        decode_elements(b"\x05\x00" * (ELEMENT_LIMIT + 1))


def test_contents_do_not_show() -> None:
    assert repr(decode_element(b"\x04\x03key")) == "Element(tag=4)"


@settings(max_examples=200)
@given(st.binary(max_size=100))
def test_any_bytes(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert b"".join(one.encoded for one in decode_elements(data)) == data
