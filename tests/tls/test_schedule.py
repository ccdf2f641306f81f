"""Key schedules, against published vectors and against tlslite-ng."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.tls.schedule import (
    WriteKeys,
    expand_label,
    expand_ssl3,
    extended_master_secret,
    key_block,
    master_secret,
    next_traffic_secret,
    prf,
    traffic_keys,
)

secrets = st.binary(min_size=1, max_size=80)
seeds = st.binary(max_size=80)


def test_prf_of_tls12_published_vector() -> None:
    # The vector for P_SHA256 that was posted to the TLS working group for implementers of RFC 5246.
    output = prf(
        0x0303,
        "sha256",
        bytes.fromhex("9bbe436ba940f017b17652849a71db35"),
        b"test label",
        bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"),
        100,
    )
    assert output.hex().startswith(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
    )


@settings(max_examples=30, deadline=None)
@given(secrets, seeds, st.integers(1, 150))
def test_prf_is_that_of_tlslite(secret: bytes, seed: bytes, length: int) -> None:
    mathtls = pytest.importorskip("tlslite.mathtls")
    label = b"key expansion"
    assert prf(0x0303, "sha256", secret, label, seed, length) == mathtls.PRF_1_2(
        secret, label, seed, length
    )
    assert prf(0x0303, "sha384", secret, label, seed, length) == mathtls.PRF_1_2_SHA384(
        secret, label, seed, length
    )
    for version in (0x0301, 0x0302):
        assert prf(version, "sha256", secret, label, seed, length) == mathtls.PRF(
            secret, label, seed, length
        )


@settings(max_examples=30, deadline=None)
@given(secrets, seeds, st.integers(1, 150))
def test_digests_of_ssl3_are_those_of_tlslite(secret: bytes, seed: bytes, length: int) -> None:
    mathtls = pytest.importorskip("tlslite.mathtls")
    theirs = mathtls.PRF_SSL(bytearray(secret), bytearray(seed), length)
    assert expand_ssl3(secret, seed, length) == theirs


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=48, max_size=48), st.binary(min_size=64, max_size=64), seeds)
@pytest.mark.parametrize(
    ("version", "suite", "hash_name"),
    [
        (0x0300, 0x002F, "sha256"),
        (0x0301, 0x002F, "sha256"),
        (0x0302, 0x002F, "sha256"),
        (0x0303, 0x002F, "sha256"),
        (0x0303, 0x009D, "sha384"),
    ],
)
def test_master_secrets_are_those_of_tlslite(
    version: int, suite: int, hash_name: str, premaster: bytes, randoms: bytes, messages: bytes
) -> None:
    mathtls = pytest.importorskip("tlslite.mathtls")
    client, server = bytearray(randoms[:32]), bytearray(randoms[32:])
    minor, secret = (3, version - 0x0300), bytearray(premaster)
    ours = master_secret(version, hash_name, premaster, bytes(client), bytes(server))
    assert ours == mathtls.calc_key(
        minor,
        secret,
        suite,
        b"master secret",
        client_random=client,
        server_random=server,
        output_length=48,
    )
    if version > 0x0300:
        transcript = pytest.importorskip("tlslite.handshakehashes").HandshakeHashes()
        transcript.update(bytearray(messages))
        assert extended_master_secret(version, hash_name, premaster, messages) == mathtls.calc_key(
            minor,
            secret,
            suite,
            b"extended master secret",
            handshake_hashes=transcript,
            output_length=48,
        )


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(1, 64))
def test_expand_label_is_that_of_tlslite(secret: bytes, length: int) -> None:
    cryptomath = pytest.importorskip("tlslite.utils.cryptomath")
    for name in ("sha256", "sha384"):
        theirs = cryptomath.HKDF_expand_label(bytearray(secret), b"key", b"", length, name)
        assert expand_label(name, secret, b"key", length) == theirs


@pytest.mark.parametrize(
    ("secret", "key", "iv"),
    [
        (
            "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
            "dbfaa693d1762c5b666af5d950258d01",
            "5bd3c71b836e0b76bb73265f",
        ),
        (
            "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
            "3fce516009c21727d0f2e4e86ee403bc",
            "5d313eb2671276ee13000b30",
        ),
    ],
)
def test_traffic_keys_of_rfc8448(secret: str, key: str, iv: str) -> None:
    keys = traffic_keys("sha256", bytes.fromhex(secret), 16)
    assert keys == WriteKeys(b"", bytes.fromhex(key), bytes.fromhex(iv))


def test_key_update_keeps_the_length() -> None:
    for name, length in (("sha256", 32), ("sha384", 48)):
        secret = bytes(range(length))
        assert len(next_traffic_secret(name, secret)) == length
        assert next_traffic_secret(name, secret) != secret


def test_key_block_is_cut_in_order() -> None:
    client, server = key_block(0x0303, "sha256", b"m" * 48, b"c" * 32, b"s" * 32, (20, 16, 4))
    block = prf(0x0303, "sha256", b"m" * 48, b"key expansion", b"s" * 32 + b"c" * 32, 80)
    assert (
        client.mac_key + server.mac_key + client.key + server.key + client.iv + server.iv == block
    )


def test_keys_do_not_print() -> None:
    keys = traffic_keys("sha256", bytes(32), 16)
    assert repr(keys) == "WriteKeys()"
