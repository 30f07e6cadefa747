"""Many certificates at a time: recorded in one transaction, completed in another.

Each of them goes the one way by which a certificate is made (`certifying`): its linted
bytes are on disk before they are signed, and the certificate before it is handed out.
What is shared is the waiting for the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jpki.authority.certifying.completing import Completed, Completion, complete_all
from jpki.authority.certifying.making import signed
from jpki.authority.issuing.drafting import Draft, Wanted
from jpki.authority.issuing.recording import record_all
from jpki.errors import JpkiError

__all__ = ["Certified", "certify_all"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Certified:
    """What was made, and what has become of it."""

    completed: Completed
    authority_certificate: bytes
    """The self-signed certificate of the key that signed."""


def certify_all(wanted: Sequence[Wanted]) -> Sequence[Certified | JpkiError | None]:
    """Record, sign and complete; an answer, or an error of ours, for each.

    All are of one database. None where the world has moved on since the caller looked:
    nothing was recorded, and it should look again.

    Raises:
        JpkiError: the database failed. What was recorded is resumed when the same is
            wanted again, and by recovery.
    """
    store = wanted[0].office.store
    with store.write() as uow:
        drafts = record_all(uow, wanted)
        uow.commit()
    for draft in drafts:
        if isinstance(draft, Draft):
            draft.wanted.office.step("issuance.recorded")
    made = [_signed(draft) if isinstance(draft, Draft) else draft for draft in drafts]
    items = [item for item in made if isinstance(item, Completion)]
    if not items:
        return [one for one in made if not isinstance(one, Completion)]
    with store.write() as uow:
        completed = complete_all(uow, items)
        uow.commit()
    done = dict(zip(map(id, items), completed, strict=True))
    answers: list[Certified | JpkiError | None] = []
    for draft, item in zip(drafts, made, strict=True):
        outcome = done[id(item)] if isinstance(item, Completion) else item
        if isinstance(draft, Draft) and isinstance(outcome, Completed):
            if outcome.new:
                draft.wanted.office.step("issuance.completed")
            own = draft.signing.certificate
            answers.append(Certified(completed=outcome, authority_certificate=own))
        elif not isinstance(outcome, Completed):
            answers.append(outcome)
    return answers


def _signed(draft: Draft) -> Completion | JpkiError:
    wanted = draft.wanted
    try:
        certificate = signed(wanted.office, draft.pending, draft.signing.key)
    except JpkiError as error:
        return error
    return Completion(
        office=wanted.office,
        pending=draft.pending,
        application=wanted.application,
        certificate=certificate,
        at=wanted.at,
        by=wanted.by.id,
    )
