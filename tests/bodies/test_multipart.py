"""Multipart bodies; judged by Python's email package where they are right."""

from __future__ import annotations

import email
import email.policy
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.bodies.multipart import Multipart, decode_multipart
from dissectors.body import MAX_PARTS, MediaPart
from dissectors.errors import Malformed


def _part(
    data: bytes, boundary: str | None = "b", media_type: str = "multipart/mixed"
) -> MediaPart:
    parameters = {} if boundary is None else {"boundary": boundary}
    return MediaPart("1", media_type, parameters, None, None, data)


def _data(value: Multipart) -> list[bytes]:
    return [part.data for part in value.parts]


# --- right bodies: what Python's email package reads ---

LINES = st.text("abc -=:;\u00fc", max_size=12).map(str.encode)


@st.composite
def multiparts(draw: st.DrawFn) -> tuple[bytes, str, bytes]:
    end = draw(st.sampled_from([b"\r\n", b"\n"]))
    boundary = draw(st.sampled_from(["b", "----=_NextPart_000_0", "a b", "q'()+_,-./:=?"]))
    lines = [b"preamble"] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 4))):
        lines.append(b"--" + boundary.encode() + draw(st.sampled_from([b"", b"  \t"])))
        if draw(st.booleans()):
            lines += [b"content-TYPE: application/x-test;", b"\tname=folded"]
        if draw(st.booleans()):
            lines.append(b"Content-ID: <one@contoso.com>")
        content = draw(st.lists(LINES, max_size=4))
        lines += [b"", *(line.removeprefix(b"--") for line in content)]
    lines += [b"--" + boundary.encode() + b"--", b"epilogue"]
    return end.join(lines), boundary, end


@given(multiparts())
@settings(max_examples=80)
def test_right_bodies_give_the_parts_that_email_gives(made: tuple[bytes, str, bytes]) -> None:
    data, boundary, end = made
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"'.encode()
    theirs = email.message_from_bytes(head + end + end + data, policy=email.policy.HTTP)
    value = decode_multipart(_part(data, boundary))
    assert value.problems == ()
    assert value.preamble_length == (len(b"preamble") if data.startswith(b"preamble") else 0)
    assert len(value.parts) == len(theirs.get_payload())
    for mine, other in zip(value.parts, theirs.get_payload(), strict=True):
        assert mine.media_type == other.get_content_type()
        assert mine.data == other.get_payload(decode=True)
        assert (mine.content_id is not None) == ("content-id" in other)
        assert mine.parameters.get("name") == other.get_param("name")


# --- what is tolerated ---


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("boundary", ["b", "--b", "----=_NextPart_000_00AF", "=", "a+b(c)*"])
def test_boundaries_of_all_kinds(boundary: str, end: str) -> None:
    lines = [f"--{boundary}", "", "one", f"--{boundary}", "A: b", "", "two", f"--{boundary}--", ""]
    assert _data(decode_multipart(_part(end.join(lines).encode(), boundary))) == [b"one", b"two"]


def test_a_line_that_begins_like_a_delimiter_belongs_to_the_part() -> None:
    data = b"--b\r\n\r\n--bc\r\n x --b\r\n--b-\r\n--b--"
    assert _data(decode_multipart(_part(data))) == [b"--bc\r\n x --b\r\n--b-"]


def test_lync_leaves_the_angle_brackets_out() -> None:
    part = MediaPart(
        "1",
        "multipart/related",
        {"boundary": "b", "start": "resourceList", "type": "application/rlmi+xml"},
        None,
        None,
        b"--b\r\nContent-ID: resourceList\r\n\r\n\r\n--b\r\nContent-ID: < c1@p >\r\n\r\n\r\n--b--",
    )
    value = decode_multipart(part)
    assert value.start == "resourceList"
    assert value.root_type == "application/rlmi+xml"
    assert [part.content_id for part in value.parts] == ["resourceList", "c1@p"]


def test_a_missing_end_is_told_and_the_last_part_kept() -> None:
    value = decode_multipart(_part(b"--b\r\n\r\none\r\n--b\r\n\r\ntw"))
    assert _data(value) == [b"one", b"tw"]
    assert value.problems == ("no closing delimiter: the last part may be cut",)
    assert value.epilogue_length == 0


