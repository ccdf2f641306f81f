"""What opens the records of one direction: the contract of all kinds of record protection."""

from __future__ import annotations

from struct import Struct

from dissectors.tls.record import TlsRecord

ADDITIONAL_DATA = Struct(">QBHH")
"""What is authenticated beside the content: number, type, version, length (RFC 5246 §6.2.3)."""


class Opener:
    """Opens the records of one direction; every record is authenticated.

    A record that does not open leaves an opener as it was, so that another number may be tried.
    """

    hopeless: str = ""
    """Why no later record can be opened; empty as long as one can."""

    def open(self, record: TlsRecord, sequence: int) -> tuple[int, bytes]:
        """Return the content type and the plaintext of a record.

        Parameters
        ----------
        record : TlsRecord
            The record.
        sequence : int
            Its number since the keys were taken into use, from 0.

        Raises
        ------
        InvalidTag
            When it was not written with these keys under this number, or is damaged.
        """
        raise NotImplementedError

    def explicit_nonce(self, record: TlsRecord) -> int | None:
        """Return the nonce that the record carries, which as a rule counts along, or None."""
        return None

    def pass_over(self, record: TlsRecord) -> None:
        """Note that a record went by and was not opened."""

    def lose(self, count: int, tail: bytes) -> None:
        """Note that bytes of the stream were lost.

        Parameters
        ----------
        count : int
            How many bytes are between the last record and the next; -1 when unknown.
        tail : bytes
            The last of them before the next record, as far as they are in the capture.
        """
