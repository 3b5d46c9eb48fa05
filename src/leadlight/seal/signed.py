"""What a seal says, its bytes, and the file in which it is kept elsewhere.

What is signed is the canonical JSON of the seal: sorted names, no spaces, ASCII. What is stamped is the canonical
JSON of seal and signature, so a timestamp shows that the signature was there too.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from leadlight.errors import SealUnreadable
from leadlight.records import display_name
from leadlight.records.codec import dumps, when_in
from leadlight.seal.keys import PublicKey, Signer

FORM = "leadlight-seal-1"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEXT = 200
"""Characters of a text in a seal."""
_SIGNATURE = 64
"""Bytes of an Ed25519 signature (RFC 8032, clause 5.1.6)."""
RESPONSE_BYTES = 256 * 1024
"""The largest answer of a timestamp server that is taken; they are of some thousand bytes."""
_FILE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Seal:
    """What is signed: the head of one case's record at one time."""

    case: str
    """The case's number."""
    act: int
    """The number of the last act covered, from 1."""
    digest: str
    """That act's digest: it rests on every act before."""
    time: str
    """By the clock of the machine that sealed: ISO 8601 in UTC."""
    key: str
    """The id of the key that signs."""
    software: str
    """Leadlight's version."""
    form: str = FORM

    def message(self) -> bytes:
        """The bytes that are signed."""
        return dumps(asdict(self)).encode("ascii")

    @property
    def date(self) -> str:
        """The time for people, to the minute."""
        return f"{self.time[:16].replace('T', ' ')} UTC"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """The answer of a timestamp server (RFC 3161), as it came, and the nonce of the request that it answers."""

    nonce: int
    response: bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """A seal with its signature, and a timestamp where one was taken."""

    seal: Seal
    signature: bytes
    timestamp: Timestamp | None = None

    @classmethod
    def make(cls, seal: Seal, signer: Signer) -> Signed:
        """Sign `seal`, which names the signer's key."""
        return cls(seal, signer.sign(seal.message()))

    def by(self, key: PublicKey) -> bool:
        """Whether `key` made the signature."""
        return key.id == self.seal.key and key.signed(self.signature, self.seal.message())

    def stamped(self) -> bytes:
        """The bytes that a timestamp is over."""
        return dumps(signed_out(replace(self, timestamp=None))).encode("ascii")


def signed_out(signed: Signed) -> dict[str, Any]:
    """As JSON values: in an act of the record, and in a file."""
    values: dict[str, Any] = {"seal": asdict(signed.seal), "signature": _base64(signed.signature)}
    if signed.timestamp:
        values["timestamp"] = timestamp_out(signed.timestamp)
    return values


def timestamp_out(timestamp: Timestamp) -> dict[str, Any]:
    """As JSON values."""
    return {"nonce": f"{timestamp.nonce:x}", "response": _base64(timestamp.response)}


def signed_in(value: object) -> Signed:
    """The inverse of `signed_out`, of a value from anywhere. Raises ValueError with what does not fit."""
    values = _fields(value, {"seal", "signature"}, {"timestamp"})
    said = _fields(values["seal"], {"case", "act", "digest", "time", "key", "software", "form"})
    act, texts = said.pop("act"), said
    if isinstance(act, bool) or not isinstance(act, int) or not 0 < act < 2**63:
        raise ValueError("names no act")
    if not all(isinstance(t, str) and len(t) <= _TEXT for t in texts.values()):
        raise ValueError("has a text that is none")
    if texts["form"] != FORM:
        raise ValueError("is of another form than this version knows")
    if not (_DIGEST.fullmatch(texts["digest"]) and _DIGEST.fullmatch(texts["key"])):
        raise ValueError("has a digest that is none")
    if not _is_time(texts["time"]):
        raise ValueError("has a time that is none")
    signature = _bytes(values["signature"], _SIGNATURE)
    if len(signature) != _SIGNATURE:
        raise ValueError("has a signature that is none")
    timestamp = timestamp_in(values["timestamp"]) if "timestamp" in values else None
    return Signed(Seal(act=act, **texts), signature, timestamp)


def timestamp_in(value: object) -> Timestamp:
    """The inverse of `timestamp_out`. Raises ValueError."""
    values = _fields(value, {"nonce", "response"})
    return Timestamp(nonce_in(values["nonce"]), _bytes(values["response"], RESPONSE_BYTES))


def nonce_in(value: object) -> int:
    """A nonce as it is written. Raises ValueError."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{1,64}", value):
        raise ValueError("has a nonce that is none")
    return int(value, 16)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() is not None and when_in(text) is not None
    except (ValueError, OverflowError):
        return False


def _fields(value: object, wanted: set[str], perhaps: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not wanted <= set(value) <= wanted | perhaps:
        raise ValueError(f"must hold {', '.join(sorted(wanted))} and nothing else")
    return dict(value)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(value: object, longest: int) -> bytes:
    if not isinstance(value, str) or len(value) > longest * 4 // 3 + 4:
        raise ValueError("has bytes that are none")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("has bytes that are none") from None


def parsed(text: str | bytes) -> Signed:
    """A seal from its JSON. Raises ValueError with what does not fit."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    return signed_in(value)


def read_seal(path: Path) -> Signed:
    """A seal that was kept in a file. Raises SealUnreadable."""
    shown = display_name(os.fsencode(path))
    data = read_small(path, _FILE_BYTES)
    try:
        return parsed(data)
    except ValueError as e:
        raise SealUnreadable(
            f"is no seal: it {e}", subject=shown, advice="Name the file that 'leadlight seal --out' wrote."
        ) from None


def read_small(path: Path, most: int) -> bytes:
    """The bytes of a file of at most `most` bytes. Raises SealUnreadable."""
    shown = display_name(os.fsencode(path))
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as e:
        what = f"can't be read ({getattr(e, 'strerror', None) or e})"
        raise SealUnreadable(what, subject=shown, advice="Check the path and who may read it.") from e
    if len(data) > most:
        raise SealUnreadable(f"is larger than {most:,} bytes", subject=shown, advice="Check the path.")
    return data
