"""`leadlight evaluate`: how a model, and the weighing of origin, do on known pictures."""

from __future__ import annotations

import os
from pathlib import Path

import click

from leadlight.cli import render
from leadlight.cli.options import COUNT, PATH, Exit, as_json
from leadlight.cli.progress import shown_count
from leadlight.config import load
from leadlight.records import display_name


@click.command()
@click.argument("folder", type=PATH)
@click.option("--out", required=True, type=PATH, help="The folder to write: tables, figures, plots.")
@click.option("--model", default="", help="The model to judge. [the shipped one]")
@click.option("--state", "states", multiple=True, help="Only this state of laundering. Repeatable. [all]")
@click.option("--no-weighing", is_flag=True, help="Judge the model alone, not what all findings together answer.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Of what is drawn.")
@click.option("--most", type=COUNT, help="At most so many pictures of each source.")
@click.option("--split", default="", help="Only pictures of this split, by their table.")
@click.option("--table", "tables", multiple=True, type=PATH, help="A CSV table of SHA-256 and source. Repeatable.")
@click.option("--jobs", type=click.IntRange(0, 1024), help="Worker processes; 0 for one a core. [0]")
@click.option("--force", is_flag=True, help="Write into a folder that is there.")
@as_json
def evaluate(
    folder: Path,
    out: Path,
    model: str,
    states: tuple[str, ...],
    no_weighing: bool,
    seed: int,
    most: int | None,
    split: str,
    tables: tuple[Path, ...],
    jobs: int | None,
    force: bool,
    json_: bool,
) -> int:
    """Judge a model and the weighing of origin on the known pictures in FOLDER.

    FOLDER holds camera/SOURCE and generated/SOURCE, or tables that name kind and source of each picture. Exit code
    1 where something could not be read.
    """
    from leadlight import evaluate as evaluating

    chosen = tuple(dict.fromkeys(states)) or evaluating.Options().states
    how = evaluating.Options(chosen, not no_weighing, seed, most or 0, split, force, tables)
    with shown_count("pictures", quiet=json_) as progress:
        done = evaluating.evaluate(
            folder, out, settings=load({"jobs": jobs}), model=model, options=how, progress=progress
        )
    if json_:
        render.print_json({**done, "out": display_name(os.fsencode(out))})
    else:
        for kind, n in done["pictures"].items():
            click.echo(f"{n['pictures']:,} {kind} pictures from {n['sources']} sources")
        click.echo(display_name(os.fsencode(out / evaluating.REPORT)))
    return Exit.FAILURES if done["failed"] else Exit.DONE
