"""What the issuing benchmark issues: an authority, and residents who all differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final

from jpki import data
from jpki.der import oids
from jpki.der.writer import NULL, bit_string, integer, object_identifier, sequence
from jpki.keys.software import SoftwareSigner, generate_private_key
from jpki.model.residents import BasicInformation, Gender
from jpki.model.suites import suite
from jpki.x509.certificates import assemble, prepare_certificate, series_of
from jpki.x509.issuers import IssuerView
from jpki.x509.keys import key_identifier

__all__ = ["BATCH", "NOT_BEFORE", "VALUES", "Certified", "Work"]

BATCH: Final = 150
"""Certificates that are recorded together: before any is signed, and when all are."""

NOT_BEFORE: Final = datetime(2026, 4, 1, 1, 2, 3, tzinfo=UTC)
VALUES: Final = {
    "prefecture": "Tokyo-to",
    "municipality": "Kiyose-shi",
    "ocsp_url": "http://ocsp.jpki.example/",
}
_FAMILIES: Final = ("佐藤", "鈴木", "田中", "渡辺", "長谷川", "佐々木", "林")
_GIVEN: Final = ("花子", "太郎", "美咲", "健", "さくら", "龍之介", "恵子")
_FULL_WIDTH: Final = {ord("0") + digit: ord("０") + digit for digit in range(10)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Certified:
    """One resident and the key on their card."""

    basic: BasicInformation
    opaque: str
    serial: int
    public_key: bytes


class Work:
    """An authority's key and as many residents as one round certifies."""

    def __init__(self, suite_id: str, count: int, chance: Random) -> None:
        self.suite = suite(suite_id)
        self.private_key = generate_private_key(self.suite)
        self.signer = SoftwareSigner(self.private_key, self.suite)
        self.residents = [_resident(number, chance) for number in range(count)]
        prefecture = data.prefectures()["13"]
        topology = data.topology()
        name = topology.governor_name(prefecture)
        self._issuer = IssuerView(
            name=name,
            alternative_name=topology.governor_alternative_name(prefecture),
            key_identifier=key_identifier(self.signer.public_key),
            certificate_issuer=name,
            certificate_serial=1,
            suite=self.suite,
        )
        self._series = series_of(
            data.certificate_profile("signature"),
            issuer=self._issuer,
            values=VALUES,
            not_before=NOT_BEFORE,
        )
        self._message = self._prepared(self.residents[0])
        self.sample = assemble(
            self._message, self.suite, self.signer.sign(self._message)
        )

    def sign(self) -> None:
        """The limit: only the signatures."""
        sign, message = self.signer.sign, self._message
        for _ in self.residents:
            sign(message)

    def issue(self) -> list[bytes]:
        """Certify every resident, in batches: prepare all, sign all, complete all."""
        sign, suite = self.signer.sign, self.suite
        issued: list[bytes] = []
        for start in range(0, len(self.residents), BATCH):
            batch = self.residents[start : start + BATCH]
            prepared = [self._prepared(resident) for resident in batch]
            signatures = [sign(tbs) for tbs in prepared]
            issued += [
                assemble(tbs, suite, signature)
                for tbs, signature in zip(prepared, signatures, strict=True)
            ]
        return issued

    def authority(self) -> bytes:
        """The authority's own certificate."""
        profile = data.certificate_profile("governor-authority")
        prepared = prepare_certificate(
            profile,
            issuer=self._issuer,
            values={},
            public_key=self.signer.public_key,
            serial=1,
            not_before=NOT_BEFORE - timedelta(days=365),
            subject=self._issuer.name,
            subject_alternative=self._issuer.alternative_name,
        )
        signature = self.signer.sign(prepared.tbs)
        return assemble(prepared.tbs, self.suite, signature)

    def _prepared(self, resident: Certified) -> bytes:
        return self._series.prepare(
            serial=resident.serial,
            public_key=resident.public_key,
            values={"opaque": resident.opaque},
            basic=resident.basic,
        ).tbs


def _resident(number: int, chance: Random) -> Certified:
    house = f"{number % 90 + 1}".translate(_FULL_WIDTH)
    return Certified(
        basic=BasicInformation(
            name=f"{chance.choice(_FAMILIES)}　{chance.choice(_GIVEN)}",
            address=f"東京都清瀬市中里{chance.choice('一二三四五六')}丁目{house}番地",
            date_of_birth=date(1930, 1, 1) + timedelta(days=chance.randrange(21_000)),
            gender=chance.choice([Gender.MALE, Gender.FEMALE]),
        ),
        opaque=f"{number:014}132217",
        serial=1 << 70 | chance.getrandbits(70),
        public_key=_public_key(chance),
    )


def _public_key(chance: Random) -> bytes:
    """RSA-2048 by its looks: issuing does not ask for the factors of the modulus."""
    modulus = chance.getrandbits(2048) | 1 << 2047 | 1
    key = sequence(integer(modulus), integer(65537))
    return sequence(
        sequence(object_identifier(oids.RSA_ENCRYPTION), NULL), bit_string(key)
    )
