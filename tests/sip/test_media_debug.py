"""Blobs in which clients tell of their media, as they were published."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dissectors.sip.media_debug import ICE_WARNINGS, decode_media_debug, ice_warnings

SHARING = (
    "application-sharing:ICEWarn=0x4000320,LocalSite=203.0.113.9:20702, LocalMR=203.0.113.63:54829,"
    "RemoteSite=10.1.111.11:62198, RemoteMR=198.51.100.64:51184, PortRange=1025:65000,"
    "LocalMRTCPPort=54829, RemoteMRTCPPort=51184,LocalLocation=1, RemoteLocation=2,FederationType=0"
)
CHANNEL = (
    "NetworkErr=no error,ErrTime=0,RTPSeq=0,SeqDelta=0,RTPTime=0,RTCPTime=0,TransptRecvErr=0x0,"
    "RecvErrTime=0,InterfacesStall=0x0,MediaTimeout=0,RtcpByeSent=0,RtcpByeRcvd=0,BlobVer=1"
)


def test_what_a_caller_tells() -> None:
    [one] = decode_media_debug(SHARING)
    assert one.modality == "application-sharing"
    assert one.ice_warn == 0x4000320
    assert one.values["LocalMR"] == "203.0.113.63:54829"
    assert one.values["PortRange"] == "1025:65000"
    assert list(one.values)[-1] == "FederationType"
    assert len(one.values) == 11


def test_what_a_channel_tells() -> None:
    [one] = decode_media_debug(CHANNEL)
    assert one.modality is None
    assert one.ice_warn is None
    assert one.values["NetworkErr"] == "no error"
    assert len(one.values) == 13


def test_several_modalities() -> None:
    audio, video = decode_media_debug("audio:ICEWarn=0x0,LocalSite=a,video:ICEWarn=0x1,LocalSite=b")
    assert (audio.modality, audio.ice_warn, audio.values["LocalSite"]) == ("audio", 0, "a")
    assert (video.modality, video.ice_warn, video.values["LocalSite"]) == ("video", 1, "b")


def test_nothing_is_lost_of_what_is_odd() -> None:
    [one] = decode_media_debug("audio:ICEWarn=zero,Site=a,b,,Site=c,=x")
    assert one.ice_warn is None
    assert one.values == {"ICEWarn": "zero", "Site": "a,b,c,=x"}
    [odd] = decode_media_debug("no pairs at all")
    assert odd.values == {"": "no pairs at all"}
    assert decode_media_debug("") == ()


def test_warnings_by_name_and_by_number() -> None:
    assert ice_warnings(0) == ()
    assert ice_warnings(0x20) == ("no direct connectivity",)
    assert ice_warnings(0x400) == ("flag 0x400",)
    assert len(ice_warnings(0xFFFFFFFF)) == 32
    assert [flag for flag, _ in ICE_WARNINGS] == [1 << bit for bit in range(10)]


@given(st.text("audio:ICEWarn=0x1,; \t-", max_size=60) | st.text(max_size=30))
def test_any_text_gives_values(text: str) -> None:
    for one in decode_media_debug(text):
        assert one.ice_warn is None or one.ice_warn >= 0
        assert all(isinstance(value, str) for value in one.values.values())
