"""Errors tell names, keys and values of files in words that can be printed."""

from __future__ import annotations

from leadlight.errors import ConfigError, LimitReached, Undecodable


def test_what_cannot_be_printed_is_spelt_out() -> None:
    error = Undecodable("says 'a\x1b[2J\u202e\ud800'\n", subject="no\udcff\udcfe.jpg", advice="Look\tat it.")
    assert error.what == "says 'a\\x1b[2J\\u202e\\ud800'\\n"
    assert error.subject == "no\\xff\\xfe.jpg"
    assert error.advice == "Look\\tat it."
    assert str(error).isprintable()


def test_what_can_be_printed_stays() -> None:
    error = ConfigError("passt nicht: größer als 9 µm", subject="写真.toml", advice="Mend it.")
    assert str(error) == "写真.toml: passt nicht: größer als 9 µm. Mend it."
    limit = LimitReached("is too deep", subject="a\x00b", limit="limits.depth", allowed=3, met=4)
    assert str(limit) == (
        "a\\x00b: is too deep. To go further, set limits.depth to at least 4 (now 3) and scan again."
    )
