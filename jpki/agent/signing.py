"""The procedure: look at the card, show and ask, sign.

The card is let go while the person reads and types, so it can come late, leave and
come back, and other programs can use it. From the PIN to the signature it is held
without a gap: nobody else can use the right that the PIN won.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from jpki.agent.person import CardLook, Ending, Holder, Person, Question, Reply, Step
from jpki.agent.wire import SignatureRequest, Signed
from jpki.cards.session import CardSession
from jpki.cards.transport import CardTransport
from jpki.documents.cms import sign_detached
from jpki.errors import (
    AgentError,
    CardGone,
    EncodingError,
    JpkiError,
    PINBlocked,
    PINError,
    PINFormatError,
    WrongCard,
)
from jpki.keys.card import CardSigner
from jpki.model.ports import Clock
from jpki.model.purposes import Purpose
from jpki.x509.names import rfc4514
from jpki.x509.parse import Certificate, parse_certificate

__all__ = ["OpenCard", "carry_out"]

OpenCard = Callable[[], CardTransport]
"""Connects to the card; raises CardGone where there is none."""


def carry_out(
    request: SignatureRequest, person: Person, open_card: OpenCard, clock: Clock
) -> Signed:
    """Have the person confirm, and the card sign.

    Raises:
        AgentError: the person did not confirm.
        PINBlocked: no tries left.
        CardError: the card cannot do it.
    """
    procedure = _Procedure(request, person, open_card, clock)
    try:
        signed = procedure.run()
    except Exception as error:
        # Whatever it is, the person is not left before a window that says nothing.
        told: JpkiError = AgentError("something unexpected happened")
        if isinstance(error, JpkiError):
            told = error
        person.tell(Ending(request=request, error=told))
        raise
    person.tell(Ending(request=request, error=None))
    return signed


class _Procedure:
    def __init__(
        self,
        request: SignatureRequest,
        person: Person,
        open_card: OpenCard,
        clock: Clock,
    ) -> None:
        self._request = request
        self._person = person
        self._open_card = open_card
        self._clock = clock

    def run(self) -> Signed:
        """Until it is signed, or somebody gives up."""
        try:
            return self._rounds()
        except EncodingError as error:
            raise WrongCard(f"a certificate on the card: {error}") from None

    def _rounds(self) -> Signed:
        complaint: JpkiError | None = None
        absent: CardGone | None = None
        while True:
            try:
                look = self._look()
            except CardGone as gone:
                # At first no complaint: the card is simply not there yet.
                self._ask(Step.INSERT, complaint=absent or complaint)
                absent, complaint = gone, None
                continue
            absent = None
            reply = self._ask(Step.PIN, card=look, complaint=complaint)
            try:
                return self._sign(look, reply)
            except PINError as wrong:
                if not wrong.retries_left:
                    raise PINBlocked from None
                complaint = wrong
            except (PINFormatError, CardGone) as error:
                complaint = error

    def _look(self) -> CardLook:
        purpose = self._request.purpose
        with self._session() as session:
            slot = session.card_type.slot(purpose)
            if session.certificates_present().get(purpose) is False:
                raise WrongCard(f"the card has no {purpose.value} certificate")
            holder = None
            if not slot.certificate_after_pin:
                holder = self._holder(
                    parse_certificate(session.read_certificate(purpose))
                )
            look = CardLook(
                title=session.card_type.title,
                serial=session.serial,
                tries_left=session.pin_tries_left(purpose),
                rule=slot.pin,
                holder=holder,
            )
        if not look.tries_left:
            raise PINBlocked
        return look

    def _sign(self, look: CardLook, reply: Reply) -> Signed:
        request, purpose = self._request, self._request.purpose
        with self._session() as session:
            if session.serial != look.serial:
                raise CardGone("this is another card than the one that was shown")
            session.verify_pin(purpose, lambda: reply.pin)
            signer = CardSigner(session, purpose, _no_second_pin)
            if purpose is Purpose.SIGNATURE:
                holder = self._holder(parse_certificate(signer.certificate))
                self._ask(Step.AGREE, card=look, holder=holder)
            chain = [session.read_ca_certificate(purpose)]
            signature = sign_detached(
                request.content, signer.certificate, signer, self._clock(), chain
            )
        return Signed(request=request, signature=signature)

    def _session(self) -> CardSession:
        return CardSession(self._open_card())

    def _holder(self, certificate: Certificate) -> Holder:
        return Holder(
            subject=rfc4514(certificate.subject),
            attributes=certificate.basic_attributes,
            not_after=certificate.not_after,
            expired=certificate.not_after < self._clock(),
        )

    def _ask(
        self,
        step: Step,
        *,
        card: CardLook | None = None,
        holder: Holder | None = None,
        complaint: JpkiError | None = None,
    ) -> Reply:
        return self._person.ask(
            Question(
                step=step,
                request=self._request,
                card=card,
                holder=holder,
                complaint=complaint,
            )
        )


def _no_second_pin() -> NoReturn:
    """The right that the PIN won is gone: the card was reset by somebody."""
    raise CardGone("the card was reset before it signed")
