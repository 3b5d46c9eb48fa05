"""Timestamps against a real server of RFC 3161, which OpenSSL plays here."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.errors import TimestampFailed
from leadlight.seal.dersets import sorted_sets
from leadlight.seal.keys import certificates
from leadlight.seal.signed import RESPONSE_BYTES, Timestamp
from leadlight.seal.timestamp import Request, available, check, make_request
from tests.seal.authority import EXTENSIONS, Authority, make_authority, openssl

MESSAGE = b"what is sealed"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="module")
def asked() -> Request:
    return make_request(MESSAGE)


@pytest.fixture(scope="module")
def answer(authority: Authority, asked: Request) -> bytes:
    return authority.answer(asked.data)


def test_a_good_answer_says_when_and_by_whom(authority: Authority, asked: Request, answer: bytes) -> None:
    assert available()
    stamped = check(Timestamp(asked.nonce, answer), MESSAGE, certificates(authority.root))
    assert abs(stamped.time - datetime.now(UTC)) < timedelta(days=1)
    assert stamped.time.tzinfo is UTC
    assert stamped.authority == "CN=Example TSA"
    assert stamped.serial > 0


def test_a_request_holds_the_digest_and_a_fresh_nonce_and_no_message(asked: Request) -> None:
    import hashlib

    assert hashlib.sha256(MESSAGE).digest() in asked.data
    assert MESSAGE not in asked.data
    assert len(asked.data) < 100
    assert make_request(MESSAGE).nonce != asked.nonce


def refused(timestamp: Timestamp, authority: Authority, words: str, message: bytes = MESSAGE) -> None:
    with pytest.raises(TimestampFailed, match=words) as caught:
        check(timestamp, message, certificates(authority.root))
    assert caught.value.exit_code == 3


def test_an_answer_over_something_else_is_refused(authority: Authority, asked: Request, answer: bytes) -> None:
    refused(Timestamp(asked.nonce, answer), authority, "something else than this seal", b"another")


def test_an_answer_to_another_request_is_refused(authority: Authority, asked: Request, answer: bytes) -> None:
    refused(Timestamp(asked.nonce + 1, answer), authority, "nonce differs")
    openssl(authority.folder, "ts", "-query", "-data", "ext.cnf", "-sha256", "-no_nonce", "-cert", "-out", "n.tsq")
    without = authority.answer((authority.folder / "n.tsq").read_bytes())
    message = (authority.folder / "ext.cnf").read_bytes()
    refused(Timestamp(asked.nonce, without), authority, "nonce differs", message)


def test_an_answer_of_another_server_is_refused(asked: Request, answer: bytes, tmp_path: Path) -> None:
    other = make_authority(tmp_path / "other")
    refused(Timestamp(asked.nonce, answer), other, "leads to no root named")
    with pytest.raises(TimestampFailed, match="no root certificate"):
        check(Timestamp(asked.nonce, answer), MESSAGE, ())


@pytest.mark.parametrize(
    ("starts", "ends"), [("20200101000000Z", "20210101000000Z"), ("20900101000000Z", "20910101000000Z")]
)
def test_a_certificate_that_was_not_valid_then_is_refused(
    asked: Request, tmp_path: Path, starts: str, ends: str
) -> None:
    other = make_authority(tmp_path / "other", starts=starts, ends=ends)
    refused(Timestamp(asked.nonce, other.answer(asked.data)), other, "not valid at the time stamped")


def test_a_certificate_that_is_not_for_timestamps_is_refused(asked: Request, tmp_path: Path) -> None:
    """OpenSSL stamps with none such: the answer's certificate is exchanged for one of the same key and length."""
    other = make_authority(tmp_path / "other")
    fit = other.answer(asked.data)
    (certificate,) = certificates(other.folder / "tsa.pem")
    good = certificate.public_bytes(Encoding.DER)
    (other.folder / "ext.cnf").write_text(EXTENSIONS + "extendedKeyUsage=critical,codeSigning\n")
    for _ in range(60):
        openssl(
            other.folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "20",
            "-set_serial", str(certificate.serial_number), "-outform", "DER", "-out", "unfit.der",
            "-extfile", "ext.cnf",
        )  # fmt: skip
        unfit = (other.folder / "unfit.der").read_bytes()
        if len(unfit) == len(good):
            break
    sent = fit.replace(good, unfit)
    assert (sent != fit, len(sent)) == (True, len(fit))
    refused(Timestamp(asked.nonce, sent), other, "timeStamping|leads to no root")


def test_what_the_server_did_not_grant_is_refused(authority: Authority, asked: Request) -> None:
    refused(Timestamp(asked.nonce, authority.answer(asked.data, digests="sha512")), authority, "did not grant")


