"""RAR archives: all members are listed, stored ones are read. No outside program is started, ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from leadlight.content import Content, Window
from leadlight.errors import ContentError, Encrypted, Undecodable, Unsupported
from leadlight.limits import Budget
from leadlight.records import Item, Place
from leadlight.seams import Member
from leadlight.sources import rar_headers
from leadlight.sources.rar_headers import HARD_LINKS, Ending, Entry
from leadlight.sources.stream import REPAIR, UNLOCK, Account

_NEEDS_UNRAR = "This needs the unrar program or library; unpack a copy by hand and scan the folder."


class Rar:
    """Versions 4 and 5. Compressed members need the owner's decoder, which is not free: they are Failures."""

    name = "unpack.rar"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    media_types = frozenset({"application/vnd.rar"})

    def unpack(self, place: Place, content: Content, budget: Budget) -> Iterator[Member]:
        """Raises Encrypted where the list of members is locked, Undecodable where it breaks off."""
        account = Account(self, place, content, budget)
        ending = Ending()
        with content.open() as file, account.guard():
            for entry in rar_headers.entries(file, content.size, ending):
                if not entry.folder:
                    yield from _member(account, entry, file, content.size)
            account.check()
            if ending.goes_on:
                raise Unsupported(
                    "is one volume of several, and the others are not read with it",
                    subject=account.subject,
                    advice=_NEEDS_UNRAR,
                )
            if ending.after > content.size or (not ending.marked and content.head(8) == rar_headers.SIGNATURE5):
                raise Undecodable(
                    "ends without its end mark: it was cut short", subject=account.subject, advice=REPAIR
                )
            account.tail(file, ending.after, content)


def _member(account: Account, entry: Entry, file: BinaryIO, size: int) -> Iterator[Member]:
    if entry.link in HARD_LINKS and account.listed(entry.target):
        return
    item = account.item(entry.name, size=entry.size, times=entry.times)
    if entry.link is not None:
        yield account.refused(
            item,
            f"is {entry.link} in an archive; it holds no bytes and is not followed",
            "If what it leads to belongs to the case, scan that too.",
        )
        return
    error = _unreadable(entry, item)
    if error is not None:
        yield account.failed(item, error)
        return
    window = Window(file, entry.data, min(entry.packed, size - entry.data))
    with account.open(item, window.read, crc=entry.crc, size=entry.size) as stream:
        yield Member(item, stream)


def _unreadable(entry: Entry, item: Item) -> ContentError | None:
    subject = str(item.place)
    if entry.encrypted:
        return Encrypted("is encrypted", subject=subject, advice=UNLOCK)
    if entry.split:
        return Unsupported("lies in several volumes, of which this is one", subject=subject, advice=_NEEDS_UNRAR)
    if not entry.stored and entry.size != 0:
        return Unsupported("is packed by RAR's own method", subject=subject, advice=_NEEDS_UNRAR)
    return None


PLUGIN = Rar()
