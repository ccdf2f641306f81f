"""The TLS records of a frame: their envelopes, and what was in those that could be opened."""

from __future__ import annotations

from dataclasses import fields

from dissectors.errors import DissectError
from dissectors.tls import handshake as hs
from dissectors.tls.certificates import decode_x509
from dissectors.tls.cipher_suites import cipher_suite
from dissectors.tls.info import VERSION_NAMES, TlsInfo
from dissectors.tls.record import ALERT, APPLICATION_DATA, HANDSHAKE, HEADER_LENGTH
from dissectors.tls.watched import WatchedRecord
from pipelines.floor import Field, Floor

_CONTENT_TYPES = {
    20: "change_cipher_spec",
    21: "alert",
    22: "handshake",
    23: "application_data",
    24: "heartbeat",
}
_HANDSHAKE_TYPES = {
    hs.HELLO_REQUEST: "HelloRequest",
    hs.CLIENT_HELLO: "ClientHello",
    hs.SERVER_HELLO: "ServerHello",
    hs.NEW_SESSION_TICKET: "NewSessionTicket",
    hs.END_OF_EARLY_DATA: "EndOfEarlyData",
    hs.ENCRYPTED_EXTENSIONS: "EncryptedExtensions",
    hs.CERTIFICATE: "Certificate",
    hs.SERVER_KEY_EXCHANGE: "ServerKeyExchange",
    hs.CERTIFICATE_REQUEST: "CertificateRequest",
    hs.SERVER_HELLO_DONE: "ServerHelloDone",
    15: "CertificateVerify",
    hs.CLIENT_KEY_EXCHANGE: "ClientKeyExchange",
    hs.FINISHED: "Finished",
    22: "CertificateStatus",
    hs.KEY_UPDATE: "KeyUpdate",
}
_SHOWN_OF_SESSION = ("version", "cipher_suite", "server_name", "alpn", "opened_by")
_Hello = hs.ClientHello | hs.ServerHello | hs.EncryptedExtensions
_SECRET = frozenset(("session_ticket",))
"""Fields of a hello that are as good as a key to whoever has the server's ticket key."""


def tls_floors(watched: list[WatchedRecord], frame_number: int) -> list[Floor]:
    """Return a floor for each record that the frame had a part in, in order."""
    return [_floor(one, frame_number) for one in watched]


def _floor(one: WatchedRecord, frame_number: int) -> Floor:
    record, length = one.record, len(one.record.fragment)
    specification = "RFC 8446 §5.1" if _is_13(one.session.info) else "RFC 5246 §6.2.1"
    floor = Floor("TLS record", specification, None, HEADER_LENGTH + length)
    kind = _CONTENT_TYPES.get(record.content_type, "")
    version = VERSION_NAMES.get(record.version, "")
    floor.fields = [
        Field("content_type", str(record.content_type), kind, 0, 1),
        Field("version", f"0x{record.version:04x}", version, 1, 2),
        Field("length", str(length), "", 3, 2),
    ]
    header = bytes([record.content_type]) + record.version.to_bytes(2, "big")
    floor.data = header + length.to_bytes(2, "big")
    if one.content_type != APPLICATION_DATA or (one.content or b"") not in record.fragment:
        floor.data += record.fragment  # with a cipher of NULL it is what the next floor masks
    floor.fields.append(_content_field(one, length))
    _tell_frames(floor, record.frames, frame_number)
    _tell_content(floor, one)
    return floor


def _is_13(info: TlsInfo) -> bool:
    return info.version == "TLS 1.3"


def _content_field(one: WatchedRecord, length: int) -> Field:
    if one.content is None:
        told = "ChangeCipherSpec" if one.record.content_type == 20 else "not opened"
        return Field("fragment", f"{length} bytes", told, HEADER_LENGTH, length)
    how = "in clear"
    if one.protected:
        how = f"decrypted: {len(one.content)} bytes of {_CONTENT_TYPES.get(one.content_type or 0)}"
    return Field("fragment", f"{length} bytes", how, HEADER_LENGTH, length)


