"""What a content was examined with: settings, program, plugins, libraries.

The same conditions give the same findings. That is why what failed is tried again only under other conditions,
and only where they bear on the failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from leadlight.config import Settings
from leadlight.plugins import Registry
from leadlight.records import Finding
from leadlight.version import __version__

ALL = ""
"""Stands for every family of file types."""
_BEARING = ("trust_anchors", "writers", "features", "detect", "sensor", "cameras", "limits")
"""Settings that findings may depend on, beside `hashing`; `jobs` where memory may have run out."""
_BEFORE = {"hashing": "exact"}
"""What was so before there was a setting for it, where that is not the default."""
_STRAINED = frozenset({"crashed", "timeout", "memory"})


@dataclass(frozen=True, slots=True)
class Conditions:
    """What findings may depend on beside the bytes."""

    settings: Mapping[str, Any]
    software: str
    plugins: Mapping[str, str]
    """Versions of those that can run, by kind and name: 'analyser identify.preview'."""
    libraries: Mapping[str, str] | None
    """Versions of the libraries that Leadlight can use and that are installed; None where nothing says."""

    @classmethod
    def now(cls, settings: Settings, plugins: Registry) -> Conditions:
        """Those of this program, on this machine."""
        versions = {f"{i.kind} {i.name}": i.version for i in plugins.infos if i.available}
        return cls(settings.to_plain(), __version__, versions, _libraries())

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> Conditions:
        """Those that an act states; a setting that it does not know was as it is by default."""
        settings, plugins, libraries = (details.get(k) for k in ("settings", "plugins", "libraries"))
        stated = dict(settings) if isinstance(settings, Mapping) else {}
        default = {**Settings().to_plain(), **_BEFORE}
        limits = stated.get("limits")
        stated["limits"] = {**default["limits"], **(limits if isinstance(limits, Mapping) else {})}
        return cls(
            {**default, **stated},
            str(details.get("software", "")),
            plugins if isinstance(plugins, Mapping) else {},
            libraries if isinstance(libraries, Mapping) else None,
        )

    def to_plain(self) -> dict[str, Any]:
        """As an act states them."""
        return {
            "settings": dict(self.settings),
            "software": self.software,
            "plugins": dict(self.plugins),
            "libraries": dict(self.libraries or {}),
        }

    def same(self, then: Conditions, *, hashing: bool = False, jobs: bool = False) -> bool:
        """Whether the same findings are to be expected; with `hashing`, the same perceptual hashes too."""
        names = [*_BEARING, *(["hashing"] if hashing else []), *(["jobs"] if jobs else [])]
        return (
            all(self.settings.get(n) == then.settings.get(n) for n in names)
            and (self.software, self.plugins) == (then.software, then.plugins)
            and self._same_libraries(then)
        )

    def _same_libraries(self, then: Conditions) -> bool:
        return then.libraries is None or self.libraries == then.libraries

    def may_change(self, failure: Finding, then: Conditions) -> bool:
        """Whether another try may give something else than `failure`, which was made under `then`."""
        reason = failure.payload.get("reason")
        if reason == "limit":
            return self._goes_further(failure.payload, then)
        if reason == "unsupported":
            return then.libraries is None or bool(
                set(self.libraries or ()) - set(then.libraries) or set(self.plugins) - set(then.plugins)
            )
        if reason == "failed":
            versions = (self._version(failure.analyser), then._version(failure.analyser))
            return (
                versions[0] not in (versions[1], failure.version)
                or self.software != then.software
                or not self._same_libraries(then)
            )
        return reason in _STRAINED and not self.same(then, jobs=True)

    def _goes_further(self, payload: Mapping[str, Any], then: Conditions) -> bool:
        name = str(payload.get("limit", "")).removeprefix("limits.")
        now, before = _number(self._limit(name)), _number(then._limit(name)) or _number(payload.get("allowed"))
        met = _number(payload.get("met")) or 0.0
        return now is not None and before is not None and now > before and now >= met

    def _limit(self, name: str) -> object:
        limits = self.settings.get("limits")
        return limits.get(name) if isinstance(limits, Mapping) else None

    def _version(self, name: str) -> str | None:
        return next((v for k, v in self.plugins.items() if k.partition(" ")[2] == name), None)

    def outdated(self, then: Conditions, plugins: Registry) -> frozenset[str]:
        """The families of contents of which these may say something else than `then` did; ALL stands for all."""
        settings = any(self.settings.get(n) != then.settings.get(n) for n in _BEARING)
        if settings or (self.settings.get("hashing"), then.settings.get("hashing")) == ("exact", "fast"):
            return frozenset({ALL})
        changed = {k for k, v in self.plugins.items() if then.plugins.get(k) != v}
        families: set[str] = {"archive"} if any(k.startswith("unpacker ") for k in changed) else set()
        if any(k.startswith("model ") for k in {*changed, *(set(then.plugins) - set(self.plugins))}):
            families.add("picture")
        for analyser in plugins.analysers:
            if f"analyser {analyser.name}" in changed:
                families |= analyser.families or {ALL}
        if (self.settings.get("features"), then.settings.get("features", "off")) == ("on", "off"):
            families.add("picture")
        return frozenset(families)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _libraries() -> dict[str, str]:
    """Names and versions of the distributions that Leadlight declares, so far as they are installed."""
    try:
        declared = requires("leadlight") or []
    except PackageNotFoundError:
        declared = []
    return dict(_installed(declared))


def _installed(declared: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in declared:
        if re.search(r"extra\s*==\s*['\"](dev|bench|timestamp)['\"]", text):
            continue
        found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", text)
        if found:
            try:
                yield found[0], version(found[0])
            except PackageNotFoundError:
                continue
