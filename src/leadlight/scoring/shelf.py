"""Where models lie: those shipped with the package, and those that the operator added."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from leadlight.config import Settings
from leadlight.errors import ConfigError, UnknownName
from leadlight.scoring.card import Card, parse, read
from leadlight.scoring.detector import CARD_FILE, MODEL_FILE, model_bytes

_DATA: Final = Path(str(files("leadlight"))) / "data"
NO_HOME: Final = "nowhere to keep models: no home folder is known"


@dataclass(frozen=True, slots=True)
class Kept:
    """One model that can be used: its folder of `model.onnx` and `card.toml`."""

    name: str
    folder: Path
    shipped: bool


def folder_of(settings: Settings) -> Path:
    """Where added models lie: the setting `models`, or ``$XDG_DATA_HOME/leadlight/models`` (``~/.local/share``).

    Raises ConfigError where neither is known.
    """
    if settings.models:
        return Path(settings.models)
    home = os.environ.get("XDG_DATA_HOME") or (
        str(Path(os.environ["HOME"]) / ".local" / "share") if os.environ.get("HOME") else ""
    )
    if not home:
        raise ConfigError(NO_HOME, subject="models", advice="Name a folder with the setting 'models'.")
    return Path(home) / "leadlight" / "models"


def kept(settings: Settings, *, shipped: Path = _DATA / "models") -> tuple[Kept, ...]:
    """All models, by name; one that was added stands for a shipped one of the same name. Raises ConfigError where
    the folder named in the settings can't be read.
    """
    found = {name: Kept(name, shipped / name, True) for name in _below(shipped, named=False)}
    try:
        folder = folder_of(settings)
    except ConfigError:
        folder = None
    if folder is not None:
        found |= {name: Kept(name, folder / name, False) for name in _below(folder, named=bool(settings.models))}
    return tuple(found[name] for name in sorted(found))


def one(settings: Settings, name: str) -> Kept:
    """The model of that name. Raises UnknownName."""
    there = {k.name: k for k in kept(settings)}
    if name not in there:
        raise UnknownName(
            "no such model",
            subject=name,
            advice=f"There are: {', '.join(there) or 'none; see leadlight models add'}.",
        )
    return there[name]


def fault(model: Kept, card: Card) -> str:
    """What its name and its digest say against a model, in words; '' for nothing. It is not loaded."""
    if card.name != model.name:
        return f"its card is of another model ('{card.name}')"
    try:
        found = hashlib.sha256(model_bytes(model.folder / MODEL_FILE, model.name)).hexdigest()
    except ConfigError as e:
        return e.what
    return "" if found == card.digest else f"its model is another one than its card says (SHA-256 {found[:16]}…)"


def lacking(settings: Settings) -> str:
    """Why no model, or not every one of them, can be asked, in words; '' where all can."""
    try:
        there = kept(settings)
        for model in there:
            wrong = fault(model, read(model.folder / CARD_FILE, model.name))
            if wrong:
                return (
                    f"the model '{model.name}' can't be used: {wrong}; see 'leadlight models remove {model.name}'"
                )
    except ConfigError as e:
        return f"{e.subject}: {e.what}"
    return "" if there else "no model is installed: see 'leadlight models add'"


def _below(folder: Path, *, named: bool) -> Iterator[str]:
    """Names of the folders that hold a card; what is being added has a name that begins with a dot."""
    try:
        inner = sorted(p.name for p in folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as e:
        if not named:
            return
        raise ConfigError(
            f"can't be read ({e.strerror})", subject=str(folder), advice="Mend the setting 'models'."
        ) from e
    for name in inner:
        if not name.startswith(".") and os.path.lexists(folder / name / CARD_FILE):
            yield name


def shipped_cards() -> tuple[Card, ...]:
    """Cards of models whose weights the operator brings, by name."""
    folder = _DATA / "cards"
    found = (p for p in folder.iterdir() if p.suffix == ".toml") if folder.is_dir() else ()
    return tuple(parse(p.read_text("utf-8"), p.stem) for p in sorted(found))


def shipped_card(name: str) -> Card:
    """The shipped card of that name. Raises UnknownName."""
    there = {c.name: c for c in shipped_cards()}
    if name not in there:
        raise UnknownName(
            "no such card", subject=name, advice=f"Shipped: {', '.join(there)}; or name a TOML file."
        )
    return there[name]
