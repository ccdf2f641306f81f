"""What kind of file this is, told by its first bytes; its name says nothing."""

from __future__ import annotations

import struct

from dissectors.capture.pcap import PcapReader, is_pcap
from dissectors.capture.pcapng import PcapngReader, is_pcapng
from dissectors.capture.reader import RecordReader

Reader = RecordReader
"""What :func:`make_reader` returns, whatever the format."""

_READERS: dict[str, type[RecordReader]] = {"pcap": PcapReader, "pcapng": PcapngReader}

# First bytes → what it is, and what to do about it.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "a gzip file: unpack it first (gunzip)"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file: unpack it first (unzstd)"),
    (b"\xfd7zXZ\x00", "an xz file: unpack it first (unxz)"),
    (b"BZh", "a bzip2 file: unpack it first (bunzip2)"),
    (b"\x04\x22\x4d\x18", "an lz4 file: unpack it first (unlz4)"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (b"MSCF", "a cabinet file: unpack it first (expand, or cabextract)"),
    (b"GMBU", "a Microsoft Network Monitor capture: convert it with editcap -F pcapng"),
    (b"RTSS", "a Microsoft Network Monitor 1 capture: convert it with editcap -F pcapng"),
    (b"snoop\x00\x00\x00", "a snoop capture: convert it with editcap -F pcapng"),
    (b"TRSNIFF data", "a Sniffer capture: convert it with editcap -F pcapng"),
    (b"XCP\x00", "a NetXRay capture: convert it with editcap -F pcapng"),
    (b"\x54\x53\x4e\x69", "a Sniffer capture: convert it with editcap -F pcapng"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)


def detect_format(head: bytes) -> str | None:
    """Tell which capture format begins with `head`.

    Parameters
    ----------
    head : bytes
        The first bytes of the file; 128 suffice.

    Returns
    -------
    {'pcap', 'pcapng'} or None
        None: no format that can be read; :func:`describe_format` says what it is.
    """
    if is_pcap(head):
        return "pcap"
    return "pcapng" if is_pcapng(head) else None


def make_reader(name: str) -> Reader:
    """Return a new reader for the format `name`, as :func:`detect_format` names it."""
    return _READERS[name]()


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
    if not head:
        return "is empty"
    if not head.strip(b"\x00"):
        return "holds nothing but zeros, at least at its beginning"
    return "is text, not a capture" if _is_text(head) else "is in no format that is known"


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
