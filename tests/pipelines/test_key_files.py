"""Files with keys, as users give them: what helps is used, what does not is one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import read_capture
from pipelines.errors import UsageError
from pipelines.key_files import (
    PROMPTS,
    KeyFile,
    Passphrases,
    load_keys,
    read_key_files,
    read_passphrases,
)
from pipelines.request import Request
from tests.rules.handshakes import Case, capture, pair
from tests.tls import key_samples as samples
from tests.tls.key_samples import PASSPHRASE, SECRETS

CHECKOUT = Path(__file__).parents[2]
SKYPE = CHECKOUT / "fixtures" / "skype_ringback"
CAPTURE, KEY_LOG = SKYPE / "skype_ringback.pcapng", SKYPE / "sslkeys.log"


def put(path: Path, data: bytes | str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


# --- files --------------------------------------------------------------------------------------


def test_files_of_all_kinds_at_once(tmp_path: Path) -> None:
    paths = [
        put(tmp_path / "a.log", KEY_LOG.read_bytes()),
        put(tmp_path / "b.pem", samples.RSA_PEM),
        put(tmp_path / "c.der", samples.PKCS8_DER),
        put(tmp_path / "d.pfx", samples.PFX),
    ]
    ring, problems = load_keys(read_key_files(paths), Passphrases([PASSPHRASE]))
    assert (problems, ring.rsa_keys) == ([], 1)
    assert len(ring) == 7
    for secret in SECRETS:
        assert secret not in repr((read_key_files(paths), Passphrases([PASSPHRASE]), ring))


def test_a_folder_of_keys(tmp_path: Path) -> None:
    put(tmp_path / "keys" / "a.log", KEY_LOG.read_bytes())
    put(tmp_path / "keys" / "b.pem", samples.RSA_PEM)
    put(tmp_path / "keys" / "c.pfx", samples.PFX)
    put(tmp_path / "keys" / "d.cer", samples.CERTIFICATE_DER)
    for name in ("readme.txt", "notes.txt", "photo.jpg", "old.zip"):
        put(tmp_path / "keys" / name, "hello")
    (tmp_path / "keys" / "more").mkdir()
    ring, problems = load_keys(read_key_files([str(tmp_path / "keys")]))
    assert (len(ring), ring.rsa_keys) == (7, 1)
    told = [problem.summary for problem in problems]
    assert len(told) == 3
    assert "c.pfx: a private key that is encrypted" in told[0]
    assert "--key-passphrase-file" in told[0]
    assert "d.cer: a certificate, which is public" in told[1]
    assert told[2].startswith("no keys are in ")
    assert told[2].endswith(" and 1 more")
    assert {problem.layer for problem in problems} == {"keys"}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"hello\n", "holds no keys: neither a TLS key log"),
        (b"", "holds no keys"),
        (samples.EC_PEM, "an EC private key: with (EC)DHE no private key opens TLS"),
        (samples.CERTIFICATE_PEM, "a certificate, which is public"),
        (samples.PFX, "is encrypted, and no passphrase that was given opens it; give it by --key-"),
        (b"-----BEGIN DH PARAMETERS-----\nMA==\n-----END DH PARAMETERS-----\n", "no private key"),
    ],
    ids=["text", "empty", "EC", "certificate", "locked", "parameters"],
)
def test_a_file_that_was_named_and_is_no_use_is_one_line(
    data: bytes, told: str, tmp_path: Path
) -> None:
    path = put(tmp_path / "key", data)
    with pytest.raises(UsageError) as error:
        load_keys(read_key_files([path]))
    assert str(error.value).startswith(f"{path}: ")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_certificate_beside_its_key_is_no_problem(tmp_path: Path) -> None:
    path = put(tmp_path / "fe01.pem", samples.CERTIFICATE_PEM + samples.RSA_PEM)
    ring, problems = load_keys(read_key_files([path]))
    assert (ring.rsa_keys, problems) == (1, [])


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_key_files([str(tmp_path / "nowhere.pem")])


# --- passphrases --------------------------------------------------------------------------------


def test_a_file_of_passphrases(tmp_path: Path) -> None:
    path = put(tmp_path / "pass", f"\ufefffirst\r\n\r\n{PASSPHRASE}\n  spaces count \n")
    assert read_passphrases(path) == ["first", PASSPHRASE, "  spaces count "]
    latin = put(tmp_path / "latin", "wört".encode("latin-1"))
    assert read_passphrases(latin)[0].encode("utf-8", "surrogateescape") == b"w\xf6rt"
    with pytest.raises(UsageError, match="holds no passphrase"):
        read_passphrases(put(tmp_path / "empty", "\n\n"))


def test_a_passphrase_is_asked_for_and_kept() -> None:
    asked: list[str] = []
    answers = iter(["wrong", PASSPHRASE])

    def ask(name: str) -> str:
        asked.append(name)
        return next(answers)

    passphrases = Passphrases(["another"], ask)
    files = [KeyFile("a.pfx", samples.PFX), KeyFile("b.pem", samples.ENCRYPTED_PEM)]
    ring, problems = load_keys(files, passphrases)
    assert (ring.rsa_keys, problems) == (1, [])
    assert asked == ["a.pfx", "a.pfx"]
    assert passphrases.known == ["another", PASSPHRASE]
    assert PASSPHRASE not in repr(passphrases)


def test_asking_ends() -> None:
    asked: list[str] = []
    passphrases = Passphrases([], lambda name: asked.append(name) or "wrong")
    with pytest.raises(UsageError, match="is encrypted"):
        load_keys([KeyFile("a.pfx", samples.PFX)], passphrases)
    assert len(asked) == PROMPTS
    assert passphrases.known == []


def test_a_request_does_not_show_its_passphrases() -> None:
    assert PASSPHRASE not in repr(Request(["a.pcap"], [], [], passphrases=[PASSPHRASE]))


# --- from file to message -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def rsa_capture(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Return a capture of a session in RSA key exchange, and the server's key."""
    server = pair()
    flights = Case(server, ciphers="AES128-SHA").flights()
    return capture(tmp_path_factory.mktemp("rsa") / "a.pcap", *[flights] * 4), server.key


