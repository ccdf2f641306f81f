"""tshark's view of a capture, through pyshark: the second opinion."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from pathlib import Path
from typing import Any

from pipelines.disagreement import Seen
from pipelines.errors import UsageError

PREFERENCES = {"tcp.reassemble_out_of_order": "TRUE"}
"""Off by default, which loses messages wherever two segments changed places."""

_TRIAL_S = 60  # within which tshark must have looked at a first packet


class Tshark:
    """tshark as it is installed here.

    Raises
    ------
    UsageError
        When tshark or pyshark is missing, or tshark does not run.
    """

    def __init__(self) -> None:
        try:
            import pyshark
            from pyshark.tshark.tshark import TSharkNotFoundException, get_process_path
        except ImportError:
            raise UsageError(
                "crosscheck needs pyshark: pip install 'lyncshark[crosscheck]'"
            ) from None
        self._pyshark = pyshark
        try:
            self._path = get_process_path()
        except TSharkNotFoundException:
            raise UsageError("crosscheck needs tshark, which comes with Wireshark") from None
        printed = self._run("--version").split()
        self.version = next((word.rstrip(".") for word in printed if word[:1].isdigit()), "")
        """Its version, such as ``4.0.17``."""

    def messages(self, capture: Path, decode_as: list[str], timeout_s: float) -> list[Seen]:
        """Return the SIP messages that tshark shows in `capture`, in its order.

        Parameters
        ----------
        capture : Path
            A capture that holds its own secrets.
        decode_as : list of str
            Values of ``-d``, such as ``tls.port==443,sip``.
        timeout_s : float
            Seconds after which tshark is ended, and given up.

        Raises
        ------
        UsageError
            When tshark fails, or takes longer.
        """
        options = [word for rule in decode_as for word in ("-d", rule)]
        chosen = [word for item in PREFERENCES.items() for word in ("-o", ":".join(item))]
        self._run("-n", "-r", str(capture), "-c", "1", *chosen, *options)
        # pyshark ends tshark when all was read, be it over already: asyncio then warns that it does
        # not know the exit code, which nobody asks for.
        logging.getLogger("asyncio").setLevel(logging.ERROR)
        seen: list[Seen] = []
        reading = self._pyshark.FileCapture(
            str(capture),
            display_filter="sip",
            keep_packets=False,
            eventloop=asyncio.new_event_loop(),
            override_prefs=PREFERENCES,
            custom_parameters=["-J", "frame sip", *options],
        )
        try:
            reading.apply_on_packets(lambda packet: seen.extend(_sip_in(packet)), timeout_s)
        except (asyncio.TimeoutError, TimeoutError):
            raise UsageError(
                f"tshark was not done after {timeout_s:.0f} seconds; --timeout gives it longer"
            ) from None
        except self._pyshark.capture.capture.TSharkCrashException as error:
            raise UsageError(f"tshark failed: {str(error).splitlines()[0]}") from None
        finally:
            reading.eventloop.close()
        return seen

    def _run(self, *arguments: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - the tshark that pyshark uses, and no shell
                [self._path, *arguments],
                capture_output=True,
                check=False,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                timeout=_TRIAL_S,
            )
        except subprocess.TimeoutExpired:
            raise UsageError(f"tshark said nothing for {_TRIAL_S} seconds") from None
        except OSError as error:
            raise UsageError(f"tshark does not run: {error.strerror or error}") from None
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise UsageError(f"tshark does not run: {last}")
        return done.stdout


def _sip_in(packet: Any) -> list[Seen]:
    layers = (layer for layer in packet.layers if layer.layer_name == "sip")
    frame = int(packet.number)
    return [message for message in (_message(frame, layer) for layer in layers) if message]


def _message(frame: int, layer: Any) -> Seen | None:
    """Return what identifies a message; None for a keep-alive or a continuation."""
    status, method = _text(layer, "status_code"), _text(layer, "method")
    if status is None and method is None:
        return None
    return Seen(
        frame,
        _text(layer, "cseq_method") or method,
        _number(status),
        _text(layer, "call_id"),
        _number(_text(layer, "cseq_seq")),
    )


def _text(layer: Any, name: str) -> str | None:
    field = layer.get_field(name)
    return str(field) or None if field is not None else None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
