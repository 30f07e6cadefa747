"""The seven chapters. Each uses servers over HTTP and the card over APDUs, as told."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from jpki import data
from jpki.authority.office.identifiers import BRIDGE
from jpki.authority.workstation import Enrolment, Workstation, enrol
from jpki.cli.demo.client import PortalClient, StatusClient
from jpki.cli.demo.portal import write_portal_settings
from jpki.cli.demo.telling import Step, Teller
from jpki.cli.demo.world import PREFECTURES, World
from jpki.documents.cms import sign_detached
from jpki.errors import PINError, ServiceUnavailable, UnexpectedOutcome
from jpki.keys.card import CardSigner
from jpki.model.calendar import JST, day_in_japan
from jpki.model.events import EventKind
from jpki.model.purposes import Purpose
from jpki.model.suites import suite
from jpki.registry.changes import Change
from jpki.store.authority_records import CertificateRecord
from jpki.x509.basic_information import CertifiedAttributes
from jpki.x509.parse import Certificate, CertificateList, parse_certificate
from jpki.x509.pem import pem

__all__ = ["Story"]

PASSWORD: Final = "TSUKUBA2026"
"""What the resident chooses at the counter."""

NEW_ADDRESS: Final = "茨城県つくば市竹園一丁目６番地１"

_PATIENCE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.005


class Story:
    """Tells the chapters in order; each works with what the ones before it made."""

    def __init__(self, world: World, teller: Teller) -> None:
        self._world = world
        self._tell = teller
        self._status = StatusClient(world.status_url)
        self._portal = PortalClient(world.portal_url)
        self.first: Certificate | None = None
        self.second: Certificate | None = None
        self.event_to_ocsp_seconds: float | None = None
        self._document = b""
        self._signature = b""

    def tell(self) -> None:
        """All of it."""
        for step_id, chapter in (
            ("registry", self._registry),
            ("authorities", self._authorities),
            ("counter", self._counter),
            ("application", self._application),
            ("move", self._move),
            ("afterwards", self._afterwards),
            ("books", self._books),
        ):
            with self._tell.step(step_id) as step:
                chapter(step)

    # -- chapter 1

    def _registry(self, step: Step) -> None:
        world, say = self._world, self._tell.say
        world.supervisor.start("registry_stub")
        url = world.supervisor.servers[-1].url
        say("served", url=url, count=len(world.residents))
        places = data.municipalities()
        for code in sorted({resident.municipality for resident in world.residents}):
            place = places[code]
            living = [r for r in world.residents if r.municipality == code]
            say(
                "place",
                municipality=place.name,
                code=code,
                prefecture=place.prefecture.name,
                count=len(living),
            )
        say("substitute", name=world.applicant.basic.name)
        step.facts["residents"] = len(world.residents)

    # -- chapter 2

    def _authorities(self, step: Step) -> None:
        world, say = self._world, self._tell.say
        known = data.prefectures()

        def founded(record: CertificateRecord) -> None:
            until = _day(record.not_after)
            say("founded", name=self._name(record.authority), until=until)
            self._keep(record, f"{record.authority}.pem")

        def crossed(record: CertificateRecord, subject: str) -> None:
            say(
                "cross",
                issuer=self._name(record.authority),
                subject=self._name(subject),
            )
            self._keep(record, f"{record.authority}-to-{subject}.pem")

        lists = world.founder.found(
            [known[code] for code in PREFECTURES],
            at=world.clock(),
            founded=founded,
            crossed=crossed,
        )
        for record in lists:
            if record.scope == "crl":
                say(
                    "responder",
                    name=self._name(record.authority),
                    number=record.number,
                )
        world.supervisor.start("ca_server", "ocsp_crl")
        settings = write_portal_settings(world)
        world.supervisor.start("examples.portal", config=settings)
        say("served", ca=world.ca_url, ocsp=world.status_url, portal=world.portal_url)

    def _name(self, authority: str) -> str:
        """What people call an authority."""
        if authority == BRIDGE:
            return self._tell.words("names.bridge")
        if not authority.startswith("governor-"):
            return self._tell.words(f"names.{authority}")
        prefecture = data.prefectures()[authority.removeprefix("governor-")]
        return self._tell.words(
            "names.governor", name=prefecture.name, romaji=prefecture.romaji
        )

    def _keep(self, record: CertificateRecord, name: str) -> None:
        assert record.certificate is not None
        self._tell.made(
            self._world.save(
                "certificate",
                name,
                pem(record.certificate, "CERTIFICATE"),
                serial=record.serial,
            )
        )

    # -- chapter 3

    def _counter(self, step: Step) -> None:
        self.first = self._enrol(step, "first", told=True)

    def _enrol(self, step: Step, name: str, *, told: bool) -> Certificate:
        """At the counter: application, key pair, password, certificate, card."""
        world, say = self._world, self._tell.say
        wanted = suite(world.office.era.suites[Purpose.SIGNATURE.value])
        with world.session() as session:
            enrolment = enrol(
                Workstation(
                    client=world.counter_client(),
                    era=world.office.era,
                    issuer_secret=world.issuer_secret,
                ),
                session,
                resident=world.applicant.code,
                idempotency_key=str(uuid.uuid4()),
                password=lambda: PASSWORD,
            )
            apdus = world.transport.count
        certificate = parse_certificate(enrolment.issued.certificate)
        items = _items(certificate)
        if told:
            say(
                "filed",
                operator=world.counter,
                application=enrolment.application.id[:8],
                name=world.applicant.basic.name,
                born=items.date_of_birth,
                address=items.address,
            )
            say("key", suite=wanted.id, apdus=apdus)
            say("password")
            say(
                "issued",
                issuer=self._name(enrolment.issued.authority),
                name=items.name,
                flags=items.name_substitutions,
            )
            say("written")
        self._keep_enrolment(name, enrolment)
        step.facts["apdus"] = apdus
        return certificate

    def _keep_enrolment(self, name: str, enrolment: Enrolment) -> None:
        world, made = self._world, self._tell.made
        assert enrolment.request is not None
        made(
            world.save(
                "certification-request",
                f"{name}-request.pem",
                pem(enrolment.request, "CERTIFICATE REQUEST"),
            )
        )
        made(
            world.save(
                "certificate",
                f"{name}.pem",
                pem(enrolment.issued.certificate, "CERTIFICATE"),
                serial=enrolment.issued.serial,
            )
        )

    # -- chapter 4

    def _application(self, step: Step) -> None:
        say, made, world = self._tell.say, self._tell.made, self._world
        prefecture = data.prefectures()[PREFECTURES[1]]
        self._document = self._portal.application(
            {"procedure": "road-occupancy", "statement": "祭礼のための道路使用"}
        )
        say("document", prefecture=prefecture.name, size=len(self._document))
        made(world.save("document", "application.xml", self._document))
        self._signature = self._sign()
        say("signed", size=len(self._signature))
        made(world.save("signature", "application.p7s", self._signature))
        verdict = self._submit(step, "verdict-first.json", expected="valid")
        assert self.first is not None
        items = _items(self.first)
        path = " ← ".join(
            (
                *(self._name(authority) for authority in self._path()),
                items.name,
            )
        )
        say("path", path=path)
        say(
            "verdict",
            verdict=verdict["outcome"],
            name=items.name,
            born=items.date_of_birth,
            address=items.address,
        )
        evidence = _evidence(verdict, self.first)
        say(
            "evidence",
            number=evidence["crl"]["number"],
            produced=evidence["ocsp"]["this_update"],
        )

    def _path(self) -> tuple[str, ...]:
        """The authorities from the portal's own to the applicant's."""
        anchor, issuer = self._world.anchor, self._world.issuer
        return (anchor,) if anchor == issuer else (anchor, BRIDGE, issuer)

    def _sign(self) -> bytes:
        """Sign the application on the card, with whatever certificate it holds."""
        with self._world.session() as session:
            signer = CardSigner(session, Purpose.SIGNATURE, lambda: PASSWORD)
            return sign_detached(
                self._document, signer.certificate, signer, self._world.clock()
            )

    def _submit(self, step: Step, name: str, *, expected: str) -> Mapping[str, Any]:
        answer = self._portal.submit(self._document, self._signature)
        verdict: Mapping[str, Any] = answer["verdict"]
        step.verdicts.append(verdict)
        content = json.dumps(answer, ensure_ascii=False, indent=2).encode()
        self._tell.made(self._world.save("verdict", name, content))
        if verdict.get("outcome") != expected:
            raise UnexpectedOutcome(
                "the portal's verdict", expected, str(verdict.get("outcome"))
            )
        return verdict

    # -- chapter 5

    def _move(self, step: Step) -> None:
        world, say = self._world, self._tell.say
        assert self.first is not None
        issuer = self._issuer()
        change = Change(
            event_id=str(uuid.uuid4()),
            kind=EventKind.MOVE_WITHIN,
            effective_on=day_in_japan(world.clock()),
            address=NEW_ADDRESS,
        )
        started = time.perf_counter()
        event = world.registrar_client().record_event(world.applicant.code, change)
        say("reported", address=NEW_ADDRESS, sequence=event.sequence)
        revocation = None
        while revocation is None:
            revocation, response = self._status.revocation(self.first, issuer)
            seconds = time.perf_counter() - started
            if seconds > _PATIENCE_SECONDS:
                raise ServiceUnavailable("the feed", "the revocation never came")
            time.sleep(_LOOK_SECONDS)
        self.event_to_ocsp_seconds = seconds
        law = data.revocation_grounds()[EventKind.MOVE_WITHIN].law
        say("revoked", law=law, reason=revocation.reason.label, seconds=seconds)
        self._tell.made(world.save("ocsp-response", "first.ors", response))
        listed = self._awaited_crl(started)
        say("crl", number=listed.number)
        self._tell.made(
            world.save(
                "crl",
                f"{world.issuer}.crl.pem",
                pem(bytes(listed.raw), "X509 CRL"),
            )
        )
        books = world.auditor_client().examine_books()
        say("once", cursor=books["feed_position"])
        step.facts["event_to_ocsp_seconds"] = round(seconds, 3)
        step.facts["reason"] = revocation.reason.label

    def _awaited_crl(self, started: float) -> CertificateList:
        """The first CRL that carries the serial number of the first certificate."""
        assert self.first is not None
        while time.perf_counter() - started < _PATIENCE_SECONDS:
            listed = self._status.crl(self._world.issuer)
            if listed.lookup(self.first.serial) is not None:
                return listed
            time.sleep(_LOOK_SECONDS)
        raise ServiceUnavailable("the publication", "the new CRL never came")

    def _issuer(self) -> Certificate:
        issuer = self._world.issuer
        with self._world.office.store.read() as uow:
            key = uow.authorities.generation(issuer, 1)
            own = uow.certificates.get(issuer, key.serial)
        assert own.certificate is not None
        return parse_certificate(own.certificate)

    # -- chapter 6

    def _afterwards(self, step: Step) -> None:
        say = self._tell.say
        verdict = self._submit(step, "verdict-again.json", expected="invalid")
        say("rejected", verdict=verdict["outcome"], reason=self._reason(verdict))
        say("wrong", tries=self._wrong_password())
        self.second = self._enrol(step, "second", told=False)
        say("reissued", address=_items(self.second).address)
        self._signature = self._sign()
        self._tell.made(self._world.save("signature", "second.p7s", self._signature))
        verdict = self._submit(step, "verdict-second.json", expected="valid")
        say("accepted", verdict=verdict["outcome"])

    def _reason(self, verdict: Mapping[str, Any]) -> str:
        return str(verdict["text"][self._tell.language])

    def _wrong_password(self) -> int:
        """The tries that the card leaves after a wrong password."""
        with self._world.session() as session:
            try:
                session.verify_pin(Purpose.SIGNATURE, lambda: f"{PASSWORD[::-1]}")
            except PINError as error:
                return error.retries_left
        raise UnexpectedOutcome("a wrong password", "a refusal", "it was taken")

    # -- chapter 7

    def _books(self, step: Step) -> None:
        books = self._world.auditor_client().examine_books()
        log, serials, problems = books["log"], books["serials"], books["problems"]
        self._tell.say("audit", entries=log["entries"], head=log["head"][:16])
        self._tell.say(
            "serials",
            reserved=serials["reserved"],
            issued=serials.get("issued", 0),
            abandoned=serials.get("abandoned", 0),
            unaccounted=len(problems),
        )
        step.facts["books"] = books
        if problems:
            raise UnexpectedOutcome("the books", "agreement", "; ".join(problems[:3]))


def _items(certificate: Certificate) -> CertifiedAttributes:
    items = certificate.basic_attributes
    assert items is not None
    return items


def _evidence(verdict: Mapping[str, Any], certificate: Certificate) -> Any:
    """What the verdict rests on for this certificate, by kind.

    Raises:
        UnexpectedOutcome: a list or an OCSP answer is not among it.
    """
    found = {
        entry["kind"]: entry
        for entry in verdict["revocation"]
        if entry["certificate"] == certificate.fingerprint
    }
    if not found.keys() >= {"crl", "ocsp"}:
        told = f"{', '.join(found) or 'nothing'}; {'; '.join(verdict['notes'])}"
        raise UnexpectedOutcome("the portal's evidence", "crl, ocsp", told)
    return found


def _day(at: datetime) -> str:
    return f"{at.astimezone(JST):%Y-%m-%d}"
