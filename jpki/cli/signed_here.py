"""What an operator signs at the authorities' own machine, with no server between."""

from __future__ import annotations

from datetime import datetime

from jpki.access import Credential, Evidence, RequestSigner
from jpki.authority.agreeing.statements import Statement
from jpki.service.clock import system_random
from jpki.service.settings import Settings

__all__ = ["signed_here"]


def signed_here(
    credential: Credential, statement: Statement, settings: Settings, at: datetime
) -> Evidence:
    """The request as the credential's owner would send it to the server."""
    server = settings.authority
    signer = RequestSigner(credential, clock=lambda: at, random=system_random)
    origin = server.public_url or f"http://{server.host}:{server.port}"
    return signer.evidence("POST", f"{origin}{statement.path}", statement.body)
