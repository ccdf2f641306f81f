"""XML for hostile input: bytes → a small tree, without entities, DTDs or a network.

The parser is Expat, from the standard library, and not libxml2: libxml2 (through lxml) keeps every
element and attribute name that it ever met in one dictionary per thread, so that a capture full of
invented names grows the process without bound, while an Expat parser is gone with its document. It
also calls back at every tag, so a limit stops the reading where it is crossed, and what was read
before a break is exactly what stands before it.

What is refused, and what is repaired:

- a document type with an internal subset, and every entity declaration, is refused: no body of SIP
  needs one. A document type that only names an external subset (old ``application/xpidf+xml`` has
  one) is passed over; nothing is fetched.
- a byte order mark or zero bytes before ``<`` tell the encoding. An ``encoding="utf-16"`` or a
  ``charset`` that contradicts the bytes is passed over, since Lync writes it before UTF-8.
- a bare ``&``, an undefined entity (``&nbsp;``) and characters that XML forbids are kept as text,
  and told.
- broken and cut XML gives the tree up to the break, and tells.

Names are local names: Microsoft's own stack sends ``xmlns=""`` where its specifications ask for a
namespace, and text that went through a web page loses the declarations of its prefixes.

References
----------
XML 1.0 (5th ed.) §2.8, §4.1, appendix F. RFC 7303 §3 (which encoding counts).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.parsers import expat

from dissectors.errors import DissectError, LimitExceeded, Malformed, Truncated

MAX_SIZE = 4 << 20
"""Largest document that is read, bytes."""
MAX_DEPTH = 64
"""Deepest nesting that is read, elements."""
MAX_NODES = 100_000
"""Most elements and attributes that are read."""
MAX_FLAT = 16 << 20
"""Most characters of paths that :func:`flatten` makes."""


@dataclass(slots=True)
class Element:
    """One element of a document, with its names made local."""

    name: str
    """Local name, as written."""
    attributes: dict[str, str]
    """Local name → value, in order, without namespace declarations. Where two attributes differ in
    their prefix only, one keeps its prefix."""
    children: list[Element]
    """Child elements, in order."""
    text: str
    """Character data directly inside, its pieces joined; empty where there is only white space."""

    def get(self, name: str) -> str | None:
        """Return the attribute `name`, in any case where that case is missing, or None."""
        value = self.attributes.get(name)
        if value is None:
            for key, other in self.attributes.items():
                if len(key) == len(name) and key.lower() == name.lower():
                    return other
        return value

    def folded(self) -> dict[str, str]:
        """Return the attributes by lower-case name: faster than `get` where many are missing.

        Of names that differ in case only, the first counts.
        """
        return {name.lower(): value for name, value in reversed(self.attributes.items())}

    def all(self, name: str) -> list[Element]:
        """Return the children called `name`."""
        return [child for child in self.children if child.name == name]

    def child(self, name: str) -> Element | None:
        """Return the first child called `name`, or None."""
        for child in self.children:
            if child.name == name:
                return child
        return None

    def child_text(self, name: str) -> str | None:
        """Return the stripped text of the first child called `name`, or None."""
        found = self.child(name)
        return found.text.strip() or None if found else None

    def walk(self) -> Iterator[Element]:
        """Yield the element and all below it, in document order."""
        pending = [self]
        while pending:
            element = pending.pop()
            yield element
            pending.extend(reversed(element.children))


@dataclass(frozen=True, slots=True)
class Document:
    """A document, as far as it could be read."""

    root: Element
    """The document element."""
    namespace: str
    """Namespace of the document element as declared there; empty without one."""
    problems: tuple[str, ...]
    """What was wrong although the tree could be made, in words; empty as a rule."""


# --- characters ---

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# What .NET's Encoding.EncodingName says; Lync's mobility service writes it as the charset.
_DOTNET_NAMES = {
    "unicode": "utf-16-le",
    "unicode (big-endian)": "utf-16-be",
    "unicode (utf-8)": "utf-8",
    "unicode (utf-16)": "utf-16-le",
    "unicode (utf-32)": "utf-32-le",
    "western european (windows)": "cp1252",
    "western european (iso)": "iso8859-1",
}

# Codecs outside this list are not for text, or take a time that grows with the square of the input
# (punycode, idna).
_KNOWN_CODEC = re.compile(
    r"(utf-(8|16|32)(-[lb]e)?|ascii|iso8859-\d+|cp\d+|koi8-[rut]|mac-\w+|big5|gb2312|gbk|gb18030"
    r"|shift_jis|euc_(jp|kr)|tis-620)\Z"
)


def codec_of(charset: str) -> str | None:
    """Return Python's name of the character set `charset`, or None when it is none we know.

    Parameters
    ----------
    charset : str
        As sent: an IANA name in any case, or .NET's name of an encoding (``Unicode (UTF-8)``).
    """
    name = charset.strip().lower()
    if name in _DOTNET_NAMES:
        return _DOTNET_NAMES[name]
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        return None
    return codec if _KNOWN_CODEC.match(codec) else None


def decode_characters(data: bytes, charset: str = "") -> tuple[str, tuple[str, ...]]:
    """Return the text of `data`, and what was wrong with it.

    A byte order mark counts first, then `charset`, then UTF-8. Bytes that are not of that encoding
    become U+FFFD.

    Returns
    -------
    text : str
    problems : tuple of str
        Empty when every byte could be read.
    """
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return _decode(data[len(mark) :], codec)
    known = codec_of(charset) if charset else "utf-8"
    text, problems = _decode(data, known or "utf-8")
    if known is None:
        problems = (f"unknown charset {charset[:64]!r}, read as UTF-8", *problems)
    return text, problems


def _decode(data: bytes, codec: str) -> tuple[str, tuple[str, ...]]:
    try:
        return data.decode(codec), ()
    except UnicodeDecodeError as error:
        problem = f"not {codec} at byte {error.start}: {error.reason}"
        return data.decode(codec, "replace"), (problem,)


# --- from bytes to UTF-8 without a declaration ---

_DECLARATION = re.compile(rb"<\?xml\s[^>]{0,256}>")
_ENCODING = re.compile(rb"""\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_PADDING = b"\0 \t\r\n"