def test_a_private_key_opens_rsa_key_exchange(
    rsa_capture: tuple[Path, bytes], tmp_path: Path
) -> None:
    path, key = rsa_capture
    trace = read_capture(path, keys=put(tmp_path / "fe01.pem", key))
    assert trace.messages["method"].tolist() == ["OPTIONS"] * 4
    assert set(trace.tls_sessions["opened_by"]) == {"RSA private key"}
    assert trace.problems == []


def test_encrypted_keys_open_in_every_process(
    rsa_capture: tuple[Path, bytes], tmp_path: Path
) -> None:
    path, key = rsa_capture
    locked = _locked(key)
    file = put(tmp_path / "keys" / "fe01.pem", locked)
    for keys in (file, str(tmp_path / "keys")):
        trace = read_capture(path, keys=keys, key_passphrase=["x", PASSPHRASE], workers=3)
        assert len(trace.messages) == 4
        assert trace.problems == []
    with pytest.raises(UsageError, match="key_passphrase in Python"):
        read_capture(path, keys=file)


def _locked(key: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    secret = BestAvailableEncryption(PASSPHRASE.encode())
    loaded = load_pem_private_key(key, None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)


def test_a_key_that_fits_no_server_is_told(rsa_capture: tuple[Path, bytes], tmp_path: Path) -> None:
    path, key = rsa_capture
    mine, other = put(tmp_path / "mine.pem", key), put(tmp_path / "other.pem", samples.RSA_PEM)
    for workers in (1, 3):
        trace = read_capture(path, keys=[mine, other], workers=workers)
        (line,) = trace.problems
        assert line == f"{other}: fits no server certificate in the captures"
    (line,) = read_capture(path, keys=other).problems
    assert "no key fits any of the 4 TLS sessions" in line


def test_a_key_cannot_open_forward_secrecy_and_the_session_says_so(tmp_path: Path) -> None:
    server = pair()
    path = capture(tmp_path / "a.pcap", Case(server).flights())
    trace = read_capture(path, keys=put(tmp_path / "fe01.pem", server.key))
    assert "forward secrecy" in trace.tls_sessions["reason"].iloc[0]
    (line,) = trace.problems
    assert "opens none of the 1 TLS session; summarize says why" in line


# --- the commands -------------------------------------------------------------------------------


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.summarize", *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        cwd=CHECKOUT,
        env={**os.environ, **environment},
    )