def test_certificates_in_the_order_of_the_server_are_put_in_that_of_der(authority: Authority) -> None:
    """Whichever comes first, over several answers: with the root along, a strict reader refuses one order."""
    der = authority.folder / "ca.der"
    openssl(authority.folder, "x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der")
    openssl(authority.folder, "x509", "-in", "tsa.pem", "-outform", "DER", "-out", "tsa.der")
    both = [der.read_bytes(), (authority.folder / "tsa.der").read_bytes()]
    asked = make_request(MESSAGE)
    answer = authority.answer(asked.data, chain=True)
    joined = next(j for j in (both[0] + both[1], both[1] + both[0]) if j in answer)
    for order in (both[0] + both[1], both[1] + both[0]):
        sent = answer.replace(joined, order)
        assert b"".join(sorted(both)) in sorted_sets(sent)
        assert len(sorted_sets(sent)) == len(sent)
        assert check(Timestamp(asked.nonce, sent), MESSAGE, certificates(authority.root)).serial


def test_an_altered_signature_is_said(authority: Authority, asked: Request, answer: bytes) -> None:
    changed = bytearray(answer)
    changed[-3] ^= 1
    refused(Timestamp(asked.nonce, bytes(changed)), authority, "its signature does not fit")


def test_a_chain_that_comes_with_the_answer_leads_to_the_root(asked: Request, tmp_path: Path) -> None:
    """The operator names the root alone; the certificate between comes from the server, and is no anchor."""
    top, server = make_authority(tmp_path / "top"), make_authority(tmp_path / "server")
    (top.folder / "ca.ext").write_text("basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n")
    openssl(
        top.folder, "req", "-new", "-key", str(server.folder / "ca.key"), "-subj", "/CN=Example TSA Root",
        "-out", "between.csr",
    )  # fmt: skip
    openssl(
        top.folder, "x509", "-req", "-in", "between.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-out", str(server.root), "-days", "20", "-extfile", "ca.ext",
    )  # fmt: skip
    timestamp = Timestamp(asked.nonce, server.answer(asked.data, chain=True))
    assert check(timestamp, MESSAGE, certificates(top.root)).authority == "CN=Example TSA"
    refused(Timestamp(asked.nonce, server.answer(asked.data)), top, "leads to no root named")
    refused(timestamp, server, "leads to no root named")


def test_every_bit_of_what_was_stamped_is_covered(authority: Authority, asked: Request, answer: bytes) -> None:
    import hashlib

    roots = certificates(authority.root)
    imprint = answer.index(hashlib.sha256(MESSAGE).digest())
    end = imprint + 32 + 60  # serial number, time and nonce follow
    for at in range(imprint - 20, end):
        for bit in range(8):
            changed = bytearray(answer)
            changed[at] ^= 1 << bit
            with pytest.raises(TimestampFailed):
                check(Timestamp(asked.nonce, bytes(changed)), MESSAGE, roots)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_other_bytes_are_refused_or_say_the_same(
    authority: Authority, asked: Request, answer: bytes, data: st.DataObject
) -> None:
    roots = certificates(authority.root)
    good = check(Timestamp(asked.nonce, answer), MESSAGE, roots)
    changed = bytearray(answer)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        kind = data.draw(st.sampled_from(["flip", "set", "cut", "twice"]))
        if kind == "flip":
            changed[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "set":
            changed[at] = data.draw(st.sampled_from([0, 0x30, 0x31, 0x80, 0x84, 0xA0, 0xFF]))
        elif kind == "cut":
            del changed[at : at + data.draw(st.integers(1, 30))]
            changed = changed or bytearray(b"0")
        else:
            changed[at:at] = changed[at : at + 30]
    try:
        said = check(Timestamp(asked.nonce, bytes(changed)), MESSAGE, roots)
    except TimestampFailed:
        return
    assert (said.time, said.serial) == (good.time, good.serial)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_ordering_changes_no_other_bytes(data: bytes) -> None:
    assert sorted(sorted_sets(data)) == sorted(data)
    assert sorted_sets(sorted_sets(data)) == sorted_sets(data)


@pytest.mark.parametrize(
    "data", [b"", b"garbage", b"<html>", bytes(5000), b"\x30\x84\xff\xff\xff\xff", b"\x30\x80"]
)
def test_no_answer_at_all_is_refused(authority: Authority, data: bytes) -> None:
    refused(Timestamp(1, data), authority, "no answer of a timestamp server")


def test_an_answer_that_is_too_large_is_refused(authority: Authority) -> None:
    refused(Timestamp(1, bytes(RESPONSE_BYTES + 1)), authority, "larger than")


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    assert not available()
    with pytest.raises(TimestampFailed, match="not installed") as caught:
        make_request(MESSAGE)
    assert "leadlight[timestamp]" in caught.value.advice
