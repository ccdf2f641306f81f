"""The media-type table, and what all decoders of bodies share."""

from __future__ import annotations

import ast
import contextlib
import doctest
import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dissectors.bodies
from dissectors import body
from dissectors.bodies.generic_xml import decode_generic_xml
from dissectors.bodies.multipart import Multipart, decode_multipart
from dissectors.bodies.rlmi import decode_rlmi
from dissectors.bodies.text import PlainText
from dissectors.body import (
    MAX_INFLATED,
    MAX_NESTING,
    MAX_PARTS,
    REDACTED,
    BodyRegistry,
    MediaPart,
    bodies,
    conference_id_of,
    decode_part,
    decoder_of,
    flat_values,
    inflate,
    other_values,
    part_of,
    redact_keys,
    to_plain,
    top_part,
    walk_parts,
)
from dissectors.errors import DissectError, LimitExceeded, Malformed, Truncated, Unsupported
from dissectors.markup import decode_xml
from dissectors.sip.message import SipRequest


def _part(media_type: str, data: bytes, **parameters: str) -> MediaPart:
    return MediaPart("1", media_type, parameters, None, None, data)


def _message(data: bytes, **headers: str) -> SipRequest:
    values = {name.replace("_", "-"): value for name, value in headers.items()}
    return SipRequest(list(values.items()), data, (1,), 0, 0, 0, values, method="INVITE")


def test_examples() -> None:
    assert doctest.testmod(body).attempted
    assert doctest.testmod(body).failed == 0


# --- from a message to a part ---


def test_the_body_of_a_message_is_its_top_part() -> None:
    message = _message(
        b"x",
        content_type='Multipart/Related;TYPE="a/b";boundary=q',
        content_id="<one@contoso.com>",
        content_disposition="session;handling=required",
        content_encoding="gzip",
    )
    assert top_part(message) == MediaPart(
        "1",
        "multipart/related",
        {"type": "a/b", "boundary": "q"},
        "one@contoso.com",
        "session;handling=required",
        b"x",
        "gzip",
    )


@pytest.mark.parametrize(
    ("content_type", "media_type"),
    [(None, "a/default"), ("", "a/default"), ("SDP;x=y", "sdp"), ("text/plain ; q", "text/plain")],
)
def test_odd_content_types(content_type: str | None, media_type: str) -> None:
    assert part_of({"content-type": content_type}, b"", "1", "a/default").media_type == media_type


def test_a_body_without_content_type_is_decoded_by_nobody() -> None:
    part = top_part(_message(b"v=0\r\n"))
    assert part.media_type == "application/octet-stream"
    assert decode_part(part) is None


# --- from a part to its value ---


@pytest.mark.parametrize(
    ("media_type", "decoder"),
    [
        ("application/rlmi+xml", decode_rlmi),
        ("multipart/related", decode_multipart),
        ("multipart/x-never-seen", decode_multipart),
        ("application/never-seen+xml", decode_generic_xml),
        ("text/xml+msrtc.wpending", decode_generic_xml),
        ("application/xml", decode_generic_xml),
        ("application/xmlish", None),
        ("application/octet-stream", None),
        ("xml", None),
        ("", None),
    ],
)
def test_who_decodes_what(media_type: str, decoder: object) -> None:
    assert decoder_of(media_type) is decoder


def test_what_makes_rows_of_other_tables_is_told_when_it_is_registered() -> None:
    table = BodyRegistry()
    table.register("a/b", "a/c", tabulated=True)(decode_rlmi)
    table.register("a/d")(decode_generic_xml)
    assert (set(table), table.tabulated) == ({"a/b", "a/c", "a/d"}, {"a/b", "a/c"})
    with pytest.raises(ValueError, match="registered twice"):
        table.register("a/d", tabulated=True)(decode_rlmi)
    assert "a/d" not in table.tabulated
    assert "application/rlmi+xml" in bodies.tabulated <= set(bodies)


