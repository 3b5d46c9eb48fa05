"""The one request that Leadlight ever sends: to the timestamp server that the operator named, when asked for.

It goes to that very address: no proxy of the environment, no redirect, no other scheme than HTTP and HTTPS. The
answer is checked by whoever asked; here only its size and time are bounded.
"""

from __future__ import annotations

import queue
import threading
import urllib.error
import urllib.request
from http.client import HTTPException
from urllib.parse import urlsplit

from leadlight.errors import ConfigError, TimestampFailed
from leadlight.records import display_text
from leadlight.seal.signed import RESPONSE_BYTES

_ADVICE = "Try again later, or take the request to the server by hand: --request, then --response."
SECONDS = 30.0
"""How long the whole exchange may take."""


def ask(url: str, request: bytes, *, seconds: float = SECONDS) -> bytes:
    """Send a timestamp request by HTTP (RFC 3161, clause 3.4) and return the answer as it came.

    Raises ConfigError where `url` is no address of a server; TimestampFailed where there is no answer in
    `seconds`, it is no success, or larger than 256 KiB.
    """
    shown = _checked(url)
    answers: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

    def exchange() -> None:
        try:
            answers.put(_exchange(url, request, seconds))
        except Exception as e:
            answers.put(e)

    # A server that sends a byte now and then would outlast any timeout of its socket.
    threading.Thread(target=exchange, name="timestamp", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        answer = TimeoutError()
    if isinstance(answer, bytes):
        return answer
    raise TimestampFailed(_said(answer, seconds), subject=shown, advice=_ADVICE) from answer


def _exchange(url: str, request: bytes, seconds: float) -> bytes:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    asked = urllib.request.Request(url, data=request, headers=headers, method="POST")  # noqa: S310 (checked)
    opener.addheaders = [("User-Agent", "leadlight")]
    with opener.open(asked, timeout=seconds) as answer:
        data: bytes = answer.read(RESPONSE_BYTES + 1)
        missing = answer.length
    if len(data) > RESPONSE_BYTES:
        raise ValueError(f"the answer is larger than {RESPONSE_BYTES:,} bytes")
    if missing:
        raise ValueError("the answer was cut short")
    return data


def _checked(url: str) -> str:
    """The address as it is shown. Raises ConfigError."""
    shown = display_text(url)[:200]
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        fits = fits and url.isascii() and url.isprintable() and " " not in url and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ConfigError(
            "is no address of a timestamp server",
            subject="timestamp_url" if not shown else f"timestamp_url {shown}",
            advice="Set it to http:// or https://, a host and a path.",
        )
    return shown


def _said(error: Exception, seconds: float) -> str:
    if isinstance(error, urllib.error.HTTPError):
        code = error.code
        error.close()
        if 300 <= code < 400:
            return f"the server points elsewhere (HTTP {code}), which is not followed"
        return f"the server answered with HTTP {code}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return f"no answer in {seconds:g} seconds"
    if isinstance(reason, HTTPException):
        return "the server's answer is no HTTP"
    words = getattr(reason, "strerror", None) or str(reason)
    return f"no answer ({display_text(words)[:200]})" if isinstance(reason, OSError) else display_text(words)[:200]
