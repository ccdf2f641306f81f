"""What kind of file this is, told by its first bytes; its name says nothing."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from dissectors.capture.netmon import NetmonReader, is_netmon
from dissectors.capture.pcap import PcapReader, is_pcap
from dissectors.capture.pcapng import PcapngReader, is_pcapng
from dissectors.capture.snoop import SnoopReader, is_snoop

Reader = PcapReader | PcapngReader | SnoopReader | NetmonReader
"""What :func:`make_reader` returns: a reader of records, or one that needs the whole file."""

_READERS: dict[str, tuple[Callable[[bytes], bool], Callable[[], Reader]]] = {
    "pcap": (is_pcap, PcapReader),
    "pcapng": (is_pcapng, PcapngReader),
    "snoop": (is_snoop, SnoopReader),
    "netmon": (is_netmon, NetmonReader),
}

# First bytes → what it is, and what to do about it.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (b"MSCF", "a cabinet file: unpack it first (expand, or cabextract)"),
    (b"TRSNIFF data", "a Sniffer capture: convert it with editcap -F pcapng"),
    (b"XCP\x00", "a NetXRay capture: convert it with editcap -F pcapng"),
    (b"\x54\x53\x4e\x69", "a Sniffer capture: convert it with editcap -F pcapng"),
    (b"ObserverPkt", "an Observer capture: convert it with editcap -F pcapng"),
    (b"\x05VNF", "a Visual Networks capture: convert it with editcap -F pcapng"),
    (b"\x01\x10\x4c\x00\x05Trace", "a LANalyzer capture: convert it with editcap -F pcapng"),
    (b"\xaa\xaa\xaa\xaa", "a 5View capture: convert it with editcap -F pcapng"),
    (b"TR\x00\x64", "a nettl trace: convert it with editcap -F pcapng"),
    (b"btsnoop\x00", "a Bluetooth capture"),
    (b"\xd0\xcf\x11\xe0", "an OLE compound file"),
    (b"Rar!\x1a\x07", "a RAR archive: unpack it first"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)


# An offset, then bytes, as od, xxd -g1 and tshark -x write them.
_HEX_DUMP = re.compile(rb"\s*[0-9A-Fa-f]{4,8}:?[ \t]+(?:[0-9A-Fa-f]{2}[ \t]+){4}")


def detect_format(head: bytes) -> str | None:
    """Tell which capture format begins with `head`.

    Parameters
    ----------
    head : bytes
        The first bytes of the file; 128 suffice.

    Returns
    -------
    {'pcap', 'pcapng', 'snoop', 'netmon'} or None
        None: no format that can be read; :func:`describe_format` says what it is.
    """
    return next((name for name, (fits, _) in _READERS.items() if fits(head)), None)


def make_reader(name: str) -> Reader:
    """Return a new reader for the format `name`, as :func:`detect_format` names it."""
    return _READERS[name][1]()


def describe_format(head: bytes) -> str:
    """Say in words what a file that begins with `head` is, and what may help.

    Examples
    --------
    >>> describe_format(b"PAR1")
    'is a Parquet file, not a capture'
    """
    name = detect_format(head)
    if name:
        return f"is a {name} capture"
    for magic, what in _OTHERS:
        if head.startswith(magic):
            return f"is {what}" if ":" in what else f"is {what}, not a capture"
    if _is_etl(head):
        return "is an ETL trace (netsh, pktmon): convert it with etl2pcapng or pktmon etl2pcap"
    if head[257:262] == b"ustar":
        return "is a tar archive: unpack it first (tar -xf)"
    if b"NetScaler" in head[:64]:
        return "is a NetScaler trace: convert it with editcap -F pcapng"
    if not head:
        return "is empty"
    if not head.strip(b"\x00"):
        return "holds nothing but zeros, at least at its beginning"
    if not _is_text(head):
        return "is in no format that is known; if tshark opens it, editcap -F pcapng converts it"
    if _HEX_DUMP.match(head):
        return "is a hex dump: convert it with text2pcap"
    return "is text, not a capture"


def _is_etl(head: bytes) -> bool:
    """Tell an Event Trace Log: a WMI buffer header of 72 bytes, then a system trace header.

    Neither has a magic number; the buffer's size, and type and flags of the trace header
    (evntrace.h: TRACE_HEADER_TYPE_SYSTEM32 or 64 and 0xC0) come nearest to one.
    """
    if len(head) < 76:
        return False
    (size,) = struct.unpack_from("<I", head)
    return size > 0 and size % 1024 == 0 and head[74] in (1, 2) and head[75] == 0xC0


def _is_text(head: bytes) -> bool:
    try:
        head[: len(head) - 4].decode("utf-8")  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return not any(byte < 32 and byte not in b"\t\n\r\x0c\x1b" for byte in head)
