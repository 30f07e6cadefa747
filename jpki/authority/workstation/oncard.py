"""From the key pair to the certificate that is read back; the resident sits at it.

A card that loses power in between has the new key, and either no certificate of it or
both, its own and the authority's. What is taken up again then depends on how far the
authority has come: before it has certified a key, a new one is made; afterwards only
the card that holds the certified key will do.
"""

from __future__ import annotations

from dataclasses import dataclass

from jpki.authority.remote.answers import FiledApplication, IssuedCertificate
from jpki.authority.workstation.steps import Progress, Workstation, nothing_happens
from jpki.cards.pins import new_pin
from jpki.cards.session import CardSession
from jpki.errors import ApplicationConflict, CardError, WrongCard
from jpki.keys.card import CardSigner
from jpki.model.ports import Secret
from jpki.store.authority_records import ApplicationState
from jpki.x509.issuers import assemble
from jpki.x509.parse import parse_certificate
from jpki.x509.requests import request_info

__all__ = ["Enrolment", "hand_over", "put_on_card"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrolment:
    """What came of an application."""

    application: FiledApplication
    public_key: bytes
    """SubjectPublicKeyInfo of the key on the card, DER."""
    request: bytes | None
    """PKCS#10, signed on the card; None where the authority had certified before."""
    issued: IssuedCertificate


def put_on_card(
    station: Workstation,
    session: CardSession,
    application: FiledApplication,
    *,
    password: Secret,
    progress: Progress = nothing_happens,
) -> Enrolment:
    """Make the key, have the password set, get the certificate, write it, read it back.

    Args:
        station: the counter's.
        session: with the resident's card.
        application: as the authority knows it now.
        password: asks the resident, once, for the new password. One of a wrong form is
            refused before anything is done.
        progress: told what is done.

    Raises:
        PINFormatError: such a password cannot be set.
        ApplicationConflict: there is nothing left to do for this application.
        WrongCard: the authority certified the key of another card.
        RemoteRefusal, ServiceUnavailable: what the authority says.
        CardError: what the card says. The application is still open then, and can be
            taken up again or cancelled.
    """
    state, purpose = ApplicationState(application.state), application.purpose
    if state in (ApplicationState.DELIVERED, ApplicationState.CANCELLED):
        raise ApplicationConflict(f"application {application.id} is {state.value}")
    suite = station.suite(purpose)
    chosen = password()
    new_pin(chosen, session.card_type.slot(purpose).pin)
    # 1. The key pair, made by the card for a counter that proved itself.
    session.authenticate_counter(station.issuer_secret)
    issued = None
    if state is ApplicationState.FILED:
        public_key = session.generate_key_pair(purpose, suite)
        progress("key-generated")
    else:
        public_key = session.read_public_key(purpose, suite)
        if state is ApplicationState.ISSUED:
            issued = station.client.issued(application.id)
            _require_key(public_key, issued)
        progress("key-found")
    # 2. The resident alone sets the password.
    session.set_pin(purpose, lambda: chosen)
    session.verify_pin(purpose, lambda: chosen)
    progress("password-set")
    # 3. The public key goes to the authority with proof of possession, bound to this
    #    application by its challenge.
    request = None
    if issued is None:
        info = request_info(public_key, application.challenge)
        signer = CardSigner(session, purpose, lambda: chosen, public_key=public_key)
        request = assemble(info, suite, signer.sign(info))
        issued = station.client.certify(application.id, request)
        _require_key(public_key, issued)
    progress("issued")
    # 4. Certificate and CA certificate go onto the card, and are read back.
    session.write_certificates(
        purpose, issued.certificate, issued.authority_certificate
    )
    if session.read_certificate(purpose) != issued.certificate:
        raise CardError(
            "the card gives back another certificate than was written",
            hint="cancel the application and use another card",
        )
    progress("written")
    return Enrolment(
        application=issued.application,
        public_key=public_key,
        request=request,
        issued=issued,
    )


def hand_over(
    station: Workstation, session: CardSession, application: FiledApplication
) -> FiledApplication:
    """交付: see that the card bears what was issued, and record that it is delivered.

    Raises:
        WrongCard: this card does not bear it.
        RemoteRefusal, ServiceUnavailable: what the authority says.
    """
    issued = station.client.issued(application.id)
    session.authenticate_counter(station.issuer_secret)
    # The resident's own certificate may be hidden by the password. A new key takes both
    # certificates away and they are written together: so the other one tells of it.
    purpose = application.purpose
    key = session.read_public_key(purpose, station.suite(purpose))
    _require_key(key, issued)
    if session.read_ca_certificate(purpose) != issued.authority_certificate:
        raise WrongCard(
            "the card bears another authority's certificate",
            hint="have the certificate written onto the card first",
        )
    return station.client.confirm_delivery(application.id)


def _require_key(public_key: bytes, issued: IssuedCertificate) -> None:
    if parse_certificate(issued.certificate).public_key != public_key:
        raise WrongCard(
            "the certificate was issued for the key of another card",
            hint="take that card; or cancel the application and apply again",
        )
