"""The face for notebooks: captures and keys in, an object with a DataFrame per table out."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

import pandas as pd

from dissectors.body import MediaPart, decode_part, to_plain
from pipelines.engine import run
from pipelines.inputs import expand
from pipelines.ladder import Ladder, draw_ladder
from pipelines.message_headers import headers_of
from pipelines.packet_lists import PacketLike, is_packet_list, write_packets
from pipelines.problems import problems_of
from pipelines.request import Request
from pipelines.results import Tables
from pipelines.schema import TABLES
from pipelines.summary import summary_of
from pipelines.summary_text import render

PathLike = str | os.PathLike[str]


Packets = Iterable[PacketLike]


def read_capture(
    *captures: PathLike | Packets,
    keys: PathLike | Iterable[PathLike] = (),
    key_passphrase: str | Iterable[str] = (),
    decode_as: str | Iterable[str] = (),
    timezone: str | None = None,
    workers: int | None = None,
    thresholds: Mapping[str, float] | None = None,
    each: bool = False,
) -> Trace:
    """Read one or more captures and give their tables.

    Parameters
    ----------
    *captures : path or list of packets
        pcap, pcapng, snoop or Network Monitor files, also compressed, or trace logs; directories,
        patterns and URLs of such; ``-`` is standard input. A Scapy PacketList, or a list of its
        packets, is written to a temporary file and read there, as ``packets-1.pcapng``.
    keys : path or iterable of paths
        TLS key logs, servers' RSA private keys (PEM, DER, PKCS#12), folders of them; secrets
        inside a pcapng are used without being named. SSLKEYLOGFILE is for the commands only.
    key_passphrase : str or iterable of str
        Tried on keys that are encrypted.
    decode_as : str or iterable of str
        What ports carry, such as ``tcp.port==5061,tls``.
    timezone : str, optional
        Zone of the times in trace logs, such as ``Europe/Berlin``; by default they are taken for
        UTC.
    workers : int, optional
        Processes to use; by default as many as there are cores, fewer for small captures.
    thresholds : mapping of str to float, optional
        What rules of the findings compare with, such as ``{"tls_handshake_unanswered.wait_s": 3}``;
        ``python -m pipelines.summarize --rules`` lists all.
    each : bool
        Treat each capture alone. By default captures that do not overlap in time continue each
        other, as the files of a rotated set do.

    Returns
    -------
    Trace
        Every table of :data:`pipelines.schema.TABLES` is an attribute.

    Raises
    ------
    pipelines.errors.UsageError
        When a key cannot be used, a time zone is unknown, or no capture can be read.

    Examples
    --------
    >>> trace = read_capture("fixtures/skype_ringback/skype_ringback.pcapng",
    ...                      keys="fixtures/skype_ringback/sslkeys.log")
    >>> trace.calls[trace.calls.route == "skype"].ringback_delay_s.max() > 10
    True
    """
    if not captures:
        raise TypeError("read_capture() needs at least one capture")
    with tempfile.TemporaryDirectory(prefix="lyncshark-") as directory:
        named = [_path_of(one, at, Path(directory)) for at, one in enumerate(captures, 1)]
        paths, notes = expand(named)
        request = Request(
            paths,
            [os.fspath(path) for path in _several(keys)],
            [decode_as] if isinstance(decode_as, str) else list(decode_as),
            dict(thresholds or {}),
            [key_passphrase] if isinstance(key_passphrase, str) else list(key_passphrase),
            each=each,
            timezone=timezone,
        )
        return Trace(run(request, workers), request, notes)


def _path_of(capture: PathLike | Packets, position: int, directory: Path) -> str:
    """Return a capture's path; packets are written to a file in `directory` first."""
    if is_packet_list(capture):
        path = directory / f"packets-{position}.pcapng"
        write_packets(capture, path)
        return str(path)
    if not isinstance(capture, (str, os.PathLike)):
        kind = type(capture).__name__
        raise TypeError(f"a capture is a path or a list of packets, not {kind}")
    return os.fspath(capture)


