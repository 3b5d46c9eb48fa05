"""One target under atheris (libFuzzer), in a process of its own: `python -m fuzz.guided TARGET [options]`."""

from __future__ import annotations

import sys

import atheris


def main() -> None:
    with atheris.instrument_imports(include=["leadlight"]):
        from fuzz.targets import TARGETS
    name = sys.argv.pop(1)
    target = TARGETS[name]
    atheris.Setup(sys.argv, lambda data: target(bytes(data)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
