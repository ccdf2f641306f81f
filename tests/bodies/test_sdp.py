"""Session descriptions; tshark is the judge of what stands in one."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from dpkt import pcap
from hypothesis import given
from hypothesis import strategies as st

from dissectors.bodies.sdp import (
    MAX_MEDIA,
    MAX_SIZE,
    Bandwidth,
    Connection,
    SessionDescription,
    decode_sdp,
)
from dissectors.body import MediaPart, to_plain
from dissectors.errors import DissectError, LimitExceeded, Malformed
from fixtures.bodies.make import HERE
from tests.conftest import Tshark

OFFER = HERE / "sdp" / "lync_offer.sdp"
KEY = "bm90IGEgcmVhbCBrZXksIGJ1dCBhcyBsb25nLi4u"


def _decode(data: bytes | str) -> SessionDescription:
    data = data if isinstance(data, bytes) else data.encode()
    return decode_sdp(MediaPart("1", "application/sdp", {}, None, None, data))


def _shown(data: str) -> str:
    return json.dumps(to_plain(_decode(data)))


# --- against tshark ---


def _capture(path: Path, sdp: bytes) -> None:
    """Write one SIP message in UDP, as raw IPv4 (LINKTYPE_RAW)."""
    head = (
        "INVITE sip:a@contoso.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n"
        "From: <sip:b@contoso.com>;tag=1\r\nTo: <sip:a@contoso.com>\r\nCall-ID: 1\r\n"
        f"CSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n"
    )
    payload = head.encode() + sdp
    udp = b"".join(n.to_bytes(2, "big") for n in (5060, 5060, 8 + len(payload), 0)) + payload
    total = (20 + len(udp)).to_bytes(2, "big")
    addresses = bytes((10, 0, 0, 1, 10, 0, 0, 2))
    ip = b"\x45\0" + total + b"\0\0\0\0\x40\x11\0\0" + addresses + udp
    with path.open("wb") as file:
        pcap.Writer(file, linktype=101).writepkt(ip, ts=1)


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["lync_offer", "line_feeds", "message"])
def test_tshark_sees_the_same_description(tshark: Tshark, tmp_path: Path, name: str) -> None:
    sdp = (HERE / "sdp" / f"{name}.sdp").read_bytes()
    _capture(tmp_path / "sdp.pcap", sdp)
    names = ("media", "media.port_string", "media.proto", "media_attr", "owner.address")
    (theirs,) = tshark.fields(tmp_path / "sdp.pcap", *(f"sdp.{field}" for field in names))
    value = _decode(sdp)
    assert value.origin
    assert theirs["sdp.owner.address"] == value.origin.unicast_address
    assert [text.split()[0] for text in theirs["sdp.media"].split("|")] == [
        media.media for media in value.media
    ]
    assert theirs["sdp.media.port_string"] == "|".join(str(media.port) for media in value.media)
    assert theirs["sdp.media.proto"] == "|".join(media.proto for media in value.media)
    # "|" stands between keys and lifetimes too, so the attributes' names alone are compared.
    described = [pair[0] for media in value.media for pair in media.attributes]
    found = [text.partition(":")[0] for text in theirs["sdp.media_attr"].split("|")]
    assert [text for text in found if text in described] == described


# --- what is told of a description ---


def test_the_rfcs_fields() -> None:
    value = _decode(OFFER.read_bytes())
    (audio,) = value.media
    assert value.connection == Connection("IN", "IP4", "203.0.113.20")
    assert value.bandwidths == (Bandwidth("CT", 99980),)
    assert value.times == ("t=0 0",)
    assert (audio.media, audio.port, audio.proto) == ("audio", 52732, "RTP/SAVP")
    assert audio.attributes[2] == ("rtcp-rsize", None)
    assert [name for name, _ in audio.attributes].count("candidate") == 7
    assert value.problems == ()


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_line_ends(end: str) -> None:
    value = _decode(end.join(["v=0", "s=-", "m=audio 1 RTP/AVP 0", "a=sendrecv", "", "\0"]))
    assert value.media[0].attributes == (("sendrecv", None),)
    assert value.problems == ()


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        ("a=", 0),
        ("a=:", 0),
        ("x=y", 1),
        ("m", 1),
        ("=", 1),
        ("v=0", 1),
        ("c=IN IP4 192.0.2.1", 0),
        ("c=IN", 1),
        ("b=AS:-1", 1),
        ("b=AS: 64 ", 0),
        ("o=-", 1),
        (" a=indented", 1),
        ("m=audio 1/0 RTP/AVP 0", 0),
        ("m=audio 99999999999999999999 RTP/AVP 0", 1),
        ("m=audio ١ RTP/AVP 0", 1),
    ],
)
def test_lines_that_cannot_be_read_are_told(line: str, problems: int) -> None:
    value = _decode(f"v=0\r\n{line}\r\nm=video 9 RTP/AVP 31\r\n")
    assert len(value.problems) == problems
    assert value.media[-1].media == "video"


def test_a_user_name_with_a_space_is_kept_whole() -> None:
    origin = _decode("v=0\r\no=lee vance 1 2 IN IP4 192.0.2.1\r\n").origin
    assert origin
    assert (origin.username, origin.unicast_address) == ("lee vance", "192.0.2.1")


def test_the_rest_of_a_description_is_read_and_told() -> None:
    value = _decode("a=sendrecv\r\nm=audio 1 RTP/AVP 0\r\n")
    assert value.attributes == (("sendrecv", None),)
    assert len(value.problems) == 1


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\0\0", b"INVITE", b"<xml/>", b"\xff=\xfe"])
def test_what_has_no_line_of_sdp_is_none(data: bytes) -> None:
    with pytest.raises(Malformed):
        _decode(data)


# --- keys ---


@pytest.mark.parametrize(
    "line",
    [
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31|1:1",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4;inline:{KEY}|2^20|2:4 KDR=1",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 INLINE:{KEY}",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};{KEY} {KEY}",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline: {KEY}",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}",
        f"a=CRYPTO :1 AES_CM_128_HMAC_SHA1_80 {KEY}",
        f"a= crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY} {KEY}",
        f"a=cryptoscale:1 client AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31|1:1",
        f"a=cryptoscale:1 server AES_CM_128_HMAC_SHA1_80 {KEY}",
        f"a =crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\r\n{KEY}|2^31",
        f"a=key-mgmt:mikey {KEY}",
        f"k=base64:{KEY}",
        f"k={KEY}",
        f"k=clear:one\r\nk=clear:{KEY}",
    ],
)
def test_no_key_is_shown(line: str) -> None:
    for place in (f"v=0\r\n{line}\r\n", f"v=0\r\nm=audio 1 RTP/SAVP 0\r\n{line}\r\n"):
        assert KEY not in _shown(place)
        assert KEY[:20] not in _shown(place)


def test_the_rest_of_a_security_description_is_kept() -> None:
    line = f"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31|1:1 UNENCRYPTED_SRTCP"
    (pair,) = _decode(f"v=0\r\n{line}\r\n").attributes
    assert pair == (
        "crypto",
        "2 AES_CM_128_HMAC_SHA1_80 inline:<redacted>|2^31|1:1 UNENCRYPTED_SRTCP",
    )


# --- bounds ---


@given(st.lists(st.sampled_from("vosiuepcbktrzmaxy=: \t\r\n\0é/1").map(str), max_size=60))
def test_any_text_gives_a_value_or_an_error(pieces: list[str]) -> None:
    try:
        value = _decode("".join(pieces))
    except DissectError:
        return
    json.dumps(to_plain(value)).encode()


def test_size_is_bounded() -> None:
    with pytest.raises(LimitExceeded):
        _decode(b"v=0\r\n" + b"a=x\r\n" * (MAX_SIZE // 5))


def test_the_number_of_media_is_bounded() -> None:
    line = "m=audio 9 RTP/AVP 0\r\n"
    assert len(_decode("v=0\r\n" + line * MAX_MEDIA).media) == MAX_MEDIA
    with pytest.raises(LimitExceeded):
        _decode("v=0\r\n" + line * (MAX_MEDIA + 1))


def test_the_number_of_problems_is_bounded() -> None:
    assert len(_decode("v=0\r\n" + "bad\r\n" * 10_000).problems) < 50


@pytest.mark.parametrize("unit", ["a=x:y\r\n", "bad\r\n", "inline:", "a", "i=\n"])
def test_time_grows_with_the_size(unit: str) -> None:
    def seconds(count: int) -> float:
        data = "v=0\r\n" + unit * count
        best = []
        for _ in range(3):
            start = time.process_time()
            _decode(data)
            best.append(time.process_time() - start)
        return min(best)

    assert seconds(40_000) < 40 * seconds(4_000) + 0.05
