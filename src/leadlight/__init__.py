"""Leadlight: open forensic triage for media in the age of generated images.

``from leadlight import Case`` is the front door; `leadlight.case` says what it can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leadlight.version import __version__

if TYPE_CHECKING:
    from leadlight.case import Case, ListFile
    from leadlight.config import Settings

__all__ = ["Case", "ListFile", "Settings", "__version__"]


def __getattr__(name: str) -> Any:
    """Load the front door only when it is asked for: workers never need it."""
    if name in ("Case", "ListFile"):
        from leadlight import case

        return getattr(case, name)
    if name == "Settings":
        from leadlight.config import Settings

        return Settings
    raise AttributeError(f"module 'leadlight' has no attribute {name!r}")
