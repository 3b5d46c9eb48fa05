"""`leadlight encrypt`, `rekey` and `case-key`: a case that can be read with its key alone."""

from __future__ import annotations

import os
from pathlib import Path

import click

from leadlight.case import Case
from leadlight.casekey import CaseKey, new_key_file
from leadlight.cli.keys import new_passphrase
from leadlight.cli.options import PATH, in_case
from leadlight.errors import UsageError
from leadlight.records import display_name
from leadlight.roots import REPORT_FILE

_NEW = "The new key's file (see 'leadlight case-key'). [a passphrase is asked for]"


@click.command("encrypt")
@in_case
@click.option("--new-key-file", type=PATH, help=_NEW)
def encrypt(case: Case, new_key_file: Path | None) -> None:
    """Encrypt a case that is not. It takes as much free space again, for a while.

    The old database is overwritten once and removed; an SSD may keep blocks of it all the same.
    """
    if case.encrypted:
        raise UsageError(
            "is encrypted already", subject=_shown(case.path), advice="'leadlight rekey CASE' changes its key."
        )
    case.encrypt(_new(new_key_file))
    click.echo(f"{_shown(case.path)} is encrypted. Without its key nobody can open it, nor can we.", err=True)
    click.echo("An SSD, a snapshot or a backup may still hold what was written before in plain.", err=True)
    if (case.path / REPORT_FILE).exists():
        click.echo(f"{_shown(case.path / REPORT_FILE)} is there in plain: move or remove it.", err=True)


@click.command("rekey")
@in_case
@click.option("--new-key-file", type=PATH, help=_NEW)
def rekey(case: Case, new_key_file: Path | None) -> None:
    """Give an encrypted case another key: all of it is encrypted anew, and that is recorded.

    Copies of the case that were made before still open with the old key.
    """
    if not case.encrypted:
        raise UsageError("is not encrypted", subject=_shown(case.path), advice="'leadlight encrypt CASE' does it.")
    case.encrypt(_new(new_key_file))
    click.echo(f"{_shown(case.path)} has its new key. Earlier copies of it keep the old one.", err=True)


@click.command("case-key")
@click.argument("file", type=PATH)
def case_key(file: Path) -> None:
    """Make a key for cases: FILE, for you alone. Keep it off the disk of the case, and a copy in a safe."""
    new_key_file(file)
    click.echo(_shown(file))


def _new(key_file: Path | None) -> CaseKey:
    return CaseKey.from_file(key_file) if key_file else new_passphrase()


def _shown(path: Path) -> str:
    return display_name(os.fsencode(path))
