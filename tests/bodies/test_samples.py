"""Every decoder against samples: as products send them, cut, misdeclared and hostile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dissectors.bodies  # noqa: F401  fills the table
from dissectors.body import bodies, decode_part, decoder_of, part_of, to_plain
from dissectors.errors import DissectError, LimitExceeded, Malformed
from fixtures.bodies.make import HERE, outcome_of

FOLDERS = sorted({bodies[key].__module__.rpartition(".")[2] for key in bodies})
XML_TYPES = sorted(key for key in bodies if "xml" in key)


def _entries() -> list[tuple[str, dict[str, Any], Path]]:
    return [
        (name, entry, HERE / folder / name)
        for folder in FOLDERS
        for name, entry in json.loads((HERE / folder / "expected.json").read_text("utf-8")).items()
    ]


def _without_wording(entry: dict[str, Any]) -> dict[str, Any]:
    """Leave out what Expat's version decides: the text of problems, but not their number."""
    value = entry.get("value")
    if not value:
        return entry
    return {**entry, "value": {**value, "problems": len(value["problems"])}}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_decoder_has_samples(folder: str) -> None:
    entries = json.loads((HERE / folder / "expected.json").read_text("utf-8"))
    files = {path.name for path in (HERE / folder).iterdir()} - {"expected.json"}
    assert files == set(entries)
    assert any(name.startswith("truncated.") for name in files)
    if any(path.endswith(".xml") for path in files):
        assert {"wrong_namespace.xml", "declared_utf16.xml", "utf16.xml"} <= files


@pytest.mark.parametrize("key", list(bodies))
def test_every_media_type_is_reached_by_a_sample(key: str) -> None:
    assert key.islower()
    types = {entry["content_type"].partition(";")[0].lower() for _, entry, _ in _entries()}
    if "*" in key:
        assert any(decoder_of(kind) is bodies[key] and kind not in bodies for kind in types)
    else:
        assert key in types


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        pytest.param(entry, path, id=f"{path.parent.name}/{name}")
        for name, entry, path in _entries()
    ],
)
def test_a_sample_decodes_to_what_was_expected(entry: dict[str, Any], path: Path) -> None:
    made = outcome_of(path.read_bytes(), entry["content_type"])
    assert _without_wording(made) == _without_wording(entry)


MISDECLARED = ("declared_utf16.xml", "utf16.xml", "wrong_namespace.xml")


@pytest.mark.parametrize(
    "folder", [folder for folder in FOLDERS if any((HERE / folder).glob("*.xml"))]
)
def test_misdeclared_samples_decode_like_the_right_one(folder: str) -> None:
    entries = json.loads((HERE / folder / "expected.json").read_text("utf-8"))
    values = {
        name: dict(entry["value"], namespace="")
        for name, entry in entries.items()
        if "value" in entry
    }
    right = values["declared_utf16.xml"]
    assert not right["problems"]
    assert all(values[name] == right for name in MISDECLARED)
    assert right in [value for name, value in values.items() if name not in MISDECLARED]
    assert values["truncated.xml"]["problems"]
    assert values["truncated.xml"] != right


@pytest.mark.parametrize("media_type", XML_TYPES)
@pytest.mark.parametrize("path", sorted((HERE / "hostile").iterdir()), ids=lambda path: path.stem)
def test_hostile_samples_are_refused(media_type: str, path: Path) -> None:
    name = media_type.replace("*/*", "application/x")
    part = part_of({"content-type": name}, path.read_bytes(), "1", "")
    with pytest.raises((Malformed, LimitExceeded)):
        decode_part(part)


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        pytest.param(entry, path, id=f"{path.parent.name}/{name}")
        for name, entry, path in _entries()
    ],
)
def test_a_sample_cut_anywhere_gives_a_value_or_an_error(entry: dict[str, Any], path: Path) -> None:
    data = path.read_bytes()
    for end in range(0, len(data), 7):
        part = part_of({"content-type": entry["content_type"]}, data[:end], "1", "")
        try:
            value = decode_part(part)
        except DissectError:
            continue
        json.dumps(to_plain(value)).encode()


SECRETS = ("bm90IGEgcmVhbCBr", "YW5vdGhlciBleGFt", "dGhlIHRoaXJkIG9u", "dGhlIGVuZCBvZiBh")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_expected_value_holds_a_key(folder: str) -> None:
    text = (HERE / folder / "expected.json").read_text("utf-8")
    assert not [secret for secret in (*SECRETS, "c2VjcmV0", "bm90LXRv") if secret in text]


def test_a_cut_in_a_key_leaves_nothing_of_it() -> None:
    data = (HERE / "sdp" / "lync_offer.sdp").read_bytes()
    for end in range(data.index(b"a=cryptoscale"), data.index(b"a=maxptime")):
        value = decode_part(part_of({"content-type": "application/sdp"}, data[:end], "1", ""))
        shown = json.dumps(to_plain(value))
        assert not [secret[:4] for secret in SECRETS if secret[:4] in shown]
