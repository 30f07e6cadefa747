"""Publishing CRLs: recorded before they are signed, checked before they are served.

1. The list is made from a snapshot of the journal, in columns (`preparing`).
2. Its number and bytes are recorded; the number is higher than any before.
3. It is signed.
4. The result is parsed, its signature verified, and it is compared with the list it
   replaces: nothing un-revoked, nothing altered, time not turned back (`examining`).
5. Only then it is the current list.

Which lists there are is told in `scopes`, which of them are due in `due`. Numbers
follow the clock (seconds since 1970) unless that would not raise them. So they also
rise over all that were published before, when an older backup is restored.

Who gives the lists has them at hand in `kept_lists`, and the certificates of the
authorities themselves in `directory`.
"""

from __future__ import annotations

from jpki.authority.publication.due import Board, publish_due, publish_each_due
from jpki.authority.publication.publishing import finish_crl, publish
from jpki.authority.publication.scopes import SCOPES

__all__ = [
    "SCOPES",
    "Board",
    "finish_crl",
    "publish",
    "publish_due",
    "publish_each_due",
]
