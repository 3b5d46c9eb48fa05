"""The commands, their options and their exit codes.

Exit codes: 0 done; 1 done, with failures recorded; 2 wrong use; 3 evidence or case unreadable, or a record
that does not hold; 130 interrupted, resumable.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from leadlight.age import SUFFIX, Recipients
from leadlight.case import Case, ListFile, Result
from leadlight.casefile import CASE_FILE, busy, read_facts
from leadlight.casekey import CaseKey
from leadlight.cli import render
from leadlight.cli.calibrate import calibrate
from leadlight.cli.camera import camera as camera_group
from leadlight.cli.encryption import case_key, encrypt, rekey
from leadlight.cli.evaluate import evaluate
from leadlight.cli.features import features as features_group
from leadlight.cli.keys import NOT_ENCRYPTED, existing_key, new_case_key
from leadlight.cli.models import models as models_group
from leadlight.cli.options import COUNT, ON_OFF, PATH, Exit, as_json, forced, in_case, to_recipients, with_key_file
from leadlight.cli.progress import shown_progress
from leadlight.cli.record import SealAtEnd, key, seal, verify
from leadlight.cli.streams import prepare, reader_may_leave, said, to_nowhere
from leadlight.config import Settings, load
from leadlight.engine import cage
from leadlight.errors import CaseError, LeadlightError, UsageError
from leadlight.models import with_models
from leadlight.plugins import registry
from leadlight.policy import profile_names
from leadlight.records import ListKind, Tier, display_name, display_text
from leadlight.roots import REPORT_FILE, check_evidence
from leadlight.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="leadlight")
def app() -> None:
    """Forensic triage of seized or reported media: what each file is, where it came from, what to see first.

    Evidence is opened read-only. Nothing of it is sent anywhere. People grade; this only puts in order.
    """


app.add_command(calibrate)
app.add_command(camera_group)
app.add_command(case_key)
app.add_command(encrypt)
app.add_command(evaluate)
app.add_command(features_group)
app.add_command(key)
app.add_command(models_group)
app.add_command(rekey)
app.add_command(seal)
app.add_command(verify)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code; errors go to standard error, never as a traceback."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    prepare()
    ended = [int(Exit.DONE)]
    with reader_may_leave():
        ended.append(_run(arguments))
    return ended[-1]


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = app.main(args=None if arguments is None else list(arguments), standalone_mode=False)
        with reader_may_leave():
            sys.stdout.flush()
        return int(code) if isinstance(code, int) else Exit.DONE
    except click.exceptions.NoArgsIsHelpError as e:
        click.echo(e.format_message(), err=True)
        return Exit.USAGE
    except click.ClickException as e:
        e.show(words := io.StringIO())
        click.echo("\n".join(display_text(line) for line in words.getvalue().splitlines()), err=True)
        return Exit.USAGE
    except LeadlightError as e:
        _say(said(e))
        return e.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted. Run the same command again: it goes on where it was.")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as e:
        to_nowhere()
        subject = f"{display_name(os.fsencode(e.filename))}: " if isinstance(e.filename, str | bytes) else ""
        _say(f"{subject}{e.strerror or display_text(str(e))}. Check the disk and the path, then try again.")
        return Exit.UNREADABLE
    except Exception as e:
        if os.environ.get("LEADLIGHT_TEST_TRACE") == "1":
            raise
        _say(
            f"an unexpected fault: {type(e).__name__}. Please report it, never with evidence; "
            "set LEADLIGHT_TEST_TRACE=1 for the trace."
        )
        return Exit.UNREADABLE


def _say(words: str) -> None:
    click.echo(f"leadlight: {words}", err=True)


def _list_file(text: str) -> ListFile:
    kind, _, rest = text.partition("=")
    if rest and kind in [str(k) for k in ListKind]:
        return ListFile(Path(rest), kind=ListKind(kind))
    return ListFile(Path(text))


@app.command()
@click.argument("paths", nargs=-1, required=True, type=PATH)
@click.option(
    "--case",
    type=PATH,
    help="The case's folder; made where there is none. [PATH's name.leadlight]",
)
@click.option(
    "--list",
    "lists",
    multiple=True,
    metavar="[KIND=]FILE",
    help="A hash list to load; KIND is known, generated or benign. Can be given again.",
)
@click.option("--profile", help=f"Policy: {', '.join(profile_names())}, or a TOML file. [victim-first]")
@click.option("--features", type=ON_OFF, help="Local features, to find parts. [off]")
@click.option("--detect", type=ON_OFF, help="Detectors of generated pictures, and open watermarks. [off]")
@click.option("--sensor", type=ON_OFF, help="Sensor noise, which tells cameras apart: seconds a picture. [off]")
@click.option("--jobs", type=click.IntRange(0, 1024), help="Worker processes; 0 for one a core. [0]")
@click.option("--again", is_flag=True, help="Also examine again what was with other versions or settings.")
@click.option("--encrypt", "encrypted", is_flag=True, help="Encrypt a new case; a passphrase is asked for.")
@with_key_file
@as_json
def triage(
    paths: tuple[Path, ...],
    case: Path | None,
    lists: tuple[str, ...],
    profile: str | None,
    features: str | None,
    detect: str | None,
    sensor: str | None,
    jobs: int | None,
    again: bool,
    encrypted: bool,
    key_file: Path | None,
    json_: bool,
) -> int:
    """Examine evidence and rank it. The same command again goes on where it was interrupted.

    PATH is a folder, an archive or a file; several make one case.
    """
    folder = case or Path(f"{_stem(paths[0])}.leadlight")
    check_evidence(paths, folder, registry().sources)
    new = not os.path.lexists(folder / CASE_FILE)
    sealing = SealAtEnd.by(load())
    flags = {"profile": profile, "jobs": jobs, "features": features, "detect": detect, "sensor": sensor}
    if (folder / CASE_FILE).is_file():
        kept, opener = existing_key(folder, key_file), _case_at
        if encrypted and kept is None:
            raise UsageError(
                "is there already, and not encrypted",
                subject=display_name(os.fsencode(folder)),
                advice="Run 'leadlight encrypt' on it.",
            )
    else:
        kept, opener = new_case_key(key_file, asked=encrypted, settings=load(flags)), _new_case
    there = opener(folder, flags, kept)
    if new and kept is None and not json_:
        _say(NOT_ENCRYPTED)
    with there:
        with shown_progress(quiet=json_) as progress:
            try:
                files = [_list_file(x) for x in lists]
                result = there.run(paths, lists=files, again=again, progress=progress)
            except BaseException:
                if new:
                    there.discard_unused()
                raise
        sealed = sealing.seal(there)
    with reader_may_leave():
        if json_:
            render.print_json(
                {**render.result_json(result, folder), "sealed": sealed, "encrypted": kept is not None}
            )
        else:
            with Case.open(folder, settings=there.settings, key=kept) as ended:
                render.result(result, folder, list(ended.queue(top=10)))
    return _code(result)


def _stem(path: Path) -> str:
    return path.resolve().name or "evidence"


def _case_at(folder: Path, flags: Mapping[str, Any], key: CaseKey | None) -> Case:
    profile = flags["profile"] or read_facts(folder)["profile"]
    return Case.open(folder, settings=load({**flags, "profile": profile}), key=key)


def _new_case(folder: Path, flags: Mapping[str, Any], key: CaseKey | None) -> Case:
    """Raises CaseBusy where there is one by now: there was none when this was chosen."""
    try:
        return Case.create(folder, settings=load(flags), key=key)
    except CaseError as e:
        if (folder / CASE_FILE).is_file():
            raise busy(folder, "made this case") from e
        raise


def _code(result: Result) -> int:
    return Exit.FAILURES if result.counts.failures else Exit.DONE


@app.command()
@in_case
@click.option("--tier", type=click.Choice([str(t) for t in Tier]), help="Only this tier.")
@click.option("--top", type=COUNT, help="Only the first N.")
@as_json
def queue(case: Case, tier: str | None, top: int | None, json_: bool) -> None:
    """Show the queue, most pressing first, each place with its reasons."""
    entries = case.queue(tier=Tier(tier) if tier else None, top=top)
    if json_:
        render.print_entries_json(entries)
    else:
        render.entries(entries)


@app.command()
@in_case
@click.argument("item")
@click.option("--unseal", is_flag=True, help="Show sealed text (prompts) too; this is recorded.")
@as_json
def show(case: Case, item: str, unseal: bool, json_: bool) -> None:
    """Show all that is known of one content. ITEM is a digest, its first characters, or a path."""
    shown = case.show(item, unseal=unseal)
    if json_:
        render.print_json(render.shown_json(shown, unseal=unseal))
    else:
        render.shown(shown, unseal=unseal)


@app.command()
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("--unseal", is_flag=True, help="Show sealed text (prompts) too.")
@click.option("--profile", help="Policy that weighs the evidence. [victim-first]")
@click.option("--detect", type=ON_OFF, help="Detectors, and open watermarks. [on, as far as installed]")
@as_json
def origin(files: tuple[Path, ...], unseal: bool, profile: str | None, detect: str | None, json_: bool) -> int:
    """Say what files tell of their origin, without a case."""
    from leadlight.assess import assess

    settings = _settings(profile=profile, detect=detect or "on")
    if detect is not None:
        registry().check(settings)
    assessments = list(assess(files, settings, registry()))
    with reader_may_leave():
        if json_:
            render.print_json([render.assessment_json(a, unseal=unseal) for a in assessments])
        else:
            for assessment in assessments:
                render.assessment(assessment, unseal=unseal)
    return Exit.FAILURES if any(render.failed(a) for a in assessments) else Exit.DONE


def _settings(**flags: Any) -> Settings:
    return load(flags)


@app.group()
def lists() -> None:
    """Hash lists of a case: add, list, remove."""


@lists.command("add")
@in_case
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("--format", "format_", help="csv, nsrl, vics or threatexchange; found out where not given.")
@click.option("--name", help="The list's name. [the file's]")
@click.option("--kind", type=click.Choice([str(k) for k in ListKind]), help="What the list is of. [by format]")
def add_list(case: Case, files: tuple[Path, ...], format_: str | None, name: str | None, kind: str | None) -> None:
    """Load lists into the case's index, match and rank again. The files are not read again later."""
    if name and len(files) > 1:
        raise UsageError("one name can't serve several files", subject=name, advice="Add them one at a time.")
    wanted = ListKind(kind) if kind else None
    added = case.add_lists([ListFile(f, format=format_, name=name, kind=wanted) for f in files])
    render.lists(added)