def _wide_codec(data: bytes) -> tuple[str, int]:
    """Return the UTF-16 or UTF-32 codec that the first bytes show, and the length of the mark."""
    for mark, codec in _BOMS:
        if codec != "utf-8" and data.startswith(mark):
            return codec, len(mark)
    if data.startswith(b"<\0"):
        return "utf-16-le" if data[2:4] != b"\0\0" else "utf-32-le", 0
    if data.startswith(b"\0<") and data[2:3] == b"\0":  # else one zero byte of padding
        return "utf-16-be", 0
    return "", 0


def _to_utf8(data: bytes, charset: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the document in UTF-8, without mark, padding and declaration; and what was wrong."""
    codec, skip = _wide_codec(data)
    if codec:
        text, problems = _decode(data[skip:], codec)
        utf8 = text.encode("utf-8", "replace").strip(_PADDING)
        return _DECLARATION.sub(b"", utf8, count=1) if utf8.startswith(b"<?xml") else utf8, problems
    # A mark may stand behind padding, and padding behind a mark.
    data = data.strip(_PADDING).removeprefix(codecs.BOM_UTF8).lstrip(_PADDING)
    declaration = _DECLARATION.match(data)
    if declaration:
        data = data[declaration.end() :]
        if not charset:
            named = _ENCODING.search(declaration[0])
            charset = named[1].decode() if named else ""
    narrow = codec_of(charset) if charset else None
    # The bytes begin with "<" and no zero byte: UTF-16 and UTF-32 are out, whatever is declared.
    if narrow is None or narrow == "ascii" or narrow.startswith("utf-"):
        return data, ()
    text, problems = _decode(data, narrow)
    return text.encode(), problems


# --- from UTF-8 to the tree ---


class _Builder:
    """Expat's handlers: they grow the tree and keep its limits."""

    __slots__ = ("external", "mixed", "namespace", "nodes", "open", "root")

    def __init__(self) -> None:
        self.root: Element | None = None
        self.external = False
        self.namespace = ""
        self.nodes = 0
        self.open: list[Element] = []
        self.mixed: dict[int, tuple[Element, list[str]]] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        stack = self.open
        self.nodes += 1 + len(attributes)
        if len(stack) == MAX_DEPTH or self.nodes > MAX_NODES:
            what = "nested too deeply" if len(stack) == MAX_DEPTH else "too many elements"
            raise LimitExceeded(f"XML {what}", layer="xml")
        if stack:
            element = Element(_local(name), _local_attributes(attributes), [], "")
            stack[-1].children.append(element)
        else:
            element = self.root = Element(_local(name), _local_attributes(attributes), [], "")
            self.namespace = _namespace(name, attributes)
        stack.append(element)

    def end(self, name: str) -> None:
        self.open.pop()

    def characters(self, text: str) -> None:
        if text.isspace() or not self.open:
            return
        element = self.open[-1]
        if not element.text:
            element.text = text
        else:  # joined once, at the end: adding piece by piece would take a quadratic time
            self.mixed.setdefault(id(element), (element, [element.text]))[1].append(text)

    def doctype(self, name: str, system: str | None, public: str | None, subset: bool) -> None:
        if subset:
            raise Malformed("XML with a document type of its own is refused", layer="xml")
        self.external = True

    def close(self) -> Element | None:
        """Return the document element, whose end may not have come."""
        for element, pieces in self.mixed.values():
            element.text = "".join(pieces)
        return self.root


def _local(name: str) -> str:
    return name.rpartition(":")[2] or name if ":" in name else name


def _local_attributes(attributes: dict[str, str]) -> dict[str, str]:
    """Drop the declarations of namespaces, and the prefixes where that is unambiguous."""
    if "xmlns" not in attributes and ":" not in "".join(attributes):
        return attributes
    found: dict[str, str] = {}
    for name, value in attributes.items():
        if name.startswith("xmlns") and name[5:6] in ("", ":"):
            continue
        local = _local(name)
        taken = local in found or (local in attributes and local != name)
        found[name if taken else local] = value
    return found


def _namespace(name: str, attributes: dict[str, str]) -> str:
    prefix = name.rpartition(":")[0]
    return attributes.get(f"xmlns:{prefix}" if prefix else "xmlns", "")


def _parse(data: bytes) -> tuple[_Builder, expat.ExpatError | None]:
    """Return the builder with what could be read, and the error that stopped it."""
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.buffer_size = max(1024, len(data))  # one piece of text, however long
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        parser.buffer_text = False  # hands over the text before the break
        return builder, error
    return builder, None


_codes = expat.errors.codes
_REPAIRABLE = {
    _codes[expat.errors.XML_ERROR_INVALID_TOKEN],
    _codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY],
    _codes[expat.errors.XML_ERROR_BAD_CHAR_REF],
}
_CUT = {
    _codes[expat.errors.XML_ERROR_NO_ELEMENTS],
    _codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
    _codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
    _codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
}

