"""Why Lync says a request failed: ms-diagnostics and its two siblings.

::

    ms-diagnostics: 1010;reason="Certificate trust failure";ErrorType="…";source="edge.contoso.com"

A server writes ``ms-diagnostics`` for its own organisation and ``ms-diagnostics-public`` for
others; ``ms-client-diagnostics`` comes from endpoints. They stand in successes too (51007 in a 200,
30000 for a push that was accepted), so their presence alone is no failure. A message may hold
several; the topmost comes from the most recent hop.

References
----------
[MS-OCER] §2.2.1 (grammar), §7 (codes).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dissectors.errors import DissectError, Malformed
from dissectors.sip.abnf import LWS, QUOTED_STRING, split_outside_quotes, unquote
from dissectors.sip.media_debug import MediaDebug, decode_media_debug
from dissectors.sip.message import SipMessage, full_name

HEADERS = ("ms-diagnostics", "ms-diagnostics-public", "ms-client-diagnostics")
"""Header names, lower case, that carry diagnostics."""
_HEADER_SET = frozenset(HEADERS)


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """One diagnosis: an error id and what was said with it."""

    header: str
    """Header that carried it, lower case."""
    code: int
    """Error id."""
    subcode: int | None
    """Number after the dot of the error id; None without one."""
    reason: str | None
    """Parameter ``reason``: a text for people."""
    source: str | None
    """Parameter ``source``: the server that said so."""
    parameters: Mapping[str, str]
    """All other parameters in order: names in lower case, values unquoted."""
    value: str
    """The value as sent."""

    @property
    def component(self) -> str | None:
        """Component that owns the range of the error id."""
        return component_of(self.code)

    @property
    def tree(self) -> dict[str, str | dict[str, str] | dict[str, dict[str, str]]]:
        """The parameters, those that tell of media split into their values, by modality."""
        return {
            name: _media_tree(value) if _MEDIA_NAME.search(name) else value
            for name, value in self.parameters.items()
        }

    @property
    def media(self) -> tuple[MediaDebug, ...]:
        """What the parameters tell of media: CallerMediaDebug, CalleeMediaDebug, MediaChanBlob."""
        return tuple(
            one
            for name, value in self.parameters.items()
            if _MEDIA_NAME.search(name)
            for one in decode_media_debug(value)
        )


_MEDIA_NAME = re.compile(r"mediadebug\Z|mediachanblob\Z")


def _media_tree(blob: str) -> dict[str, str] | dict[str, dict[str, str]]:
    """Return the values of a blob by modality; without modalities, the values."""
    told = decode_media_debug(blob)
    if [one.modality for one in told] == [None]:
        return dict(told[0].values)
    tree: dict[str, dict[str, str]] = {}
    for one in told:
        tree.setdefault(one.modality or "", {}).update(one.values)
    return tree


# ErrorId ["." SubCode] *( SEMI name [ "=" ( quoted-string / token ) ] )     [MS-OCER] §2.2.1
_ERROR_ID = re.compile(r"[ \t]*([0-9]{1,9})(?:[ \t]*\.[ \t]*([0-9]{1,9}))?[ \t]*\Z")
_ANOTHER = re.compile(
    r"[ \t]*[0-9]{1,9}(?:\.[0-9]{1,9})?[ \t]*;[ \t]*(?:reason|source)[ \t]*=", re.I
)
# What a word processor makes of quotes, where a value begins or ends; inside quotes it may stand.
_TYPOGRAPHIC_QUOTES = re.compile(
    r'("[^"\\]*(?:\\.[^"\\]*)*")|(=[ \t]*)[“”„‟″]|[“”„‟″](?=[ \t]*(?:[;,]|\Z))', re.DOTALL
)


def decode_diagnostics(
    message: SipMessage, faults: list[DissectError] | None = None
) -> list[Diagnostics]:
    """Decode all diagnoses of a message, topmost first.

    Parameters
    ----------
    message : SipMessage
        Request or response.
    faults : list of DissectError, optional
        What could not be read is appended here, with the message's frame.
    """
    if _HEADER_SET.isdisjoint(message.first_values):
        return []
    diagnoses: list[Diagnostics] = []
    for sent_name, value in message.headers:
        name = full_name(sent_name)
        if name in HEADERS:
            try:
                diagnoses += decode_diagnostics_value(name, value)
            except DissectError as error:
                if faults is not None:
                    error.frame_number = message.frames[-1] if message.frames else None
                    error.time_ns = message.time_ns
                    faults.append(error)
    return diagnoses


def decode_diagnostics_value(header: str, value: str) -> list[Diagnostics]:
    """Decode the value of one header: one diagnosis, or several that a relay joined by commas.

    Parameters come in any order and case, quoted or not. A quote that is missing at the end, and
    the typographic quotes of a value that was pasted, are put up with.

    Parameters
    ----------
    header : str
        Name of the header, lower case.
    value : str
        Its value.

    Raises
    ------
    Malformed
        When it does not begin with a number.

    Examples
    --------
    >>> [d] = decode_diagnostics_value("ms-diagnostics", '1009.2;source="a.test";Reason="no; SRV"')
    >>> d.code, d.subcode, d.reason, d.source
    (1009, 2, 'no; SRV', 'a.test')
    """
    straight = value if value.isascii() else _TYPOGRAPHIC_QUOTES.sub(_straight, value)
    return [_decode_one(header, one, value) for one in _split_diagnoses(straight)]


def _straight(match: re.Match[str]) -> str:
    return match[1] or f'{match[2] or ""}"'


def _split_diagnoses(text: str) -> Iterator[str]:
    """Split at the commas where another diagnosis begins; others belong to unquoted values."""
    pieces = split_outside_quotes(text, ",")
    held = [pieces[0]]
    for piece in pieces[1:]:
        if _ANOTHER.match(piece):
            yield ",".join(held)
            held = [piece]
        else:
            held.append(piece)
    yield ",".join(held)


def _decode_one(header: str, text: str, value: str) -> Diagnostics:
    head, _, rest = text.partition(";")
    error_id = _ERROR_ID.match(head)
    if error_id is None:
        summary = f"{header} without an error id: {text[:60]!r}"
        raise Malformed(summary, layer="sip", severity="warning", spec="[MS-OCER] §2.2.1")
    code, subcode = error_id.groups()
    parameters = _decode_parameters(rest)
    return Diagnostics(
        header=header,
        code=int(code),
        subcode=None if subcode is None else int(subcode),
        reason=parameters.pop("reason", None) or None,
        source=parameters.pop("source", None) or None,
        parameters=parameters,
        value=value.strip(LWS),
    )


# --- parameters, as they are met -----------------------------------------------------------------

# Name, and what it is equal to: quoted without escapes, or unquoted. Nearly all are such.
_REGULAR = re.compile(
    r'[; \t]*([^=;" \t]+)[ \t]*'
    r'(?:=[ \t]*(?:"([^"\\]*)"[ \t]*|([^;" \t][^;"]*)?))?(?=;|\Z)'
)
_NAME = re.compile(r"[; \t]*([^=;]*)(=?)[ \t]*")
_UNQUOTED = re.compile(r"[^;]*")
_ENDS_HERE = re.compile(r"[ \t]*(?:;|\Z)")
_CLOSING = re.compile(r'"[ \t]*(?=;|\Z)')
_NEXT_PARAMETER = re.compile(r';[ \t]*[\w.\-]{1,40}[ \t]*=[ \t]*"\Z')
_LONGEST_NEXT = 100


def _decode_parameters(text: str) -> dict[str, str]:
    """Decode ``name=value;flag``: names in lower case, values without quotes.

    Of a repeated name the first stands. Quotes are mended where they cannot be right: one that is
    not closed before the next parameter, and one that stands unescaped inside a text.
    """
    parameters: dict[str, str] = {}
    position = 0
    while position < len(text):
        regular = _REGULAR.match(text, position)
        if regular is not None:
            name, quoted, plain = regular.groups("")
            value, position = quoted or plain.rstrip(LWS), regular.end()
        else:
            name, value, position = _pull_irregular(text, position)
        if name:
            parameters.setdefault(name.lower(), value)
    return parameters


def _pull_irregular(text: str, begin: int) -> tuple[str, str, int]:
    """Return the name and value of any parameter that begins at `begin`, and where it ends."""
    name = _NAME.match(text, begin)
    if name is None or name.end() == begin:
        return "", "", len(text)
    if not name[2]:
        return name[1].strip(LWS), "", name.end()
    return (name[1].strip(LWS), *_pull_value(text, name.end()))


def _pull_value(text: str, begin: int) -> tuple[str, int]:
    """Return the value that begins at `begin`, and where it ends."""
    quoted = QUOTED_STRING.match(text, begin)
    if quoted is None:
        unquoted = _UNQUOTED.match(text, begin)
        end = unquoted.end() if unquoted else begin
        value = text[begin:end].strip(LWS)
        return value.removesuffix('"') if value.count('"') == 1 else value, end
    if _ENDS_HERE.match(text, quoted.end()):
        return unquote(quoted.group()), quoted.end()
    return _pull_broken(text, begin, quoted.end())


def _pull_broken(text: str, begin: int, end: int) -> tuple[str, int]:
    """Return a value whose second quote, before `end`, does not close it, and where it ends."""
    tail = max(begin, end - _LONGEST_NEXT)
    next_parameter = _NEXT_PARAMETER.search(text, tail, end)
    if next_parameter is not None:
        return text[begin + 1 : next_parameter.start()].strip(LWS), next_parameter.start()
    closing = _CLOSING.search(text, end)
    if closing is None:
        return text[begin + 1 :].strip(LWS), len(text)
    return text[begin + 1 : closing.start()], closing.end()


COMPONENTS: tuple[tuple[int, int, str], ...] = (
    (0, 999, "common and client media"),
    (1000, 1999, "SIP stack"),
    (2000, 2999, "presence"),
    (3000, 3999, "conferencing focus"),
    (4000, 4999, "user services"),
    (5000, 5999, "API applications"),
    (6000, 6999, "IM conferencing server"),
    (7000, 7999, "A/V conferencing server"),
    (8000, 8999, "telephony conferencing server"),
    (9000, 9999, "media relay authentication"),
    (10000, 10999, "Mediation Server"),
    (11000, 11999, "metrics"),
    (12000, 12999, "outbound routing"),
    (13000, 13999, "inbound routing"),
    (14000, 14999, "translation"),
    (15000, 15999, "Exchange Unified Messaging routing"),
    (16000, 16999, "IM filter"),
    (17000, 17999, "client version filter"),
    (20000, 20999, "Group Chat"),
    (21000, 21999, "application sharing conferencing server"),
    (24000, 24999, "UCMA application platform"),
    (28000, 28999, "web ticket and OAuth"),
    (30000, 30999, "push notification"),
    (35000, 35999, "call park"),
    (51000, 52999, "client"),
    (60000, 60999, "application, success"),
    (61000, 61999, "application, expected failure"),
    (62000, 62999, "application, unexpected failure"),
    (90000, 90999, "public IM connectivity"),
)
"""First and last error id of a range, and the component that owns it.

Up to 21999, and 90000: Microsoft's list of ranges for Office Communications Server 2007 R2 (TechNet
bb964037). 24000 to 35999 and 51000 to 52999: from the ids that [MS-OCER] §7 defines. 60000 to
62999: the UCMA documentation's ranges for applications. Where a source gives only where a range
begins, its end is taken at the next thousand.
"""

_FIRSTS = [first for first, _, _ in COMPONENTS]


def component_of(code: int) -> str | None:
    """Return the component that owns the range of an error id, or None where none is known.

    Examples
    --------
    >>> component_of(10045)
    'Mediation Server'
    """
    index = bisect_right(_FIRSTS, code) - 1
    if index < 0 or code > COMPONENTS[index][1]:
        return None
    return COMPONENTS[index][2]
