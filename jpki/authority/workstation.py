"""受付窓口端末: one application at a municipal counter, from filing to delivery.

The operator's credential stands behind the client, the resident's card behind the
session. The private key never leaves the card, the four items never pass through here,
and the password is asked from the resident alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jpki.authority.client import AuthorityClient, FiledApplication, IssuedCertificate
from jpki.cards.session import CardSession
from jpki.errors import CardError
from jpki.keys.card import CardSigner
from jpki.model.codes import ResidentCode
from jpki.model.ports import Secret
from jpki.model.purposes import Purpose
from jpki.model.suites import SignatureSuite
from jpki.x509.issuers import assemble
from jpki.x509.requests import request_info

__all__ = ["Enrolment", "Progress", "enrol"]

Progress = Callable[[str], None]
"""Told `filed`, `key-generated`, `password-set`, `issued`, `written`, `delivered`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrolment:
    """What came of it."""

    application: FiledApplication
    public_key: bytes
    """SubjectPublicKeyInfo of the key on the card, DER."""
    request: bytes
    """PKCS#10, signed on the card."""
    issued: IssuedCertificate


def enrol(
    client: AuthorityClient,
    session: CardSession,
    *,
    resident: ResidentCode,
    idempotency_key: str,
    issuer_secret: bytes,
    suite: SignatureSuite,
    password: Secret,
    purpose: Purpose = Purpose.SIGNATURE,
    progress: Progress = lambda _point: None,
) -> Enrolment:
    """File, generate the key on the card, get the certificate and write it there.

    Args:
        client: the counter operator's access to the authority.
        session: with the resident's card.
        resident: who applies.
        idempotency_key: of this application; the same one finds it again.
        issuer_secret: by which the counter proves itself to cards (鍵ペア生成装置).
        suite: of the new key.
        password: asks the resident for the new password.
        purpose: which of the card's two keys.
        progress: told what is done.

    Raises:
        RemoteRefusal, ServiceUnavailable: what the authority says.
        CardError: what the card says; the application is still open then, and can be
            cancelled or tried again.
    """
    # 1. The application; name and address come from the register, not from here.
    application = client.file_application(resident, idempotency_key, purpose)
    progress("filed")
    # 2. The key pair, made by the card for a counter that proved itself.
    session.authenticate_counter(issuer_secret)
    public_key = session.generate_key_pair(purpose, suite)
    progress("key-generated")
    # 3. The resident alone sets the password.
    chosen = password()
    session.set_pin(purpose, lambda: chosen)
    session.verify_pin(purpose, lambda: chosen)
    progress("password-set")
    # 4. The public key goes to the authority with proof of possession, bound to this
    #    application by its challenge.
    info = request_info(public_key, application.challenge)
    signer = CardSigner(session, purpose, lambda: chosen, public_key=public_key)
    request = assemble(info, suite, signer.sign(info))
    issued = client.certify(application.id, request)
    progress("issued")
    # 5. Certificate and CA certificate go onto the card, and are read back.
    session.write_certificates(
        purpose, issued.certificate, issued.authority_certificate
    )
    written = session.read_certificate(purpose)
    if written != issued.certificate:
        raise CardError(
            "the card gives back another certificate than was written",
            hint="cancel the application and use another card",
        )
    progress("written")
    # 6. 交付: the card is with its holder.
    delivered = client.confirm_delivery(application.id)
    progress("delivered")
    return Enrolment(
        application=delivered, public_key=public_key, request=request, issued=issued
    )
