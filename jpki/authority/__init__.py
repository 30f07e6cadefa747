"""What a certification authority does: use cases over an `Office`, by room.

Two people agree (`agreeing`) to what nobody may do alone: found, cross-certify and roll
over to a new key (`founding`). Certify responders and operators (`delegating`), take a
counter's applications and tell it what residents hold (`counter`), issue (`issuing`) by
the one way that there is (`certifying`), revoke (`revoking`), publish (`publication`),
answer (`answering`) those who may ask (`verifiers`), mend (`recovering`), and account
for it all (`auditing`). Which room may use which is in setup.cfg.
"""

from __future__ import annotations

from jpki.authority.agreeing.consent import (
    Consent,
    agree,
    approve,
    approved,
    refuse,
    request,
)
from jpki.authority.answering.status import status_of
from jpki.authority.auditing.checkpoints import Checkpoint, checkpoint, parse_checkpoint
from jpki.authority.auditing.examining import (
    AuditSummary,
    SerialAccount,
    SerialLine,
    account_for_serials,
    verify_audit,
)
from jpki.authority.auditing.proofs import parse_proof, prove_certificate, prove_growth
from jpki.authority.auditing.serial_blocks import UnusedSerials
from jpki.authority.certifying.serials import serials_for
from jpki.authority.counter.applications import (
    ApplicationKind,
    application_for,
    cancel,
    deliver,
    file_application,
)
from jpki.authority.counter.holdings import (
    Holding,
    Holdings,
    enquire,
    open_applications,
)
from jpki.authority.counter.surrender import Surrendered, surrender
from jpki.authority.delegating.operators import (
    dismiss_operator,
    enrol_operator,
    find_caller,
)
from jpki.authority.delegating.responder_keys import (
    certify_responder,
    current_responder,
    renew_responders,
)
from jpki.authority.founding.establish import (
    cross_certify,
    found_bridge,
    found_governor,
    found_national,
)
from jpki.authority.founding.rollover import RolledOver, issues_until, roll_over
from jpki.authority.issuing.issuance import (
    Issued,
    Submission,
    issue,
    issue_all,
    issued_for,
)
from jpki.authority.office import Keyring, Office, Provision, Step
from jpki.authority.office.identifiers import (
    BRIDGE,
    authority_for,
    governor_id,
    national_id,
)
from jpki.authority.office.keyrings import FileKeyring, MemoryKeyring
from jpki.authority.publication import publish, publish_due
from jpki.authority.publication.directory import (
    AuthorityCertificate,
    authority_certificates,
)
from jpki.authority.recovering.unfinished import Recovered, abandon, recover
from jpki.authority.revoking.batch import RevocationRequest, revoke_all
from jpki.authority.revoking.intake import Applied, apply_event, apply_events, cursor
from jpki.authority.revoking.revocation import revoke

__all__ = [
    "BRIDGE",
    "ApplicationKind",
    "Applied",
    "AuditSummary",
    "AuthorityCertificate",
    "Checkpoint",
    "Consent",
    "FileKeyring",
    "Holding",
    "Holdings",
    "Issued",
    "Keyring",
    "MemoryKeyring",
    "Office",
    "Provision",
    "Recovered",
    "RevocationRequest",
    "RolledOver",
    "SerialAccount",
    "SerialLine",
    "Step",
    "Submission",
    "Surrendered",
    "UnusedSerials",
    "abandon",
    "account_for_serials",
    "agree",
    "application_for",
    "apply_event",
    "apply_events",
    "approve",
    "approved",
    "authority_certificates",
    "authority_for",
    "cancel",
    "certify_responder",
    "checkpoint",
    "cross_certify",
    "current_responder",
    "cursor",
    "deliver",
    "dismiss_operator",
    "enquire",
    "enrol_operator",
    "file_application",
    "find_caller",
    "found_bridge",
    "found_governor",
    "found_national",
    "governor_id",
    "issue",
    "issue_all",
    "issued_for",
    "issues_until",
    "national_id",
    "open_applications",
    "parse_checkpoint",
    "parse_proof",
    "prove_certificate",
    "prove_growth",
    "publish",
    "publish_due",
    "recover",
    "refuse",
    "renew_responders",
    "request",
    "revoke",
    "revoke_all",
    "roll_over",
    "serials_for",
    "status_of",
    "surrender",
    "verify_audit",
]
