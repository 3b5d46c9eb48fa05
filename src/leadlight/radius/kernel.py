"""The compiled kernel, where there is one. It is built from native/ at install; without a compiler the install
goes on.

It is an extension module and not a library for ctypes: Python checks its arguments, the wheel carries it as any
other module, and one build serves every Python from 3.11 on (the stable interface).
"""

from __future__ import annotations

import os
from types import ModuleType

LAYOUT = 3
"""What native/radiusmodule.c must state: a kernel of another layout, left over from an earlier install, is not
used."""
ABSENT = (
    "the compiled kernel is not installed: near matches and groups are as exact, and take about 10 to 40 times as "
    "long; install a C compiler and reinstall leadlight"
)


def kernel() -> ModuleType | None:
    """The kernel, or None. LEADLIGHT_TEST_NO_KERNEL=1 leaves it out, so that tests can see what is without it."""
    if os.environ.get("LEADLIGHT_TEST_NO_KERNEL") == "1":
        return None
    try:
        from leadlight.radius import _kernel
    except ImportError:
        return None
    return _kernel if getattr(_kernel, "LAYOUT", 0) == LAYOUT else None
