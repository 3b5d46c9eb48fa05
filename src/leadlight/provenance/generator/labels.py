"""Labels and credits: China's AIGC label, IPTC digital source type, credit lines, job numbers, program names.

Sources: GB 45438-2025 (labels of generated content, in force since 1 September 2025); GB 32100-2015 (unified
social credit codes); IPTC NewsCodes, digital source type, 2024-10-23. Names of programs come from a table that
is data (``data/generators.toml``) and says how each line is known.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from leadlight.provenance.generator.normal import Form, Record, as_int, as_text, as_word

SHOWN = 64 * 1024
"""Characters of a description that are searched for parameters."""

_LABELS: Final = {
    "1": (Form.LABEL, "is generated or synthesised"),
    "2": (Form.FAINT, "is possibly generated or synthesised"),
    "3": (Form.FAINT, "is suspected of being generated or synthesised"),
}
_USCC: Final = re.compile(r"001([0-9])([0-9A-HJ-NP-RTUWXY]{18})([0-9A-Za-z]{5})", re.ASCII)
_USCC_CODES: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_JOB: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)

SOURCE_TYPES: Final[Mapping[str, tuple[Form, bool, str]]] = {
    "trainedAlgorithmicMedia": (Form.LABEL, False, "made by a trained model"),
    "compositeWithTrainedAlgorithmicMedia": (Form.LABEL, True, "put together with the output of a trained model"),
    "algorithmicMedia": (Form.MENTION, False, "made by an algorithm that was not trained"),
    "compositeSynthetic": (Form.MENTION, False, "put together with synthetic parts"),
    "algorithmicallyEnhanced": (Form.MENTION, False, "enhanced by an algorithm"),
    "dataDrivenMedia": (Form.MENTION, False, "drawn from data"),
    "virtualRecording": (Form.MENTION, False, "recorded in a virtual scene"),
    "trainedAlgorithmicData": (Form.MENTION, False, "data made by a trained model"),
}
"""Form, whether a picture was put in, and words. Types that name cameras or people's work are not ours."""


def aigc(table: Mapping[str, Any], raw: str) -> Record | None:
    """The label of GB 45438-2025, bare or under the key 'AIGC'.

    It covers what is generated and what is changed alike, so `has_input` stays unknown.
    """
    if isinstance(inner := table.get("AIGC"), dict):
        table = inner
    elif isinstance(inner, str) and inner.lstrip()[:1] == "{":
        return None
    label = as_word(table.get("Label"))
    if label is None or not ({"ContentProducer", "ProduceID", "ContentPropagator", "PropagateID"} & table.keys()):
        return None
    form, words = _LABELS.get(label, (Form.MENTION, "bears a label of unknown value"))
    producer = as_word(table.get("ContentProducer"))
    return Record(
        generator="a provider under China's labelling rules",
        interface="AIGC label (GB 45438-2025)",
        form=form,
        said=f"A label under GB 45438-2025 says that the content {words}; it does not tell made from changed",
        provider=producer,
        label=label,
        raw=raw,
        facts={
            "produce_id": as_word(table.get("ProduceID")),
            "propagator": as_word(table.get("ContentPropagator")),
            "propagate_id": as_word(table.get("PropagateID")),
            "coded": bool(as_text(table.get("ReservedCode1")) or as_text(table.get("ReservedCode2"))),
            **_uscc(producer or ""),
        },
    )


def _uscc(producer: str) -> dict[str, Any]:
    """The unified social credit code within a producer's number, and whether its check digit holds."""
    found = _USCC.fullmatch(producer.strip())
    if found is None:
        return {"uscc": None, "uscc_check": None}
    code = found[2]
    total = sum(_USCC_CODES.index(c) * pow(3, n, 31) for n, c in enumerate(code[:17]))
    return {"uscc": code, "uscc_check": _USCC_CODES.index(code[17]) == -total % 31}


def source_type(value: str) -> Record | None:
    """IPTC's digital source type, as a bare word or an address; None for types that are not ours."""
    word = value.strip().rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    known = SOURCE_TYPES.get(word)
    if known is None:
        return None
    form, has_input, words = known
    return Record(
        generator="",
        interface="IPTC digital source type",
        form=form,
        said=f"The digital source type says: {words} ({word})",
        has_input=True if has_input else None,
        input_sign="a composite" if has_input else "",
        label=word,
        raw=value[:2000],
    )


def job(text: str, author: str = "") -> Record | None:
    """A description that ends in 'Job ID: <uuid>', as Midjourney writes it."""
    at = text.rfind("Job ID:")
    if at < 0 or (number := _JOB.match(text[at + 7 :].lstrip()[:36])) is None:
        return None
    words = text[:at].strip()
    options: dict[str, str] = {}
    parts = words[-SHOWN:].split()
    for name, value in zip(parts, [*parts[1:], ""], strict=False):
        if name.startswith("--") and 2 < len(name) <= 20:
            options.setdefault(name[2:], value)
    sign = ""
    if words[:4] == "http" or "iw" in options:
        sign = "an initial picture"
    elif any(options.get(name, "").startswith("http") for name in ("cref", "sref", "oref", "p")):
        sign = "a picture steers it"
    version = options.get("v") or options.get("version") or options.get("niji")
    return Record(
        generator="Midjourney",
        interface="job description",
        form=Form.LABEL,
        said="A description with a job number in Midjourney's form is written in the file",
        version=version if version and len(version) <= 8 else None,
        seed=as_int(options.get("seed", "")),
        has_input=bool(sign),
        input_sign=sign,
        prompt=words,
        raw=text,
        facts={"job_id": number.group().lower(), "author": author.strip()[:120] or None},
    )


@dataclass(frozen=True, slots=True)
class KnownName:
    """One line of the table."""

    name: str
    where: tuple[str, ...]
    starts: str
    """Lower-case; the text is this, or begins with it and a character that is neither letter nor digit."""
    form: Form
    altered: bool
    knowledge: str


@cache
def known_names() -> tuple[KnownName, ...]:
    """The shipped table of program names and credit lines."""
    table = tomllib.loads(files("leadlight").joinpath("data/generators.toml").read_text("utf-8"))
    return tuple(
        KnownName(
            name=line["name"],
            where=tuple(line["where"]),
            starts=line["starts"].lower(),
            form=_form(line),
            altered=bool(line.get("altered", False)),
            knowledge=line["knowledge"],
        )
        for line in table["generator"]
    )


def _form(line: Mapping[str, Any]) -> Form:
    if line["knowledge"] == "unsure":
        return Form.MENTION
    return Form.LABEL if line["where"] == ["credit"] else Form.SOFTWARE


def named(values: Iterable[tuple[str, str, str]]) -> Iterator[Record]:
    """Records of known names among (where, carrier, text): where is 'credit', 'software' or 'creator'."""
    for where, carrier, text in values:
        shown = " ".join(text[:200].split()).lower()
        for line in known_names():
            if where in line.where and _begins(shown, line.starts):
                what = "credit line" if where == "credit" else "program name"
                yield Record(
                    generator=line.name,
                    interface=what,
                    form=line.form,
                    carrier=carrier,
                    said=f"A {what} names {line.name}, which generates pictures",
                    version=text.strip()[:120],
                    has_input=True if line.altered else None,
                    input_sign="the words say edited" if line.altered else "",
                    facts={"knowledge": line.knowledge},
                )
                break


def _begins(text: str, start: str) -> bool:
    return text.startswith(start) and not text[len(start) : len(start) + 1].isalnum()
