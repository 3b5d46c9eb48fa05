"""Timestamps by RFC 3161: the request, and checking the answer. Nothing is sent from here.

A request holds the SHA-256 of what is stamped and a random nonce, and no more. An answer holds only where it is
granted, is over that digest, repeats the nonce, was signed by a certificate made for timestamps (clause 2.3), and
that certificate leads to a root which the operator named and was valid at the time stamped. Revocation is not
looked up: that would take a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from leadlight.errors import TimestampFailed
from leadlight.records import display_text
from leadlight.seal.dersets import sorted_sets
from leadlight.seal.keys import Certificates, subject
from leadlight.seal.signed import RESPONSE_BYTES, Timestamp


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to a timestamp server."""

    nonce: int
    data: bytes
    """The TimeStampReq in DER: what a `.tsq` file holds."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """What a timestamp that holds says."""

    time: datetime
    """UTC, by the server's clock."""
    authority: str
    """The subject of the certificate that signed (RFC 4514)."""
    serial: int


def available() -> bool:
    """Whether the library that timestamps need is installed."""
    try:
        _library()
    except TimestampFailed:
        return False
    return True


def make_request(message: bytes) -> Request:
    """A request for a timestamp over `message`, with a fresh nonce; the server's certificate is asked for.

    Raises TimestampFailed where the library is not installed.
    """
    library = _library()
    built = library.TimestampRequestBuilder().data(message).hash_algorithm(library.HashAlgorithm.SHA256).build()
    return Request(int(built.nonce), bytes(built.as_bytes()))


def check(timestamp: Timestamp, message: bytes, roots: Certificates) -> Stamped:
    """What the timestamp says, once all of it was checked. Raises TimestampFailed with what does not hold."""
    library = _library()
    if not roots:
        raise _refused("no root certificate to check it against was named")
    if len(timestamp.response) > RESPONSE_BYTES:
        raise _refused(f"is larger than {RESPONSE_BYTES:,} bytes")
    try:
        response = library.decode_timestamp_response(sorted_sets(timestamp.response))
        status, words = int(response.status), [str(s) for s in response.status_string]
    except Exception as e:
        raise _refused("is no answer of a timestamp server") from e
    if status != library.PKIStatus.GRANTED:
        told = display_text("; ".join(words))[:200]
        raise _refused(f"the server did not grant it (status {status}{': ' + told if told else ''})")
    try:
        library.VerifierBuilder(roots=list(roots), nonce=timestamp.nonce).build().verify_message(response, message)
        info = response.tst_info
        return Stamped(info.gen_time.astimezone(UTC), _authority(response), int(info.serial_number))
    except library.VerificationError as e:
        raise _refused(_words(str(e))) from e
    except Exception as e:
        raise _refused("can't be read") from e


_WORDS = {
    "Nonce mismatch": "answers another request: its nonce differs",
    "Mismatch between messages": "is over something else than this seal",
    "certificate verify error": "its certificate leads to no root named, or was not valid at the time stamped",
    "Error while verifying certificates": "was altered: its signature does not fit",
}


def _words(said: str) -> str:
    """What the library says, for people; OpenSSL's own words would be of no use to them."""
    return next((words for part, words in _WORDS.items() if part in said), display_text(said)[:200])


def _authority(response: Any) -> str:
    signer = next(iter(response.signed_data.signer_infos))
    found = subject(response.signed_data.certificates, signer.issuer, signer.serial_number)
    return display_text(found)[:200]


def _refused(what: str) -> TimestampFailed:
    return TimestampFailed(
        what,
        subject="timestamp",
        advice="Check the address of the server and the root certificate named, then ask again.",
    )


def _library() -> Any:
    try:
        import rfc3161_client
    except ImportError:
        raise TimestampFailed(
            "the library that reads timestamps is not installed",
            subject="timestamp",
            advice="Run: pip install 'leadlight[timestamp]'.",
        ) from None
    return rfc3161_client
