"""What was tried, how far, and how often it held; as a table."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """One promise, tried again and again."""

    what: str
    reach: str
    """What was done, in numbers."""
    tried: int = 0
    held: int = 0
    faults: list[str] = field(default_factory=list)

    def note(self, problems: Iterable[str], where: str = "") -> bool:
        """Count one try, and what was wrong with it; True where nothing was."""
        found = list(problems)
        self.tried += 1
        self.held += not found
        for problem in found[:5]:
            self.faults.append(f"{where}: {problem}" if where else problem)
            say(f"FAULT {self.what}: {self.faults[-1]}")
        return not found

    @property
    def whole(self) -> bool:
        """Whether it was tried and always held."""
        return self.tried > 0 and self.held == self.tried


def say(words: str) -> None:
    """Progress, on standard error."""
    print(words, file=sys.stderr, flush=True)


def table(outcomes: Iterable[Outcome], seed: int) -> str:
    """As Markdown."""
    lines = [f"Seed {seed}.", "", "| what | reach | held |", "|---|---|---|"]
    lines += [f"| {o.what} | {o.reach} | {o.held:,} of {o.tried:,} |" for o in outcomes]
    return "\n".join(lines)