def _tell_frames(floor: Floor, frames: tuple[int, ...], frame_number: int) -> None:
    if len(frames) > 1:
        others = ", ".join(str(frame) for frame in frames if frame != frame_number)
        floor.notes.append(f"the record needs {len(frames)} frames: this one and {others}")
    if frames[-1] != frame_number:
        floor.notes.append(f"frame {frames[-1]} completes it")


def _tell_content(floor: Floor, one: WatchedRecord) -> None:
    """Add what is known of the session, and of handshake messages and alerts."""
    info = one.session.info
    if one.content is None:
        if info.reason and one.record.content_type != 20:
            floor.notes.append(f"not opened: {info.reason}")
        return
    if one.content_type == HANDSHAKE:
        floor.fields += _handshake_fields(one.content, _is_13(info))
    elif one.content_type == ALERT and len(one.content) == 2:
        level, description = one.content
        floor.fields += [
            Field("level", str(level), hs.ALERT_LEVELS.get(level, "")),
            Field("description", str(description), hs.ALERTS.get(description, "")),
        ]
    elif one.content_type == APPLICATION_DATA:
        names = {name: getattr(info, name) for name in _SHOWN_OF_SESSION}
        told = tuple(Field(name, str(value)) for name, value in names.items() if value)
        floor.fields.append(Field("session", fields=told))


def _handshake_fields(content: bytes, is_13: bool) -> list[Field]:
    reader = hs.HandshakeReader()
    found = []
    for message in reader.push(content):
        if isinstance(message, DissectError):
            found.append(Field("handshake", "", message.summary))
            continue
        kind, body = message
        name = _HANDSHAKE_TYPES.get(kind, f"type {kind}")
        try:
            told = _message_fields(kind, body, is_13)
        except DissectError as error:
            told = (Field("problem", error.summary),)
        found.append(Field("handshake", name, f"{len(body)} bytes", fields=told))
    if reader.pending:
        found.append(Field("handshake", "", "begins a message that a later record completes"))
    return found


def _message_fields(kind: int, body: bytes, is_13: bool) -> tuple[Field, ...]:
    if kind == hs.CERTIFICATE:
        return _certificate_fields(hs.decode_certificate(body, is_13))
    if kind == hs.CLIENT_HELLO:
        return _hello_fields(hs.decode_client_hello(body))
    if kind == hs.SERVER_HELLO:
        return _hello_fields(hs.decode_server_hello(body))
    if kind == hs.ENCRYPTED_EXTENSIONS:
        return _hello_fields(hs.decode_encrypted_extensions(body))
    return ()


def _hello_fields(
    hello: hs.ClientHello | hs.ServerHello | hs.EncryptedExtensions,
) -> tuple[Field, ...]:
    told = []
    for one in fields(hello):
        value = getattr(hello, one.name)
        if one.name in _SECRET:
            value = f"{len(value)} bytes" if value else None
        if value is None or value in (b"", "", False):
            continue
        told.append(Field(one.name, *_hello_value(one.name, value)))
    return tuple(told)


def _hello_value(name: str, value: object) -> tuple[str, str]:
    if name == "cipher_suite" and isinstance(value, int):
        return f"0x{value:04x}", cipher_suite(value).name
    if name == "version" and isinstance(value, int):
        return f"0x{value:04x}", VERSION_NAMES.get(value, "")
    return (value.hex() if isinstance(value, bytes) else str(value)), ""


def _certificate_fields(der: bytes) -> tuple[Field, ...]:
    if not der:
        return (Field("certificate", "", "none"),)
    one = decode_x509(der)
    told = {
        "subject": one.subject,
        "issuer": one.issuer,
        "subjectAltName": ", ".join(one.names or ()),
        "key": f"{one.key_type} {one.key_bits or ''}".strip() if one.key_type else None,
        "sha256": one.sha256,
    }
    return tuple(Field(name, value) for name, value in told.items() if value)
