"""XML for hostile input; judged by lxml where the XML is right."""

from __future__ import annotations

import codecs
import contextlib
import doctest
import gc
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from dissectors import markup
from dissectors.errors import DissectError, LimitExceeded, Malformed, Truncated
from dissectors.markup import (
    MAX_DEPTH,
    MAX_NODES,
    MAX_SIZE,
    Element,
    codec_of,
    decode_characters,
    decode_xml,
    flatten,
)

HOSTILE = Path(__file__).parents[1] / "fixtures" / "bodies" / "hostile"


def test_examples() -> None:
    assert doctest.testmod(markup).attempted
    assert doctest.testmod(markup).failed == 0


# --- right XML: the same tree as lxml's ---

NAMES = st.sampled_from(["a", "b", "ci:user", "x:a", "endpoint-uri", "é"])
TEXTS = st.text("xy é😀<&\"'\n]>", max_size=12)
NAMESPACES = 'xmlns="urn:1" xmlns:ci="urn:2" xmlns:x="urn:3"'


def _escape(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("\n", "&#10;")


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(NAMES)
    attributes = draw(st.dictionaries(st.sampled_from(["k", "x:z", "to-uri"]), TEXTS, max_size=2))
    written = "".join(f' {key}="{_escape(value)}"' for key, value in attributes.items())
    inside = _escape(draw(TEXTS))
    for _ in range(draw(st.integers(0, 3)) if depth < 3 else 0):
        inside += draw(trees(depth + 1)) + _escape(draw(TEXTS))
    inside += draw(st.sampled_from(["", "<!-- <b/> -->", "<![CDATA[<&]]>", "<?do it?>"]))
    return f"<{name} {NAMESPACES if depth == 0 else ''}{written}>{inside}</{name}>"


def _same(mine: Element, theirs: etree._Element) -> bool:
    children = [child for child in theirs if isinstance(child.tag, str)]
    pieces = [theirs.text or "", *(node.tail or "" for node in theirs)]
    text = "".join(pieces)
    return (
        mine.name == etree.QName(theirs).localname
        and list(mine.attributes.items())
        == [(etree.QName(key).localname, value) for key, value in theirs.attrib.items()]
        and "".join(mine.text.split()) == "".join(text.split())
        and len(mine.children) == len(children)
        and all(_same(ours, other) for ours, other in zip(mine.children, children, strict=True))
    )


@given(trees())
@settings(max_examples=80)
def test_right_xml_gives_the_tree_that_lxml_gives(xml: str) -> None:
    document = decode_xml(xml.encode())
    root = etree.fromstring(xml.encode())
    assert document.problems == ()
    assert document.namespace == (etree.QName(root).namespace or "")
    assert _same(document.root, root)


@given(trees(), st.data())
@settings(max_examples=80)
def test_cut_xml_gives_its_beginning_and_tells(xml: str, data: st.DataObject) -> None:
    whole = xml.encode()
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        document = decode_xml(cut)
    except (Truncated, Malformed):
        assert b">" not in cut
    else:
        assert document.problems
        beginning = [element.name for element in decode_xml(whole).root.walk()]
        read = [element.name for element in document.root.walk()]
        assert read == beginning[: len(read)]
        assert len(read) >= cut.count(b"<x:a>")


@given(st.binary(max_size=200) | st.text("<>/&;a=\"' !-[]DOCTYPEN?\x00é", max_size=80))
@settings(max_examples=300)
def test_any_bytes_give_a_tree_or_an_error(data: bytes | str) -> None:
    try:
        document = decode_xml(data if isinstance(data, bytes) else data.encode())
    except DissectError:
        return
    for path, value in flatten(document.root):
        (path + value).encode()


# --- characters ---


@pytest.mark.parametrize(
    ("declared", "codec", "mark"),
    [
        ("utf-8", "utf-8", b""),
        ("utf-8", "utf-8", codecs.BOM_UTF8),
        ("utf-16", "utf-8", b""),
        ("utf-16", "utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16", "utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16", "utf-16-le", b""),
        ("utf-16", "utf-16-be", b""),
        ("utf-8", "utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-32", "utf-32-le", codecs.BOM_UTF32_LE),
        ("iso-8859-1", "iso-8859-1", b""),
        ("windows-1252", "cp1252", b""),
        ("no-such-encoding", "utf-8", b""),
        ("punycode", "utf-8", b""),
    ],
)
def test_the_bytes_tell_the_encoding_before_the_declaration(
    declared: str, codec: str, mark: bytes
) -> None:
    xml = f'<?xml version="1.0" encoding="{declared}"?><a b="Grüße">ü</a>'
    document = decode_xml(mark + xml.encode(codec))
    assert document.problems == ()
    assert document.root == Element("a", {"b": "Grüße"}, [], "ü")


def test_the_charset_counts_before_the_declaration() -> None:
    xml = '<?xml version="1.0" encoding="utf-8"?><a>ü</a>'.encode("latin-1")
    assert decode_xml(xml, "Western European (Windows)").root.text == "ü"


@pytest.mark.parametrize("charset", ["Unicode", "Unicode (UTF-8)", "utf-16", "utf-32", "\0", ""])
def test_a_wide_charset_does_not_spoil_utf_8(charset: str) -> None:
    assert decode_xml("<a>ü</a>".encode(), charset).root.text == "ü"


@pytest.mark.parametrize("padding", [b"\0", b"\r\n \t", b"\r\n\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_padding_is_passed_over(padding: bytes) -> None:
    xml = b'<?xml version="1.0"?><a/>'
    assert decode_xml(padding + xml + b"\0\0\r\n").problems == ()


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("Unicode (UTF-8)", "utf-8"),
        ("Unicode", "utf-16-le"),
        ("unicode (Big-Endian)", "utf-16-be"),
        ("US-ASCII", "ascii"),
        ("ISO-8859-1", "iso8859-1"),
        ("windows-1251", "cp1251"),
        ("idna", None),
        ("zlib", None),
        ("rot13", None),
        ("unicode_escape", None),
        ("x" * 1000, None),
        ("\0", None),
        ("", None),
    ],
)
def test_names_of_encodings(name: str, codec: str | None) -> None:
    assert codec_of(name) == codec


def test_characters_that_cannot_be_read_are_told() -> None:
    assert decode_characters(b"a\xffb") == (
        "a\ufffdb",
        ("not utf-8 at byte 1: invalid start byte",),
    )
    text, problems = decode_characters("ü".encode(), "klingon")
    assert text == "ü"
    assert problems == ("unknown charset 'klingon', read as UTF-8",)
    assert decode_characters(codecs.BOM_UTF16_LE + "ü".encode("utf-16-le"), "utf-8")[0] == "ü"


@given(st.binary(max_size=60), st.sampled_from(["", "Unicode", "utf-32", "cp1252", "shift_jis"]))
def test_text_is_always_text(data: bytes, charset: str) -> None:
    text, _ = decode_characters(data, charset)
    text.encode()


# --- broken XML ---


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        (b"<a>Lamb & Sons</a>", "Lamb & Sons"),
        (b"<a>x&nbsp;y &amp; z</a>", "x&nbsp;y & z"),
        (b"<a>x\x0by</a>", "x\ufffdy"),
        (b"<a>x\xffy</a>", "x\ufffdy"),
        (b"<a>x&#0;y&#x1F;z&#x110000;&#xD800;&#65;</a>", "x\ufffdy\ufffdz\ufffd\ufffdA"),
        (b"<a>whole</b>", "whole"),
        (b"<a>whole</a>trailing", "whole"),
        (b"<a>whole</a><a/>", "whole"),
        (b"<a>begun", "begun"),
        (b"<a>begun<b c='1", "begun"),
        (b"<!DOCTYPE a SYSTEM 'x.dtd'><a>x&nbsp;y</a>", "x&nbsp;y"),
        (b"<!DOCTYPE a SYSTEM 'x.dtd'><a>x&nbsp;y", "x&nbsp;y"),
    ],
)
def test_broken_xml_is_read_as_far_as_it_goes(xml: bytes, text: str) -> None:
    document = decode_xml(xml)
    assert document.root.text == text
    assert document.problems


