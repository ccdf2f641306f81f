"""What the two halves of a TLS connection share: handshakes, keys, and why they fail.

References
----------
RFC 8446 §4 (handshake), §6 (alerts); RFC 5246 §7 (handshake, alerts).
"""

from __future__ import annotations

from collections.abc import Callable

from dissectors.errors import DissectError, LimitExceeded, Malformed, Unsupported
from dissectors.tls import handshake as hs
from dissectors.tls.agreement import APPLICATION, EARLY, HANDSHAKE_KEYS, Agreement, Candidate
from dissectors.tls.half import Half, Out
from dissectors.tls.info import (
    ALERT_LIMIT,
    CERTIFICATE_LIMIT,
    VERSION_NAMES,
    TlsAlert,
    TlsInfo,
)
from dissectors.tls.key_exchange import RSA_LIMIT
from dissectors.tls.keys import CLIENT_TRAFFIC, SERVER_TRAFFIC, KeyRing
from dissectors.tls.protection import is_supported
from dissectors.tls.reasons import missing_hello, why_no_key, why_silent
from dissectors.tls.record import ALERT, TlsRecord

HANDSHAKE_LIMIT = 64
"""Handshakes (renegotiations) of one connection."""

FAULT_LIMIT = 500
"""Faults in records and handshake messages of one connection that are told."""

_OLDEST_SUPPORTED = 0x0300

_FIRST_MESSAGES = (b"", b"\0", b"\1", b"\2")
"""Handshake types that a direction may begin with: HelloRequest, ClientHello, ServerHello."""


