"""C2PA manifests: whether the signature holds, who signed, and what was signed of the origin.

Standard: C2PA Technical Specification 2.x. The reference library validates, offline: no manifest is fetched, no
revocation service is asked, no host is allowed. Trust rests on the official lists as shipped (their date is in
every finding) or on the operator's own anchors (setting `trust_anchors`).

What a signature can't say: a generator may not declare a picture it was given; a camera may be pointed at a
screen; a stolen key signs as well as a kept one. A missing or broken manifest says nothing of the origin at all.

A certificate that has no trusted time stamp is judged as of the day of the scan.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from leadlight.config import Settings
from leadlight.content import Content
from leadlight.errors import ConfigError
from leadlight.provenance import binding, jumbf, rubric, trust
from leadlight.provenance.lineage import TIMESTAMPS, TRUSTED, UNTRUSTED, Chain, Signed, Verdict
from leadlight.provenance.trust import DATA, TrustList
from leadlight.records import Basis, Finding, Item, Proposition, Weight, WeightSource, display_text
from leadlight.records import finding as kinds
from leadlight.records.codec import plain
from leadlight.seams import Cost, Example, Known

SIGNERS = "signers"
"""What the list of signers is called to the library."""
UNSIGNED = 0.5
"""log10 of the likelihood ratio for what anyone could have written: unsigned, untrusted or expired."""
MOST_TYPES = 256
"""Source types listed of one file."""

_REMOTE = re.compile(r"fetch remote manifests? from url (\S+)")

_PROBLEMS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"assertion\.\w*Hash\.\w+"), "content changed", "the {what} was changed after signing"),
    (re.compile(r"assertion\.hashedURI\.\w+"), "assertion changed", "a statement in it was changed"),
    (re.compile(r"assertion\..+"), "assertion broken", "a statement in it is missing or not well formed"),
    (re.compile(r"claim\..+|manifest\..+"), "claim changed", "the claim is missing, changed or not well formed"),
    (re.compile(r"claimSignature\..+"), "signature wrong", "the signature is not that of this record"),
    (re.compile(r"ingredient\..+"), "ingredient missing", "the record of an ingredient is missing or was changed"),
    (re.compile(r"signingCredential\.(ocsp\.)?revoked"), "revoked", "the signer's certificate was revoked"),
    (re.compile(r"signingCredential\..+|algorithm\..+"), "credential wrong", "the certificate is not fit to sign"),
)
"""Validation codes of the specification, a word for payloads, words for people; the first that fits."""
_EXPIRED = frozenset({"signingCredential.expired", "claimSignature.outsideValidity"})
_NOT_TAMPERED = _EXPIRED | {UNTRUSTED}
_WORDS = {"picture": "picture", "video": "video", "audio": "sound", "document": "document"}
_STATES_ORIGIN = {
    Proposition.CAMERA: "states a camera capture",
    Proposition.GENERATED: "states the output of a generative model",
    Proposition.ALTERED: "states a change by a generative model",
}

_STATES_OTHER = {
    "screenCaptureMayContainGenAI": "states a screen capture, which may show anything",
    "compositionMayContainGenAI": "states a composition, which may contain generated parts",
    "nonGenAIDigitalCreation": "states a digital creation without a generative model",
    "fullyGenAIMedia": "states a generative model, and inputs that leave the origin open",
    "capturedMedia": "states a camera capture, and inputs or steps that leave the origin open",
}
"""What is said where no verdict follows; the first that fits."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the library says of one file."""

    chain: Chain
    state: str
    """The library's: Trusted, Valid or Invalid."""
    failures: frozenset[str]
    """Of the active manifest."""
    behind: frozenset[str]
    """Of ingredients, as found now."""
    recorded: frozenset[str]
    """Of ingredients, as known to whoever took them in."""
    by_signers: bool
    """Whether the list of signers vouches for the active manifest's signer."""


