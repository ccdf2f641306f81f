"""Attributes of session descriptions; tshark is the judge of candidates and crypto suites."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.bodies.sdp import MediaDescription, decode_sdp
from dissectors.body import MediaPart
from dissectors.errors import DissectError, Malformed
from dissectors.sdp_attributes import (
    Candidate,
    Codec,
    CryptoSuite,
    candidates_of,
    codecs_of,
    crypto_suites_of,
    decode_candidate,
    decode_device_caps,
    decode_media_bandwidth,
    decode_ssrc_range,
    decode_video_caps,
    direction_of,
    has_chosen_candidates,
    is_2007_fallback,
    value_of,
)
from fixtures.bodies.make import HERE
from tests.bodies.test_sdp import _capture
from tests.conftest import Tshark

OFFER = (HERE / "sdp" / "lync_offer.sdp").read_bytes()


def audio(sdp: bytes = OFFER) -> MediaDescription:
    return decode_sdp(MediaPart("1", "application/sdp", {}, None, None, sdp)).media[0]


# --- against tshark -------------------------------------------------------------------------------


@pytest.mark.oracle
def test_tshark_reads_the_same_candidates(tshark: Tshark, tmp_path: Path) -> None:
    _capture(tmp_path / "sdp.pcap", OFFER)
    names = ("foundation", "componentid", "transport", "priority", "address", "port", "type")
    fields = [f"sdp.ice_candidate.{name}" for name in names]
    (theirs,) = tshark.fields(tmp_path / "sdp.pcap", *fields)
    columns = [theirs[field].split("|") for field in fields]
    found = [
        Candidate("rfc5245", one[0], int(one[1]), one[2].lower(), float(one[3]), one[4],
                  int(one[5]), one[6], None, None)
        for one in zip(*columns, strict=True)
    ]  # fmt: skip
    ours = candidates_of(audio().attributes)
    assert len(ours) == 7
    assert [(one.foundation, one.component, one.transport, one.priority, one.address, one.port,
             one.kind) for one in ours] == [
        (one.foundation, one.component, one.transport, one.priority, one.address, one.port,
         one.kind) for one in found
    ]  # fmt: skip


@pytest.mark.oracle
def test_tshark_reads_the_same_crypto_suites(tshark: Tshark, tmp_path: Path) -> None:
    _capture(tmp_path / "sdp.pcap", OFFER)
    names = ("sdp.crypto.tag", "sdp.crypto.crypto_suite")
    (theirs,) = tshark.fields(tmp_path / "sdp.pcap", *names)
    tags, suites = (theirs[name].split("|") for name in names)
    ours = [one for one in crypto_suites_of(audio().attributes) if one.attribute == "crypto"]
    assert [(one.tag, one.suite) for one in ours] == list(zip(tags, suites, strict=True))


# --- candidates -----------------------------------------------------------------------------------


def test_both_grammars() -> None:
    new = decode_candidate(
        "2 1 TCP-PASS 6556159 203.0.113.20 52732 typ relay raddr 10.1.4.17 rport 21052 "
    )
    assert (new.grammar, new.transport, new.kind) == ("rfc5245", "tcp-pass", "relay")
    assert (new.related_address, new.related_port) == ("10.1.4.17", 21052)
    old = decode_candidate("kq1TtHq3+/ 2 0fZk1x2v UDP 0.830 2001:db8::9 21052")
    assert (old.grammar, old.foundation, old.component, old.kind) == (
        "draft-6",
        "kq1TtHq3+/",
        2,
        None,
    )
    assert (old.priority, old.address, old.port) == (0.83, "2001:db8::9", 21052)


def test_the_password_of_draft_6_stays_out() -> None:
    assert "0fZk1x2v" not in repr(decode_candidate("kq1TtHq3 1 0fZk1x2v UDP 0.830 10.1.4.17 21052"))


@pytest.mark.parametrize(
    "value",
    ["", "1", "1 1 UDP x 10.0.0.1 1 typ host", "1 1 UDP 1 10.0.0.1 1", "a 1 b SCTP 0.5 10.0.0.1 9"],
)
def test_what_is_no_candidate(value: str) -> None:
    with pytest.raises(Malformed):
        decode_candidate(value)
    assert candidates_of([("candidate", value), ("candidate", None), ("mid", "1")]) == ()


def test_ipv6_candidates_count() -> None:
    (one,) = candidates_of([("x-candidate-ipv6", "1 1 UDP 5 2001:db8::1 9 typ srflx")])
    assert one.kind == "srflx"


def test_the_end_of_ice() -> None:
    assert has_chosen_candidates([("remote-candidates", "1 10.0.0.1 5")])
    assert has_chosen_candidates([("remote-candidate", "kq1TtHq3")])
    assert not has_chosen_candidates(audio().attributes)


# --- SRTP, codecs, directions ---------------------------------------------------------------------


def test_crypto_suites_without_their_keys() -> None:
    suites = crypto_suites_of(audio().attributes)
    name = "AES_CM_128_HMAC_SHA1_80"
    assert suites == (
        CryptoSuite("cryptoscale", "1", name, "client"),
        CryptoSuite("crypto", "2", name, None),
        CryptoSuite("crypto", "3", name, None),
    )
    assert crypto_suites_of([("crypto", "1"), ("cryptoscale", "1 client"), ("crypto", None)]) == ()


def test_codecs_in_order_of_preference() -> None:
    codecs = codecs_of(audio().fmt, audio().attributes)
    assert [str(one) for one in codecs[:4]] == [
        "G722/8000",
        "SILK/16000",
        "x-msrta/16000",
        "G722/8000",
    ]
    assert codecs[0] == Codec("117", "G722", 8000, 2)
    unnamed = next(one for one in codecs if one.fmt == "111")
    assert (unnamed.name, str(unnamed)) == (None, "111")
    assert [one.fmt for one in codecs if one.is_auxiliary] == ["97", "13", "101"]


@pytest.mark.parametrize(
    ("rtpmap", "codec"),
    [
        ("114 x-msrta/16000", Codec("114", "x-msrta", 16000, None)),
        ("114  SIREN/16000", Codec("114", "SIREN", 16000, None)),
        ("114 X-H264UC/90000", Codec("114", "X-H264UC", 90000, None)),
        ("114", Codec("114", None, None, None)),
        ("114 /8000", Codec("114", None, 8000, None)),
        ("114 RED/x/y", Codec("114", "RED", None, None)),
    ],
)
def test_rtpmap(rtpmap: str, codec: Codec) -> None:
    assert codecs_of(("114",), [("rtpmap", rtpmap)]) == (codec,)


@pytest.mark.parametrize("name", ["x-ulpfecuc", "RED", "CN", "telephone-event"])
def test_codecs_that_carry_no_medium(name: str) -> None:
    assert Codec("1", name, 8000, None).is_auxiliary


def test_directions() -> None:
    assert direction_of([]) == "sendrecv"
    assert direction_of([("mid", "1"), ("recvonly", None)], [("inactive", None)]) == "recvonly"
    assert direction_of([], [("inactive", None)]) == "inactive"


def test_microsofts_attributes() -> None:
    assert decode_ssrc_range("1767202049-1767202050") == (1767202049, 1767202050)
    assert decode_ssrc_range("7") == (7, 7)
    assert decode_device_caps("audio:send,recv; video:;x") == {
        "audio": ("send", "recv"),
        "video": (),
    }
    assert decode_media_bandwidth("main-video send=8100;recv=x") == ("main-video", {"send": 8100})
    payload_type, modes = decode_video_caps(
        "121 263:640:480:30.0:600000:1;4359:1280:720:15:1500000;x"
    )
    assert payload_type == "121"
    assert [(one.width, one.frame_rate) for one in modes] == [(640, 30.0), (1280, 15.0)]
    assert value_of([("x-bypassid", " 2F1A "), ("x-bypassid", "other")], "x-bypassid") == "2F1A"
    assert value_of([("x-bypassid", None)], "x-bypassid") is None


@pytest.mark.parametrize("value", ["", "a-b", "5-4", "0-4294967296", "1-"])
def test_what_is_no_ssrc_range(value: str) -> None:
    with pytest.raises(Malformed):
        decode_ssrc_range(value)


@pytest.mark.parametrize(
    ("disposition", "fallback"),
    [
        (None, False),
        ("session; handling=optional", False),
        ("session; handling=optional; ms-proxy-2007fallback", True),
        ("session;MS-Proxy-2007Fallback", True),
        ("session; x=ms-proxy-2007fallback", False),
    ],
)
def test_the_part_for_ocs_2007(disposition: str | None, fallback: bool) -> None:
    assert is_2007_fallback(disposition) is fallback


@given(st.text(max_size=200))
def test_any_value_is_read_or_refused(value: str) -> None:
    for decode in (decode_candidate, decode_ssrc_range):
        try:
            decode(value)
        except DissectError:
            continue
    decode_device_caps(value)
    decode_media_bandwidth(value)
    decode_video_caps(value)
    attributes = [
        ("candidate", value),
        ("crypto", value),
        ("cryptoscale", value),
        ("rtpmap", value),
    ]
    candidates_of(attributes)
    crypto_suites_of(attributes)
    codecs_of(value.split(), attributes)
