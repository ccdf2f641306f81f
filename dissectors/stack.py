"""Where the layers meet: packets in, SIP messages out. The only dispatch.

::

    PacketBatch ─▶ Layers ─▶ flows ─┬─ UDP ──────────────────▶ SIP
                                    └─ TCP ─▶ StreamChunk ─┬─▶ SIP
                                                           └─▶ TLS ─▶ StreamChunk ─▶ SIP

What a TCP connection carries is told by its first bytes, or by a rule of the user; a connection that
carries neither TLS nor SIP is ignored from then on, so its bytes cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from dissectors.capture.batch import PacketBatch
from dissectors.errors import DissectError, Malformed
from dissectors.net.slow_road import SlowRoad
from dissectors.sip.framing import SipFramer, decode_datagram, find_start_line, looks_like_sip
from dissectors.sip.message import SipMessage
from dissectors.tls.decrypt import TlsInfo, TlsSession
from dissectors.tls.keys import KeyRing
from dissectors.tls.record import looks_like_tls
from dissectors.transport.flow import Flow, FlowTable, udp_candidates
from dissectors.transport.layers import TCP, UDP, DecodedBatch, decode_layers
from dissectors.transport.reassemble import Reassembler
from dissectors.transport.stream import StreamChunk

Protocol = Literal["sip", "tls"]

UNDECIDED_LIMIT = 256 << 10
"""Bytes of one connection that are looked through for TLS or SIP before it is ignored."""

_DECIDABLE = 16
"""First bytes of a stream that suffice to tell TLS or SIP."""


@dataclass(frozen=True, slots=True)
class DecodeAs:
    """What the user says a port carries, as in Wireshark's *Decode As*."""

    ports: dict[tuple[int, int], Protocol] = field(default_factory=dict)
    """(6 for TCP or 17 for UDP, port) → protocol."""

    @classmethod
    def from_rules(cls, rules: Iterable[str]) -> DecodeAs:
        """Read rules such as ``tcp.port==5061,tls``.

        Raises
        ------
        Malformed
            When a rule is not of that form.
        """
        return cls(dict(_decode_as_rule(rule) for rule in rules))

    def get(self, flow: Flow) -> Protocol | None:
        """Return what the user says `flow` carries, or None."""
        if not self.ports:
            return None
        server = self.ports.get((flow.protocol, flow.server_port))
        return server or self.ports.get((flow.protocol, flow.client_port))


def _decode_as_rule(rule: str) -> tuple[tuple[int, int], Protocol]:
    selector, _, protocol = rule.replace(" ", "").partition(",")
    layer, _, port = selector.partition(".port==")
    number = {"tcp": TCP, "udp": UDP}.get(layer)
    if number is None or not port.isdecimal() or int(port) > 0xFFFF:
        raise Malformed(f"{rule}: expected a rule such as tcp.port==5061,tls")
    if protocol == "sip":
        return (number, int(port)), "sip"
    if protocol == "tls" and number == TCP:
        return (number, int(port)), "tls"
    raise Malformed(f"{rule}: the protocol can be sip or, on tcp, tls")


@dataclass(slots=True)
class Dissected:
    """What one step brought to light."""

    messages: list[tuple[Flow, str, SipMessage]] = field(default_factory=list)
    """Each with its flow and transport: udp, tcp or tls."""
    faults: list[tuple[Flow | None, DissectError]] = field(default_factory=list)
    """What could not be read, with its flow where it has one."""
    tls_sessions: list[tuple[Flow, TlsInfo]] = field(default_factory=list)
    """TLS connections that are over."""
    flows: list[Flow] = field(default_factory=list)
    """Flows that are over."""
    packets: DecodedBatch | None = None
    """The packets' headers, with the faults and counts of the columnar decoders."""


class Stack:
    """Takes packets apart up to SIP; holds all state of one capture.

    Parameters
    ----------
    keys : KeyRing
        TLS keys; may grow while packets are pushed.
    decode_as : DecodeAs
        What the user says of ports.
    partition : (int, int)
        (i, n): of n equal shares, deal only with the flows whose hash falls to share i.
    """

    def __init__(
        self,
        keys: KeyRing,
        decode_as: DecodeAs | None = None,
        partition: tuple[int, int] = (0, 1),
    ) -> None:
        self._keys = keys
        self._decode_as = decode_as or DecodeAs()
        self._slow_road = SlowRoad()
        self._flows = FlowTable(partition)
        self._reassembler = Reassembler()
        self._connections: dict[int, _Connection] = {}

    def push(self, batch: PacketBatch) -> Dissected:
        """Take one batch of packets apart."""
        found = Dissected(packets=decode_layers(batch, self._slow_road))
        assert found.packets is not None
        flows = self._flows.assign(found.packets.layers)
        for row, flow, direction in udp_candidates(flows):
            self._push_datagram(found, flows, row, flow, direction)
        for flow, value in self._reassembler.push(flows):
            self._push_stream(found, flow, value)
        self._finish_flows(found, self._flows.finished())
        return found
