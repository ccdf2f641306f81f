"""What a message says wrongly is told; RFC 4475's torture is the judge of what is wrong."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from dissectors.errors import DissectError
from dissectors.sip.conformance import check_message
from dissectors.sip.framing import SipFramer, decode_datagram
from dissectors.sip.headers import decode_cseq, decode_name_addr, decode_via, split_values
from dissectors.sip.message import SipRequest, SipResponse, decode_head
from tests.conftest import CORPUS, Tshark
from tests.sip.samples import (
    Event,
    chunk,
    errors_of,
    lync_request,
    lync_response,
    messages_of,
    told,
)

TORTURE = CORPUS / "torture-rfc4475"

# RFC 4475 §3.1.1 and §3.3: odd, but valid on this layer; what a user agent would answer is not
# this layer's business. (dblreq's second request is discarded, which is told.)
VALID = {
    "wsinv": "INVITE", "intmeth": "!interesting-Method0123456789_*+`.%indeed'~", "esc01": "INVITE",
    "escnull": "REGISTER", "esc02": "RE%47IST%45R", "lwsdisp": "OPTIONS", "longreq": "INVITE",
    "dblreq": "REGISTER", "semiuri": "OPTIONS", "transports": "OPTIONS", "mpart01": "MESSAGE",
    "unreason": "200", "noreason": "100", "badbranch": "OPTIONS", "unkscm": "OPTIONS",
    "novelsc": "OPTIONS", "unksm2": "REGISTER", "bext01": "OPTIONS", "invut": "INVITE",
    "regaut01": "REGISTER", "bcast": "200", "zeromf": "OPTIONS", "cparam01": "REGISTER",
    "cparam02": "REGISTER", "regescrt": "REGISTER", "sdp01": "INVITE", "inv2543": "INVITE",
}  # fmt: skip
# RFC 4475 §3.1.2, and those of §3.3 that break a rule of this layer: what must be told.
INVALID = {
    "badinv01": "separators without a value", "clerr": "154 of 9999 bytes",
    "ncl": "Content-Length is '-999'", "scalar02": "no CSeq", "scalarlg": "no CSeq",
    "quotbal": "not closed", "ltgtruri": "Request-URI", "lwsruri": "Request-URI",
    "lwsstart": "Request-URI", "trws": "Request-URI", "escruri": "Request-URI carries headers",
    "baddate": "Date is not in GMT", "regbadct": "not in <>", "badaspec": "white space in the URI",
    "baddn": "display name needs quotes", "badvers": "version is SIP/7.0",
    "mismatch01": "does not name the method", "mismatch02": "does not name the method",
    "bigcode": "no SIP start line", "insuf": "mandatory headers are missing: from, to, call-id",
    "multi01": "different values", "mcl01": "content-length is given with different values",
}  # fmt: skip


def _torture(name: str) -> bytes:
    return (TORTURE / f"{name}.dat").read_bytes()


def _kind(message: SipRequest | SipResponse) -> str:
    return message.method if isinstance(message, SipRequest) else str(message.status_code)


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "kind"), VALID.items(), ids=list(VALID))
def test_valid_torture_is_read_and_not_complained_of(name: str, kind: str) -> None:
    events = decode_datagram(_torture(name), 1, 0, 0)
    [message] = messages_of(events)
    assert _kind(message) == kind
    expected = ["450 bytes beyond Content-Length were discarded"] if name == "dblreq" else []
    assert [error.summary for error in errors_of(events)] == expected
    assert decode_cseq(message.get("cseq") or "").method == kind or kind.isdecimal()
    assert decode_name_addr(message.get("from") or "").tag or name == "inv2543"
    for line in message.get_all("via"):
        assert all(decode_via(via).sent_by for via in split_values(line))


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "summary"), INVALID.items(), ids=list(INVALID))
def test_invalid_torture_is_told(name: str, summary: str) -> None:
    events = decode_datagram(_torture(name), 1, 0, 0)
    assert summary in told(events)
    assert bool(messages_of(events)) == (name != "bigcode")


@pytest.mark.corpus
def test_all_torture_is_judged_here() -> None:
    assert {path.stem for path in TORTURE.glob("*.dat")} == {*VALID, *INVALID}


@pytest.mark.corpus
def test_odd_spacing_and_folding_are_undone() -> None:
    [message] = messages_of(decode_datagram(_torture("wsinv"), 1, 0, 0))
    assert message.get("to") == "sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n"
    assert decode_name_addr(message.get("to") or "").tag == "1918181833n"
    assert decode_cseq(message.get("cseq") or "").number == 9
    vias = [decode_via(via) for line in message.get_all("via") for via in split_values(line)]
    assert [(via.transport, via.sent_by, via.branch) for via in vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert message.get("newfangledheader") == "newfangled value continued newfangled value"
    assert len(message.body) == 150


@pytest.mark.corpus
@pytest.mark.parametrize("path", sorted(TORTURE.glob("*")), ids=lambda path: path.name)
def test_no_torture_breaks_a_stream(path: Path) -> None:
    """Between two good messages, a bad one hurts at most itself where its length is not a lie."""
    data, good = path.read_bytes(), lync_request(call_id="good")
    framer = SipFramer()
    events: list[Event] = [*framer.push(chunk(good + data + good)), *framer.finish()]
    call_ids = [message.get("call-id") for message in messages_of(events)]
    assert call_ids[0] == "good"
    lies = ("clerr", "mcl01", "bc2", "kamailio")
    assert call_ids[-1] == "good" or path.name.startswith(lies)
    single = SipFramer()
    again = [
        e
        for at, b in enumerate(good + data + good)
        for e in single.push(chunk(bytes([b]), first_frame=at + 1))
    ]
    again += single.finish()
    assert told(again) == told(events)
    assert [m.headers for m in messages_of(again)] == [m.headers for m in messages_of(events)]


# --- against tshark -----------------------------------------------------------------------------


def _datagrams(datagrams: list[bytes]) -> bytes:
    """Return a pcap of raw IPv4 packets (LINKTYPE_RAW), one UDP datagram in each."""
    packets = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 101)]
    for data in datagrams:
        udp = struct.pack(">HHHH", 5060, 5060, 8 + len(data), 0) + data
        addresses = bytes((10, 0, 0, 1, 10, 0, 0, 2))
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses + udp
        packets.append(struct.pack("<IIII", 0, 0, len(ip), len(ip)) + ip)
    return b"".join(packets)


FIELDS = {
    "sip.Method": lambda m: m.method if isinstance(m, SipRequest) else "",
    "sip.Status-Code": lambda m: str(m.status_code) if isinstance(m, SipResponse) else "",
    "sip.r-uri": lambda m: m.request_uri if isinstance(m, SipRequest) else "",
    "sip.Call-ID": lambda m: m.get("call-id") or "",
    "sip.User-Agent": lambda m: m.get("user-agent") or "",
    "sip.Event": lambda m: m.get("event") or "",
}


@pytest.mark.oracle
@pytest.mark.corpus
def test_tshark_reads_the_same_in_the_torture(tshark: Tshark, tmp_path: Path) -> None:
    # Left out: what tshark takes for no SIP, or whose Request-URI it cuts at a space, and where
    # headers are repeated, of which it prints all.
    others = {"bigcode", "badvers", "trws", "lwsruri", "lwsstart", "ltgtruri", "multi01"}
    names = sorted({*VALID, *INVALID} - others)
    capture = tmp_path / "torture.pcap"
    capture.write_bytes(_datagrams([_torture(name) for name in names]))
    rows = tshark.fields(capture, "frame.number", *FIELDS)
    theirs = {names[int(row.pop("frame.number")) - 1]: row for row in rows}
    ours = {}
    for name in names:
        [message] = messages_of(decode_datagram(_torture(name), 1, 0, 0))
        ours[name] = {field: read(message) for field, read in FIELDS.items()}
    assert theirs == ours


# --- what Lync sends is not complained of -------------------------------------------------------


@pytest.mark.parametrize("data", [lync_request(), lync_response()], ids=["request", "response"])
def test_lync_is_not_complained_of(data: bytes) -> None:
    faults: list[DissectError] = []
    check_message(decode_head(data), faults)
    assert faults == []


@pytest.mark.parametrize(
    ("old", "new", "summary"),
    [
        ("FROM: ", "X: ", "missing: from"),
        ("CALL-ID: 55e99a32b7", "CALL-ID:", "missing: call-id"),
        ("CSEQ: 1 INVITE", "CSEQ: 1", "no CSeq"),
        ("CSEQ: 1 INVITE", "CSEQ: 4294967295 INVITE", "not below 2**31"),
        ("CSEQ: 1 INVITE", "CSEQ: 1 BYE", "does not name the method"),
        ("Max-Forwards: 69", "Max-Forwards: 256", "Max-Forwards is '256'"),
        ("Max-Forwards: 69", "Max-Forwards:", "Max-Forwards is ''"),
        ("CONTACT: ", "CONTACT: <sip:b>, ", None),
        ("CONTACT: ", "CONTACT: <b>, ", "contact: URI without a scheme"),
        ("Max-Forwards: 69", "Max-Forwards: 000", None),
    ],
)
def test_what_is_checked(old: str, new: str, summary: str | None) -> None:
    faults: list[DissectError] = []
    head = lync_request().decode()
    assert old in head
    check_message(decode_head(head.replace(old, new, 1).encode()), faults)
    assert [fault.severity for fault in faults] == ["warning"] * bool(summary)
    assert (summary or "") in told(faults)
