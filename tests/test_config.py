"""Settings: file, then environment, then flags; what does not fit is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadlight.config import Settings, from_plain, load
from leadlight.errors import ConfigError


def test_the_later_wins(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('jobs = 2\nnear_radius = 20\nactor = "file"\n[limits]\ndepth = 3\nratio = 50\n')
    environ = {"LEADLIGHT_CONFIG": str(file), "LEADLIGHT_NEAR_RADIUS": "25", "LEADLIGHT_LIMITS__DEPTH": "4"}
    settings = load({"near_radius": 30, "jobs": None}, environ=environ)
    assert (settings.jobs, settings.near_radius, settings.actor) == (2, 30, "file")
    assert (settings.limits.depth, settings.limits.ratio) == (4, 50.0)
    assert from_plain(settings.to_plain()) == settings


def test_without_anything_the_defaults_hold() -> None:
    assert load(environ={}) == Settings()
    assert load(environ={"LEADLIGHT_TEST_DATA": "x", "OTHER": "y"}) == Settings()
    assert Settings(actor="someone").actor_name() == "someone"
    assert Settings().actor_name()
    assert Settings(jobs=3).worker_count() == 3
    assert Settings().worker_count() >= 1


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"LEADLIGHT_NONSENSE": "1"}, "nonsense"),
        ({"LEADLIGHT_JOBS": "many"}, "jobs"),
        ({"LEADLIGHT_NEAR_RADIUS": "64"}, "0 to 63"),
        ({"LEADLIGHT_FLOOD_SHARE": "nan"}, "flood_share"),
        ({"LEADLIGHT_LIMITS__DEPTH": "0"}, "depth"),
        ({"LEADLIGHT_LIMITS__NONSENSE": "0"}, "nonsense"),
        ({"LEADLIGHT_LIMITS": "5"}, "limits"),
        ({"LEADLIGHT_LIMITS": "5", "LEADLIGHT_LIMITS__DEPTH": "1"}, "limits: must be a table"),
        ({"LEADLIGHT_LIMITS__DEPTH": "1", "LEADLIGHT_LIMITS": "5"}, "limits: must be a table"),
        ({"LEADLIGHT_JOBS__MORE": "1"}, "jobs"),
        ({"LEADLIGHT_JOBS": "9" * 5000}, "whole number"),
        ({"LEADLIGHT_LIMITS__SECONDS": "inf"}, "finite"),
        ({"LEADLIGHT_LIMITS__DEPTH": str(10**30)}, "out of range"),
        ({"LEADLIGHT_ACTOR": "\udcff"}, "actor"),
        ({"LEADLIGHT_CONFIG": "/no/such/file.toml"}, "can't be read"),
    ],
)
def test_what_does_not_fit_is_named(environ: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load(environ=environ)
    assert caught.value.advice
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xff\xfe not toml")
    with pytest.raises(ConfigError, match=r"config\.toml"):
        load(environ={}, file=file)
    file.write_text("limits = 5\n")
    with pytest.raises(ConfigError, match="must be a table"):
        load(environ={}, file=file)
    for line in (
        "frames = inf",
        "frames = nan",
        "frames = 1.5",
        "depth = 0x" + "f" * 9000,
        "depth = " + "9" * 9000,
    ):
        file.write_text(f"[limits]\n{line}\n")
        with pytest.raises(ConfigError, match=r"frames|depth|TOML"):
            load(environ={}, file=file)
    file.write_text("jobs = " + "[" * 9000)
    with pytest.raises(ConfigError):
        load(environ={}, file=file)
    file.write_text("jobs = true\n")
    with pytest.raises(ConfigError, match="jobs"):
        load(environ={}, file=file)


def test_a_folder_of_settings_that_can_not_be_entered_is_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    real = os.stat

    def barred(path: object, *args: object, **more: object) -> object:
        if str(path).endswith("config.toml"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "stat", barred)
    assert load(environ={"HOME": str(tmp_path)}) == Settings()


def test_a_choice_is_one_of_those_named() -> None:
    assert from_plain({"hashing": "exact"}).hashing == "exact"
    with pytest.raises(ConfigError, match="none of fast, exact"):
        from_plain({"hashing": "quick"})
