"""The one request that is ever sent: to that very address, bounded, and whatever comes back is no surprise."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from leadlight.errors import ConfigError, TimestampFailed
from leadlight.seal.network import ask
from leadlight.seal.signed import RESPONSE_BYTES

Reply = Callable[[BaseHTTPRequestHandler, bytes], None]


class Server(ThreadingHTTPServer):
    """Answers as told, and keeps what was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, reply: Reply) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append((self.command, self.path, dict(self.headers), body))
                reply(self, body)

            def do_GET(self) -> None:
                outer.asked.append((self.command, self.path, dict(self.headers), b""))

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, *_: object) -> None:
        pass

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/tsa"


@contextmanager
def serving(reply: Reply) -> Iterator[Server]:
    with Server(reply) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def said(status: int, body: bytes = b"", **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def test_the_request_goes_there_as_the_standard_says_and_nothing_else() -> None:
    with serving(said(200, b"answer")) as server:
        assert ask(server.url, b"question") == b"answer"
    ((method, path, headers, body),) = server.asked
    assert (method, path, body) == ("POST", "/tsa", b"question")
    assert headers["Content-Type"] == "application/timestamp-query"
    assert set(headers) == {
        "Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "Host", "User-Agent"
    }  # fmt: skip
    assert headers["User-Agent"] == "leadlight"


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(said(200, b"proxy")) as proxy, serving(said(200, b"server")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert ask(server.url, b"q") == b"server"
    assert not proxy.asked


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with serving(said(200, b"elsewhere")) as other:
        with (
            serving(said(status, Location=other.url)) as server,
            pytest.raises(TimestampFailed, match="points elsewhere"),
        ):
            ask(server.url, b"q")
        assert not other.asked


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 500, 503])
def test_an_error_of_the_server_is_said(status: int) -> None:
    with (
        serving(said(status, b"<html>")) as server,
        pytest.raises(TimestampFailed, match=f"HTTP {status}") as caught,
    ):
        ask(server.url, b"q")
    assert "--request" in caught.value.advice
    assert len(server.asked) == 1


def endless(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(65536))


@pytest.mark.parametrize("reply", [said(200, bytes(RESPONSE_BYTES + 1)), endless])
def test_an_answer_that_is_too_large_is_not_read_to_its_end(reply: Reply) -> None:
    with serving(reply) as server, pytest.raises(TimestampFailed, match="larger than"):
        ask(server.url, b"q")


def test_the_largest_answer_is_taken() -> None:
    with serving(said(200, bytes(RESPONSE_BYTES))) as server:
        assert len(ask(server.url, b"q")) == RESPONSE_BYTES


def silent(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    time.sleep(5)


def dripping(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    """A byte now and then: no single wait is long."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b".")
        handler.wfile.flush()
        time.sleep(0.1)


@pytest.mark.parametrize("reply", [silent, dripping])
def test_a_server_that_takes_too_long_is_left(reply: Reply) -> None:
    with serving(reply) as server, pytest.raises(TimestampFailed, match="no answer in 0"):
        ask(server.url, b"q", seconds=0.4)


def raw(data: bytes) -> Reply:
    def reply(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return reply


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000,
        b"HTTP/1.1 abc OK\r\n\r\n",
    ],
)
def test_what_is_no_http_is_said(data: bytes) -> None:
    with serving(raw(data)) as server, pytest.raises(TimestampFailed):
        ask(server.url, b"q")


def test_nobody_there_is_said() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(TimestampFailed, match="no answer"):
            ask(f"http://127.0.0.1:{held.getsockname()[1]}/", b"q")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tsa.example",
        "file:///etc/hostname",
        "ftp://tsa.example/",
        "data:,x",
        "http://",
        "http:///path",
        "http://user:word@tsa.example/",
        "http://tsa.example:port/",
        "http://tsa.example:99999/",
        "http://tsa.example/a b",
        "http://tsa.example/\r\nX: y",
        "http://[::1/",
        "http://tsä.example/",
    ],
)
def test_what_is_no_address_is_refused_and_nothing_is_sent(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "create_connection", never)
    monkeypatch.setattr(socket, "getaddrinfo", never)
    with pytest.raises(ConfigError, match="no address"):
        ask(url, b"q")