_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")
_CHARACTER = re.compile(r"&#(?:([0-9]{1,7})|x([0-9A-Fa-f]{1,6}));")
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _repair(data: bytes) -> bytes:
    """Return `data` with bare ampersands escaped and forbidden characters replaced (XML §2.2)."""
    text = _FORBIDDEN.sub("\ufffd", data.decode("utf-8", "replace"))
    text = _CHARACTER.sub(_repair_reference, text)
    return _BARE_AMPERSAND.sub("&amp;", text).encode()


def _repair_reference(found: re.Match[str]) -> str:
    """Return a character reference, or U+FFFD for one that .NET writes though XML forbids it."""
    code = int(found[1]) if found[1] else int(found[2], 16)
    allowed = code < 0x110000 and not _FORBIDDEN.match(chr(code))
    return found[0] if allowed else "\ufffd"


def _tell(error: expat.ExpatError) -> str:
    what = "the bytes end" if error.code in _CUT else expat.ErrorString(error.code)
    return f"{what} at line {error.lineno}, column {error.offset}"


def _parse_or_repair(data: bytes) -> tuple[_Builder, expat.ExpatError | None, str]:
    """Parse; where characters are wrong, parse the repaired document instead and say so."""
    builder, error = _parse(data)
    # An external subset, which is not read, might define what looks undefined; Expat then passes
    # over it in silence.
    if not builder.external and (error is None or error.code not in _REPAIRABLE):
        return builder, error, ""
    repaired = _repair(data)
    if repaired == data:
        return builder, error, ""
    return *_parse(repaired), f"XML was repaired: {_tell(error) if error else 'undefined entity'}"


