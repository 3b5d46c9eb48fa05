"""One file at a time: read once, decode once, ask each analyser, turn exceptions into Failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from leadlight.config import Settings
from leadlight.content import Content
from leadlight.errors import ContentError, LimitReached, ReadFailed
from leadlight.limits import Budget
from leadlight.plugins import Registry
from leadlight.records import Finding, Item, failure
from leadlight.records.codec import dumps, finding_out
from leadlight.records.examined import Examined
from leadlight.seams import Analyser, Configurable, Known, Unpacker

VERSION = "1"
"""Of the failures that the pipeline itself records."""


def failure_of(error: BaseException, analyser: str, version: str) -> Finding:
    """The Failure for an exception that an analyser, source or unpacker raised."""
    if isinstance(error, LimitReached):
        return failure(
            analyser,
            version,
            reason=error.reason,
            what=error.what,
            advice=error.advice,
            limit=error.limit,
            allowed=error.allowed,
            met=error.met,
        )
    if isinstance(error, ContentError):
        return failure(analyser, version, reason=error.reason, what=error.what, advice=error.advice)
    if isinstance(error, MemoryError):
        return failure(
            analyser,
            version,
            reason="memory",
            what="needs more memory than there is",
            advice="Scan it again on a machine with more memory, or with fewer jobs.",
        )
    return failure(
        analyser,
        version,
        reason="failed",
        what=f"{analyser} could not examine it ({type(error).__name__})",
        advice="The file may be crafted or broken. Examine it by hand, and report the analyser's fault.",
        error=str(error)[:200].encode("utf-8", "backslashreplace").decode(),
    )


class Pipeline:
    """Runs analysers over files. The same file gives the same findings, whoever runs it."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self.settings = settings
        self._registry = registry
        self._identifier = registry.identifier
        self._hashers = registry.hashers
        self._decoder = registry.decoder
        analysers = [a.configure(settings) if isinstance(a, Configurable) else a for a in registry.analysers]
        self._per_place = tuple(a for a in analysers if a.per_place)
        self._per_content = tuple(a for a in analysers if not a.per_place)
        self._unpackers: dict[str, Unpacker] = {m: u for u in registry.unpackers for m in sorted(u.media_types)}

    def examine(
        self,
        item: Item,
        open_: Callable[[], BinaryIO],
        *,
        claim: Callable[[str, Item], bool] = lambda sha256, item: True,
        tick: Callable[[], None] = lambda: None,
    ) -> Iterator[Examined]:
        """All that `item` is and holds: itself first, then what it contains, in order.

        `open_` gives a seekable stream; `claim` says whether a content, named by its SHA-256 and found as an item,
        is still to be examined; `tick` is called now and then while a long read goes on.
        """
        budget = Budget(self.settings.limits)
        yield from self._one(item, open_, open_, budget, claim, tick)

    def _one(
        self,
        item: Item,
        open_: Callable[[], BinaryIO],
        reopen: Callable[[], BinaryIO] | None,
        budget: Budget,
        claim: Callable[[str, Item], bool],
        tick: Callable[[], None],
    ) -> Iterator[Examined]:
        place = str(item.place)
        try:
            with open_() as stream:
                content = Content.read(
                    stream,
                    hashers=self._hashers.hashers(),
                    limits=self.settings.limits,
                    reopen=reopen,
                    subject=place,
                    tick=tick,
                )
        except Exception as e:
            yield Examined(item, None, 0, (failure_of(_read_error(e, place), "read", VERSION),), None)
            return
        content.decoder = self._decoder
        content.exact = self.settings.hashing == "exact"
        try:
            unidentified = self._identify(content, place)
            unpacker = self._unpackers.get(content.filetype.media_type)
            of_place = (*unidentified, *self._run(self._per_place, item, content))
            if content.broken is not None:
                of_place = (*of_place, _partly_read(content.broken, content.size))
            new = claim(content.sha256, item)
            of_content = tuple(self._run(self._per_content, item, content)) if new else None
            if of_content is not None and unpacker is None and content.filetype.family in ("archive", "disk"):
                of_content = (*of_content, _not_opened(content))
            yield Examined(item, content.sha256, content.size, of_place, of_content, unpacker is not None)
            if unpacker is not None:
                yield from self._members(unpacker, item, content, budget, claim, tick)
        finally:
            content.close()

    def _identify(self, content: Content, place: str) -> tuple[Finding, ...]:
        """Name the type; a Failure where the medium does not give the bytes again, and the type stays unknown."""
        try:
            content.filetype = self._identifier.identify(content)
        except Exception as e:
            return (failure_of(_read_error(e, place), "read", VERSION),)
        return ()

    def _members(
        self,
        unpacker: Unpacker,
        item: Item,
        content: Content,
        budget: Budget,
        claim: Callable[[str, Item], bool],
        tick: Callable[[], None],
    ) -> Iterator[Examined]:
        try:
            budget.enter(item.place.depth, str(item.place))
            for member in unpacker.unpack(item.place, content, budget):
                tick()
                if member.stream is None:
                    found = (member.failure,) if member.failure else ()
                    yield Examined(member.item, None, 0, found, None)
                    continue
                opened = member.stream
                yield from self._one(member.item, lambda s=opened: s, None, budget, claim, tick)  # type: ignore[misc]
        except Exception as e:
            found = (failure_of(e, unpacker.name, unpacker.version),)
            yield Examined(item, content.sha256, content.size, found, None, True)

    def _run(self, analysers: tuple[Analyser, ...], item: Item, content: Content) -> Iterator[Finding]:
        known = Known()
        family = content.filetype.family
        for analyser in analysers:
            if analyser.families and family not in analyser.families:
                continue
            if any(known.first(kind) is None for kind in analyser.needs) and not analyser.per_place:
                continue
            made: list[Finding] = []
            try:
                for finding in analyser.analyse(item, content, known):
                    dumps(finding_out(finding))
                    made.append(finding)
            except Exception as e:
                made.append(failure_of(e, analyser.name, analyser.version))
            for finding in made:
                known.add(finding)
                yield finding


def _read_error(error: BaseException, place: str) -> BaseException:
    if not isinstance(error, OSError):
        return error
    return ReadFailed(
        f"could not be read ({error.strerror or error})",
        subject=place,
        advice="Check that it still exists and that this account may read it, then scan again.",
    )


def _partly_read(error: Exception, size: int) -> Finding:
    found = failure_of(error, "read", VERSION)
    return replace(
        found,
        statement=f"{found.statement}; the {size} bytes before that were examined, and the digests are of them",
        payload={**found.payload, "bytes_read": size},
    )


def _not_opened(content: Content) -> Finding:
    what = content.filetype.label
    return failure(
        "unpack",
        VERSION,
        reason="unsupported",
        what=f"{what}: nothing here opens it, so what it holds was not examined",
        advice="Mount or unpack a copy read-only with a tool of the trade, and scan the folder.",
    )
