"""All targets by name. A new parser gets an entry in a module here, and is fuzzed and tested from then on."""

from __future__ import annotations

from fuzz import archives, detectors, lists, media, planes, records
from fuzz.target import Target

TARGETS: dict[str, Target] = {
    **media.TARGETS,
    **planes.TARGETS,
    **archives.TARGETS,
    **lists.TARGETS,
    **records.TARGETS,
    **detectors.TARGETS,
}