def test_other_values_are_those_of_children_not_known() -> None:
    root = decode_xml(b'<a x="1"><b>2</b><c y="3"/><c/><pin>4711</pin></a>').root
    assert other_values(root, frozenset("b")) == {
        "a/c@y": "3",
        "a/c[2]": "",
        "a/pin": REDACTED,
    }
    assert other_values(root, frozenset(("b", "c", "pin"))) == {}


def test_body_decoders_do_not_know_each_other() -> None:
    folder = Path(dissectors.bodies.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("dissectors.bodies"), path


def test_parts_are_walked_depth_first() -> None:
    inner = b"--i\n\none\n--i\n\ntwo\n--i--"
    data = (
        b"--o\nContent-Type: multipart/mixed; boundary=i\n\n" + inner + b"\n"
        b"--o\nContent-Type: application/sdp\n\nnonsense\n"
        b"--o\nContent-Type: image/gif\n\nGIF\n--o--"
    )
    walked = list(walk_parts(_part("multipart/mixed", data, boundary="o")))
    assert [part.path for part, _ in walked] == ["1", "1.1", "1.1.1", "1.1.2", "1.2", "1.3"]
    kinds = [type(value) for _, value in walked]
    assert kinds == [Multipart, Multipart, PlainText, PlainText, Malformed, type(None)]


def test_nesting_is_bounded() -> None:
    data = b"inside"
    for level in range(20):
        head = b"Content-Type: multipart/mixed;boundary=q%d\r\n\r\n" % (level - 1)
        data = b"--q%d\r\n%b%b\r\n--q%d--" % (level, head if level else b"\r\n", data, level)
    walked = list(walk_parts(_part("multipart/mixed", data, boundary="q19")))
    assert len(walked) == MAX_NESTING + 1
    assert isinstance(walked[-1][1], LimitExceeded)
    assert all(isinstance(value, Multipart) for _, value in walked[:-1])


def test_the_number_of_parts_is_bounded() -> None:
    inner = b"--i\r\n\r\nx\r\n" * 200 + b"--i--\r\n"
    outer = b"--o\r\nContent-Type: multipart/mixed;boundary=i\r\n\r\n" + inner
    walked = list(walk_parts(_part("multipart/mixed", outer * 200 + b"--o--", boundary="o")))
    assert len(walked) == MAX_PARTS + 1
    assert isinstance(walked[-1][1], LimitExceeded)
    assert not any(isinstance(value, DissectError) for _, value in walked[:-1])


@given(st.binary(max_size=300), st.sampled_from([*body.bodies, "multipart/mixed"]))
@settings(max_examples=200)
def test_any_bytes_give_a_value_or_an_error(data: bytes, media_type: str) -> None:
    part = _part(media_type, data, boundary="b")
    for _, value in walk_parts(part):
        if not isinstance(value, DissectError):
            json.dumps(to_plain(value), allow_nan=False).encode()


# --- content encodings ---


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "deflate", "identity, gzip, "])
def test_content_encodings_are_undone(coding: str) -> None:
    data = zlib.compress(b"v=0") if coding == "deflate" else gzip.compress(b"v=0", mtime=0)
    assert inflate(data, coding) == b"v=0"


def test_deflate_without_zlib_is_accepted() -> None:
    compressor = zlib.compressobj(wbits=-15)
    data = compressor.compress(b"v=0\r\n" * 40) + compressor.flush()
    assert inflate(data, "deflate") == b"v=0\r\n" * 40


def test_several_encodings_are_undone_from_the_last() -> None:
    assert inflate(gzip.compress(zlib.compress(b"x")), "deflate, gzip") == b"x"


def test_a_decoder_gets_the_inflated_body() -> None:
    message = _message(
        gzip.compress(b"hi", mtime=0), content_type="text/plain", content_encoding="gzip"
    )
    assert decode_part(top_part(message)) == PlainText("hi", None, ())