def test_an_external_document_type_is_passed_over() -> None:
    doctype = b'<!DOCTYPE a PUBLIC "-//contoso//DTD 1.0//EN" "a.dtd">'
    assert decode_xml(doctype + b'<a b="&amp;"/>').problems == ()
    document = decode_xml(doctype + b'<a b="x&nbsp;y"/>')
    assert document.root.get("b") == "x&nbsp;y"
    assert document.problems == ("XML was repaired: undefined entity",)


@pytest.mark.parametrize("xml", [b"", b"  \r\n", b"\0", b"text", b"<!-- -->", b"&lt;", b"</a>"])
def test_what_has_no_element_is_no_xml(xml: bytes) -> None:
    with pytest.raises((Malformed, Truncated)):
        decode_xml(xml)


@pytest.mark.parametrize("xml", [b"<", b"<a", b"<a b='c", b"<?xml version='1.0'?>", b"<!--"])
def test_what_ends_before_its_element_is_truncated(xml: bytes) -> None:
    with pytest.raises(Truncated):
        decode_xml(xml)


def test_attributes_that_differ_by_their_prefix_are_both_kept() -> None:
    root = decode_xml(b'<a xmlns:x="1" xmlns:y="2" x:id="1" id="2" y:id="3"/>').root
    assert root.attributes == {"x:id": "1", "id": "2", "y:id": "3"}
    assert decode_xml(b'<a x:id="1" y:id="3"/>').root.attributes == {"id": "1", "y:id": "3"}


