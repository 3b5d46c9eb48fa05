"""`leadlight calibrate`: a model's scores on known pictures become likelihood ratios with bounds."""

from __future__ import annotations

import os
from pathlib import Path

import click

from leadlight.cli import render
from leadlight.cli.options import COUNT, PATH, Exit, as_json
from leadlight.cli.progress import shown_count
from leadlight.config import load
from leadlight.records import display_name
from leadlight.scoring.calibration import METHODS, STATES


@click.command()
@click.argument("model")
@click.option("--camera", required=True, multiple=True, type=PATH, help="A folder of camera pictures. Repeatable.")
@click.option("--generated", required=True, multiple=True, type=PATH, help="A folder of generated pictures.")
@click.option("--out", required=True, type=PATH, help="The folder to write: card, figures, diagrams.")
@click.option("--method", type=click.Choice(METHODS), default=METHODS[0], show_default=True)
@click.option(
    "--state",
    type=click.Choice(STATES),
    default=STATES[0],
    show_default=True,
    help="What the pictures are put through first.",
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Of what is drawn.")
@click.option("--most", type=COUNT, help="At most so many pictures of each source.")
@click.option("--most-side", type=COUNT, help="Only pictures with a longer side of at most so many pixels.")
@click.option("--split", default="", help="Only pictures of this split, by their table.")
@click.option("--table", "tables", multiple=True, type=PATH, help="A CSV table of SHA-256 and source. Repeatable.")
@click.option("--name", default="", help="The name of this set of pictures. [the folders']")
@click.option("--jobs", type=click.IntRange(0, 1024), help="Worker processes; 0 for one a core. [0]")
@click.option("--force", is_flag=True, help="Write into a folder that is there.")
@as_json
def calibrate(
    model: str,
    camera: tuple[Path, ...],
    generated: tuple[Path, ...],
    out: Path,
    method: str,
    state: str,
    seed: int,
    most: int | None,
    most_side: int | None,
    split: str,
    tables: tuple[Path, ...],
    name: str,
    jobs: int | None,
    force: bool,
    json_: bool,
) -> int:
    """Turn the scores of MODEL into likelihood ratios, by pictures of which you know what they are.

    MODEL is the name of a model, or a folder that holds one. The folders right below those that you name are the
    sources; or a table beside the pictures names them. See docs/calibration.md for how many it takes.
    """
    from leadlight import calibrate as calibrating
    from leadlight.scoring.figures import TITLES

    with shown_count("pictures", quiet=json_) as progress:
        done = calibrating.calibrate(
            model,
            out,
            camera=camera,
            generated=generated,
            settings=load({"jobs": jobs}),
            options=calibrating.Options(
                method, state, seed, most or 0, split, name, force, tables, most_side or 0
            ),
            progress=progress,
        )
    if json_:
        render.print_json({**calibrating.plain(done), "out": display_name(os.fsencode(out))})
        return Exit.DONE
    c = done.fit.calibration
    click.echo(f"{c.size:,} pictures of {c.sources} sources; log10 ratios from {c.lower:+.2f} to {c.upper:+.2f}")
    for key, figure in done.figures.items():
        ends = "" if figure.interval is None else f" ({figure.interval[0]:.3f} to {figure.interval[1]:.3f})"
        click.echo(f"{TITLES[key]}: {figure.value:.3f}{ends}")
    click.echo(display_name(os.fsencode(out / calibrating.REPORT)))
    return Exit.DONE
