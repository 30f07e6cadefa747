"""Who may call a server: credentials, signed requests (RFC 9421) and roles."""

from jpki.access.authentication import Authenticator, NonceMemory
from jpki.access.callers import load_callers, save_callers
from jpki.access.credentials import (
    Credential,
    create_credential,
    generate_credential,
    load_credential,
)
from jpki.access.evidence import Evidence, Said
from jpki.access.messages import SignedRequest, request_from_environ
from jpki.access.permissions import require_municipality, require_role
from jpki.access.signing import RequestSigner

__all__ = [
    "Authenticator",
    "Credential",
    "Evidence",
    "NonceMemory",
    "RequestSigner",
    "Said",
    "SignedRequest",
    "create_credential",
    "generate_credential",
    "load_callers",
    "load_credential",
    "request_from_environ",
    "require_municipality",
    "require_role",
    "save_callers",
]
