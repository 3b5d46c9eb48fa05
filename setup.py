"""The compiled kernels; all else is in pyproject.toml. Where they can't be compiled the install goes on."""

from __future__ import annotations

import sys

from setuptools import Extension, setup

# -g0: debugging facts hold the folder it was built in, and the same source must give the same wheel
_COMMON = {
    "define_macros": [("Py_LIMITED_API", "0x030b0000")],
    "py_limited_api": True,
    "extra_compile_args": [] if sys.platform == "win32" else ["-std=c11", "-O3", "-g0"],
    "optional": True,
}

setup(
    ext_modules=[
        Extension(
            "leadlight.radius._kernel",
            sources=["native/radius.c", "native/radiusmodule.c"],
            depends=["native/radius.h", "native/radius_probe.h"],
            **_COMMON,
        ),
        Extension(
            "leadlight.scaled._kernel",
            sources=[
                "native/jpeg.c",
                "native/lines.c",
                "native/ordered.c",
                "native/rows.c",
                "native/jpegmodule.c",
            ],
            depends=[
                "native/jpeg.h",
                "native/jpeg_bits.h",
                "native/lines.h",
                "native/ordered.h",
                "native/ordered_steps.h",
                "native/rows.h",
            ],
            **_COMMON,
        ),
        *(
            [Extension("leadlight.engine._cage", sources=["native/cage.c"], **_COMMON)]
            if sys.platform == "linux"
            else []
        ),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
