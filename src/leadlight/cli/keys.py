"""Where the key of an encrypted case comes from: a key file, or a passphrase asked for. Never the command line."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

import click

from leadlight.case import Case
from leadlight.casefile import read_facts
from leadlight.casekey import LEAST, PASSPHRASE, CaseKey
from leadlight.config import Settings, load
from leadlight.errors import CaseLocked, KeyUnusable
from leadlight.keeping import is_encrypted, key_of
from leadlight.records import display_name

NOT_ENCRYPTED = "the case is not encrypted: keep it on an encrypted disk, or give --encrypt when it is made."


def open_case(folder: Path, key_file: Path | None = None, settings: Settings | None = None) -> Case:
    """An existing case, its passphrase asked for where it has one. Raises KeyUnusable, and as `Case.open` does."""
    return Case.open(folder, settings=settings, key=existing_key(folder, key_file))


def existing_key(folder: Path, key_file: Path | None = None) -> CaseKey | None:
    """The key of an existing case; None where it is not encrypted.

    Raises KeyUnusable for a file that is no key, CaseLocked where a passphrase is needed and can't be asked for.
    """
    facts = read_facts(folder)
    if not is_encrypted(folder, facts):
        if key_file is not None:
            raise KeyUnusable(
                "fits nothing: the case is not encrypted",
                subject=_shown(key_file),
                advice="Leave --key-file out, or encrypt the case with 'leadlight encrypt CASE'.",
            )
        return None
    _no_core()
    if key_file is not None:
        return CaseKey.from_file(key_file)
    if facts.get("key") != PASSPHRASE and (named := key_of(load())):
        return named
    if facts.get("key") != PASSPHRASE or not sys.stdin.isatty():
        how = "Run in a terminal" if facts.get("key") == PASSPHRASE else "Name its key file with --key-file"
        raise CaseLocked("is encrypted, and no key was given", subject=_shown(folder), advice=f"{how}.")
    return CaseKey.from_passphrase(str(click.prompt("Passphrase of the case", hide_input=True, err=True)))


def new_case_key(key_file: Path | None, *, asked: bool, settings: Settings) -> CaseKey | None:
    """The key of a case that is made: a file, a passphrase where one was `asked` for, the file that the settings
    name, or none. Raises KeyUnusable.
    """
    if key_file is None and not asked and not settings.case_key_file:
        return None
    _no_core()
    if key_file is not None:
        return CaseKey.from_file(key_file)
    return new_passphrase() if asked else key_of(settings)


def new_passphrase() -> CaseKey:
    """Asked for twice. Raises KeyUnusable where it can't be, or is short."""
    _no_core()
    if not sys.stdin.isatty():
        raise KeyUnusable(
            "no passphrase could be asked for", advice="Run in a terminal, or name a key file with --key-file."
        )
    given = str(click.prompt("New passphrase", hide_input=True, confirmation_prompt=True, err=True))
    if len(given) < LEAST:
        raise KeyUnusable(
            f"the passphrase is shorter than {LEAST} characters",
            advice="Take several words: whoever has the disk can try as many as they like.",
        )
    return CaseKey.from_passphrase(given)


def _no_core() -> None:
    """No memory image of a process that holds a key, should it crash."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _shown(path: Path) -> str:
    return display_name(os.fsencode(path))
