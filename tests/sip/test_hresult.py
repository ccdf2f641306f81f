"""HRESULTs in the forms in which diagnostics write them."""

from __future__ import annotations

import pytest

from dissectors.sip.hresult import HRESULTS, describe_hresult


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0x80090322(SEC_E_WRONG_PRINCIPAL)", "0x80090322 SEC_E_WRONG_PRINCIPAL: the certificate"),
        ("0x80090322", "0x80090322 SEC_E_WRONG_PRINCIPAL: the certificate"),
        ("0xc3e93d6f (SIPPROXY_E_X)", "0xC3E93D6F SIPPROXY_E_EPROUTING_MSG_ALLOWED_DOMAIN_NO_SRV_"),
        ("0x8ABCDEF0(E_NEW_ONE)", "0x8ABCDEF0 E_NEW_ONE"),
        ("0X8ABCDEF0", "0x8ABCDEF0"),
    ],
)
def test_number_name_and_meaning(text: str, told: str) -> None:
    assert (describe_hresult(text) or "").startswith(told)


@pytest.mark.parametrize(
    "text", ["", "0x", "0x123", "0x123456789", "80090322", "SEC_E_X", "x" * 99]
)
def test_what_is_none(text: str) -> None:
    assert describe_hresult(text) is None


def test_names_are_told_once() -> None:
    names = [name for name, _ in HRESULTS.values()]
    assert len(set(names)) == len(names)
    assert all(number & 0x80000000 for number in HRESULTS)
