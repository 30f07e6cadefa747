"""受付窓口端末: what a municipal counter does with a resident and the resident's card.

One module for each kind of procedure: `enrolment`, `replacement`, `passwords`,
`surrender`; what they share is in `steps` (the workstation itself and which application
is meant) and `oncard` (from the key pair to the certificate that is read back).

The operator's credential stands behind the client, the resident's card behind the
session. The private key never leaves the card, the four items never pass through here,
and the password is asked from the resident alone. Every procedure may be killed at any
point and simply begun again: the same application is taken up where it stands.
"""

from __future__ import annotations

from jpki.authority.workstation.enrolment import enrol
from jpki.authority.workstation.oncard import Enrolment, hand_over, put_on_card
from jpki.authority.workstation.passwords import reset_password
from jpki.authority.workstation.replacement import reissue, renew
from jpki.authority.workstation.steps import (
    Progress,
    Workstation,
    apply_for,
    require_card_of,
)
from jpki.authority.workstation.surrender import SurrenderedCard, surrender_card

__all__ = [
    "Enrolment",
    "Progress",
    "SurrenderedCard",
    "Workstation",
    "apply_for",
    "enrol",
    "hand_over",
    "put_on_card",
    "reissue",
    "renew",
    "require_card_of",
    "reset_password",
    "surrender_card",
]
