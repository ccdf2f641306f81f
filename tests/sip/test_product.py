"""What sent a message, by what products are known to write."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.sip.product import decode_product


@pytest.mark.parametrize(
    ("value", "name", "version", "kind"),
    [
        ("UCCAPI/2.0.6362.0 OC/2.0.6362.0", "Office Communicator 2007", "2.0.6362.0", "client"),
        (
            "UCCAPI/3.5.6907.0 OC/3.5.6907.0 (Microsoft Office Communicator 2007 R2)",
            "Office Communicator 2007 R2",
            "3.5.6907.0",
            "client",
        ),
        (
            "UCCAPI/4.0.7577.314 OC/4.0.7577.314 (Microsoft Lync 2010)",
            "Lync 2010",
            "4.0.7577.314",
            "client",
        ),
        (
            "UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)",
            "Lync 2013",
            "15.0.4569.1503",
            "client",
        ),
        (
            "UCCAPI/15.0.4745.1000 OC/15.0.4745.1000 (Skype for Business)",
            "Skype for Business",
            "15.0.4745.1000",
            "client",
        ),
        (
            "UCCAPI/16.0.4266.1003 OC/16.0.4266.1003 (Skype for Business)",
            "Skype for Business 2016",
            "16.0.4266.1003",
            "client",
        ),
        ("RTC/3.5", "Office Communications Server 2007 R2", "3.5", "server"),
        ("RTC/4.0", "Lync Server 2010", "4.0", "server"),
        ("RTC/5.0", "Lync Server 2013", "5.0", "server"),
        ("RTC/6.0", "Skype for Business Server 2015", "6.0", "server"),
        ("RTC/9.9", "RTC", "9.9", "server"),
        ("RTCC/4.0.0.0", "UCMA application", "4.0.0.0", "application"),
        ("RTCC/4.0.0.0 McxService/4.0.0.1", "McxService", "4.0.0.1", "application"),
        ("RTCC/4.0.0.0 PnchApplication", "PnchApplication", "4.0.0.0", "application"),
        ("RTCC/5.0.0.0 MediationServer", "Mediation Server", "5.0.0.0", "mediation"),
        ("Audiocodes-Sip-Gateway-Mediant 1000/v.6.60A.027", None, None, "gateway"),
        ("PolycomVVX-VVX_600-UA/5.1.1.2986", "PolycomVVX-VVX_600-UA", "5.1.1.2986", "phone"),
        ("Yealink SIP-T46G 28.80.0.70", "Yealink SIP-T46G", "28.80.0.70", "phone"),
        ("Cisco-SIPGateway/IOS-15.4.3.M3", "Cisco-SIPGateway", "IOS-15.4.3.M3", "gateway"),
        ("Asterisk PBX 11.6.0", "Asterisk PBX", "11.6.0", "server"),
        ("Purple/2.10.9 Sipe/1.18.2 (linux-x86_64)", "Purple", "2.10.9", "client"),
        ("kamailio (4.2.0 (x86_64/linux))", "kamailio", None, "server"),
        ("Nero SIPPS IP Phone Version 2.0.51.16", "Nero SIPPS IP Phone", "2.0.51.16", "other"),
        ("Zoiper rv2.10.3.2", "Zoiper", "rv2.10.3.2", "other"),
        ("(only a comment)", "only a comment", None, "other"),
        ("x", "x", None, "other"),
    ],
)
def test_products(value: str, name: str | None, version: str | None, kind: str) -> None:
    product = decode_product(value)
    assert product is not None
    assert product.kind == kind
    if name is not None:
        assert (product.name, product.version) == (name, version)


@pytest.mark.parametrize(
    ("value", "platform"),
    [("RTCC/3.5.0.0 A", "UCMA 2.0"), ("RTCC/6.0.0.0 A", "UCMA 5.0"), ("RTCC/8.0 A", None)],
)
def test_platforms(value: str, platform: str | None) -> None:
    product = decode_product(value)
    assert product is not None
    assert product.platform == platform


def test_nothing_says_nothing() -> None:
    assert decode_product("") is None
    assert decode_product(" () /") is None


@given(st.text("RTC/UCAPO 0123.()vLync-", max_size=40) | st.text(max_size=40))
def test_any_text_gives_a_product_or_none(value: str) -> None:
    product = decode_product(value)
    assert product is None or product.name


@pytest.mark.parametrize(
    "value", ["1_" * 20_000, "(" * 40_000, "/" * 40_000, "v1.1" * 10_000 + "!"]
)
def test_hostile_values_take_linear_time(value: str) -> None:
    begin = time.process_time()
    decode_product(f"Yealink {value}")
    decode_product(value)
    assert time.process_time() - begin < 5
