r"""SIP, and the bodies that Lync sends in it, as a Scapy layer: for people who live in Scapy.

Importing this module binds :class:`SIP` to UDP and TCP ports 5060 and 5061, so that what Scapy
reads afterwards has the layer; ``bind_layers`` binds it to others. Scapy is under the GPL-2.0, and
an extra (``scapy``): nothing else here imports it.

Examples
--------
>>> from scapy.utils import rdpcap
>>> from dissectors.scapy_layers import SIP
>>> packets = rdpcap("fixtures/transports/udp_linux_sll.pcap")
>>> second = [packet[SIP] for packet in packets if SIP in packet][2]
>>> second.start_line, second.get("cseq")
('MESSAGE sip:door@litwareinc.com SIP/2.0', '2 MESSAGE')
>>> second.body_value.root
'note'

A message that was read is built to the very bytes that were read; one that is changed, or made
anew, is written with CRLF and one space behind each colon, and its Content-Length filled in where
it is None:

>>> bytes(SIP(start_line="SIP/2.0 200 OK", headers=[("Content-Length", None)], body=b"hi"))
b'SIP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi'

A message over TCP that several segments carry is put together by Scapy's own session:
``rdpcap(…)`` gives it in pieces, ``sniff(offline=…, session=TCPSession)`` whole.

References
----------
RFC 3261 §7 (message), §18.3 (framing), §20.14 (Content-Length).
"""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.config import conf
from scapy.fields import Field, StrField
from scapy.layers.inet import TCP, UDP
from scapy.packet import Packet, bind_bottom_up, bind_layers

from dissectors import bodies as _registered  # noqa: F401  (importing it fills the registry)
from dissectors.body import MediaPart, top_part, walk_parts
from dissectors.errors import DissectError
from dissectors.sip.framing import looks_like_sip
from dissectors.sip.message import (
    SipRequest,
    SipResponse,
    decode_head,
    full_name,
)

PORTS = (5060, 5061)
"""Ports of SIP, and of SIP over TLS, where plain SIP is met as well (RFC 3261 §19.1.2)."""

HeaderList = list[tuple[str, str | None]]
"""(name, value) in order, as sent; a Content-Length of None is filled in."""


def _text(data: bytes) -> str:
    """Return bytes as text from which they can be had again."""
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _head_length(data: bytes) -> int:
    """Return the length of start line, headers and empty line; of all, when there is no such line.

    Lines may end in a bare LF, where the sender does not know better.
    """
    ends = [at + len(end) for end in (b"\r\n\r\n", b"\n\n") if (at := data.find(end)) >= 0]
    return min(ends, default=len(data))


class _StartLine(Field):  # type: ignore[type-arg]
    """The first line, as text."""

    def __init__(self, name: str, default: str) -> None:
        super().__init__(name, default, "s")

    def getfield(self, pkt: Any, s: bytes) -> tuple[bytes, str]:
        """Take the line off the bytes."""
        line, end, rest = s.partition(b"\n")
        return rest, _text(line.rstrip(b"\r") if end else line)

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        """Append the line."""
        return s + _bytes(val) + b"\r\n"

    def i2repr(self, pkt: Any, x: Any) -> str:
        """Return the line for a person."""
        return str(x)


class _Headers(Field):  # type: ignore[type-arg]
    """The headers, a list of names and values."""

    islist = 1

    def __init__(self, name: str, default: HeaderList) -> None:
        super().__init__(name, default, "s")

    def getfield(self, pkt: Any, s: bytes) -> tuple[bytes, HeaderList]:
        """Take the headers and the empty line off the bytes."""
        # Behind the start line nothing may follow but the empty line.
        length = len(s) - len(s.lstrip(b"\r\n")) if s[:1] in (b"\r", b"\n") else _head_length(s)
        return s[length:], _decode_headers(s[:length])

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        """Append the headers and the empty line."""
        body = _bytes(pkt.getfieldval("body") or b"")
        lines = [
            _bytes(name) + b": " + _header_value(name, value, body) + b"\r\n" for name, value in val
        ]
        return s + b"".join(lines) + b"\r\n"

    def any2i(self, pkt: Any, x: Any) -> Any:
        """Take a dict, too."""
        return list(x.items()) if isinstance(x, dict) else x

    def i2repr(self, pkt: Any, x: Any) -> str:
        """Return the headers for a person."""
        return repr([(name, value) for name, value in x])


def _header_value(name: str, value: str | bytes | None, body: bytes) -> bytes:
    if value is not None:
        return _bytes(value)
    return str(len(body)).encode() if full_name(name) == "content-length" else b""


