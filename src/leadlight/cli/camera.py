"""`leadlight camera`: cameras by the noise of their sensors: enrolled from pictures, and looked for in others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from leadlight.cameras import LEAST_PICTURES, Compared
from leadlight.cli import render
from leadlight.cli.options import PATH, Exit, as_json
from leadlight.cli.streams import reader_may_leave
from leadlight.config import load
from leadlight.plugins import registry
from leadlight.records import display_name
from leadlight.sensornoise.likelihood import BASIS


@click.group("camera")
def camera() -> None:
    """Cameras by the noise of their sensors: enrol one, look for it in pictures."""


@camera.command("enrol")
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("--out", type=PATH, help="The file to write. [NAME.camera]")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def enrol(name: str, files: tuple[Path, ...], out: Path | None, force: bool) -> int:
    """Estimate the sensor pattern of a camera, which you call NAME, from at least 20 of its pictures.

    Pictures must be of one size, as the camera stored them; even and bright ones are best. Exit code 1 where some
    were left out. See docs/sensor-noise.md.
    """
    from leadlight.cameras import enrol as enrol_camera

    done = enrol_camera(name, files, settings=load(), plugins=registry(), out=out, force=force)
    for line in done.left_out:
        click.echo(f"left out: {line}", err=True)
    if done.described is not None:
        d = done.described
        click.echo(
            f"{display_name(os.fsencode(done.out))}: {d.name}, {d.width} × {d.height}, from {len(d.pictures)} "
            f"pictures; their halves agree by {d.agreement:,.0f} standard deviations"
        )
        if len(d.pictures) < 2 * LEAST_PICTURES and d.agreement < 50:
            click.echo("The pattern is weak: more pictures, even and bright, make it better.", err=True)
    return Exit.FAILURES if done.left_out else Exit.DONE


@camera.command("match")
@click.argument("camera_file", metavar="FILE.camera", type=PATH)
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option(
    "--all-scales", "ladder", is_flag=True, help="Look for parts that were made smaller too: minutes a picture."
)
@as_json
def match(camera_file: Path, files: tuple[Path, ...], ladder: bool, json_: bool) -> int:
    """Say how far each picture shows the sensor pattern of an enrolled camera.

    Pictures may be as they were, turned, mirrored, made smaller, or cut. Exit code 1 where one could not be
    compared.
    """
    from leadlight.cameras import compare

    compared = compare(camera_file, files, settings=load(), plugins=registry(), ladder=ladder)
    failed = 0
    with reader_may_leave():
        if json_:
            told = [match_json(c) for c in compared]
            failed = sum(t["failure"] is not None for t in told)
            render.print_json(told)
        else:
            failed = _print(compared)
    return Exit.FAILURES if failed else Exit.DONE


def _print(compared: Iterable[Compared]) -> int:
    failed = 0
    for one in compared:
        if one.found is None:
            failed += 1
            click.echo(f"{one.path}: not compared: {one.failure}")
            continue
        f = one.found
        how = f.way if f.way == "unchanged" else f"{f.way}, at {f.scale:.3f} of the size"
        click.echo(f"{one.path}: {one.words}\n    PCE {f.pce:,.1f}, the best of {f.tried:,} positions; {how}")
    click.echo(f"Ratios rest on: {BASIS}")
    return failed


def match_json(one: Compared) -> dict[str, Any]:
    """What `camera match --json` promises for one file."""
    f = one.found
    return {
        "path": one.path,
        "sha256": one.sha256,
        "pce": None if f is None else round(f.pce, 2),
        "excess": None if f is None else round(f.excess, 2),
        "way": None if f is None else f.way,
        "turn": None if f is None else f.turn,
        "scale": None if f is None else round(f.scale, 4),
        "left": None if f is None else f.left,
        "top": None if f is None else f.top,
        "tried": None if f is None else f.tried,
        "log10_lr": None if f is None or one.enrolled else one.log10_lr,
        "words": one.words or None,
        "enrolled": one.enrolled,
        "basis": BASIS,
        "failure": one.failure or None,
    }