def decode_xml(data: bytes, charset: str = "") -> Document:
    """Return the tree of an XML document.

    Parameters
    ----------
    data : bytes
        The document, in any encoding that it or `charset` names.
    charset : str
        ``charset`` parameter of the Content-Type, as sent; empty without one.

    Returns
    -------
    Document
        With `problems` where the document was repaired or only its beginning could be read.

    Raises
    ------
    Malformed
        When not even the document element could be read, or entities are declared.
    Truncated
        When the bytes end before the document element.
    LimitExceeded
        Beyond :data:`MAX_SIZE`, :data:`MAX_DEPTH` or :data:`MAX_NODES`.

    Examples
    --------
    >>> decode_xml(b'<list xmlns="urn:ietf:params:xml:ns:rlmi" version="0"/>').root.get("version")
    '0'
    """
    if len(data) > MAX_SIZE:
        raise LimitExceeded(f"XML of {len(data)} bytes is not read", layer="xml")
    utf8, problems = _to_utf8(data, charset)
    # Expat goes on silently after a handler raised, and would expand what is declared further on.
    if b"<!ENTITY" in utf8:
        raise Malformed("XML with entity declarations is refused", layer="xml", spec="XML §4.2")
    builder, error, repair = _parse_or_repair(utf8)
    if repair:
        problems += (repair,)
    root = builder.close()
    if error is not None:
        if root is None:
            raise _no_document(error)
        problems += (f"XML was read up to a break: {_tell(error)}",)
    if root is None:
        raise Malformed("XML without an element", layer="xml", spec="XML §2.1")
    return Document(root, builder.namespace, problems)


def _no_document(error: expat.ExpatError) -> DissectError:
    kind = Truncated if error.code in _CUT else Malformed
    return kind(f"no XML: {_tell(error)}", layer="xml", spec="XML §2.1")


# --- from the tree to lines ---


def flatten(root: Element) -> list[tuple[str, str]]:
    """Return every attribute and every text of a tree as (path, value), in document order.

    A path joins local names by ``/``; ``@`` leads to an attribute. Of siblings with one name the
    second and later ones carry their number, counted from 1: ``list/resource[2]@uri``. The first
    carries none, so that its path does not depend on what follows. An element without text,
    attributes and children has the value ``""``. No path occurs twice.

    Raises
    ------
    LimitExceeded
        Beyond :data:`MAX_FLAT` characters of paths.

    Examples
    --------
    >>> flatten(decode_xml(b'<a x="1"><b>2</b><b/></a>').root)
    [('a@x', '1'), ('a/b', '2'), ('a/b[2]', '')]
    """
    rows: list[tuple[str, str]] = []
    size = 0  # of the repeated part of the paths; all else is bounded by the document's own size
    pending = [(root.name, root)]
    while pending:
        path, element = pending.pop()
        attributes, children = element.attributes, element.children
        size += len(path) * (len(attributes) + len(children))
        if size > MAX_FLAT:
            raise LimitExceeded("XML with names too long to be shown as paths", layer="xml")
        for name, value in attributes.items():
            rows.append((f"{path}@{name}", value))
        if element.text or not (attributes or children):
            rows.append((path, element.text.strip()))
        if children:
            pending.extend(_child_paths(path, children))
    return rows


def _child_paths(path: str, children: list[Element]) -> list[tuple[str, Element]]:
    """Return the children with their paths, the last one first."""
    seen: dict[str, int] = {}
    below = []
    for child in children:
        count = seen[child.name] = seen.get(child.name, 0) + 1
        index = f"[{count}]" if count > 1 else ""
        below.append((f"{path}/{child.name}{index}", child))
    below.reverse()
    return below
