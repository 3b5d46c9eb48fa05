"""`leadlight models`: detectors that the operator brings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from leadlight import models as shelf
from leadlight.cli import render
from leadlight.cli.options import PATH, Exit, as_json
from leadlight.config import load
from leadlight.models import Listed
from leadlight.scoring.card import Card
from leadlight.scoring.selftest import Outcome
from leadlight.scoring.shelf import shipped_cards


@click.group("models")
def models() -> None:
    """Detectors of generated pictures: neural networks as ONNX files, each with a card."""


@models.command("add")
@click.argument("file", type=PATH)
@click.option("--card", required=True, metavar="CARD.toml", help="Its card, or the name of a shipped one.")
@click.option("--force", is_flag=True, help="Replace a model of the same name.")
def add(file: Path, card: str, force: bool) -> None:
    """Install the ONNX model in FILE. It is copied, once it fits its card and its self-test holds."""
    stated, outcomes = shelf.add(file, card, load(), force=force)
    click.echo(f"{stated.name} {stated.version} is installed (SHA-256 {stated.digest}); licence {stated.licence}.")
    _tests(outcomes)
    if not any(c.state == "any" for c in stated.calibration):
        click.echo(
            "It is not calibrated, so it will give raw values and abstain: see 'leadlight calibrate'.", err=True
        )


@models.command("list")
@as_json
def list_models(json_: bool) -> int:
    """Show the models that are installed, and what is wrong with any. Exit code 1 where one can't be used."""
    found = list(shelf.listed(load()))
    if json_:
        render.print_json([_json(m) for m in found])
    elif not found:
        click.echo("No model is installed: see 'leadlight models add' and 'leadlight models cards'.")
    else:
        render.rows(("model", "version", "licence", "from", "state"), [_row(m) for m in found])
    return Exit.FAILURES if any(m.fault for m in found) else Exit.DONE


@models.command("test")
@click.argument("name")
@as_json
def test(name: str, json_: bool) -> int:
    """Run the self-test of the model NAME: known pictures must give what its card says. Else exit code 1."""
    card, outcomes = shelf.test(name, load())
    if json_:
        render.print_json([_outcome(o) for o in outcomes])
    else:
        click.echo(f"{card.name} {card.version}, SHA-256 {card.digest}")
        _tests(outcomes)
    return Exit.DONE if all(o.passed for o in outcomes) else Exit.FAILURES


@models.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Take the added model NAME away. What it said before stays in the records of cases."""
    shelf.remove(name, load())
    click.echo(f"'{name}' is removed.", err=True)


@models.command("cards")
@as_json
def cards(json_: bool) -> None:
    """Show the shipped cards of open models, whose weights you bring: models add FILE --card NAME."""
    found = shipped_cards()
    if json_:
        render.print_json([_card(c) for c in found])
    else:
        for card in found:
            click.echo(f"{card.name} ({card.licence})\n    {card.title}\n    {card.source}")


def _tests(outcomes: Sequence[Outcome]) -> None:
    for o in outcomes:
        said = "no value" if o.raw is None else f"raw value {o.raw:.6g}"
        wanted = "" if o.test.raw is None else f", expected {o.test.raw:.6g} within {o.test.tolerance:g}"
        size = f"{o.test.width} by {o.test.height} pixels"
        click.echo(f"self-test, drawn picture {o.test.seed} of {size}: {said}{wanted}: {_held(o)}")


def _held(outcome: Outcome) -> str:
    return "holds" if outcome.passed else "does not hold"


def _outcome(outcome: Outcome) -> dict[str, Any]:
    test = outcome.test
    return {
        "width": test.width,
        "height": test.height,
        "seed": test.seed,
        "expected": test.raw,
        "tolerance": test.tolerance,
        "raw": outcome.raw,
        "holds": outcome.passed,
    }


def _row(model: Listed) -> tuple[str, ...]:
    card = model.card
    state = model.fault or ("ready" if card and card.calibration else "ready, not calibrated")
    return (
        model.kept.name,
        card.version if card else "",
        card.licence if card else "",
        "Leadlight" if model.kept.shipped else "added",
        state,
    )


def _json(model: Listed) -> dict[str, Any]:
    facts = _card(model.card) if model.card else {}
    return {**facts, "name": model.kept.name, "shipped": model.kept.shipped, "fault": model.fault}


def _card(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "version": card.version,
        "title": card.title,
        "licence": card.licence,
        "source": card.source,
        "summary": card.summary,
        "digest": card.digest,
        "unseen": list(card.unseen),
        "calibrations": [{k: v for k, v in c.plain().items() if k != "knots"} for c in card.calibration],
    }
