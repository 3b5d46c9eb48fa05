"""What commands share: exit codes, paths, and the options that mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from leadlight.age import Recipients
from leadlight.cli.keys import open_case


class Exit(IntEnum):
    """What the process says when it ends."""

    DONE = 0
    FAILURES = 1
    USAGE = 2
    UNREADABLE = 3
    INTERRUPTED = 130


Command = TypeVar("Command", bound=Callable[..., Any])


class _Path(click.Path):
    """A path that is not empty: '' would quietly mean the current folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("an empty path was given.", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path()
COUNT = click.IntRange(1, 2**31)
ON_OFF = click.Choice(["off", "on"])


def as_json(command: Command) -> Command:
    """The `--json` flag, the same everywhere."""
    return click.option("--json", "json_", is_flag=True, help="Print one JSON document on standard output.")(
        command
    )


def forced(command: Command) -> Command:
    """The `--force` flag of what writes files."""
    words = "Overwrite a file that is no earlier export; never evidence or the case's record."
    return click.option("--force", is_flag=True, help=words)(command)


def with_key_file(command: Command) -> Command:
    """The `--key-file` option of what opens cases."""
    words = "The key file of an encrypted case. [the setting case_key_file]"
    return click.option("--key-file", type=PATH, help=words)(command)


def to_recipients(command: Command) -> Command:
    """The `--encrypt-to` option of what writes files, as `recipients`."""
    words = "Encrypt with age to this recipient (age1…), or to those in a file. Can be repeated."

    @click.option("--encrypt-to", "encrypt_to", multiple=True, metavar="RECIPIENT", help=words)
    @wraps(command)
    def parsed(*args: Any, encrypt_to: tuple[str, ...], **options: Any) -> Any:
        return command(*args, recipients=Recipients.of(encrypt_to) if encrypt_to else None, **options)

    return parsed  # type: ignore[return-value]


def in_case(command: Command) -> Command:
    """Open the case named by the first argument, with its key, and close it in the end."""

    @click.argument("case", type=PATH)
    @with_key_file
    @wraps(command)
    def opened(case: Path, key_file: Path | None, *args: Any, **options: Any) -> Any:
        with open_case(case, key_file) as there:
            return command(there, *args, **options)

    return opened  # type: ignore[return-value]
