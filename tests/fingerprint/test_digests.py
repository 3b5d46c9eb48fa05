"""All digests of one read, against their own published values and libraries."""

from __future__ import annotations

import hashlib
import io

import blake3
from hypothesis import given
from hypothesis import strategies as st

from leadlight.config import Limits
from leadlight.content import Content, content_of
from leadlight.fingerprint.digests import PLUGIN
from leadlight.records import finding

ABC = {
    "md5": "900150983cd24fb0d6963f7d28e17f72",
    "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "blake3": "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
}


def test_published_values() -> None:
    assert dict(content_of(b"abc", PLUGIN.hashers()).digests) == ABC


def test_one_finding_for_each_algorithm(examine) -> None:
    found = {f.payload["algorithm"]: f.payload for f in examine(b"abc") if f.kind == finding.DIGEST}
    assert {k: p["value"] for k, p in found.items()} == ABC
    assert all(p["quality"] is None and p["method"] == "all bytes" for p in found.values())


@given(data=st.binary(max_size=5000), cut=st.integers(1, 700))
def test_the_size_of_the_reads_changes_nothing(data: bytes, cut: int) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(cut)

    content = Content.read(Slow(data), hashers=PLUGIN.hashers(), limits=Limits())
    assert content.digests["sha256"] == hashlib.sha256(data).hexdigest()
    assert content.digests["blake3"] == blake3.blake3(data).hexdigest()
    assert content.digests["md5"] == hashlib.md5(data).hexdigest()
    assert content.digests["sha1"] == hashlib.sha1(data).hexdigest()
    assert content.data() == data


def test_hashers_are_new_each_time() -> None:
    first = PLUGIN.hashers()
    first["sha256"].update(b"abc")
    assert PLUGIN.hashers()["sha256"].hexdigest() != first["sha256"].hexdigest()