def test_a_missing_boundary_is_guessed_and_told() -> None:
    value = decode_multipart(_part(b"\r\n--found it \r\n\r\none\r\n--found it--", None))
    assert _data(value) == [b"one"]
    assert len(value.problems) == 1


@pytest.mark.parametrize(
    ("data", "boundary"),
    [(b"", "b"), (b"no delimiter", "b"), (b"--c\r\n\r\nx\r\n--c--", "b"), (b"text", None)],
)
def test_without_a_delimiter_it_is_no_multipart(data: bytes, boundary: str | None) -> None:
    with pytest.raises(Malformed):
        decode_multipart(_part(data, boundary))


@pytest.mark.parametrize(
    ("encoding", "sent", "data"),
    [
        ("7bit", b"a=b", b"a=b"),
        ("Binary", b"\xff\0", b"\xff\0"),
        ("BASE64", b"Z3LD\r\nvMOfZQ==\r\n", "grüße".encode()),
        ("quoted-printable", b"gr=C3=BC=C3=9F=\r\ne=20", "grüße ".encode()),
    ],
)
def test_transfer_encodings_are_undone(encoding: str, sent: bytes, data: bytes) -> None:
    head = f"--b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    value = decode_multipart(_part(head + sent + b"\r\n--b--"))
    assert _data(value) == [data]
    assert value.problems == ()


@pytest.mark.parametrize(
    ("encoding", "sent", "data"),
    [
        ("base64", b"R0lGODlhA", b"GIF89a"),
        ("base64", b"R0l=GODlhAQ=", b"GIF89a"),
        ("x-uu", b"abc", b"abc"),
    ],
)
def test_what_cannot_be_undone_is_told(encoding: str, sent: bytes, data: bytes) -> None:
    head = f"--b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    value = decode_multipart(_part(head + sent + b"\r\n--b--"))
    assert _data(value)[0].startswith(data)
    assert len(value.problems) == 1


@pytest.mark.parametrize(
    ("inside", "media_type", "data"),
    [
        (b"\r\nContent-Type: a/b", "a/b", b""),
        (b"\r\nContent-Type: a/b\r\n\r\n", "a/b", b""),
        (b"\r\nno header here", "text/plain", b"no header here"),
        (b"", "text/plain", b""),
        (b"\r\n\r\n\r\nx", "text/plain", b"\r\nx"),
        (b"\r\n:\r\nContent-Type : a/b\r\nContent-Type: c/d\r\n\r\nx", "a/b", b"x"),
        (b"\r\n Content-Type: a/b\r\n\r\nx", "a/b", b"x"),
    ],
)
def test_odd_headers_of_parts(inside: bytes, media_type: str, data: bytes) -> None:
    (part,) = decode_multipart(_part(b"--b" + inside + b"\r\n--b--")).parts
    assert (part.media_type, part.data) == (media_type, data)


def test_parts_of_a_digest_are_messages() -> None:
    value = decode_multipart(_part(b"--b\r\n\r\nx\r\n--b--", media_type="multipart/digest"))
    assert value.parts[0].media_type == "message/rfc822"


# --- hostile bodies ---


def test_the_number_of_parts_is_bounded_and_told() -> None:
    value = decode_multipart(_part(b"--b\r\n\r\nx\r\n" * 5000 + b"--b--"))
    assert MAX_PARTS <= len(value.parts) <= MAX_PARTS + 1
    assert len(value.problems) == 1


@pytest.mark.parametrize(
    "unit",
    [
        b"\r\n--b",
        b"\n",
        b"\r",
        b"--b ",
        b"\r\n--b" + b" " * 50 + b"x",
        b"Content-Type: a/b\r\n ",
        b"\r\n--c\r\nContent-Transfer-Encoding: base64",
    ],
)
def test_time_grows_with_the_size(unit: bytes) -> None:
    def seconds(count: int) -> float:
        part = _part(b"--b\r\n" + unit * count)
        best = []
        for _ in range(3):
            start = time.process_time()
            decode_multipart(part)
            best.append(time.process_time() - start)
        return min(best)

    assert seconds(40_000) < 40 * seconds(4_000) + 0.05