def test_a_passphrase_file_on_the_command_line(
    rsa_capture: tuple[Path, bytes], tmp_path: Path
) -> None:
    path, key = rsa_capture
    keys = put(tmp_path / "fe01.pem", _locked(key))
    passphrases = put(tmp_path / "pass", f"wrong\n{PASSPHRASE}\n")
    arguments = (path, "--keys", keys, "--key-passphrase-file", passphrases, "--workers", 2)
    done = run(*arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["messages"]["total"] == 4
    assert not [secret for secret in SECRETS if secret in done.stdout]
    closed = run(path, "--keys", keys)
    assert (closed.returncode, closed.stdout, closed.stderr.count("\n")) == (2, "", 1)
    assert "--key-passphrase-file" in closed.stderr


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo-terminals")
def test_a_passphrase_is_asked_for_on_a_terminal(
    rsa_capture: tuple[Path, bytes], tmp_path: Path
) -> None:
    path, key = rsa_capture
    keys = put(tmp_path / "fe01.pem", _locked(key))
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.summarize", str(path), "--keys", keys],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=CHECKOUT,
        start_new_session=True,
    )
    try:
        os.close(theirs)
        shown = b""
        while b"passphrase of" not in shown:
            shown += os.read(ours, 1000)
        os.write(ours, f"{PASSPHRASE}\n".encode())
        told, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"SIP messages: 4" in told
    assert PASSPHRASE.encode() not in told


def test_the_key_log_of_the_environment_is_used_and_said(tmp_path: Path) -> None:
    done = run(CAPTURE, SSLKEYLOGFILE=str(KEY_LOG))
    assert "7 of 7 sessions opened" in done.stdout
    assert done.stderr.count("\n") == 1
    assert f"using the key log that SSLKEYLOGFILE names: {KEY_LOG}" in done.stderr
    missing = run(CAPTURE, SSLKEYLOGFILE=str(tmp_path / "nowhere"))
    assert missing.returncode == 0
    assert "0 of 7 sessions opened" in missing.stdout
    assert "no such file" in missing.stderr
    other = put(tmp_path / "notes.txt", "hello")
    useless = run(CAPTURE, "--keys", KEY_LOG, SSLKEYLOGFILE=other)
    assert "7 of 7 sessions opened" in useless.stdout
    assert "no keys are in" in useless.stderr


def test_broken_lines_of_a_key_log_are_told_by_number(tmp_path: Path) -> None:
    lines = ["CLIENT_RANDOM 12 34", *KEY_LOG.read_text().splitlines(), "RSA 00 11", "nonsense"]
    done = run(CAPTURE, "--keys", put(tmp_path / "k.log", "\n".join(lines)))
    assert "7 of 7 sessions opened" in done.stdout
    assert done.stderr.count("\n") == 3
    assert "k.log, line 1: not a line of a key log" in done.stderr
    many = put(tmp_path / "m.log", KEY_LOG.read_text() + "nonsense\n" * 100)
    assert run(CAPTURE, "--keys", many).stderr.count("\n") == 6
