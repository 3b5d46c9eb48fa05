"""The plugin list: built-ins by folder, third parties by entry point. The only global state of Leadlight."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, TypeVar

from leadlight.config import Settings
from leadlight.errors import ConfigError, UnknownName
from leadlight.radius import kernel as radius_kernel
from leadlight.records.dossier import PluginInfo
from leadlight.scaled import kernel as scaled_kernel
from leadlight.seams import (
    Analyser,
    Exporter,
    HasherSource,
    HashList,
    Identifier,
    Lacking,
    Linker,
    Matcher,
    PictureDecoder,
    Source,
    Unpacker,
)

GROUP = "leadlight.plugins"
STAGES = ("sources", "identify", "fingerprint", "hashlists", "match", "provenance", "detect", "link", "export")

SWITCHES = {"fingerprint.features": "features", "detect.neural": "detect"}
"""Plugins that run only where a setting of this name is 'on'."""

_KINDS: tuple[tuple[str, str], ...] = (
    ("analyse", "analyser"),
    ("items", "source"),
    ("unpack", "unpacker"),
    ("entries", "format"),
    ("match", "matcher"),
    ("link", "linker"),
    ("export", "exporter"),
)
"""The method that tells a kind of plugin."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The plugins that can run, by kind, in the order they run, and what is known of all."""

    analysers: tuple[Analyser, ...]
    sources: tuple[Source, ...]
    unpackers: tuple[Unpacker, ...]
    formats: tuple[HashList, ...]
    matchers: tuple[Matcher, ...]
    linkers: tuple[Linker, ...]
    exporters: tuple[Exporter, ...]
    infos: tuple[PluginInfo, ...]

    @property
    def identifier(self) -> Identifier:
        """The analyser that names file types."""
        return next(a for a in self.analysers if isinstance(a, Identifier))

    @property
    def hashers(self) -> HasherSource:
        """The analyser that brings the digests."""
        return next(a for a in self.analysers if isinstance(a, HasherSource))

    @property
    def decoder(self) -> PictureDecoder:
        """The analyser that decodes."""
        return next(a for a in self.analysers if isinstance(a, PictureDecoder))

    def check(self, settings: Settings) -> None:
        """Raise ConfigError where a setting asks for a plugin that can't run here."""
        for name, setting in SWITCHES.items():
            missing = self.lacks(name, settings) if getattr(settings, setting) == "on" else ""
            if missing:
                raise ConfigError(
                    f"'on' needs a plugin that can't run here: {missing}",
                    subject=setting,
                    advice="Install it, or leave the setting off: everything else works without.",
                )

    def lacks(self, name: str, settings: Settings) -> str:
        """What a plugin needs and can't have here, in words; '' where it can run, or there is none."""
        missing = next((i.missing for i in self.infos if i.name == name and not i.available), "")
        found = next((a for a in self.analysers if a.name == name), None)
        return missing or (found.lacks(settings) if isinstance(found, Lacking) else "")

    def format(self, name: str) -> HashList:
        """A hash list format by name. Raises UnknownName."""
        return _named(self.formats, name, "hash list format")

    def exporter(self, name: str) -> Exporter:
        """An exporter by name. Raises UnknownName."""
        return _named(self.exporters, name, "export format")


Named = TypeVar("Named", HashList, Exporter)


def _named(plugins: Iterable[Named], name: str, what: str) -> Named:
    names = {p.name: p for p in plugins}
    if name not in names:
        raise UnknownName(f"no such {what}", subject=name, advice=f"There are: {', '.join(sorted(names))}.")
    return names[name]


@cache
def registry() -> Registry:
    """The plugins of this installation, found once."""
    found = assemble([*_built_in(), *_third_party()])
    return replace(found, infos=(*found.infos, *_kernels()))