def test_looking_things_up() -> None:
    root = decode_xml(b'<a State="on"><b> x </b><c/><b/></a>').root
    assert root.get("State") == root.get("state") == "on"
    assert root.get("missing") is None
    assert root.folded()["state"] == "on"
    assert root.child_text("b") == "x"
    assert root.child_text("c") is None
    assert root.child("d") is None
    assert len(root.all("b")) == 2
    assert [element.name for element in root.walk()] == ["a", "b", "c", "b"]


def test_of_names_that_differ_in_case_only_the_first_counts() -> None:
    root = decode_xml(b'<a id="1" ID="2" Id="3"/>').root
    assert root.folded() == {"id": "1"}
    assert (root.get("ID"), root.get("iD")) == ("2", "1")


# --- hostile XML ---


@pytest.mark.parametrize("path", sorted(HOSTILE.iterdir()), ids=lambda path: path.stem)
def test_hostile_files_are_refused(path: Path) -> None:
    with pytest.raises((Malformed, LimitExceeded)):
        decode_xml(path.read_bytes())


def test_an_entity_hidden_from_a_quick_look_is_not_expanded() -> None:
    xml = '<!-- <a> --><!DOCTYPE a [\n<!ENTITY x "y">]><a>&x;</a>'
    for codec in ("utf-8", "utf-16", "utf-32"):
        with pytest.raises(Malformed):
            decode_xml(xml.encode(codec))


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1])
def test_depth_is_bounded(depth: int) -> None:
    xml = b"<a>" * depth + b"</a>" * depth
    if depth > MAX_DEPTH:
        with pytest.raises(LimitExceeded):
            decode_xml(xml)
    else:
        assert len(list(decode_xml(xml).root.walk())) == depth


@pytest.mark.parametrize(
    "xml",
    [
        b"<a>" + b"<b/>" * MAX_NODES + b"</a>",
        b"<a " + b" ".join(b'a%d=""' % i for i in range(MAX_NODES)) + b"/>",
        b"<a>" + b" " * MAX_SIZE + b"</a>",
    ],
    ids=["elements", "attributes", "size"],
)
def test_size_is_bounded(xml: bytes) -> None:
    with pytest.raises(LimitExceeded):
        decode_xml(xml)


def test_long_names_cannot_blow_up_the_paths() -> None:
    document = decode_xml(b"<" + b"r" * 1_000_000 + b">" + b"<b/>" * 50_000)
    with pytest.raises(LimitExceeded):
        flatten(document.root)


def test_names_that_come_once_are_forgotten() -> None:
    """A parser that interns names for the life of the process fails this."""

    def read(first: int) -> None:
        names = range(first, first + 2000)
        decode_xml(b"<a>" + b"".join(b"<n%0200d/>" % n for n in names) + b"</a>")

    read(0)
    gc.collect()
    tracemalloc.start()
    for first in range(2000, 12_000, 2000):
        read(first)
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 200_000


@pytest.mark.parametrize(
    "unit",
    [b"<b/>", b"x<b/>", b"&", b"\xff", b"<!---->", b"<![CDATA[x]]>", b"<b>", b"&#9;", b"]]>"],
)
def test_time_grows_with_the_size(unit: bytes) -> None:
    def seconds(count: int) -> float:
        xml = b"<a>" + unit * count
        best = []
        for _ in range(3):
            start = time.process_time()
            with contextlib.suppress(DissectError):
                flatten(decode_xml(xml).root)
            best.append(time.process_time() - start)
        return min(best)

    assert seconds(40_000) < 40 * seconds(4_000) + 0.05


# --- paths ---


@given(trees())
@settings(max_examples=60)
def test_no_path_occurs_twice_and_nothing_is_lost(xml: str) -> None:
    root = decode_xml(xml.encode()).root
    rows = flatten(root)
    assert len(dict(rows)) == len(rows)
    texts = [element.text.strip() for element in root.walk() if element.text.strip()]
    values = [value for element in root.walk() for value in element.attributes.values()]
    assert sorted(value for _, value in rows if value) == sorted(filter(None, texts + values))


def test_paths_number_the_second_sibling() -> None:
    root = decode_xml(b'<n><d type="wp7"/><d>x</d><e/><d><d/></d></n>').root
    assert flatten(root) == [
        ("n/d@type", "wp7"),
        ("n/d[2]", "x"),
        ("n/e", ""),
        ("n/d[3]/d", ""),
    ]
