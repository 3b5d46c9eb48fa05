"""Tables and JSON. Text from evidence is already safe; here it is never taken as markup."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leadlight.audit import Fault
from leadlight.case import Result, Shown
from leadlight.cli.progress import size
from leadlight.records import Assessment, Entry, Finding, ListInfo, Origin, Tier, display_name, display_text
from leadlight.records import finding as kinds
from leadlight.records.codec import assessment_out, entry_out, statement_out, when_out
from leadlight.records.dossier import PluginInfo

MEANING = {
    Tier.URGENT: "relevant, not known, may be real, and new or near",
    Tier.NEAR_KNOWN: "near-copy of a listed file, itself not listed",
    Tier.POSSIBLE_VICTIM: "not known, evidence of a camera or of altering",
    Tier.UNDETERMINED: "not known, not decided: treated as possibly real",
    Tier.KNOWN: "on a list: no need to look again",
    Tier.GENERATED: "strong evidence of wholly generated",
    Tier.SET_ASIDE: "benign lists, icons, no media: kept and searchable",
}
"""One line in a terminal of 80 columns: 52 characters at most."""


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_entries_json(entries: Iterable[Entry]) -> None:
    """A JSON list of entries, written as they come: memory stays flat."""
    sys.stdout.write("[")
    for n, entry in enumerate(entries):
        sys.stdout.write((",\n" if n else "\n") + json.dumps(entry_out(entry)))
    sys.stdout.write("\n]\n")


def result_json(outcome: Result, case: Path) -> dict[str, Any]:
    """What `triage --json` promises."""
    counts = outcome.counts
    return {
        "case": str(case),
        "tiers": dict(counts.tiers),
        "failures": dict(counts.failures),
        "items": counts.items,
        "contents": counts.contents,
        "bytes": counts.bytes,
        "seconds": counts.seconds,
        "skipped": outcome.skipped,
    }


def result(outcome: Result, case: Path, top: Sequence[Entry]) -> None:
    """What triage found, for people."""
    counts, console = outcome.counts, _console()
    console.print(
        f"{counts.items:,} files, {counts.contents:,} different contents, {size(counts.bytes)}, "
        f"in {counts.seconds:.1f} s."
    )
    if outcome.skipped:
        console.print(f"{outcome.skipped:,} files were done by an earlier run.")
    if not counts.items:
        console.print("No files were found there.")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_column(style="dim")
    for tier, n in counts.tiers.items():
        table.add_row(f"{n:,}", Text(tier), Text(MEANING[Tier(tier)]))
    console.print(table)
    if counts.failures:
        words = ", ".join(f"{n:,} {reason}" for reason, n in counts.failures.items())
        console.print(f"Failures, recorded and shown: {words}.")
    if top:
        console.print()
        entries(top)
    console.print()
    folder = display_name(os.fsencode(case))
    console.print(
        f"The case is in {folder}. Next: leadlight queue {folder} · show {folder} ITEM · report {folder}"
    )


def entries(found: Iterable[Entry]) -> None:
    """Entries of the queue, each with its reasons."""
    console = _console()
    empty = True
    for entry in found:
        empty = False
        standing = entry.standing
        first = entry.places[0].place if entry.places else "?"
        more = f"  (+{len(entry.places) - 1} more places)" if len(entry.places) > 1 else ""
        head = Text(f"{entry.rank:>5}  ", style="dim")
        head.append(f"{standing.tier:<15}", style="bold")
        head.append(f" {(entry.sha256 or 'no bytes')[:12]}  {first}{more}")
        console.print(head)
        for reason in standing.reasons:
            number = f"  [{reason.finding}]" if reason.finding else ""
            console.print(Text(f"         - {reason.text}{number}"))
        for note in standing.failures:
            console.print(Text(f"         ! {note.analyser}: {note.text}. {note.advice}"))
    if empty:
        console.print("Nothing stands here.")


def shown_json(shown_: Shown, *, unseal: bool) -> dict[str, Any]:
    """What `show --json` promises."""
    findings = []
    for filed in shown_.findings:
        out = {"id": filed.id, **statement_out(filed.finding)}
        if unseal and filed.finding.sealed:
            out["sealed"] = dict(filed.finding.sealed)
        findings.append(out)
    return {
        **entry_out(shown_.entry),
        "fingerprints": [
            {k: f.finding.payload.get(k) for k in ("algorithm", "value", "quality", "method")}
            for f in shown_.findings
            if f.finding.kind in (kinds.DIGEST, kinds.PDQ)
        ],
        "findings": findings,
        "links": [{"kind": str(k.kind), "key": k.key, "statement": k.statement} for k in shown_.links],
        "grades": [
            {"grade": g.grade, "actor": g.actor, "when": when_out(g.when), "note": g.note} for g in shown_.grades
        ],
        "looks": [{"actor": k.actor, "when": when_out(k.when), "form": k.form} for k in shown_.looks],
        "superseded": [
            {"id": f.id, "replaced": when_out(when), **statement_out(f.finding)} for when, f in shown_.superseded
        ],
    }


def shown(shown_: Shown, *, unseal: bool) -> None:
    """All that is known of one content, for people."""
    console = _console()
    entries([shown_.entry])
    for item in shown_.entry.places:
        console.print(Text(f"  found at {item.place}"))
    _account(console, shown_.entry.standing.origin)
    console.print("Findings:")
    for filed in shown_.findings:
        _finding(console, filed.finding, f"[{filed.id}]", unseal=unseal)
    if shown_.superseded:
        console.print("Found before, and replaced since:")
    for when, filed in shown_.superseded:
        number = f"[{filed.id}] replaced on {when:%Y-%m-%d %H:%M} UTC:"
        _finding(console, filed.finding, number, unseal=False)
    if shown_.links:
        console.print("Belongs with others:")
    for link in shown_.links:
        console.print(Text(f"  {link.kind}: {link.statement}"))
    for grade in shown_.grades:
        console.print(Text(f"Graded {grade.grade} by {grade.actor}. {grade.note}"))


def _account(console: Console, origin: Origin) -> None:
    console.print(Text(f"Origin: {origin.answer}; {origin.verbal}."))
    for title, terms in (("for generated or altered", origin.supporting), ("for a camera", origin.opposing)):
        for term in terms:
            why = term.why or ("" if term.counted else "a stronger finding on the same basis counts")
            counted = f" ({why})" if term.counted and why else "" if term.counted else f" (not counted: {why})"
            console.print(Text(f"  {title}, log10 LR {round(term.log10_lr, 2):g}: {term.text}{counted}"))
    console.print(
        Text(
            "  This weighs what was found; it is no probability that a picture is generated, and says nothing of "
            "what it shows or whether it is lawful."
        )
    )


def _finding(console: Console, finding: Finding, number: str, *, unseal: bool) -> None:
    console.print(Text(f"  {number} {finding.analyser} {finding.version}: {finding.statement}"))
    if finding.kind in (kinds.DIGEST, kinds.PDQ):
        p = finding.payload
        console.print(Text(f"       {p['algorithm']} {p['value']}", style="dim"))
    if finding.kind == kinds.FAILURE:
        console.print(Text(f"       {finding.payload.get('advice', '')}", style="dim"))
    if unseal:
        for name, text in finding.sealed.items():
            console.print(Text(f"       {name}: {text}"))


def assessment_json(found: Assessment, *, unseal: bool) -> dict[str, Any]:
    """What `origin --json` promises for one file."""
    out = assessment_out(found)
    if unseal:
        for value, finding in zip(out["findings"], found.findings, strict=True):
            if finding.sealed:
                value["sealed"] = dict(finding.sealed)
    return out


def assessment(found: Assessment, *, unseal: bool) -> None:
    """What one file says of its origin, for people."""
    console = _console()
    console.print(Text(f"{display_name(os.fsencode(found.path))}  {(found.sha256 or '')[:12]}", style="bold"))
    _account(console, found.origin)
    for words in unsaid(found.findings):
        console.print(Text(f"  {words}"))
    console.print("  Findings:")
    for finding in found.findings:
        if finding.kind not in (kinds.DIGEST, kinds.PDQ):
            _finding(console, finding, "-", unseal=unseal)


def unsaid(findings: Sequence[Finding]) -> list[str]:
    """What these findings of a picture leave open, in plain words; nothing for what is no picture that opens."""
    by_kind: dict[str, list[Finding]] = {}
    for finding in findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    if kinds.PICTURE not in by_kind:
        return []
    words = []
    if kinds.SIGNED not in by_kind:
        words.append("No signed record (C2PA) was found. That supports nothing: programs drop them every day.")
    scores = by_kind.get(kinds.SCORE, [])
    if not scores:
        words.append("No detector looked at the pixels: none is installed, or none was asked.")
    elif not any(f.weight for f in scores):
        words.append("Every detector that was asked abstained, so the pixels speak for nothing.")
    words.append("No part that was replaced is looked for: a real picture changed in one place may show no sign.")
    return words


def failed(found: Assessment) -> bool:
    """Whether something of it could not be read."""
    return any(f.kind == kinds.FAILURE for f in found.findings)


def list_json(info: ListInfo) -> dict[str, Any]:
    """A hash list as JSON."""
    return {
        "number": info.number,
        "name": info.name,
        "kind": str(info.kind),
        "format": info.format,
        "owner": info.owner,
        "version": info.version,
        "date": info.date,
        "entries": info.entries,
        "sha256": info.digest,
        "added": when_out(info.added),
        "removed": when_out(info.removed),
    }


def lists(infos: Iterable[ListInfo]) -> None:
    """Hash lists, for people."""
    table = Table(box=None, pad_edge=False)
    for column in ("no", "name", "kind", "format", "entries", "owner", "version", "date", "state"):
        table.add_column(column, justify="right" if column in ("no", "entries") else "left")
    rows = 0
    for i in infos:
        rows += 1
        state = "out of use" if i.removed else "in use"
        cells = (str(i.number), i.name, str(i.kind), i.format, f"{i.entries:,}", i.owner, i.version, i.date, state)
        table.add_row(*(Text(c) for c in cells))
    _console().print(table if rows else "No lists. Add one: leadlight lists add CASE FILE --kind known")


def faults(told: Sequence[Fault]) -> None:
    """What verify found, for people."""
    console = _console()
    for fault in told:
        console.print(Text(f"{display_text(fault.where)}: {display_text(fault.what)}"))
    found = [f for f in told if not f.expected]
    console.print(
        f"{len(found):,} {'faults' if found[1:] else 'fault'}. Keep the case as it is, and compare it with a copy."
        if found
        else "The record holds: the audit chain, every finding, and the evidence as it was read."
    )


def plugin_json(info: PluginInfo) -> dict[str, Any]:
    """A plugin as JSON."""
    return {
        "name": info.name,
        "kind": info.kind,
        "version": info.version,
        "module": info.module,
        "available": info.available,
        "missing": info.missing,
    }


def plugins(infos: Iterable[PluginInfo]) -> None:
    """Plugins in the order they run, for people."""
    rows(
        ("kind", "name", "version", "state"),
        [(i.kind, i.name, i.version, "ready" if i.available else i.missing) for i in infos],
    )


def rows(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> None:
    """A plain table for people."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in cells:
        table.add_row(*(Text(display_text(c, 300)) for c in row))
    _console().print(table)