BOMB = gzip.compress(gzip.compress(b"\0" * (MAX_INFLATED + 1), mtime=0), mtime=0)


@pytest.mark.parametrize(
    ("data", "coding", "kind"),
    [
        (b"x", "br", Unsupported),
        (b"not gzip at all", "gzip", Malformed),
        (b"", "gzip", Truncated),
        (gzip.compress(b"hello", mtime=0)[:-9], "gzip", Truncated),
        (gzip.compress(b"hello", mtime=0) + b"more", "gzip", Malformed),
        (BOMB, "gzip, gzip", LimitExceeded),
        (b"x", ",".join(["identity"] * 5), LimitExceeded),
    ],
)
def test_what_cannot_be_inflated(data: bytes, coding: str, kind: type[DissectError]) -> None:
    with pytest.raises(kind):
        inflate(data, coding)
    part = MediaPart("1", "text/plain", {}, None, None, data, coding)
    ((_, value),) = walk_parts(part)
    assert isinstance(value, kind)


@given(st.binary(max_size=80), st.sampled_from(["gzip", "deflate"]))
def test_any_bytes_inflate_or_raise(data: bytes, coding: str) -> None:
    with contextlib.suppress(DissectError):
        inflate(data, coding)


# --- what decoders share ---


@pytest.mark.parametrize(
    ("uri", "conference_id"),
    [
        ("sip:kim@contoso.com;gruu;opaque=app:conf:audio-video:id:X1Y2", "X1Y2"),
        ("sip:kim@contoso.com;gruu;opaque=app:conf:focus:id:teams:2:0!19:m@thread.v2", None),
        ("sip:kim@contoso.com;gruu;opaque=app:conf:focusfactory", None),
        ("sip:kim@contoso.com", None),
        ("nonsense", None),
        ("", None),
        (None, None),
    ],
)
def test_conference_ids(uri: str | None, conference_id: str | None) -> None:
    expected = "teams:2:0!19:m@thread.v2" if uri and "teams" in uri else conference_id
    assert conference_id_of(uri) == expected


KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"


@pytest.mark.parametrize("name", ["inline:", "INLINE:", "Inline:", "inline: "])
def test_keys_are_redacted(name: str) -> None:
    text = redact_keys(f"a=crypto:1 S {name}{KEY}|2^20|1:4;inline:{KEY}\na=ptime:20")
    assert KEY not in text
    assert "|2^20|1:4;" in text
    assert "a=ptime:20" in text


def test_passwords_are_redacted() -> None:
    xml = f'<a password="p"><Passcode>1</Passcode><pin/><b>inline:{KEY}</b><PIN>2</PIN></a>'
    assert flat_values(decode_xml(xml.encode()).root) == {
        "a@password": REDACTED,
        "a/Passcode": REDACTED,
        "a/pin": "",
        "a/b": f"inline:{REDACTED}",
        "a/PIN": REDACTED,
    }


# --- from a value to JSON ---


@dataclass(frozen=True, slots=True)
class _Value:
    number: int | None
    pairs: tuple[tuple[str, str | None], ...]
    values: dict[str, bytes]
    part: MediaPart


def test_values_become_plain() -> None:
    part = MediaPart("1.2", "image/gif", {"q": "1"}, "c", None, b"GIF")
    value = _Value(None, (("a", "b"), ("c", None)), {"x": b"text", "y": b"\xff"}, part)
    assert to_plain(value) == {
        "number": None,
        "pairs": [["a", "b"], ["c", None]],
        "values": {"x": "text", "y": {"base64": "/w=="}},
        "part": {
            "path": "1.2",
            "media_type": "image/gif",
            "parameters": {"q": "1"},
            "content_id": "c",
            "disposition": None,
        },
    }
    assert json.loads(json.dumps(to_plain([1, True, 2.5, "x"]))) == [1, True, 2.5, "x"]


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError):
        to_plain(object())