class C2pa:
    """Reads and checks C2PA manifests."""

    name = "provenance.c2pa"
    version = "3"
    extra = None
    requires = ("c2pa",)
    needs: frozenset[str] = frozenset()
    gives = frozenset({kinds.SIGNED})
    families = frozenset({"picture", "video", "audio", "document"})
    per_place = False
    cost = Cost.BYTES

    def __init__(self, anchors: TrustList | None = None) -> None:
        """With `anchors`, or the shipped lists once they are needed."""
        self._anchors = anchors
        self._context: tuple[int, Any] | None = None

    def configure(self, settings: Settings) -> C2pa:
        """With the operator's trust anchors, if any. Raises ConfigError where the library can't use them."""
        if not settings.trust_anchors:
            return self
        own = C2pa(trust.own(Path(settings.trust_anchors)))
        own._library()
        return own

    def examples(self) -> Iterable[Example]:
        """A drawn chart: signed by nobody on the list; without a manifest; naming one elsewhere."""
        sample = (DATA / "example.jpg").read_bytes
        yield Example("signed, signer unknown", sample, (kinds.SIGNED,), {"state": "valid"}, "chart.jpg")
        yield Example("no manifest", lambda: jumbf.without_store(sample()), (), name="chart.jpg")
        yield Example(
            "manifest elsewhere",
            lambda: jumbf.naming(jumbf.without_store(sample()), "https://example.invalid/m.c2pa"),
            (kinds.SIGNED,),
            {"state": "remote"},
            "chart.jpg",
        )

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        """At most one finding."""
        del item, known
        media_type = jumbf.media_type(content)
        library, context = self._library()
        if media_type not in library.Reader.get_supported_mime_types() or not jumbf.may_hold(media_type, content):
            return
        try:
            with content.open() as stream:
                read = _read(library, context, media_type, stream, self._trust())
        except (library.C2paError, ValueError, LookupError, TypeError, RecursionError) as e:
            yield from self._unread(content, str(e))
            return
        if read is not None:
            yield self._finding(read, content)

    def _trust(self) -> TrustList:
        if self._anchors is None:
            self._anchors = trust.shipped()
        return self._anchors

    def _library(self) -> tuple[Any, Any]:
        """The library and its settings, made once a process: native handles don't survive a fork."""
        import c2pa

        if self._context is None or self._context[0] != os.getpid():
            anchors = self._trust()
            try:
                settings = c2pa.Settings.from_dict(offline(anchors))
                self._context = (os.getpid(), c2pa.Context(settings))
            except c2pa.C2paError as e:
                raise ConfigError(
                    f"can't be used as trust anchors ({display_text(str(e), 200)})",
                    subject=anchors.title,
                    advice="Name a PEM file of X.509 certificates.",
                ) from e
        return c2pa, self._context[1]

    def _unread(self, content: Content, error: str) -> Iterator[Finding]:
        payload: dict[str, Any] = {"trust_list": self._trust().title, "failures": [], "problems": []}
        if remote := _REMOTE.search(error):
            url = remote[1]
            yield self._said(
                f"Names a manifest kept elsewhere ({display_text(url, 200)}); not fetched.",
                {**payload, "state": "remote", "remote_url": url},
            )
        elif jumbf.store_in(content):
            yield self._said(
                "Carries a C2PA manifest that can't be read: it is broken, cut off or of an unknown kind.",
                {**payload, "state": "unreadable", "remote_url": None, "error": error[:300]},
            )

    def _said(self, statement: str, payload: Mapping[str, Any], weight: Weight | None = None) -> Finding:
        return Finding(self.name, self.version, kinds.SIGNED, statement, plain(payload), weight)

    def _finding(self, read: Read, content: Content) -> Finding:
        chain, active = read.chain, read.chain.active
        found = {*read.failures, *read.behind}
        state = _state(read, found)
        what = _WORDS.get(content.filetype.family, "content")
        problems = _problems(read, found, what)
        verdict = None if state == "invalid" else chain.verdict()
        unbound = 0 if state == "invalid" else binding.unbound(active.raw, content)
        loose = unbound > binding.SLACK
        if loose:
            problems.append(
                (
                    "not all bound",
                    f"{unbound} bytes lie outside what the signature covers: they may be another {what}",
                )
            )
        stamped = "timeStamp.validated" in active.successes
        subject, issuer = active.party("subject"), active.party("issuer")
        marks = rubric.watermarks(active.raw)
        product = chain.product(active) if state == "trusted" else None
        level = product.level if product else None
        payload = {
            "state": state,
            "problems": [name for name, _ in problems],
            "failures": sorted({*found, *read.recorded}),
            "signer": {"name": subject.get("CN"), "organisation": subject.get("O")},
            "issuer": {"name": issuer.get("CN"), "organisation": issuer.get("O")},
            "serial": active.certificate_serial,
            "signed_at": active.signed_at if stamped else None,
            "signed_at_trusted": stamped and "timeStamp.trusted" in active.successes,
            "claim_generator": active.generator,
            "assurance": {"product": product.name, "level": level} if product else None,
            "signals": {
                "inception": list(active.signals.inception),
                "transformation": list(active.signals.transformation),
            },
            "source_types": list(_source_types(chain)),
            "manifests": len(chain.signed),
            "has_input": bool(active.inputs),
            "input_origin": chain.input_origin(),
            "states": str(verdict.proposition) if verdict else None,
            "watermarks": None if marks is None else list(marks),
            "unbound_bytes": unbound,
            "remote_url": None,
            "trust_list": self._trust().title,
        }
        statement = self._statement(state, active, level, verdict, [w for _, w in problems])
        if marks is not None and state != "invalid":
            of = f" ({display_text(', '.join(marks), 160)})" if marks else ""
            statement += f" It states a watermark in the pixels{of}, which cannot be checked locally."
        withheld = loose and verdict is not None and verdict.proposition is Proposition.GENERATED
        return self._said(statement, payload, None if withheld else _weight(state, verdict))

    def _statement(
        self, state: str, active: Signed, level: int | None, verdict: Verdict | None, problems: list[str]
    ) -> str:
        said = _stated(active, verdict)
        more = f" But {'; '.join(problems)}." if problems else ""
        if state == "invalid":
            fits = "does not fit the content" if "after signing" in problems[0] else "does not hold"
            return f"The signed record {fits}: {'; '.join(problems)}."
        if state == "expired":
            return (
                f"Signed, but the certificate expired and no trusted time stamp vouches for the day: {said}.{more}"
            )
        if state == "valid":
            return (
                "Signed, but the signer is not on the trust list: taken as an unsigned statement. "
                f"It {said}.{more}"
            )
        name = display_text(active.party("subject").get("CN") or "an unnamed signer", 80)
        held = self._trust()
        listed = f"trusted list of {held.title}" if held.official else f"trusted by {held.title}"
        assured = f", assurance level {level}" if level else ""
        return f"Signed by {name} ({listed}{assured}): {said}.{more}"


