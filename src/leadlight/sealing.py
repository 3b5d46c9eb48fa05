"""Sealing a case: its head signed, stamped where asked, and both kept as acts of the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from leadlight.audit import check_chain
from leadlight.errors import CaseDamaged, SealUnreadable
from leadlight.records import Act
from leadlight.records.codec import when_out
from leadlight.seal.check import REQUEST, SEAL, STAMP
from leadlight.seal.keys import Certificates, Signer
from leadlight.seal.signed import Seal, Signed, Timestamp, nonce_in, signed_in, signed_out, timestamp_out
from leadlight.seal.timestamp import Request, Stamped, check, make_request
from leadlight.store.check import lines
from leadlight.store.database import Database
from leadlight.store.record import Recorder
from leadlight.store.view import View
from leadlight.version import __version__


@dataclass(frozen=True, slots=True)
class Sealed:
    """A seal of this case."""

    act: int
    """The number of the act that holds it."""
    signed: Signed


class Sealer:
    """Seals one case, which nobody else writes to meanwhile."""

    def __init__(self, database: Database, recorder: Recorder) -> None:
        self._database = database
        self._recorder = recorder
        self._view = View(database)

    def acts(self) -> list[Act]:
        """The acts of the case, in order."""
        return list(self._view.acts())

    def seal(self, signer: Signer) -> Sealed:
        """Sign the head of the record and append that as an act.

        Raises CaseDamaged where the chain does not hold: a seal would cover that up.
        """
        for fault in check_chain(lines(self._database)):
            raise CaseDamaged(
                f"{fault.what}; a record that does not hold is not sealed",
                subject=fault.where,
                advice="Keep the case as it is, and look with 'leadlight verify'.",
            )
        head, first = self._view.last_act(), next(self._view.acts(), None)
        if head is None or first is None:
            raise CaseDamaged("holds no act", subject="the record", advice="Restore it from a copy.")
        seal = Seal(
            case=str(first.details.get("number", "")),
            act=head.number,
            digest=head.digest,
            time=when_out(datetime.now(UTC)) or "",
            key=signer.public.id,
            software=__version__,
        )
        signed = Signed.make(seal, signer)
        return Sealed(self._recorder.act(SEAL, signed_out(signed)).number, signed)

    def stamp(self, sealed: Sealed, ask: Callable[[bytes], bytes], roots: Certificates) -> tuple[Sealed, Stamped]:
        """A timestamp over `sealed`: `ask` takes the request to a server and brings its answer.

        Raises TimestampFailed where the answer does not hold; then nothing is recorded, and the seal stays.
        """
        request = make_request(sealed.signed.stamped())
        return self._record(sealed, Timestamp(request.nonce, ask(request.data)), roots)

    def request(self, sealed: Sealed) -> Request:
        """A request for a timestamp over `sealed`, to be taken to a server by hand; recorded as an act."""
        request = make_request(sealed.signed.stamped())
        self._recorder.act(REQUEST, {"act": sealed.act, "nonce": f"{request.nonce:x}"})
        return request

    def answer(self, response: bytes, roots: Certificates) -> tuple[Sealed, Stamped]:
        """Take the answer to the newest request that was taken to a server by hand.

        Raises SealUnreadable where none was asked for; TimestampFailed where the answer does not hold.
        """
        asked = self._newest(REQUEST)
        act = next((a for a in self._view.acts() if a.number == asked.details.get("act")), None) if asked else None
        try:
            if asked is None or act is None or act.action != SEAL:
                raise ValueError("there is none")
            sealed, nonce = Sealed(act.number, signed_in(act.details)), nonce_in(asked.details.get("nonce"))
        except ValueError:
            raise SealUnreadable(
                "no timestamp was asked for in this case",
                subject="--response",
                advice="Make the request first: 'leadlight seal CASE --request FILE'.",
            ) from None
        return self._record(sealed, Timestamp(nonce, response), roots)

    def _record(self, sealed: Sealed, timestamp: Timestamp, roots: Certificates) -> tuple[Sealed, Stamped]:
        signed = replace(sealed.signed, timestamp=timestamp)
        stamped = check(timestamp, signed.stamped(), roots)
        self._recorder.act(STAMP, {"act": sealed.act, **timestamp_out(timestamp)})
        return replace(sealed, signed=signed), stamped

    def _newest(self, action: str) -> Act | None:
        found = None
        for act in self._view.acts():
            found = act if act.action == action else found
        return found