class Connection:
    """Handshakes and keys of one connection.

    Parameters
    ----------
    keys : KeyRing
        Keys, shared by all connections.
    """

    def __init__(self, keys: KeyRing) -> None:
        self.keys = keys
        self.info = TlsInfo()
        self.halves = (Half(0), Half(1))
        self.agreements: list[Agreement] = []
        self.client_direction: int | None = None
        self.progress = 0
        """Counts what may let waiting records go on."""
        self.over = False
        """True when no more bytes come."""
        self._rsa_operations = 0
        self._faults = 0
        self._reasons: list[str] = []
        self._hello_ns: int | None = None
        self._finished_ns: int | None = None

    def is_client(self, half: Half) -> bool:
        """Tell whether a half is the client's."""
        return half.direction == self.client_direction

    def side(self, half: Half) -> str:
        """Name a half."""
        return "client" if half.direction == (self.client_direction or 0) else "server"

    @property
    def is_settled(self) -> bool:
        """True when, of a connection that stays closed, nothing more is to be learned."""
        if self.over or self.info.alert is not None or self.info.records:
            return True
        return not self.agreements or self.agreements[0].is_13 or self.is_through

    @property
    def is_through(self) -> bool:
        """True when both sides have ended their first handshake."""
        return all(half.finished for half in self.halves)

    # Faults and reasons

    def tell(self, fault: DissectError, record: TlsRecord, out: Out) -> None:
        """Tell a fault and its frame; a connection that is nothing but faults stops telling."""
        self._faults += 1
        if self._faults > FAULT_LIMIT:
            return
        if self._faults == FAULT_LIMIT:
            summary = f"{FAULT_LIMIT} faults in one TLS connection; no more of them are told"
            fault = LimitExceeded(summary, layer="tls")
        fault.frame_number, fault.time_ns = record.frames[-1], record.time_ns
        out.append(fault)

    def close(self, half: Half, reason: str) -> None:
        """Open no more of one half."""
        self.progress += not half.closed
        half.close()
        if reason not in self._reasons:
            self._reasons.append(reason)
            self.info.reason = "; ".join(self._reasons)

    def give_up(self, reason: str) -> None:
        """Open no more of either half."""
        for half in self.halves:
            self.close(half, reason)

    def explain(self) -> None:
        """Find a reason where records stayed closed, or none came, and none was given yet."""
        info = self.info
        info.handshake_complete = self._is_handshake_complete()
        if self._reasons:
            return
        closed = info.records - info.decrypted_records
        if not info.opened:
            info.reason = why_silent(info, self.agreements)
        elif closed:
            info.reason = f"{closed} of {info.records} application-data records did not open"

    def _is_handshake_complete(self) -> bool | None:
        """Tell whether the first handshake came to its end; None when nobody can know."""
        refused = self.info.alert is not None and not self.info.records
        if self.is_through or self.info.opened:
            # In TLS 1.3 a client is through before the server has looked at its certificate.
            return not refused
        if not self.agreements or any(half.gaps for half in self.halves):
            return None
        first = self.agreements[0]
        if not first.client_random or (first.is_13 and self.info.alert is None):
            return None
        # Without secrets TLS 1.3 hides the end; before it, application data shows that it came.
        return self.info.records > 0 and not first.is_13

    # Keys

    def may_begin(self, half: Half) -> bool:
        """Tell whether all was seen that a half's next keys hang on; if not, records must wait.

        A half that never said hello has nothing to wait for.
        """
        agreement = half.agreement
        if not half.handshakes:
            return True
        if not agreement.is_known or self._awaits_exchange(half):
            return False
        return not (
            agreement.is_13
            and agreement.early_data
            and agreement.early_data_accepted is None
            and self.is_client(half)
            and not self.halves[1 - half.direction].closed
        )

    def _awaits_exchange(self, half: Half) -> bool:
        """Tell whether the other half has yet to show what the master secret is made of."""
        other = self.halves[1 - half.direction]
        past = self.over or other.closed or other.switched_in(half.agreement)
        return half.agreement.awaits(self.keys, self.is_client(half), past)

    def begin(self, half: Half) -> None:
        """Find the keys that a half begins to write with, or say why there are none."""
        agreement = half.agreement
        if not half.handshakes:
            self.give_up(missing_hello(half))
        elif agreement.is_13:
            self._begin_13(half)
        else:
            agreement.settle_resumption(not self.is_client(half) and not half.gaps)
            if agreement is self.agreements[0]:
                self.info.resumed = agreement.resumed
            candidates = self._candidates(half)
            if candidates:
                half.begin(candidates)
            else:
                self.give_up(why_no_key(agreement, self.keys))

    def _candidates(self, half: Half) -> list[Candidate]:
        """Return the keys, before TLS 1.3, that a half may begin to write with."""
        agreement = half.agreement
        before = agreement.exchange.rsa_operations
        allowance = RSA_LIMIT - self._rsa_operations
        candidates = agreement.candidates(self.keys, self.is_client(half), allowance)
        self._rsa_operations += agreement.exchange.rsa_operations - before
        return candidates

    def _begin_13(self, half: Half) -> None:
        """Begin with keys of TLS 1.3, or close the half where the key log has none."""
        agreement, is_client = half.agreement, self.is_client(half)
        candidates = agreement.candidates_13(self.keys, is_client, half.next_epochs)
        if candidates:
            half.begin(candidates)
        elif agreement.has_secrets(self.keys):
            side, label = ("client", CLIENT_TRAFFIC) if is_client else ("server", SERVER_TRAFFIC)
            lack = f"the key log lacks the {side}'s secret for this session ({label})"
            self.close(half, f"{lack}: what the {side} sent stays closed")
        else:
            self.give_up(why_no_key(agreement, self.keys))

    def following(self, half: Half) -> list[Candidate]:
        """Return the keys that may follow the current ones where their change was not seen."""
        agreement, current = half.agreement, half.current
        if not agreement.is_13 or current is None:
            return []
        if current.epoch < APPLICATION:
            epochs = range(current.epoch + 1, APPLICATION + 1)
            return agreement.candidates_13(self.keys, self.is_client(half), epochs)
        return [agreement.updated(current)] if half.doubtful else []

    # Alerts

    def note_alert(self, half: Half, record: TlsRecord, content: bytes | None) -> None:
        """Keep an alert; `content` is None where its record stays closed."""
        if content is None:
            alert = self._alert(half, record, None, None, None)
        else:
            level, description = content
            fatal = level == 2
            if half.agreement.is_13:
                # RFC 8446 §6: the level counts for nothing in TLS 1.3.
                fatal = description not in hs.CLOSURE_ALERTS
            name = hs.ALERTS.get(description, f"alert {description}")
            alert = self._alert(half, record, hs.ALERT_LEVELS.get(level), name, fatal)
            if fatal and self.info.alert is None:
                self.info.alert = f"{alert.sender}: {name}"
        if len(self.info.alerts) < ALERT_LIMIT:
            self.info.alerts.append(alert)

    def _alert(
        self,
        half: Half,
        record: TlsRecord,
        level: str | None,
        description: str | None,
        fatal: bool | None,
    ) -> TlsAlert:
        # In TLS 1.3 a protected alert hides behind another content type.
        clear_13 = half.agreement.is_13 and record.content_type == ALERT
        encrypted = description is None or (half.encrypted and not clear_13)
        frame, time_ns = record.frames[-1], record.time_ns
        return TlsAlert(self.side(half), level, description, fatal, time_ns, frame, encrypted)

    # Handshake messages

    def read_messages(self, half: Half, record: TlsRecord, fragment: bytes, out: Out) -> None:
        """Read the handshake messages that a record completes."""
        begins = not half.handshakes and not half.reader.pending
        if begins and fragment[:1] not in _FIRST_MESSAGES:
            self.give_up(missing_hello(half))
            return
        for message in half.reader.push(fragment):
            try:
                if isinstance(message, DissectError):
                    raise message
                self._read_message(half, record, *message)
            except DissectError as fault:
                self.tell(fault, record, out)

    def _read_message(self, half: Half, record: TlsRecord, kind: int, body: bytes) -> None:
        """Read one handshake message; most say nothing that matters here."""
        read = _READERS.get(kind)
        try:
            if read is not None:
                read(self, half, record, body)
        finally:
            if self.keys.knows_premasters and not half.agreement.is_13 and not half.closed:
                self._note_exchange(half, kind, body)

    def _note_exchange(self, half: Half, kind: int, body: bytes) -> None:
        """Keep what a premaster secret may be found in."""
        half.agreement.exchange.take(self.is_client(half), kind, body, half.gaps)
        self.progress += kind in (hs.SERVER_HELLO_DONE, hs.CLIENT_KEY_EXCHANGE)

    def _read_client_hello(self, half: Half, record: TlsRecord, body: bytes) -> None:
        self._take_role(half.direction)
        hello = hs.decode_client_hello(body)
        # After a HelloRetryRequest the client says hello again, with the same random (§4.1.2).
        if hello.random != half.agreement.client_random:
            self._next_agreement(half)
        self.progress += half.agreement.take_client_hello(hello)
        if half.handshakes == 1 and self._hello_ns is None:
            self._hello_ns = record.first_time_ns
            self.info.server_name = hello.server_name
        _complain("ClientHello", hello.fault)

    def _read_server_hello(self, half: Half, record: TlsRecord, body: bytes) -> None:
        self._take_role(1 - half.direction)
        hello = hs.decode_server_hello(body)
        if not half.handshakes or half.agreement.answered:
            self._next_agreement(half)
        self.progress += half.agreement.take_server_hello(hello)
        if half.handshakes == 1:
            self._tell(hello, half.agreement)
        self._check_supported(half.agreement)
        _complain("ServerHello", hello.fault)

    def _tell(self, hello: hs.ServerHello, agreement: Agreement) -> None:
        """Tell in `info` what the first handshake agrees on."""
        info, suite = self.info, agreement.suite
        info.version = VERSION_NAMES.get(hello.version, f"0x{hello.version:04X}")
        info.cipher_suite, info.alpn = suite.name, hello.alpn
        if agreement.is_13:
            info.resumed = hello.pre_shared_key
        else:
            info.extended_master_secret = hello.extended_master_secret
            # A server must not say so for a suite that has no MAC (RFC 7366 §3), but some did.
            info.encrypt_then_mac = hello.encrypt_then_mac and suite.mode == "CBC"

    def _check_supported(self, agreement: Agreement) -> None:
        """Give the connection up when its records are of no kind that can be opened."""
        version, suite = agreement.version, agreement.suite
        if is_supported(version, suite):
            return
        name = VERSION_NAMES.get(version, f"TLS version 0x{version:04X}")
        what = f"cipher suite {suite.name} in {name}"
        if version not in VERSION_NAMES or version < _OLDEST_SUPPORTED:
            what = name
        self.give_up(f"{what} is not opened by this version")
        raise Unsupported(f"{what} is not opened by this version", layer="tls", severity="warning")

    def _read_new_session_ticket(self, half: Half, record: TlsRecord, body: bytes) -> None:
        # Tickets of TLS 1.3 make new secrets, which the key log has under the new random.
        if not half.agreement.is_13:
            half.agreement.ticket = hs.decode_new_session_ticket(body)
            half.agreement.remember(self.keys)

    def _read_encrypted_extensions(self, half: Half, record: TlsRecord, body: bytes) -> None:
        if half.current is not None:
            extensions = hs.decode_encrypted_extensions(body)
            self.info.alpn = extensions.alpn
            self.progress += half.agreement.early_data_accepted is None
            half.agreement.early_data_accepted = extensions.early_data

    def _read_certificate(self, half: Half, record: TlsRecord, body: bytes) -> None:
        certificate = hs.decode_certificate(body, half.agreement.is_13)
        kept = certificate if 0 < len(certificate) <= CERTIFICATE_LIMIT else None
        if self.is_client(half):
            self.info.client_certificate_der = self.info.client_certificate_der or kept
            return
        half.agreement.full = True
        self.info.server_certificate_der = self.info.server_certificate_der or kept
        if self.info.server_certificate is None and certificate:
            self.info.server_certificate = hs.certificate_subject(certificate)

    def _read_of_full_handshake(self, half: Half, record: TlsRecord, body: bytes) -> None:
        half.agreement.full = True

    def _read_end_of_early_data(self, half: Half, record: TlsRecord, body: bytes) -> None:
        if half.current is not None and half.current.epoch == EARLY:
            half.expect(HANDSHAKE_KEYS, APPLICATION)

    def _read_finished(self, half: Half, record: TlsRecord, body: bytes) -> None:
        self.note_finished(half, record)
        # A client that proves itself later sends another Finished (§4.6.2), which changes no key.
        if half.current is not None and half.current.epoch < APPLICATION:
            half.expect(APPLICATION)

    def _read_key_update(self, half: Half, record: TlsRecord, body: bytes) -> None:
        if half.agreement.is_13 and half.current is not None and half.current.epoch >= APPLICATION:
            half.begin([half.agreement.updated(half.current)])

    def note_finished(self, half: Half, record: TlsRecord) -> None:
        """Take the time of a Finished of the first handshake."""
        if half.handshakes == 1 and not half.finished:
            half.finished = True
            self._finished_ns = max(self._finished_ns or 0, record.time_ns)
        if self._finished_ns is not None and self._hello_ns is not None:
            self.info.handshake_ns = self._finished_ns - self._hello_ns

    def _take_role(self, client_direction: int) -> None:
        """Settle which direction is the client's: that of the ClientHello, always."""
        if self.client_direction is None:
            self.client_direction = client_direction
        elif self.client_direction != client_direction:
            raise Malformed("client and server change roles", layer="tls", spec="RFC 8446 §4.1")

    def _next_agreement(self, half: Half) -> None:
        """Move a half on to its next handshake, which the other half may have entered already."""
        if half.handshakes == HANDSHAKE_LIMIT:
            reason = f"more than {HANDSHAKE_LIMIT} handshakes on one connection"
            self.give_up(reason)
            raise LimitExceeded(reason, layer="tls")
        if half.handshakes == len(self.agreements):
            if self.agreements:
                self.agreements[-1].exchange.forget()
            self.agreements.append(Agreement())
        half.agreement = self.agreements[half.handshakes]
        half.handshakes += 1


def _complain(message: str, fault: str) -> None:
    """Raise what is wrong with a hello that was read all the same."""
    if fault:
        summary = f"{message}: {fault}"
        raise Malformed(summary, layer="tls", severity="warning", spec="RFC 8446 §4.2")


_READERS: dict[int, Callable[[Connection, Half, TlsRecord, bytes], None]] = {
    hs.CLIENT_HELLO: Connection._read_client_hello,
    hs.SERVER_HELLO: Connection._read_server_hello,
    hs.NEW_SESSION_TICKET: Connection._read_new_session_ticket,
    hs.END_OF_EARLY_DATA: Connection._read_end_of_early_data,
    hs.ENCRYPTED_EXTENSIONS: Connection._read_encrypted_extensions,
    hs.CERTIFICATE: Connection._read_certificate,
    hs.SERVER_KEY_EXCHANGE: Connection._read_of_full_handshake,
    hs.SERVER_HELLO_DONE: Connection._read_of_full_handshake,
    hs.CLIENT_KEY_EXCHANGE: Connection._read_of_full_handshake,
    hs.FINISHED: Connection._read_finished,
    hs.KEY_UPDATE: Connection._read_key_update,
}
"""Handshake type → what reads it."""
