"""The compiled kernel of scaled decoding, where there is one. It is built from native/ at install; without a
compiler the install goes on, and pictures are decoded in full.
"""

from __future__ import annotations

import os
from types import ModuleType

LAYOUT = 5
"""What native/jpegmodule.c must state: a kernel of another layout, left over from an earlier install, is not
used."""
ABSENT = (
    "the compiled kernel is not installed: pictures are decoded in full before they are hashed, so perceptual "
    "hashes of large JPEGs cost about ten times as much; install a C compiler and reinstall leadlight"
)


def kernel() -> ModuleType | None:
    """The kernel, or None. LEADLIGHT_TEST_NO_KERNEL=1 leaves it out, so that tests can see what is without it."""
    if os.environ.get("LEADLIGHT_TEST_NO_KERNEL") == "1":
        return None
    try:
        from leadlight.scaled import _kernel
    except ImportError:
        return None
    return _kernel if getattr(_kernel, "LAYOUT", 0) == LAYOUT else None
