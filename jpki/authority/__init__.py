"""What a certification authority does: use cases over an `Office`.

Two people agree (`consent`) to what nobody may do alone: found and cross-certify
(`establish`), roll over to a new key (`rollover`). Certify responders
(`responder_keys`) and operators (`delegation`), take applications and issue
(`applications`, `issuance`) under serial numbers (`serials`), tell counters what
residents hold (`holdings`), revoke (`revocation`, `surrender`, `intake`), publish
(`publication`), answer (`status`, `directory`, `responder`), and account for it all
(`recovery`, `audit`).
"""

from __future__ import annotations

from jpki.authority.applications import (
    ApplicationKind,
    application_for,
    cancel,
    deliver,
    file_application,
)
from jpki.authority.audit import (
    AuditSummary,
    SerialAccount,
    SerialLine,
    account_for_serials,
    verify_audit,
)
from jpki.authority.checkpoints import Checkpoint, checkpoint, parse_checkpoint
from jpki.authority.consent import Consent, agree, approve, approved, refuse, request
from jpki.authority.delegation import dismiss_operator, enrol_operator, find_caller
from jpki.authority.directory import AuthorityCertificate, authority_certificates
from jpki.authority.establish import (
    cross_certify,
    found_bridge,
    found_governor,
    found_national,
)
from jpki.authority.holdings import Holding, Holdings, enquire, open_applications
from jpki.authority.identifiers import BRIDGE, authority_for, governor_id, national_id
from jpki.authority.intake import Applied, apply_event, apply_events, cursor
from jpki.authority.issuance import (
    Issued,
    Submission,
    issue,
    issue_all,
    issued_for,
)
from jpki.authority.keyrings import FileKeyring, MemoryKeyring
from jpki.authority.office import Keyring, Office, Provision, Step
from jpki.authority.proofs import parse_proof, prove_certificate, prove_growth
from jpki.authority.publication import publish, publish_due
from jpki.authority.recovery import Recovered, abandon, recover
from jpki.authority.responder_keys import (
    certify_responder,
    current_responder,
    renew_responders,
)
from jpki.authority.revocation import revoke
from jpki.authority.revocation_batch import RevocationRequest, revoke_all
from jpki.authority.rollover import RolledOver, issues_until, roll_over
from jpki.authority.serials import UnusedSerials, serials_for
from jpki.authority.status import status_of
from jpki.authority.surrender import Surrendered, surrender

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
