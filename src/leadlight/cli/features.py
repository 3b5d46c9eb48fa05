"""`leadlight features`: learning local features from pictures that may be kept."""

from __future__ import annotations

import os
from pathlib import Path

import click

from leadlight.config import load
from leadlight.learn import learn as learn_features
from leadlight.plugins import registry
from leadlight.records import ListKind, display_name

_PATH = click.Path(path_type=Path)


@click.group("features")
def features() -> None:
    """Local features, which find parts and turned copies of pictures."""


@features.command("learn")
@click.argument("folder", type=_PATH)
@click.option("--out", required=True, type=_PATH, help="The list to write.")
@click.option("--name", default="", help="The list's name. [the folder's]")
@click.option(
    "--kind",
    type=click.Choice([str(ListKind.KNOWN), str(ListKind.GENERATED)]),
    default=str(ListKind.KNOWN),
    show_default=True,
    help="What the pictures are.",
)
@click.option("--force", is_flag=True, help="Overwrite the list.")
def learn(folder: Path, out: Path, name: str, kind: str, force: bool) -> int:
    """Write a list of the pictures in FOLDER, which you may keep: digests, PDQ and local features, no picture.

    Add it to a case like any hash list, and scan with '--features on'. What the list can reveal: see
    docs/local-features.md. Exit code 1 where something could not be read.
    """
    lesson = learn_features(
        folder, out, settings=load(), plugins=registry(), name=name, kind=ListKind(kind), force=force
    )
    click.echo(f"{display_name(os.fsencode(out))}: {lesson.pictures:,} pictures")
    if lesson.flat:
        click.echo(
            f"{lesson.flat:,} too flat or too small for features: listed by digest and PDQ alone.", err=True
        )
    if lesson.others:
        click.echo(f"{lesson.others:,} files are no pictures and were left out.", err=True)
    for failed in lesson.failed:
        click.echo(f"not learnt: {failed}", err=True)
    return 1 if lesson.failed else 0