def _several(paths: PathLike | Iterable[PathLike]) -> Iterable[PathLike]:
    return [paths] if isinstance(paths, (str, os.PathLike)) else paths


class Trace:
    """What one or more captures hold; each table is an attribute, computed on first use.

    Attributes
    ----------
    messages, calls, transactions, … : pandas.DataFrame
        See :data:`pipelines.schema.TABLES` for every table and column.
    """

    def __init__(self, tables: Tables, request: Request, notes: Iterable[str] = ()) -> None:
        self._tables = tables
        self._notes = list(notes)
        self._request = request
        self._frames: dict[str, pd.DataFrame] = {}

    @property
    def problems(self) -> list[str]:
        """One line for each file that could not be read whole and each key that was no use."""
        return [*self._notes, *problems_of(self._tables, self._request)]

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_") or name not in TABLES:
            known = ", ".join(TABLES)
            raise AttributeError(f"a trace has no table {name!r}; its tables are {known}")
        if name not in self._frames:
            self._frames[name] = self._tables.frame(name)
        return self._frames[name]

    def body(self, message_id: str, part: str = "1") -> object:
        """Return a decoded body, or part of one, as dicts, lists, text and numbers.

        Parameters
        ----------
        message_id : str
            As in `messages` and `bodies`.
        part : str
            As in `bodies`: ``1`` is the whole body, ``1.2`` the second part of a multipart body.

        Raises
        ------
        KeyError
            When there is no such body.
        dissectors.errors.DissectError
            When its text is not what its media type says.
        """
        bodies = self.bodies
        found = bodies[(bodies["message_id"] == message_id) & (bodies["part"] == part)]
        if found.empty:
            raise KeyError(f"message {message_id!r} has no body part {part!r}")
        row = found.iloc[0]
        if pd.notna(row["value"]):
            return json.loads(row["value"])
        if pd.isna(row["text"]):
            return None
        data = row["text"].encode()
        # The text is UTF-8 now, whatever charset the part was sent in.
        return to_plain(decode_part(MediaPart(part, row["media_type"], {}, None, None, data)))

    def headers(self, *message_ids: str) -> pd.DataFrame:
        """Return all headers of one or more messages, with what they mean.

        The captures are read again, up to the last of these messages: ask for several at once.

        Parameters
        ----------
        *message_ids : str
            As in `messages`.

        Returns
        -------
        DataFrame
            One row per header, in order: ``message_id``, ``position``, ``name`` as sent, ``header``
            (full name, lower case), ``value``, ``meaning`` (as dicts, lists, text and numbers; None
            for plain text), ``problem``. What proves an identity is not in it.

        Raises
        ------
        KeyError
            When there is no such message.
        pipelines.errors.UsageError
            When the capture was standard input.

        Examples
        --------
        >>> trace = read_capture("fixtures/skype_ringback/skype_ringback.pcapng",
        ...                      keys="fixtures/skype_ringback/sslkeys.log")
        >>> headers = trace.headers(trace.messages.message_id[0])
        >>> headers[headers.header == "via"].meaning.iloc[0][0]["transport"]
        'TLS'
        """
        known = set(self.messages["message_id"])
        for message_id in message_ids:
            if message_id not in known:
                raise KeyError(f"there is no message {message_id!r}")
        return headers_of(self._request, message_ids)

    def ladder(self, call_id: str) -> Ladder:
        """Return a call's messages as a ladder diagram, an SVG that Jupyter shows.

        Raises
        ------
        KeyError
            When no message has that Call-ID.
        """
        messages = self.messages[self.messages["call_id"] == call_id]
        if messages.empty:
            raise KeyError(f"no message has the Call-ID {call_id!r}")
        return draw_ladder(messages)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *TABLES]

    def __repr__(self) -> str:
        files = ", ".join(map(str, self.captures["capture"]))
        return f"<Trace of {files}: {len(self.messages):,} SIP messages, {len(self.calls):,} calls>"

    def _repr_html_(self) -> str:
        # What a capture holds is a stranger's text.
        return f"<pre>{escape(render(summary_of(self._tables, self._request)))}</pre>"
