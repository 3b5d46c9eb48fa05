"""What one file on the medium may cost while it is opened: the running account against the Limits."""

from __future__ import annotations

from leadlight.config import MIB, Limits
from leadlight.errors import LimitReached

RATIO_FROM = 64 * MIB
"""Below this, a high ratio is harmless and common (logs, blank bitmaps)."""


class Budget:
    """Counts for one file on the medium, nested containers included. Each method raises LimitReached."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.members = 0
        self.total = 0
        self.spent: LimitReached | None = None
        """The limit that ended the whole file: nothing in it is opened any more."""

    def check(self) -> None:
        """Raise again what ended the whole file, so that containers around the one that met it end too."""
        if self.spent is not None:
            raise self.spent

    def enter(self, depth: int, subject: str) -> None:
        """Open a container that lies `depth` containers deep (0 in the open)."""
        if depth + 1 > self.limits.depth:
            raise LimitReached(
                "containers are nested too deep",
                subject=subject,
                limit="limits.depth",
                allowed=self.limits.depth,
                met=depth + 1,
            )

    def member(self, subject: str) -> None:
        """One more member."""
        self.members += 1
        if self.members > self.limits.members:
            self.spent = LimitReached(
                "too many members",
                subject=subject,
                limit="limits.members",
                allowed=self.limits.members,
                met=self.members,
            )
            raise self.spent

    def unpacked(self, new: int, *, member: int, container: int, packed: int, subject: str) -> None:
        """`new` bytes came out; `member` so far of this member, `container` so far of this container,
        which takes `packed` bytes itself (0 where unknown).
        """
        self.total += new
        if member > self.limits.member_bytes:
            raise LimitReached(
                "a member is too large when unpacked",
                subject=subject,
                limit="limits.member_bytes",
                allowed=self.limits.member_bytes,
                met=member,
            )
        if self.total > self.limits.total_bytes:
            self.spent = LimitReached(
                "unpacks to too many bytes in all",
                subject=subject,
                limit="limits.total_bytes",
                allowed=self.limits.total_bytes,
                met=self.total,
            )
            raise self.spent
        if packed and container > RATIO_FROM and container / packed > self.limits.ratio:
            raise LimitReached(
                "unpacks to far more bytes than it holds, as a decompression bomb does",
                subject=subject,
                limit="limits.ratio",
                allowed=self.limits.ratio,
                met=container / packed,
            )
