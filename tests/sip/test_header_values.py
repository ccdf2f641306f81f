"""From any header to a value with fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.body import to_plain
from dissectors.errors import DissectError
from dissectors.sip.authentication import Authentication
from dissectors.sip.diagnostics import Diagnostics
from dissectors.sip.header_values import _LISTS, _SINGLE, Party, decode_header, shown_value
from dissectors.sip.headers import CSeq, SessionExpires
from dissectors.sip.ms_headers import KeepAlive, MsVia
from dissectors.sip.product import Product


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("f", '"Kim" <sip:kim@a.test>;tag=1;epid=2', Party),
        ("CSEQ", "1 INVITE", CSeq),
        ("x", "1800;refresher=uas", SessionExpires),
        ("Min-SE", "90", SessionExpires),
        ("USER-AGENT", "RTCC/4.0.0.0", Product),
        ("ms-keep-alive", "UAC;hop-hop=yes", KeepAlive),
        ("Proxy-Authorization", 'NTLM realm="x"', Authentication),
    ],
)
def test_single_values(name: str, value: str, kind: type) -> None:
    assert type(decode_header(name, value)) is kind


def test_lists() -> None:
    one, two = decode_header("v", "SIP/2.0/TLS a:1;branch=x,SIP/2.0/TCP b") or ()  # type: ignore[misc]
    assert isinstance(one, MsVia)
    assert (one.sent_by, two.sent_by) == ("a:1", "b")
    sip, tel = decode_header("P-Asserted-Identity", '"K"<sip:k@a.test>,<tel:+1555>') or ()  # type: ignore[misc]
    assert (sip.address, tel.address) == ("sip:k@a.test", "tel:+1555")
    assert decode_header("Supported", "timer, 100rel") == ("timer", "100rel")
    [diagnosis] = decode_header("ms-diagnostics-public", "30000") or ()  # type: ignore[misc]
    assert isinstance(diagnosis, Diagnostics)


def test_parties() -> None:
    party = decode_header(
        "To", "<sip:kim@a.test;gruu;opaque=app:conf:chat:id:X1>;tag=9;epid=AB;x=1"
    )
    assert isinstance(party, Party)
    assert (party.role, party.conference_id, party.gruu) == ("mcu:chat", "X1", True)
    assert (party.tag, party.epid, party.parameters) == ("9", "AB", {"x": "1"})
    [star] = decode_header("m", "*;expires=0") or ()  # type: ignore[misc]
    assert star.uri == "*"


def test_plain_text_has_no_fields() -> None:
    assert decode_header("Subject", "a; b=c") is None
    assert decode_header("Call-ID", "x@y") is None


def test_signatures_are_not_shown() -> None:
    value = 'TLS-DSK qop="auth", crand="11", cnum="2", response="33"'
    shown = shown_value("Authorization", value)
    assert shown == 'TLS-DSK qop="auth", crand="<redacted>", cnum="2", response="<redacted>"'
    assert shown_value("Subject", value) == value


_NAMES = st.sampled_from([*_SINGLE, *_LISTS, "supported", "authorization", "ms-diagnostics"])


@given(_NAMES, st.text('sip:a@b<>;=", 0123TLS/2.opaque', max_size=50) | st.text(max_size=30))
def test_any_value_gives_fields_or_an_error(name: str, value: str) -> None:
    shown_value(name, value)
    try:
        decoded = decode_header(name, value)
    except DissectError:
        return
    for one in decoded if isinstance(decoded, tuple) else [decoded]:
        to_plain(one)
