"""Progress for people: a range for the time left, never negative, nothing where there is no terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from leadlight.cli.progress import line, shown_progress, size, span, time_left
from leadlight.seams import Progress

START = datetime(2026, 1, 1, tzinfo=UTC)
counts = st.integers(0, 10**7)


def progress(**more: int | bool) -> Progress:
    values = {
        "items": 0,
        "contents": 0,
        "bytes": 0,
        "failures": 0,
        "listed": 0,
        "finished": 0,
        "listing": False,
        "bytes_listed": 0,
        "bytes_finished": 0,
    }
    return Progress(started=START, **{**values, **more})  # type: ignore[arg-type]


@given(counts, counts, counts, counts, st.booleans(), st.floats(0, 10**6))
def test_it_never_fails_and_never_goes_negative(
    listed, finished, size_listed, size_done, listing, seconds
) -> None:
    made = progress(
        items=finished,
        listed=max(listed, finished),
        finished=finished,
        bytes_listed=max(size_listed, size_done),
        bytes_finished=size_done,
        listing=listing,
    )
    assert "-" not in time_left(made, seconds)
    assert "files" in line(made, START + timedelta(seconds=seconds))


def test_the_time_left_is_a_range_from_files_and_bytes() -> None:
    made = progress(items=100, listed=200, finished=100, bytes_listed=1000, bytes_finished=250)
    assert time_left(made, 60) == "48 s to 4 min left"
    growing = progress(items=100, listed=200, finished=100, listing=True)
    assert time_left(growing, 60) == "48 s to 78 s left or more: still listing"
    assert time_left(progress(listed=200, finished=3), 60) == ""


def test_figures_for_people() -> None:
    assert [size(n) for n in (0, 999, 1000, 5_000_000, 10**13)] == ["0 B", "999 B", "1.0 kB", "5.0 MB", "10.0 TB"]
    assert [span(s) for s in (1, 600, 7200)] == ["1 s", "10 min", "2.0 h"]


def test_without_a_terminal_nothing_is_shown(capsys) -> None:
    with shown_progress(quiet=False) as show:
        show(progress(items=5))
    assert capsys.readouterr() == ("", "")
