"""Installed models: added with a card, tested, listed, removed.

A model is copied as it is, whole or not at all, and only once it was loaded, fits its card, and gave on drawn
pictures what the card says. Nothing of it is run before its bytes were compared with the digest.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from leadlight.config import Settings
from leadlight.durable import settle
from leadlight.errors import ConfigError, LeadlightError, UsageError
from leadlight.plugins import Registry
from leadlight.records import display_name
from leadlight.records.dossier import PluginInfo
from leadlight.scoring import selftest
from leadlight.scoring.card import Card, read
from leadlight.scoring.detector import CARD_FILE, MODEL_FILE, Detector, model_bytes
from leadlight.scoring.selftest import Outcome
from leadlight.scoring.shelf import Kept, fault, folder_of, kept, one, shipped_card

DETECTOR = "detect.neural"
"""The plugin that runs models."""
KIND = "model"
"""Of plugin, as models are listed and recorded."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as it is shown."""

    kept: Kept
    card: Card | None
    """None where it can't be read."""
    fault: str = ""
    """Why it can't be used, in words; '' where it can, as far as its card and its digest tell."""


def add(file: Path, card: str, settings: Settings, *, force: bool = False) -> tuple[Card, tuple[Outcome, ...]]:
    """Install the ONNX model in `file` with a card: the path of a TOML file, or the name of a shipped one.

    A card that states no digest gets that of the file, and what the self-test gave: from then on the model must
    stay so. Raises ConfigError where the two don't fit or the self-test fails, UnknownName for a card not at hand,
    UsageError where there is a model of this name already and `force` is not given.
    """
    stated = _card(card)
    subject = display_name(os.fsencode(file))
    data = model_bytes(file, subject)
    found = hashlib.sha256(data).hexdigest()
    if stated.digest and stated.digest != found:
        raise ConfigError(
            f"is not the model of the card '{stated.name}', which is of SHA-256 {stated.digest}; this is {found}",
            subject=subject,
            advice="Get the file that the card is of, or a card of this file.",
        )
    whole = replace(stated, digest=found)
    outcomes = selftest.run(Detector.of(whole, data, subject=subject))
    for outcome in outcomes:
        if not outcome.passed:
            raise _failed(outcome, subject)
    whole = selftest.recorded(whole, outcomes)
    _install(whole, data, settings, force)
    return whole, outcomes


def _card(name: str) -> Card:
    if name.endswith(".toml") or os.sep in name or os.path.isfile(name):  # noqa: PTH113 (barred folders are no fault)
        return read(Path(name), display_name(os.fsencode(name)))
    return shipped_card(name)


def _failed(outcome: Outcome, subject: str) -> ConfigError:
    test = outcome.test
    drawn = f"the drawn picture {test.seed} of {test.width} by {test.height} pixels"
    if outcome.raw is None:
        what = f"gives no value for {drawn}, which is too small for it"
    else:
        what = f"gives {outcome.raw:.6g} for {drawn}, and its card says {test.raw} within {test.tolerance:g}"
    return ConfigError(
        f"fails the self-test: {what}",
        subject=subject,
        advice="Check the preprocessing in the card: colours, scale, mean and std, size. Then add it again.",
    )


def _install(card: Card, data: bytes, settings: Settings, force: bool) -> None:
    """Both files in a folder of their own, then in its place with one rename."""
    shelf = folder_of(settings)
    target = shelf / card.name
    if os.path.lexists(target) and not force:
        raise UsageError(
            "there is a model of this name already",
            subject=card.name,
            advice="Remove it with 'leadlight models remove', or give --force to replace it.",
        )
    made: Path | None = None
    try:
        shelf.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{card.name}-", dir=shelf))
        made.chmod(0o755)
        for name, content in ((MODEL_FILE, data), (CARD_FILE, card.text().encode("utf-8"))):
            with (made / name).open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        settle(made)
        _put(made, target)
        settle(shelf)
    except OSError as e:
        raise _unwritable(e, shelf) from e
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def _put(made: Path, target: Path) -> None:
    """`made` as `target`; what was there is taken away only once the new one can take its place."""
    try:
        made.rename(target)
    except OSError as e:
        if e.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        old = made.with_name(f"{made.name}.old")
        target.rename(old)
        made.rename(target)
        _discard(old)


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _unwritable(error: OSError, shelf: Path) -> ConfigError:
    return ConfigError(
        f"can't be written to ({error.strerror or error})",
        subject=display_name(os.fsencode(shelf)),
        advice="Check the folder and the disk, or name another folder with the setting 'models'.",
    )


def remove(name: str, settings: Settings) -> None:
    """Take an added model away. Raises UnknownName, and UsageError for one that came with Leadlight."""
    found = one(settings, name)
    if found.shipped:
        raise UsageError(
            "came with Leadlight and is not removed",
            subject=name,
            advice="Leave detectors off with detect = off, or add another model of this name in its place.",
        )
    try:
        gone = found.folder.with_name(f".{name}.removed")
        with suppress(FileNotFoundError):
            _discard(gone)
        found.folder.rename(gone)
        _discard(gone)
        settle(gone.parent)
    except OSError as e:
        raise _unwritable(e, found.folder.parent) from e


def test(name: str, settings: Settings) -> tuple[Card, tuple[Outcome, ...]]:
    """The card of a model, and what its self-test gave. Raises UnknownName, and ConfigError where it can't run."""
    detector = Detector.load(one(settings, name).folder)
    return detector.card, selftest.run(detector)


def listed(settings: Settings) -> Iterator[Listed]:
    """All models, shipped and added, by name. Raises ConfigError where the folder of models can't be read."""
    for model in kept(settings):
        try:
            card = read(model.folder / CARD_FILE, model.name)
        except ConfigError as e:
            yield Listed(model, None, e.what)
        else:
            yield Listed(model, card, fault(model, card))


def with_models(plugins: Registry, settings: Settings) -> Registry:
    """The registry with each model among its infos, so that they are shown, and recorded with what they say; and
    with what the plugin that runs them lacks.
    """
    infos = [_shown(i, plugins, settings) for i in plugins.infos]
    try:
        infos += [_info(m) for m in listed(settings)]
    except LeadlightError as e:
        infos.append(PluginInfo("models", KIND, "", __name__, False, f"{e.subject}: {e.what}"))
    return replace(plugins, infos=tuple(infos))


def recorded(plugins: Registry, settings: Settings) -> Registry:
    """As `with_models` where detectors are asked for: what is said under other models is to be known apart."""
    return with_models(plugins, settings) if settings.detect == "on" else plugins


def _shown(info: PluginInfo, plugins: Registry, settings: Settings) -> PluginInfo:
    if info.name != DETECTOR or not info.available:
        return info
    missing = plugins.lacks(DETECTOR, settings)
    return replace(info, available=not missing, missing=missing)


def _info(model: Listed) -> PluginInfo:
    card = model.card
    version = f"{card.version} (SHA-256 {card.digest[:16]}…)" if card else ""
    return PluginInfo(model.kept.name, KIND, version, __name__, not model.fault, model.fault)