@lists.command("list")
@in_case
@as_json
def list_lists(case: Case, json_: bool) -> None:
    """Show the case's lists, those taken out of use too."""
    infos = case.lists(removed=True)
    if json_:
        render.print_json([render.list_json(i) for i in infos])
    else:
        render.lists(infos)


@lists.command("remove")
@in_case
@click.argument("name")
def remove_list(case: Case, name: str) -> None:
    """Take a list out of use by NAME or number, and rank again. Its past hits stay in the record."""
    removed = case.remove_list(name)
    click.echo(f"'{removed.name}' is out of use; the queue is ranked without it.", err=True)


@app.command()
@in_case
@click.option("--out", type=PATH, help="The file to write. [CASE/report.html]")
@click.option("--top", type=COUNT, default=200, show_default=True, help="Entries of the queue.")
@forced
@to_recipients
def report(case: Case, out: Path | None, top: int, force: bool, recipients: Recipients | None) -> None:
    """Write one self-contained HTML file. It holds no media and no script."""
    target = out or case.path / (REPORT_FILE + (SUFFIX if recipients else ""))
    case.export("report", target, top=top, force=force, recipients=recipients)
    click.echo(display_name(os.fsencode(target)))


@app.command()
@in_case
@click.option("--as", "form", required=True, help="The format; see 'leadlight plugins' for those at hand.")
@click.option("--out", required=True, type=PATH)
@click.option("--top", type=COUNT, default=200, show_default=True, help="Entries of the queue.")
@forced
@to_recipients
def export(case: Case, form: str, out: Path, top: int, force: bool, recipients: Recipients | None) -> None:
    """Write the case in another format."""
    manifest = case.export(form, out, top=top, force=force, recipients=recipients)
    for path, digest, size in manifest.files:
        click.echo(f"{digest}  {size:>12}  {display_text(path)}")
    for loss in manifest.losses:
        click.echo(f"What this format can't say: {loss}", err=True)


@app.command()
@as_json
def plugins(json_: bool) -> None:
    """Show what can run, in the order it runs, what is missing and how to get it."""
    infos = with_models(cage.listed(registry(), _settings()), _settings()).infos
    if json_:
        render.print_json([render.plugin_json(i) for i in infos])
    else:
        render.plugins(infos)


@app.command()
@click.argument("folder", metavar="[DIR]", default="leadlight-demo", type=PATH)
def demo(folder: Path) -> int:
    """Build a small neutral case in DIR and run the main job on it. [leadlight-demo]"""
    from leadlight.cli.demo import run_demo

    return run_demo(folder)
