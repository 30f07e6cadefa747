"""Serial numbers for certificates: drawn at random, or counted, as the era has it.

A counted number is reserved in the write transaction that records the certificate which
will bear it, in a block that the books and the audit log both keep. There is one
counter for each authority, over all its keys. Writers take turns, so no number is given
twice; what is rolled back was never reserved.

A number is left over where a transaction commits without its certificate: one of a
group whose certificate broke a rule. It is never given again, and the account of all
numbers names it (`jpki.authority.auditing.serial_blocks`).

Random numbers need none of this: nothing is looked up and nothing written.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from jpki.authority.auditing.serial_blocks import RESERVED, block_subject
from jpki.authority.office import Office
from jpki.model.serials import SerialScheme, next_serial
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import SerialBlockRecord

__all__ = ["serials_for"]


def serials_for(
    office: Office,
    uow: AuthorityUnitOfWork,
    authority: str,
    count: int,
    *,
    at: datetime,
    by: str,
) -> Sequence[int]:
    """Serial numbers for certificates that this write transaction will record.

    Args:
        authority: whose; it may be about to be founded.
        count: at least one.

    Raises:
        IssuanceError: four octets are used up; nothing was reserved.
    """
    scheme = office.era.serials
    last = 0 if scheme is SerialScheme.MODERN else uow.serials.last(authority)
    numbers: list[int] = []
    for _ in range(count):
        last = next_serial(scheme, random=office.random, last=last)
        numbers.append(last)
    if scheme is SerialScheme.JPKI_COMPAT:
        block = SerialBlockRecord(
            authority=authority,
            first=numbers[0],
            last=numbers[-1],
            reserved_at=at,
            reserved_by=by,
        )
        uow.serials.add(block)
        uow.audit.append(at=at, by=by, act=RESERVED, subject=block_subject(block))
    return numbers
