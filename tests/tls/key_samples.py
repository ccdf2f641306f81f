"""Files with private keys as people have them: made by OpenSSL where it is, else `cryptography`."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

OPENSSL = shutil.which("openssl")
PASSPHRASE = "Pa55 wört"
KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())

RSA_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
PKCS8_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
RSA_DER = KEY.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
PKCS8_DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
EC_PEM = EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

_SECRET = BestAvailableEncryption(PASSPHRASE.encode())
ENCRYPTED_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, _SECRET)
ENCRYPTED_PKCS8 = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, _SECRET)
ENCRYPTED_DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, _SECRET)


def _certificate() -> x509.Certificate:
    name = x509.Name.from_rfc4514_string("CN=fe01.contoso.com")
    dates = dt.datetime(2014, 1, 1), dt.datetime(2064, 1, 1)
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1, *dates)
    return builder.sign(KEY, hashes.SHA256())


CERTIFICATE = _certificate()
CERTIFICATE_PEM = CERTIFICATE.public_bytes(Encoding.PEM)
CERTIFICATE_DER = CERTIFICATE.public_bytes(Encoding.DER)
PFX = pkcs12.serialize_key_and_certificates(b"fe01", KEY, CERTIFICATE, None, _SECRET)

SECRETS = (PASSPHRASE, f"{KEY.private_numbers().d:x}", RSA_PEM.splitlines()[5].decode())
"""What no text may hold."""

LEGACY = "-legacy"
WINDOWS = "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-RC2-40"
"""What Windows Server 2008 to 2016 write: the certificates in RC2, the key in 3DES."""


@cache
def openssl(command: str, data: bytes = PKCS8_PEM + CERTIFICATE_PEM) -> bytes:
    """Return what an `openssl` command makes of a key and its certificate."""
    assert OPENSSL
    with tempfile.TemporaryDirectory() as folder:
        source, made, secret = (Path(folder) / name for name in ("in.pem", "out", "pass"))
        source.write_bytes(data)
        secret.write_text(PASSPHRASE)
        given = command.split()
        given += ["-in", str(source), "-out", str(made), "-passout", f"file:{secret}"]
        subprocess.run([OPENSSL, *given], check=True, capture_output=True, timeout=60)
        return made.read_bytes()
