"""The pieces of SIP's grammar (RFC 3261 §25.1) that the decoders are made of.

Beside each expression stands the rule that it comes from. The expressions accept what is met, not
only what is legal, and each runs in time linear in its subject: nothing after an unbounded repeat
can fail in more than one way, so there is nothing to go back for.

References
----------
RFC 3261 §25.1 (core and basic rules), §7.1 and §7.2 (start lines), §19.3 (quoting).
"""

from __future__ import annotations

import re

LWS = " \t"
"""Linear white space once lines are unfolded (RFC 3261 §25.1: ``LWS = [*WSP CRLF] 1*WSP``)."""

# token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )
TOKEN = r"[0-9A-Za-z\-.!%*_+`'~]+"  # noqa: S105

# SIP-Version = "SIP" "/" 1*DIGIT "." 1*DIGIT      (a string in ABNF, hence of any case: §7.1)
SIP_VERSION = r"[Ss][Ii][Pp]/[0-9]+\.[0-9]+"

# Request-Line = Method SP Request-URI SP SIP-Version CRLF
# The Request-URI is taken as whatever stands between, spaces included: `<sip: host>` is met.
_REQUEST_LINE = rf"({TOKEN})[ \t]([^\r\n]*)[ \t]({SIP_VERSION})[ \t]*"

# Status-Line = SIP-Version SP Status-Code SP Reason-Phrase CRLF
# Status-Code = 3DIGIT in effect; the SP before an empty Reason-Phrase is often forgotten.
_STATUS_LINE = rf"({SIP_VERSION})[ \t]+([0-9]{{3}})(?:[ \t]([^\r\n]*))?"

REQUEST_LINE = re.compile(rf"{_REQUEST_LINE}\Z")
"""A decoded request line without its line end: method, Request-URI, version."""

STATUS_LINE = re.compile(rf"{_STATUS_LINE}\Z")
"""A decoded status line without its line end: version, status code, reason phrase or None."""

START_LINE = re.compile(rf"(?:{_STATUS_LINE}|{_REQUEST_LINE})\r*\n".encode())
"""Bytes: a whole start line with its line end; group 4 is the method of a request."""

# CRLF between messages (RFC 3261 §7.5, RFC 5626 §3.5.1); bare LF where the whole sender uses it.
BLANK_LINES = re.compile(rb"(?:\r?\n)*")
"""Bytes: the line ends that stand before a start line."""

# quoted-string = SWS DQUOTE *(qdtext / quoted-pair ) DQUOTE
# qdtext        = LWS / %x21 / %x23-5B / %x5D-7E / UTF8-NONASCII
# quoted-pair   = "\" (%x00-09 / %x0B-0C / %x0E-7F)
# One that is never closed reaches to the end of its subject, so this cannot fail once begun.
_QUOTED_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*\\?(?:"|\Z)'

QUOTED_STRING = re.compile(_QUOTED_STRING, re.DOTALL)
"""A quoted string with its quotes; the closing one may be missing at the end."""

_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_SEPARATORS = {
    separator: re.compile(f"{_QUOTED_STRING}|{separator}", re.DOTALL) for separator in (";", ",")
}
# name-addr = [ display-name ] LAQUOT addr-spec RAQUOT      (a comma may stand inside the brackets)
_LIST_COMMA = re.compile(rf"{_QUOTED_STRING}|<[^>]*(?:>|\Z)|,", re.DOTALL)


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split `text` at each `separator`, ``;`` or ``,``, that is not inside a quoted string.

    Examples
    --------
    >>> split_outside_quotes('30000;reason="a;b";x', ";")
    ['30000', 'reason="a;b"', 'x']
    """
    pieces = text.split(separator)
    # Without escapes, a separator is outside quotes if an even number of them stands before it.
    if '"' not in text or ("\\" not in text and not any(p.count('"') & 1 for p in pieces)):
        return pieces
    return _split(text, separator, _SEPARATORS[separator])


def split_list(text: str) -> list[str]:
    """Split `text` at each comma that is neither inside a quoted string nor inside ``<>``.

    Examples
    --------
    >>> split_list('"B, A" <sip:a@a.test>, <sip:b@b.test;x=1,2>')
    ['"B, A" <sip:a@a.test>', ' <sip:b@b.test;x=1,2>']
    """
    if '"' not in text and "<" not in text:
        return text.split(",")
    return _split(text, ",", _LIST_COMMA)


def _split(text: str, separator: str, pattern: re.Pattern[str]) -> list[str]:
    cuts = [match.start() for match in pattern.finditer(text) if match.group() == separator]
    begins = [0, *(cut + 1 for cut in cuts)]
    return [text[begin:end] for begin, end in zip(begins, [*cuts, len(text)], strict=True)]


def unquote(text: str) -> str:
    r"""Return what a quoted string says; text that does not begin with a quote as it is.

    A closing quote that is missing is overlooked; what follows it is dropped.

    Examples
    --------
    >>> unquote(r'"a \"b\""')
    'a "b"'
    """
    match = QUOTED_STRING.match(text)
    if match is None:
        return text
    inner = match.group()[1:]
    if "\\" not in inner:
        return inner.removesuffix('"')
    # Undo the pairs first: the last quote is a delimiter only if no backslash stands before it.
    closed = _QUOTED_PAIR.sub("", inner).endswith('"')
    return _QUOTED_PAIR.sub(r"\1", inner[:-1] if closed else inner)