def _decode_headers(data: bytes) -> HeaderList:
    """Decode header lines; folded ones are joined by one space (RFC 3261 §7.3.1)."""
    headers: HeaderList = []
    for line in data.replace(b"\r\n", b"\n").split(b"\n"):
        if line[:1] in (b" ", b"\t") and headers:
            name, value = headers[-1]
            headers[-1] = name, f"{value} {_text(line).strip()}"
        elif line:
            name, _, value = _text(line).partition(":")
            headers.append((name.rstrip(), value.strip(" \t")))
    return headers


class _Body(StrField):
    """The body: as many bytes as Content-Length says, or, in a datagram without it, all."""

    def getfield(self, pkt: Any, s: bytes) -> tuple[bytes, bytes]:
        """Take the body off the bytes."""
        length = pkt.sent_length()
        if length is None:
            length = 0 if isinstance(pkt.underlayer, TCP) else len(s)
        return s[length:], s[:length]


class SIP(Packet):
    """A SIP message (RFC 3261 §7).

    Fields: ``start_line`` (text), ``headers`` (list of name and value) and ``body`` (bytes). A
    message behind it in the same TCP segment is its payload.
    """

    name = "SIP"
    fields_desc: ClassVar[list[Any]] = [
        _StartLine("start_line", "OPTIONS sip:localhost SIP/2.0"),
        _Headers("headers", [("Content-Length", None)]),
        _Body("body", b""),
    ]

    @classmethod
    def dispatch_hook(cls, _pkt: bytes | None = None, *args: Any, **kargs: Any) -> Any:
        """Take for SIP what begins as SIP does; TLS, keep-alives and later segments are raw."""
        if _pkt is None or looks_like_sip(_pkt):
            return cls
        return conf.raw_layer

    @classmethod
    def tcp_reassemble(
        cls, data: bytes, metadata: dict[str, Any], session: dict[str, Any]
    ) -> Packet | None:
        """Return the message that `data` begins with once it is whole, as Scapy's session asks."""
        if not looks_like_sip(data):
            return conf.raw_layer(data) if data.strip(b"\r\n") else None
        head = _head_length(data)
        if head == len(data) and not data.endswith((b"\r\n\r\n", b"\n\n")):
            return None
        message = cls(data[:head])
        if len(data) < head + (message.sent_length() or 0):
            return None
        return cls(data, _underlayer=TCP())

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        """Take for a further message what begins one and is whole; else it is no part of SIP."""
        if isinstance(self.underlayer, (TCP, SIP)) and looks_like_sip(s):
            return s, None
        return b"", s

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """Take what follows a message in its segment for another one."""
        return SIP

    def sent_length(self) -> int | None:
        """Return what Content-Length says, in bytes; None where it says nothing of use."""
        for name, value in self.getfieldval("headers"):
            if full_name(name) == "content-length" and value is not None:
                return int(value) if value.isascii() and value.isdecimal() else None
        return None

    @property
    def missing_length(self) -> int:
        """Bytes of the body that other segments carry, or the capture lacks."""
        return max((self.sent_length() or 0) - len(_bytes(self.getfieldval("body"))), 0)

    def get(self, name: str) -> str | None:
        """Return the first value of a header by its full name, in any case; None without one."""
        for sent_name, value in self.getfieldval("headers"):
            if full_name(sent_name) == name.lower():
                return value if isinstance(value, str) else None
        return None

    @property
    def message(self) -> SipRequest | SipResponse:
        """The message as all of this project knows it; it has no frames and no times.

        Raises
        ------
        DissectError
            When its first line is no start line.
        """
        built = bytes(self.copy_without_payload())
        head = _head_length(built)
        message = decode_head(built[:head])
        message.body = built[head:]
        return message

    @property
    def body_parts(self) -> list[tuple[MediaPart, object]]:
        """The body and, of a multipart body, its parts, each with its value.

        The value is what its decoder in :mod:`dissectors.bodies` makes, an error that says why it
        made none, or None where nobody decodes that media type.
        """
        message = self.message
        return list(walk_parts(top_part(message))) if message.body else []

    @property
    def body_value(self) -> object:
        """The body's value; None without a body, or where nobody decodes it.

        Raises
        ------
        DissectError
            When its bytes are not what its media type says.
        """
        for _, value in self.body_parts:
            if isinstance(value, DissectError):
                raise value
            return value
        return None

    def copy_without_payload(self) -> SIP:
        """Return the message alone, built as it would be."""
        alone: SIP = self.copy()
        alone.remove_payload()
        return alone

    def mysummary(self) -> str:
        """Return the start line."""
        return f"SIP {self.getfieldval('start_line')}"


for _port in PORTS:
    for _transport in (UDP, TCP):
        bind_bottom_up(_transport, SIP, sport=_port)
        bind_bottom_up(_transport, SIP, dport=_port)
for _transport in (TCP, UDP):
    bind_layers(_transport, SIP, sport=5060, dport=5060)
