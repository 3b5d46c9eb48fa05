"""A seal as JSON: the same bytes again, and nothing else taken for one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.errors import SealUnreadable
from leadlight.records.codec import dumps
from leadlight.seal.keys import Signer, new_key, open_key
from leadlight.seal.signed import Seal, Signed, Timestamp, parsed, read_seal, signed_in, signed_out

SEAL = Seal("0b7a", 57, "ab" * 32, "2026-11-22T07:00:00.000000+00:00", "cd" * 32, "0.1.0")


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    path = tmp_path_factory.mktemp("key") / "k"
    new_key(path, None)
    return open_key(path, lambda: None)


def test_a_seal_comes_back_as_it_was(signer: Signer, tmp_path: Path) -> None:
    signed = Signed.make(replace(SEAL, key=signer.public.id), signer)
    assert signed.by(signer.public)
    stamped = replace(signed, timestamp=Timestamp(2**63, b"answer"))
    for each in (signed, stamped):
        (tmp_path / "seal.json").write_text(dumps(signed_out(each)))
        assert read_seal(tmp_path / "seal.json") == each
    assert stamped.stamped() == signed.stamped() == dumps(signed_out(signed)).encode()
    assert signed.seal.date == "2026-11-22 07:00 UTC"


def test_every_field_is_signed(signer: Signer) -> None:
    signed = Signed.make(replace(SEAL, key=signer.public.id), signer)
    others = {"case": "0b7b", "act": 58, "digest": "ac" * 32, "software": "0.1.1", "form": "leadlight-seal-2"}
    others |= {"time": "2026-11-22T07:00:00.000001+00:00"}
    for name, value in others.items():
        changed: Any = replace(signed.seal, **{name: value})
        assert not replace(signed, seal=changed).by(signer.public), name
    assert not replace(signed, seal=replace(signed.seal, key="ef" * 32)).by(signer.public)


GOOD = signed_out(Signed(SEAL, bytes(64), Timestamp(7, b"answer")))


def changed(path: str, value: object) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(GOOD))
    *heads, last = path.split(".")
    inner = plain
    for head in heads:
        inner = inner[head]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return plain


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seal", ...),
        ("seal", []),
        ("signature", ...),
        ("signature", "AAAA"),
        ("signature", "?" * 88),
        ("signature", 5),
        ("more", 1),
        ("seal.more", 1),
        ("seal.act", 0),
        ("seal.act", True),
        ("seal.act", "57"),
        ("seal.act", 57.0),
        ("seal.act", 2**63),
        ("seal.digest", "AB" * 32),
        ("seal.digest", "ab" * 32 + "\n"),
        ("seal.key", "ab"),
        ("seal.time", "yesterday"),
        ("seal.time", "2026-11-22T07:00:00"),
        ("seal.time", "0001-01-01T00:00:00+23:59"),
        ("seal.case", None),
        ("seal.case", "x" * 201),
        ("seal.form", "leadlight-seal-2"),
        ("timestamp", None),
        ("timestamp.nonce", "-1"),
        ("timestamp.nonce", "f" * 65),
        ("timestamp.response", "?"),
        ("timestamp.response", "A" * 400_000),
    ],
)
def test_what_is_no_seal_is_said(tmp_path: Path, path: str, value: object) -> None:
    assert signed_in(GOOD)
    file = tmp_path / "seal.json"
    file.write_text(json.dumps(changed(path, value)))
    with pytest.raises(SealUnreadable, match="is no seal"):
        read_seal(file)


@pytest.mark.parametrize("data", [b"", b"[", b"\xff", b"[" * 100_000, b"NaN", b"{}", b"5", b"9" * 5000])
def test_bytes_that_are_no_seal_are_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(SealUnreadable):
        read_seal(tmp_path / "s")


def test_a_file_that_is_too_large_or_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(bytes((1 << 20) + 1))
    for name in ("s", "none", "."):
        with pytest.raises(SealUnreadable):
            read_seal(tmp_path / name)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=400))
def test_anything_at_all_is_a_seal_or_a_value_error(data: bytes | str) -> None:
    with pytest.raises(ValueError):
        parsed(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["seal", "signature", "timestamp", *[f"seal.{k}" for k in GOOD["seal"]]]), JSON)
def test_any_value_in_any_field_is_taken_as_it_is_or_refused(path: str, value: object) -> None:
    plain = changed(path, value)
    try:
        signed = signed_in(plain)
    except ValueError:
        return
    assert signed_out(signed)["seal"] == plain["seal"]
