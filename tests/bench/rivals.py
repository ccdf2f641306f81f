"""The same work done by others: SIP out of TLS, with the key log, a line per message.

``python -m tests.bench.rivals pyshark|scapy CAPTURE KEYS`` prints how many messages it found.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

FIELDS = (
    "frame.number",
    "frame.time_epoch",
    "ip.src",
    "tcp.srcport",
    "ip.dst",
    "tcp.dstport",
    "sip.Method",
    "sip.r-uri",
    "sip.Status-Code",
    "sip.Call-ID",
    "sip.CSeq.seq",
    "sip.from.addr",
    "sip.from.tag",
    "sip.to.addr",
    "sip.to.tag",
    "sip.Via.branch",
    "sip.User-Agent",
    "sip.Content-Type",
    "sip.Content-Length",
)
"""Wireshark's fields for a part of the columns of `messages`."""


def tshark_command(tshark: str, capture: Path, keys: Path) -> list[str]:
    """Return the tshark command that prints a line per SIP message."""
    wanted = [option for name in FIELDS for option in ("-e", name)]
    preferences = ("-o", f"tls.keylog_file:{keys}", "-o", "tcp.reassemble_out_of_order:TRUE")
    return [tshark, "-n", "-r", str(capture), *preferences, "-Y", "sip", "-T", "fields", *wanted]


def count_with_pyshark(capture: Path, keys: Path) -> int:
    """Read the SIP messages of a capture with pyshark; return their number."""
    import pyshark

    preferences = {"tls.keylog_file": str(keys), "tcp.reassemble_out_of_order": "TRUE"}
    packets = pyshark.FileCapture(
        str(capture), display_filter="sip", override_prefs=preferences, keep_packets=False
    )
    with packets:
        return sum(1 for packet in packets if packet.sip.get_field("Call-ID"))


def count_with_scapy(capture: Path, keys: Path) -> int:
    """Read the SIP messages of a capture with scapy; return their number."""
    from scapy.config import conf
    from scapy.layers.inet import TCP
    from scapy.layers.tls.all import TLS, TLSApplicationData
    from scapy.packet import bind_layers
    from scapy.sendrecv import sniff
    from scapy.sessions import TCPSession

    conf.tls_session_enable = True
    conf.tls_nss_filename = str(keys)
    bind_layers(TCP, TLS, sport=5061)
    bind_layers(TCP, TLS, dport=5061)
    found = 0

    def count(packet: object) -> None:
        nonlocal found
        while TLS in packet:  # type: ignore[operator]
            record = packet[TLS]  # type: ignore[index]
            found += sum(
                b"\r\nCall-ID:" in message.data
                for message in record.msg
                if isinstance(message, TLSApplicationData)
            )
            packet = record.payload

    sniff(offline=str(capture), session=TCPSession, store=False, prn=count)
    return found


RIVALS: dict[str, Callable[[Path, Path], int]] = {
    "pyshark": count_with_pyshark,
    "scapy": count_with_scapy,
}

if __name__ == "__main__":
    print(RIVALS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3])))
