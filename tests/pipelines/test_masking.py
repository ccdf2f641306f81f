"""Keys are overwritten wherever they hide, and nothing else is, nor any length changed."""

from __future__ import annotations

import base64
import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.sip.message import SipMessage, SipRequest
from pipelines.masking import mask_keys, masked_body

KEY = b"WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
SDP = (
    b"v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=session\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 50000 RTP/SAVP 0\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:"
    + KEY
    + b"|2^31|1:1\r\n"
    b"a=cryptoscale:1 client AES_CM_128_HMAC_SHA1_80 inline:"
    + KEY
    + b"|2^31|1:1\r\na=rtcp:50001\r\n"
)


def message(body: bytes, content_type: str, **headers: str) -> SipMessage:
    values = {"content-type": content_type} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return SipRequest(list(values.items()), body, (1,), 0, 0, 0, values, method="INVITE")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (b"a=crypto:1 X inline:AAAA;BBBB|2^20", b"a=crypto:1 X inline:XXXX;BBBB|2^20"),
        (b"A=CRYPTO:1 X INLINE: AAAA", b"A=CRYPTO:1 X INLINE: XXXX"),
        (b"a=crypto:1 SUITE newkind:AAAA\r\nb", b"a=crypto:1 SUITE XXXXXXXXXXXX\r\nb"),
        (b"a=key-mgmt:mikey AQAF\r\n", b"a=key-mgmt:mikey XXXX\r\n"),
        (b"v=0\r\nk=clear:hush\r\n", b"v=0\r\nk=clear:XXXX\r\n"),
        (b"v=0\r\nk=hush\r\nk=prompt\r\n", b"v=0\r\nk=XXXX\r\nk=prompt\r\n"),
        (b"k=v, says the text", b"k=v, says the text"),
        (b"<a><password>hush</password></a>", b"<a><password>XXXX</password></a>"),
        (b"<x:Pin y='1'>1234</x:Pin>", b"<x:Pin y='1'>XXXX</x:Pin>"),
        (b'<a password="hush" b="c"/>', b'<a password="XXXX" b="c"/>'),
        (b"<a x:password = 'hush'/>", b"<a x:password = 'XXXX'/>"),
        (b"<password/>text<b>c</b>", b"<password/>text<b>c</b>"),
        (b"<password /> <b>c</b>", b"<password /> <b>c</b>"),
        (b"<spinner>1234</spinner>", b"<spinner>1234</spinner>"),
        (b'{"access_token": "hu\\"sh", "a": "b"}', b'{"access_token": "XXXXXX", "a": "b"}'),
        (b"Encryption-Key: hush\r\nName: a", b"Encryption-Key: XXXX\r\nName: a"),
        (b"<password><![CDATA[hush]]></password>", b"X" * 37),
        (b"<password>hu<!-- -->sh</password>", b"X" * 33),
    ],
)
def test_what_is_overwritten(text: bytes, masked: bytes) -> None:
    assert mask_keys(text) == masked
    assert len(masked) == len(text)


def test_sdp_keeps_all_but_its_keys() -> None:
    masked = masked_body(message(SDP, "application/sdp"))
    assert masked == SDP.replace(KEY, b"X" * len(KEY))


def test_a_part_of_a_multipart_body() -> None:
    head = b"--b\r\nContent-Type: application/sdp\r\n\r\n"
    body = head + SDP + b"\r\n--b\r\n\r\nhello\r\n--b--\r\n"
    masked = masked_body(message(body, 'multipart/alternative; boundary="b"'))
    assert masked == body.replace(KEY, b"X" * len(KEY))


def test_the_user_name_of_a_media_relay_is_a_token() -> None:
    body = b"<r><credentials><username>AgAAJ</username><password>hush</password></credentials></r>"
    masked = masked_body(message(body, "application/msrtc-media-relay-auth+xml"))
    assert masked == body.replace(b"AgAAJ", b"XXXXX").replace(b"hush", b"XXXX")
    assert b"AgAAJ" in masked_body(message(body, "application/xml"))


def test_where_an_encoding_hides_a_key_all_is_overwritten() -> None:
    packed = gzip.compress(SDP)
    assert masked_body(message(packed, "application/sdp", content_encoding="gzip")) == (
        b"X" * len(packed)
    )
    encoded = base64.b64encode(SDP)
    head = b"--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    body = head + encoded + b"\r\n--b--\r\n"
    assert masked_body(message(body, "multipart/mixed; boundary=b")) == b"X" * len(body)
    wide = "<a><password>hush</password></a>".encode("utf-16")
    assert masked_body(message(wide, "application/xml")) == b"X" * len(wide)


def test_an_encoding_that_hides_none_stays() -> None:
    packed = gzip.compress(b"hello")
    assert masked_body(message(packed, "text/plain", content_encoding="gzip")) == packed
    wide = "<a>hello</a>".encode("utf-16")
    assert masked_body(message(wide, "application/xml")) == wide


def test_what_cannot_be_looked_into_goes() -> None:
    assert masked_body(message(b"????", "application/sdp", content_encoding="br")) == b"XXXX"
    broken = gzip.compress(SDP)[:-20]
    assert masked_body(message(broken, "application/sdp", content_encoding="gzip")) == (
        b"X" * len(broken)
    )


@settings(max_examples=100)
@given(
    st.binary(max_size=300),
    st.sampled_from(("application/sdp", "multipart/mixed; boundary=b", "application/xml")),
    st.sampled_from(("", "gzip", "deflate")),
)
def test_any_body_keeps_its_length(body: bytes, content_type: str, encoding: str) -> None:
    headers = {"content_encoding": encoding} if encoding else {}
    assert len(masked_body(message(body, content_type, **headers))) == len(body)


@settings(max_examples=50)
@given(st.integers(0, len(SDP)), st.binary(max_size=20))
def test_no_key_survives_what_stands_around_it(at: int, rubbish: bytes) -> None:
    if KEY in (body := SDP[:at] + rubbish + SDP[at:]) and b"inline:" + KEY in body:
        masked = masked_body(message(body, "application/sdp"))
        assert b"inline:" + KEY not in masked
