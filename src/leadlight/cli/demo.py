"""`leadlight demo`: builds the neutral material, runs the main job, and teaches how to read it."""

from __future__ import annotations

from pathlib import Path

import click

from leadlight.case import Case, ListFile
from leadlight.cli import render
from leadlight.cli.progress import shown_progress
from leadlight.config import load
from leadlight.demo import build
from leadlight.errors import UsageError
from leadlight.records import ListKind, Tier


def run_demo(folder: Path) -> int:
    """Build, triage, report. Returns 0: the failures in the demo are there on purpose."""
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(
            "is not empty",
            subject=str(folder),
            advice="Name another folder: leadlight demo DIR; or remove this one.",
        )
    material = build(folder)
    settings = load({"trust_anchors": str(material.trust_anchors)})
    case_folder = folder / "demo-case"
    with Case.create(case_folder, settings=settings) as case:
        files = [ListFile(x.path, format=x.format, name=x.name, kind=ListKind(x.kind)) for x in material.lists]
        with shown_progress(quiet=False) as progress:
            result = case.run([material.evidence], lists=files, progress=progress)
        case.export("report", folder / "report.html")
        click.echo("What lies in the demo's evidence:\n")
        for line in material.guide:
            click.echo(f"  {line}")
        click.echo("\nWhat triage says of it, with the first of each tier and its reasons:\n")
        firsts = [entry for tier in Tier for entry in case.queue(tier=tier, top=1)]
        render.result(result, case_folder, firsts)
    click.echo(f"\nThe report: {folder / 'report.html'}. Open it in any browser; it needs no network.")
    click.echo("The failures are there on purpose: what can't be read is evidence too, and is shown.")
    return 0
