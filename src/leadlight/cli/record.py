"""`leadlight key`, `seal` and `verify`: keeping the audit record, and checking it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from leadlight.case import Case
from leadlight.cli import render
from leadlight.cli.options import PATH, Exit, as_json, forced, in_case
from leadlight.cli.streams import reader_may_leave, said
from leadlight.config import PASSPHRASE, Settings
from leadlight.errors import ConfigError, KeyLocked, SealUnreadable, TimestampFailed, UsageError
from leadlight.records import display_name
from leadlight.records.codec import dumps, when_out
from leadlight.roots import real_path, refuse_export
from leadlight.seal.check import Against
from leadlight.seal.keys import Certificates, Signer, certificates, new_key, open_key, open_public, public_file
from leadlight.seal.signed import RESPONSE_BYTES, read_seal, read_small, signed_out
from leadlight.seal.timestamp import Stamped
from leadlight.sealing import Sealed, Sealer


def _passphrase() -> str | None:
    """From the environment, else asked for; None where there is no terminal to ask at.

    It is taken out of the environment: the workers that read evidence inherit that.
    """
    given = os.environ.pop(PASSPHRASE, None)
    if given:
        return given
    if not sys.stdin.isatty():
        return None
    return str(click.prompt("Passphrase of the key", hide_input=True, err=True))


@dataclass(frozen=True, slots=True)
class SealAtEnd:
    """The seal with which a run ends, where the settings name a key; opened before anything is examined."""

    _signer: Signer | None
    _missing: str = ""
    """Why there is no seal, where one was wanted."""

    @classmethod
    def by(cls, settings: Settings) -> SealAtEnd:
        """The key of the settings. One whose passphrase can't be had does not stop the run, and is told.

        Raises KeyUnusable for a wrong passphrase and for a file that is no key.
        """
        if not settings.seal_key:
            return cls(None)
        try:
            return cls(open_key(Path(settings.seal_key), _passphrase))
        except KeyLocked as e:
            _say(f"the record will not be sealed: {said(e)}")
            return cls(None, "its key stayed locked")

    def seal(self, case: Case) -> int | None:
        """Seal the record; the number of the act that holds the seal, or None where there is none."""
        if self._missing:
            _say(f"the record was not sealed: {self._missing}. Seal it with 'leadlight seal CASE'.")
        if self._signer is None:
            return None
        with case.sealing() as sealer:
            sealed = sealer.seal(self._signer)
        _say(_told(sealed))
        return sealed.act


@click.group("key")
def key() -> None:
    """Keys that seal records. They are yours: none is made unless you ask."""


@key.command("new")
@click.argument("file", type=PATH)
@click.option("--no-passphrase", is_flag=True, help="Leave the key unlocked: whoever reads the file can seal.")
def new(file: Path, no_passphrase: bool) -> None:
    """Make an Ed25519 key: FILE, for you alone and locked by a passphrase, and FILE.pub, which checks seals.

    Keep FILE off the machine whose records it seals where you can, and give FILE.pub to whoever checks them.
    """
    phrase = None if no_passphrase else _new_passphrase(file)
    made = new_key(file, phrase)
    for path in (file, public_file(file)):
        click.echo(_shown(path))
    click.echo(f"key {made.id}", err=True)


def _new_passphrase(file: Path) -> str:
    given = os.environ.pop(PASSPHRASE, None)
    if given:
        return given
    if not sys.stdin.isatty():
        raise KeyLocked(
            "no passphrase could be asked for",
            subject=_shown(file),
            advice=f"Run in a terminal, set {PASSPHRASE}, or give --no-passphrase.",
        )
    return str(click.prompt("New passphrase", hide_input=True, confirmation_prompt=True, err=True))


@click.command("seal")
@in_case
@click.option("--key", "key_", type=PATH, help="The private key. [the setting seal_key]")
@click.option("--out", type=PATH, help="Write the seal to a file too, to be kept elsewhere.")
@click.option("--timestamp", is_flag=True, help="Ask the server of the setting timestamp_url for a timestamp.")
@click.option("--request", type=PATH, help="Write a timestamp request (.tsq), to be taken to a server by hand.")
@click.option("--response", type=PATH, help="Take a server's answer (.tsr) to the newest request; seals nothing.")
@click.option("--tsa", type=PATH, help="PEM of the server's root certificate. [the setting timestamp_roots]")
@forced
@as_json
def seal(
    case: Case,
    key_: Path | None,
    out: Path | None,
    timestamp: bool,
    request: Path | None,
    response: Path | None,
    tsa: Path | None,
    force: bool,
    json_: bool,
) -> None:
    """Sign the head of the audit record, and keep that in the record. With --out, keep it elsewhere as well.

    A seal shows later that nothing before it was changed; one kept elsewhere also that nothing was cut off.
    """
    if sum((timestamp, request is not None, response is not None)) > 1:
        raise UsageError(
            "are three ways to one timestamp",
            subject="--timestamp, --request and --response",
            advice="Give one of them.",
        )
    roots = _roots(case.settings, tsa, needed=timestamp or response is not None)
    if timestamp and not case.settings.timestamp_url:
        raise ConfigError(
            "names no server, so none is asked",
            subject="timestamp_url",
            advice="Set it to your timestamp server's address, or use --request and --response.",
        )
    signer = None if response else open_key(_key_file(case.settings, key_), _passphrase)
    with case.sealing() as sealer:
        for target in (out, request):
            if target is not None:
                _refuse(case, sealer, target, force=force)
        stamped: Stamped | None = None
        failed: TimestampFailed | None = None
        if response is not None:
            sealed, stamped = sealer.answer(read_small(response, RESPONSE_BYTES), roots)
        elif signer is not None:
            sealed = sealer.seal(signer)
        if request is not None:
            _write(request, sealer.request(sealed).data)
        if timestamp:
            try:
                sealed, stamped = sealer.stamp(sealed, _server(case.settings.timestamp_url), roots)
            except TimestampFailed as e:
                failed = e
        if out is not None:
            _write(out, dumps(signed_out(sealed.signed)).encode("ascii") + b"\n")
    _print(sealed, stamped, json_=json_)
    if failed:
        raise TimestampFailed(
            f"{failed.what}; the record is sealed in act {sealed.act}, without a timestamp",
            subject=failed.subject,
            advice=failed.advice,
        )


def _print(sealed: Sealed, stamped: Stamped | None, *, json_: bool) -> None:
    with reader_may_leave():
        if json_:
            time = {"time": when_out(stamped.time), "authority": stamped.authority} if stamped else None
            render.print_json({"act": sealed.act, **signed_out(sealed.signed), "stamped": time})
            return
        click.echo(_told(sealed))
        if stamped:
            click.echo(f"stamped at {stamped.time:%Y-%m-%d %H:%M:%S} UTC by {stamped.authority}")


def _told(sealed: Sealed) -> str:
    said_ = sealed.signed.seal
    return f"the record is sealed up to act {said_.act}, digest {said_.digest}, by the key {said_.key[:16]}…"


def _server(url: str) -> Callable[[bytes], bytes]:
    from leadlight.seal.network import ask

    return lambda request: ask(url, request)


def _key_file(settings: Settings, given: Path | None) -> Path:
    if given is None and not settings.seal_key:
        raise UsageError(
            "is needed to seal",
            subject="a key",
            advice="Name yours with --key or the setting seal_key; 'leadlight key new FILE' makes one.",
        )
    return given or Path(settings.seal_key)


def _roots(settings: Settings, given: Path | None, *, needed: bool) -> Certificates:
    if given is None and not settings.timestamp_roots:
        if needed:
            raise ConfigError(
                "names no root certificate, so no timestamp could be checked",
                subject="timestamp_roots",
                advice="Name the PEM file that the server's operator publishes, there or with --tsa.",
            )
        return ()
    return certificates(given or Path(settings.timestamp_roots))


def _refuse(case: Case, sealer: Sealer, out: Path, *, force: bool) -> None:
    """Raise UsageError where `out` lies in evidence or in the case, or is there already."""
    if real_path(out).is_relative_to(real_path(case.path)):
        raise UsageError(
            "lies within the case, where it shows nothing: who cuts the record would cut it too",
            subject=_shown(out),
            advice="Name a file elsewhere.",
        )
    refuse_export(out, case.path, sealer.acts(), force=force)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as e:
        raise SealUnreadable(
            f"can't be written ({e.strerror})",
            subject=_shown(path),
            advice="The seal is in the record; name another file and seal again.",
        ) from e


def _say(words: str) -> None:
    click.echo(f"leadlight: {words}", err=True)


def _shown(path: Path) -> str:
    return display_name(os.fsencode(path))


@click.command("verify")
@in_case
@click.option("--seal", "seals", type=PATH, multiple=True, help="A seal that was kept elsewhere. Can be repeated.")
@click.option("--key", "keys", type=PATH, multiple=True, help="A public key that seals are by. Can be repeated.")
@click.option("--tsa", type=PATH, help="PEM of timestamp servers' root certificates. [timestamp_roots]")
@as_json
def verify(case: Case, seals: tuple[Path, ...], keys: tuple[Path, ...], tsa: Path | None, json_: bool) -> int:
    """Check the audit chain, its seals, all findings, and the evidence. Exit code 3 for any fault."""
    against = Against(
        keys=tuple(open_public(k) for k in keys),
        seals=tuple((_shown(s), read_seal(s)) for s in seals),
        roots=_roots(case.settings, tsa, needed=False),
    )
    told = list(case.verify(against))
    faults, notes = ([f for f in told if f.expected is expected] for expected in (False, True))
    with reader_may_leave():
        if json_:
            plain, calm = ([{"where": f.where, "what": f.what} for f in some] for some in (faults, notes))
            render.print_json({"holds": not faults, "faults": plain, "notes": calm})
        else:
            render.faults(told)
    return Exit.UNREADABLE if faults else Exit.DONE
