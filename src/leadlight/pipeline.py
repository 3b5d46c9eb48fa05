"""One file at a time: read once, decode once, ask each analyser, turn exceptions into Failures."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import BinaryIO

from leadlight.config import Settings
from leadlight.content import Content
from leadlight.errors import ContentError, LimitReached, ReadFailed
from leadlight.limits import Budget
from leadlight.plugins import Registry
from leadlight.records import Finding, Item, failure
from leadlight.records.codec import finding_record
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
            what="needs more memory than a worker may take, or than there is",
            advice="Scan it again with a greater limits.worker_memory_bytes, on a machine with more memory, or "
            "with fewer jobs.",
        )
    return failure(
        analyser,
        version,
        reason="failed",
        what=f"{analyser} could not examine it ({type(error).__name__})",
        advice="The file may be crafted or broken. Examine it by hand, and report the analyser's fault.",
        error=str(error)[:200].encode("utf-8", "backslashreplace").decode(),
    )


Said = tuple[Finding, tuple[str, str | None]]
"""A finding and its canonical JSON: what can't be written so is the analyser's fault, and shows here."""


class _Held:
    """A content that two need: who completes it, and the walk through what it holds. The last closes it."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self._holders = 1

    def again(self) -> _Held:
        self._holders += 1
        return self

    def let_go(self) -> None:
        self._holders -= 1
        if not self._holders:
            self.content.close()


class Prepared:
    """One file that was read and named. Keeps its bytes until it is closed."""

    def __init__(
        self,
        item: Item,
        of_place: list[Said],
        *,
        sha256: str | None = None,
        size: int = 0,
        container: bool = False,
        held: _Held | None = None,
    ) -> None:
        self.item = item
        self.of_place = of_place
        self.sha256 = sha256
        self.size = size
        self.container = container
        self._held = held

    @property
    def content(self) -> Content | None:
        """None where nothing is left to examine: it could not be read, or was given before."""
        return self._held.content if self._held else None

    @property
    def to_claim(self) -> str | None:
        """The SHA-256 of a content that may have to be examined."""
        return self.sha256 if self._held else None

    def close(self) -> None:
        """Let go of its bytes."""
        held, self._held = self._held, None
        if held is not None:
            held.let_go()


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
        with closing(self.prepare(item, open_, tick=tick)) as files:
            for prepared in files:
                with closing(prepared):
                    asked = prepared.to_claim
                    found = self.complete(prepared, new=asked is not None and claim(asked, prepared.item))
                yield found

    def prepare(
        self, item: Item, open_: Callable[[], BinaryIO], *, tick: Callable[[], None] = lambda: None
    ) -> Generator[Prepared, None, None]:
        """`item` and all that it holds, in order, each read and named and no more; `complete` does the rest, now
        or when others were read: the order in which they are completed is the caller's.
        """
        yield from self._one(item, open_, open_, Budget(self.settings.limits), tick)

    def complete(self, prepared: Prepared, *, new: bool) -> Examined:
        """All that is said of one file: of its content only where that is `new`, of its place in any case."""
        content = prepared.content
        of_content = None
        if new and content is not None:
            of_content = self._run(self._per_content, prepared.item, content)
            if not prepared.container and content.filetype.family in ("archive", "disk"):
                of_content.append(_said(_not_opened(content)))
        written = [text for _, text in (*prepared.of_place, *(of_content or ()))]
        return Examined(
            item=prepared.item,
            sha256=prepared.sha256,
            size=prepared.size,
            of_place=tuple(finding for finding, _ in prepared.of_place),
            of_content=None if of_content is None else tuple(finding for finding, _ in of_content),
            container=prepared.container,
            written=tuple(written),
        )

    def _one(
        self,
        item: Item,
        open_: Callable[[], BinaryIO],
        reopen: Callable[[], BinaryIO] | None,
        budget: Budget,
        tick: Callable[[], None],
    ) -> Generator[Prepared, None, None]:
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
            yield Prepared(item, [_said(failure_of(_read_error(e, place), "read", VERSION))])
            return
        content.decoder = self._decoder
        # What looks at pixels decodes in full: then a scaled decode before it saves nothing.
        content.exact = self.settings.hashing == "exact" or self.settings.detect == "on"
        held = _Held(content)
        try:
            said = self._identify(content, place)
            unpacker = self._unpackers.get(content.filetype.media_type)
            said += self._run(self._per_place, item, content)
            if content.broken is not None:
                said.append(_said(_partly_read(content.broken, content.size)))
            yield Prepared(
                item,
                said,
                sha256=content.sha256,
                size=content.size,
                container=unpacker is not None,
                held=held.again(),
            )
            if unpacker is not None:
                yield from self._members(unpacker, item, content, budget, tick)
        finally:
            held.let_go()

    def _identify(self, content: Content, place: str) -> list[Said]:
        """Name the type; a Failure where the medium does not give the bytes again, and the type stays unknown."""
        try:
            content.filetype = self._identifier.identify(content)
        except Exception as e:
            return [_said(failure_of(_read_error(e, place), "read", VERSION))]
        return []

    def _members(
        self, unpacker: Unpacker, item: Item, content: Content, budget: Budget, tick: Callable[[], None]
    ) -> Generator[Prepared, None, None]:
        try:
            budget.enter(item.place.depth, str(item.place))
            for member in unpacker.unpack(item.place, content, budget):
                tick()
                if member.stream is None:
                    yield Prepared(member.item, [_said(member.failure)] if member.failure else [])
                    continue
                opened = member.stream
                yield from self._one(member.item, lambda s=opened: s, None, budget, tick)  # type: ignore[misc]
        except Exception as e:
            said = [_said(failure_of(e, unpacker.name, unpacker.version))]
            yield Prepared(item, said, sha256=content.sha256, size=content.size, container=True)

    def _run(self, analysers: tuple[Analyser, ...], item: Item, content: Content) -> list[Said]:
        known = Known()
        family = content.filetype.family
        said: list[Said] = []
        for analyser in analysers:
            if analyser.families and family not in analyser.families:
                continue
            if any(known.first(kind) is None for kind in analyser.needs) and not analyser.per_place:
                continue
            made: list[Said] = []
            try:
                for finding in analyser.analyse(item, content, known):
                    made.append(_said(finding))
            except Exception as e:
                made.append(_said(failure_of(e, analyser.name, analyser.version)))
            for finding, _ in made:
                known.add(finding)
            said += made
        return said


def _said(finding: Finding) -> Said:
    return finding, finding_record(finding)


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
