"""The compiled kernel; all else is in pyproject.toml. Where it can't be compiled the install goes on."""

from __future__ import annotations

import sys

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "leadlight.radius._kernel",
            sources=["native/radius.c", "native/radiusmodule.c"],
            depends=["native/radius.h", "native/radius_probe.h"],
            define_macros=[("Py_LIMITED_API", "0x030b0000")],
            py_limited_api=True,
            extra_compile_args=[] if sys.platform == "win32" else ["-std=c11", "-O3"],
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
