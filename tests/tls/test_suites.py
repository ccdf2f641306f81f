"""Every suite and version that OpenSSL speaks and this project opens, on real connections."""

from __future__ import annotations

import ssl

import pytest

from dissectors.tls.cipher_suites import NAMES, cipher_suite
from dissectors.tls.protection import is_supported
from tests.tls.handshakes import (
    CLIENT,
    OP_NO_ENCRYPT_THEN_MAC,
    OP_NO_EXTENDED_MASTER_SECRET,
    SERVER,
    Contexts,
    converse,
    decrypt,
    one_side_first,
    segments,
)

Version = ssl.TLSVersion

VERSION_NAMES = {
    Version.TLSv1: "TLS 1.0",
    Version.TLSv1_1: "TLS 1.1",
    Version.TLSv1_2: "TLS 1.2",
    Version.TLSv1_3: "TLS 1.3",
}


def negotiable(version: Version) -> list[str]:
    """OpenSSL's names of the suites that Python can negotiate and that are to be opened."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:!PSK:!SRP:!aDSS:@SECLEVEL=0")
    suites = {
        cipher["name"]: cipher_suite(cipher["id"] & 0xFFFF) for cipher in context.get_ciphers()
    }
    return [name for name, suite in suites.items() if is_supported(version, suite)]


def open_conversation(contexts: Contexts, version: Version, arrangement: int = 1) -> None:
    """Judge the decryption of a conversation by what was said."""
    talk = converse(contexts, turns=2)
    cut = segments(talk.flights)
    arranged = [cut, one_side_first(cut, CLIENT), one_side_first(cut, SERVER)][arrangement]
    outcome = decrypt(arranged, contexts.keys())
    assert outcome.faults == []
    for side in (CLIENT, SERVER):
        assert outcome.heard(side) == talk.said[side]
    info = outcome.session.info
    assert info.version == VERSION_NAMES[version]
    name = talk.ends[CLIENT].cipher()[0]
    codes = {cipher["name"]: cipher["id"] & 0xFFFF for cipher in contexts.client.get_ciphers()}
    assert info.cipher_suite == NAMES[codes[name]]
    assert info.server_name == "fe01.contoso.com"
    assert (info.opened, info.opened_by, info.reason) == (True, "key log", None)
    assert info.records == info.decrypted_records > 0
    assert info.resumed is False


def test_there_are_suites_of_every_kind() -> None:
    names = " ".join(negotiable(Version.TLSv1_2))
    for part in (
        "GCM-SHA384",
        "GCM-SHA256",
        "-CCM ",
        "CCM8",
        "CHACHA20",
        "-SHA384",
        "-SHA256",
        "ADH",
    ):
        assert part in names
    assert "AES256-SHA" in negotiable(Version.TLSv1)
    assert "AES256-SHA256" in negotiable(Version.TLSv1_2)


@pytest.mark.parametrize("name", [n for n in negotiable(Version.TLSv1_2) if "SHA" in n[-6:]][::3])
@pytest.mark.parametrize("option", [OP_NO_ENCRYPT_THEN_MAC, OP_NO_EXTENDED_MASTER_SECRET])
def test_tls12_without_an_extension(name: str, option: int) -> None:
    contexts = Contexts(Version.TLSv1_2, name)
    contexts.server.options |= option
    open_conversation(contexts, Version.TLSv1_2)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [Version.TLSv1, Version.TLSv1_1])
@pytest.mark.parametrize("options", [0, OP_NO_ENCRYPT_THEN_MAC])
@pytest.mark.parametrize("name", ["AES128-SHA", "ECDHE-RSA-AES256-SHA"])
def test_tls10_and_tls11(version: Version, options: int, name: str) -> None:
    contexts = Contexts(version, name)
    contexts.server.options |= options
    for arrangement in range(3):
        open_conversation(contexts, version, arrangement)


@pytest.mark.parametrize("arrangement", range(3))
def test_tls13(arrangement: int) -> None:
    open_conversation(Contexts(Version.TLSv1_3), Version.TLSv1_3, arrangement)


@pytest.mark.parametrize("arrangement", range(3))
def test_tls13_hello_retry_request(arrangement: int) -> None:
    contexts = Contexts(Version.TLSv1_3)
    # The client guesses another group than the only one that the server takes.
    contexts.server.set_ecdh_curve("secp521r1")
    open_conversation(contexts, Version.TLSv1_3, arrangement)


@pytest.mark.parametrize("version", [Version.TLSv1_2, Version.TLSv1_3])
@pytest.mark.parametrize("arrangement", range(3))
def test_mutual_authentication(version: Version, arrangement: int) -> None:
    contexts = Contexts(version)
    contexts.authenticate_client()
    open_conversation(contexts, version, arrangement)
