"""What files say of their origin, without a case."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from leadlight.config import Settings
from leadlight.errors import EvidenceError
from leadlight.origin import weigh
from leadlight.pipeline import Pipeline
from leadlight.plugins import Registry
from leadlight.policy import load_policy
from leadlight.records import Assessment, Filed, display_name
from leadlight.records.examined import Examined
from leadlight.roots import why_no_file


def assess(paths: Iterable[Path], settings: Settings, plugins: Registry) -> Iterator[Assessment]:
    """One assessment a file, in the order given. Raises EvidenceError for a path that is no readable file."""
    policy = load_policy(settings.profile)
    pipeline = Pipeline(plugins, settings)
    for path in paths:
        subject = display_name(os.fsencode(path))
        if os.path.isdir(path):  # noqa: PTH112 (a folder that can't be entered is no fault)
            raise EvidenceError(
                "is a folder; 'origin' looks at files", subject=subject, advice="Use 'leadlight triage' for it."
            )
        source = next((s for s in plugins.sources if s.detect(path)), None)
        if source is None:
            raise EvidenceError(why_no_file(path), subject=subject, advice="Name a file.")
        for item in source.items(path):
            if isinstance(item, Examined):
                first = item
            else:
                opened = item
                first = next(pipeline.examine(item, lambda: source.open(opened)))  # noqa: B023
            findings = (*first.of_place, *(first.of_content or ()))
            yield Assessment(
                path=str(path),
                sha256=first.sha256,
                origin=weigh([Filed("", f) for f in findings], policy.origin),
                findings=findings,
            )