def _stated(active: Signed, verdict: Verdict | None) -> str:
    if verdict is not None:
        return _STATES_ORIGIN[verdict.proposition]
    given = {*active.signals.inception, *active.signals.transformation}
    for signal, words in _STATES_OTHER.items():
        if signal in given:
            return words
    edited = any(a.editorial for a in active.actions)
    return (
        "states edits, and nothing that decides the origin" if edited else "states nothing that decides the origin"
    )


def offline(anchors: TrustList) -> dict[str, Any]:
    """Settings of the library: trust as given, and nothing that reaches for a network."""
    lists = ((anchors.anchors, "manifest", SIGNERS), (anchors.stamps_alone, "tsa", TIMESTAMPS))
    listed = [{"trust_anchors": pem, "trust_kind": kind, "trust_uri": uri} for pem, kind, uri in lists if pem]
    return {
        "version": 1,
        "trust": {"anchors": listed},
        "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {
            "allowed_network_hosts": [],
            "decode_identity_assertions": False,
            "max_decompressed_manifest_size_in_mb": 64,
        },
    }


def _read(library: Any, context: Any, media_type: str, stream: BinaryIO, anchors: TrustList) -> Read | None:
    reader = library.Reader.try_create(media_type, stream, context=context)
    if reader is None:
        return None
    with reader:
        report = json.loads(reader.json())
        manifests = json.loads(reader.crjson())["manifests"]
    results = report["validation_results"]
    chain = Chain(manifests, report["active_manifest"], anchors)
    deltas = [d["validationDeltas"] for d in results.get("ingredientDeltas", ())]
    recorded = {
        code
        for signed in chain.signed.values()
        for ingredient in signed.ingredients
        for outcome, code, _ in ingredient.recorded
        if outcome == "failure"
    }
    return Read(
        chain=chain,
        state=report["validation_state"],
        failures=_failures(results["activeManifest"]),
        behind=frozenset().union(*(_failures(d) for d in deltas)),
        recorded=frozenset(recorded),
        by_signers=results.get("trustListUri") == SIGNERS,
    )


def _failures(results: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(s["code"])[:200] for s in results.get("failure", ()))


def _state(read: Read, found: set[str]) -> str:
    if found - _NOT_TAMPERED or "claimSignature.validated" not in read.chain.active.successes:
        return "invalid"
    if read.failures & _EXPIRED:
        return "expired"
    trusted = TRUSTED in read.chain.active.successes and UNTRUSTED not in read.failures
    return "trusted" if trusted and read.by_signers and read.state != "Invalid" else "valid"


def _problems(read: Read, found: set[str], what: str) -> list[tuple[str, str]]:
    """What does not hold, in the order of the table: a word for payloads and words for people."""
    out = []
    left = found - _NOT_TAMPERED
    own = read.failures - _NOT_TAMPERED
    for pattern, name, words in _PROBLEMS:
        met = {code for code in left if pattern.fullmatch(code)}
        left -= met
        if met & own:
            out.append((name, words.format(what=what)))
        elif met:
            out.append(("ingredient", f"in an ingredient's record, {words.format(what='content')}"))
    if left:
        out.append(("other", "a rule of the standard is broken"))
    if read.failures & _EXPIRED and out:
        out.append(("expired", "the signer's certificate has expired"))
    if read.recorded - _NOT_TAMPERED and not any(name == "ingredient" for name, _ in out):
        out.append(("ingredient", "an ingredient's record does not hold, as was known when it was taken in"))
    if not out and not read.chain.active.successes & {"claimSignature.validated"}:
        out.append(("signature wrong", "no signature was found to hold"))
    return out


def _weight(state: str, verdict: Verdict | None) -> Weight | None:
    if verdict is None or state == "invalid":
        return None
    if state == "trusted":
        return Weight(
            verdict.proposition, verdict.log10_lr, Basis.SIGNATURE, WeightSource.POLICY, f"signed: {verdict.why}"
        )
    note = f"signer not trusted, anyone can write this: {verdict.why}"
    return Weight(verdict.proposition, UNSIGNED, Basis.METADATA, WeightSource.POLICY, note)


def _source_types(chain: Chain) -> Iterator[dict[str, Any]]:
    left = MOST_TYPES
    for signed in chain.signed.values():
        for action in signed.actions:
            if action.source_type is None:
                continue
            if not left:
                return
            left -= 1
            yield {
                "source_type": action.source_type,
                "action": action.name,
                "which": "active" if signed is chain.active else "ingredient",
                "manifest": signed.label,
            }


PLUGIN = C2pa()
