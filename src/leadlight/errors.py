"""Every exception of Leadlight, in one tree. Each says what happened, to what, and what to do next.

::

    LeadlightError
    ├── UsageError                 wrong use: exit code 2
    │   ├── ConfigError            a setting or a policy that can't be used
    │   ├── UnknownName            no such plugin, profile, list, tier or item
    │   ├── HashListError          a hash list that can't be read: file, line, field
    │   ├── KeyUnusable            a key or a certificate that can't be used
    │   │   └── KeyLocked          its passphrase could not be had
    │   ├── SealUnreadable         a file that is no seal, or no answer of a timestamp server
    │   └── CameraUnusable         pictures no camera can be enrolled from, or a file that is none of a camera
    ├── ContentError               one content can't be examined: becomes a Failure, never stops a scan
    │   ├── Undecodable            broken, truncated or contradictory bytes
    │   ├── Unsupported            sound, as far as seen, but no reader here; names the extra that cures it
    │   ├── Encrypted              locked; nobody has looked inside
    │   ├── LimitReached           would cost more than a limit allows; names the limit and its setting
    │   └── ReadFailed             the medium did not give the bytes
    ├── EvidenceError              what the operator named can't be read at all: exit code 3
    ├── TimestampFailed            no timestamp could be had, or it does not hold: exit code 3
    └── CaseError                  the case can't be used: exit code 3
        ├── CaseMissing
        ├── CaseNewer              written by a newer Leadlight
        ├── CaseBusy               another scan holds it
        ├── CaseLocked             encrypted, and opened with no key or another one
        ├── CaseDamaged            the record contradicts itself
        ├── CaseFull               no room on the disk of the case
        └── IndexDamaged           a file of a radius index is broken, cut off or of another version
"""

from __future__ import annotations

from typing import ClassVar


class LeadlightError(Exception):
    """The root: what happened, to which file or setting, and what to do next."""

    exit_code: ClassVar[int] = 3

    def __init__(self, what: str, *, subject: str = "", advice: str) -> None:
        """State `what` happened to `subject` (a path, a setting), and the next step as `advice`."""
        super().__init__(what, subject, advice)
        self.what = _printable(what)
        self.subject = _printable(subject)
        self.advice = _printable(advice)

    def __str__(self) -> str:
        """One line for people: 'subject: what. advice'."""
        head = f"{self.subject}: {self.what}" if self.subject else self.what
        return f"{head.rstrip('.')}. {self.advice}"


def _printable(text: str) -> str:
    """Text with what can't be printed spelt out: names, keys and values of files are told in errors."""
    return text if text.isprintable() else "".join(map(_spelt, text))


def _spelt(character: str) -> str:
    """As it is, or as an escape; a byte of a name that is no UTF-8 as that byte."""
    if character.isprintable():
        return character
    if 0xDC80 <= ord(character) <= 0xDCFF:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


class UsageError(LeadlightError):
    """The command, setting or file given can't be used as given."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting or a policy that can't be used."""


class UnknownName(UsageError):
    """No plugin, profile, list, tier or item of that name."""


class HashListError(UsageError):
    """A hash list that can't be read; the subject names file, line and field."""


class KeyUnusable(UsageError):
    """A key or a certificate that can't be used: unreadable, of another type, or locked otherwise."""


class KeyLocked(KeyUnusable):
    """A key whose passphrase could not be had."""


class SealUnreadable(UsageError):
    """A file that is no seal, or an answer that fits no request of the case."""


class CameraUnusable(UsageError):
    """Pictures that no camera can be enrolled from, or a file that holds no enrolled camera."""


class ContentError(LeadlightError):
    """One content can't be examined. The pipeline turns it into a Failure and goes on."""

    reason: ClassVar[str] = "failed"


class Undecodable(ContentError):
    """Broken, truncated or contradictory bytes."""

    reason = "undecodable"


class Unsupported(ContentError):
    """No reader for this format here."""

    reason = "unsupported"


class Encrypted(ContentError):
    """Locked content: nobody has looked inside."""

    reason = "encrypted"


class LimitReached(ContentError):
    """Going on would cost more than a limit allows."""

    reason = "limit"

    def __init__(self, what: str, *, subject: str = "", limit: str, allowed: float, met: float) -> None:
        """Name the `limit` as its setting (`limits.depth`), what it allows and what was met."""
        super().__init__(
            what,
            subject=subject,
            advice=f"To go further, set {limit} to at least {met:g} (now {allowed:g}) and scan again.",
        )
        self.limit = limit
        self.allowed = allowed
        self.met = met


class Unaccounted(Undecodable):
    """Bytes of a container that belong to no member it lists."""

    reason = "unaccounted"


class ReadFailed(ContentError):
    """The medium did not give the bytes."""

    reason = "unreadable"


class EvidenceError(LeadlightError):
    """What the operator named can't be read at all."""


class TimestampFailed(LeadlightError):
    """No timestamp could be had, or the one there does not hold."""


class CaseError(LeadlightError):
    """The case can't be used."""


class CaseMissing(CaseError):
    """No case at that place."""


class CaseNewer(CaseError):
    """Written by a newer Leadlight than this one."""


class CaseBusy(CaseError):
    """Another scan holds the case."""


class CaseLocked(CaseError):
    """Encrypted, and opened with no key or with another one."""


class CaseDamaged(CaseError):
    """The record contradicts itself."""


class CaseFull(CaseError):
    """No room on the disk that holds the case."""


class IndexDamaged(CaseError):
    """A file of a radius index is broken, cut off or of another version."""
