"""What tests of lists do with an installation: revoke, and ask."""

from __future__ import annotations

from collections.abc import Mapping

from jpki.authority.remote.client import IssuedCertificate
from tests.support.installation import GOVERNOR, Installation, Reply, send

__all__ = ["get", "revoke_one"]


def revoke_one(installation: Installation) -> IssuedCertificate:
    """Issue a certificate and revoke it."""
    issued = installation.certified()
    installation.client().revoke(GOVERNOR, issued.serial, "keyCompromise", "lost")
    return issued


def get(
    installation: Installation, path: str, headers: Mapping[str, str] | None = None
) -> Reply:
    """A GET, with the path as it stands."""
    return send(installation.settings.revocation.port, "GET", path, b"", headers)