def assemble(offers: Iterable[tuple[str, object, str]]) -> Registry:
    """A registry of (module, plugin, fault) offers. Raises ConfigError for two of one name, or a circle."""
    by_kind: dict[str, list[Any]] = {kind: [] for _, kind in _KINDS}
    infos: list[PluginInfo] = []
    seen: dict[tuple[str, str], str] = {}
    for module, plugin, fault in offers:
        kind = kind_of(plugin)
        name = str(getattr(plugin, "name", module))
        if (kind, name) in seen:
            raise ConfigError(
                f"two {kind} plugins have this name: {seen[kind, name]} and {module}",
                subject=name,
                advice="Uninstall one of them, or rename it.",
            )
        seen[kind, name] = module
        missing = fault or _missing(plugin)
        infos.append(PluginInfo(name, kind, str(getattr(plugin, "version", "")), module, not missing, missing))
        if not missing:
            by_kind[kind].append(plugin)
    analysers = order(by_kind["analyser"])
    rank = {a.name: n for n, a in enumerate(analysers)}
    stages = [kind for _, kind in _KINDS]
    infos.sort(key=lambda i: (stages.index(i.kind), rank.get(i.name, len(rank)), i.name))
    return Registry(
        analysers=analysers,
        sources=tuple(sorted(by_kind["source"], key=lambda s: (s.priority, s.name))),
        unpackers=_sorted(by_kind["unpacker"]),
        formats=_sorted(by_kind["format"]),
        matchers=_sorted(by_kind["matcher"]),
        linkers=_sorted(by_kind["linker"]),
        exporters=_sorted(by_kind["exporter"]),
        infos=tuple(infos),
    )


def _sorted(plugins: list[Any]) -> tuple[Any, ...]:
    return tuple(sorted(plugins, key=lambda p: p.name))


def kind_of(plugin: object) -> str:
    """Which seam a plugin fills. Raises ConfigError where none."""
    for method, kind in _KINDS:
        if callable(getattr(plugin, method, None)):
            return kind
    raise ConfigError("fills no seam", subject=repr(plugin), advice="See leadlight.seams for the methods of each.")


def order(analysers: Iterable[Analyser]) -> tuple[Analyser, ...]:
    """Analysers so that each runs after those that give what it needs; cheap first, then by name.

    Raises ConfigError for a need that nobody gives, and for a circle.
    """
    waiting = sorted(analysers, key=lambda a: (a.cost, a.name))
    for analyser in waiting:
        for need in analyser.needs:
            if not any(need in a.gives for a in waiting):
                raise ConfigError(
                    f"needs '{need}', which no available analyser gives",
                    subject=analyser.name,
                    advice="Run 'leadlight plugins' to see what is missing.",
                )
    done: list[Analyser] = []
    while waiting:
        pending = {kind for a in waiting for kind in a.gives}
        ready = next((a for a in waiting if not (a.needs & (pending - _own(a, waiting)))), None)
        if ready is None:
            raise ConfigError(
                "analysers need each other in a circle",
                subject=", ".join(a.name for a in waiting),
                advice="Take one of them out.",
            )
        waiting.remove(ready)
        done.append(ready)
    return tuple(done)


def _own(analyser: Analyser, waiting: list[Analyser]) -> set[str]:
    others = {kind for a in waiting if a is not analyser for kind in a.gives}
    return set(analyser.gives) - others


def _missing(plugin: object) -> str:
    absent = [m for m in getattr(plugin, "requires", ()) if find_spec(m) is None]
    if not absent:
        return ""
    extra = getattr(plugin, "extra", None)
    cure = f"pip install 'leadlight[{extra}]'" if extra else f"pip install {' '.join(absent)}"
    return f"{', '.join(absent)} is not installed: {cure}"


class _Broken:
    """Stands for a module that could not be imported."""

    version = ""

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        setattr(self, kind, lambda: None)


_STAGE_METHODS = {
    "sources": "unpack",
    "hashlists": "entries",
    "match": "match",
    "link": "link",
    "export": "export",
}


def _built_in() -> Iterator[tuple[str, object, str]]:
    for stage in STAGES:
        package = importlib.import_module(f"leadlight.{stage}")
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            name = f"{package.__name__}.{info.name}"
            try:
                module = importlib.import_module(name)
            except ImportError as e:
                method = _STAGE_METHODS.get(stage, "analyse")
                yield name, _Broken(f"{stage}.{info.name}", method), f"can't be loaded: {e}"
                continue
            plugin = getattr(module, "PLUGIN", None)
            if plugin is not None:
                yield name, plugin, ""


def _kernels() -> Iterator[PluginInfo]:
    """The compiled parts, listed with what their absence costs."""
    for name, module in (("radius", radius_kernel), ("scaled", scaled_kernel)):
        missing = "" if module.kernel() else module.ABSENT
        yield PluginInfo(name, "kernel", str(module.LAYOUT), module.__name__, not missing, missing)


def _third_party() -> Iterator[tuple[str, object, str]]:
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name, p.value)):
        try:
            plugin = point.load()
        except Exception as e:
            yield point.value, _Broken(point.name, "analyse"), f"can't be loaded: {type(e).__name__}: {e}"
            continue
        yield point.value, plugin, ""
