"""What the issuing benchmark issues: an authority, and residents who all differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil
from random import Random
from typing import Final, TypeVar

from jpki import data
from jpki.der import oids
from jpki.der.writer import NULL, bit_string, integer, object_identifier, sequence
from jpki.keys.software import SoftwareSigner, generate_private_key
from jpki.model.residents import BasicInformation, Gender
from jpki.model.suites import suite
from jpki.x509.certificates import assemble, prepare_certificate, series_of
from jpki.x509.issuers import IssuerView
from jpki.x509.keys import key_identifier

__all__ = ["GROUP", "NOT_BEFORE", "VALUES", "Certified", "Work"]

GROUP: Final = 64
"""Certificates that are recorded together: before any is signed, and when all are."""

NOT_BEFORE: Final = datetime(2026, 4, 1, 1, 2, 3, tzinfo=UTC)
VALUES: Final = {
    "prefecture": "Tokyo-to",
    "municipality": "Kiyose-shi",
    "ocsp_url": "http://ocsp.jpki.example/",
}
T = TypeVar("T")

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

    def __init__(
        self,
        suite_id: str,
        count: int,
        chance: Random,
        public_keys: Sequence[bytes] | None = None,
    ) -> None:
        """Certify these keys; without any, keys that nobody holds."""
        self.suite = suite(suite_id)
        self.private_key = generate_private_key(self.suite)
        self.signer = SoftwareSigner(self.private_key, self.suite)
        self.residents = [
            _resident(number, chance, public_keys[number] if public_keys else None)
            for number in range(count)
        ]
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
        self._messages = [self._prepared(resident) for resident in self.residents]
        first = self._messages[0]
        self.sample = assemble(first, self.suite, self.signer.sign(first))

    def sign(self, number: int) -> None:
        """The limit: only the signatures of one group."""
        sign = self.signer.sign
        for message in self._of_group(number, self._messages):
            sign(message)

    def issue(self, number: int) -> list[bytes]:
        """Certify one group: prepare all, sign all, complete all."""
        sign, suite = self.signer.sign, self.suite
        group = self._of_group(number, self.residents)
        prepared = [self._prepared(resident) for resident in group]
        signatures = [sign(tbs) for tbs in prepared]
        return [
            assemble(tbs, suite, signature)
            for tbs, signature in zip(prepared, signatures, strict=True)
        ]

    def issue_all(self) -> list[bytes]:
        """Certify every resident."""
        groups = range(ceil(len(self.residents) / GROUP))
        return [certificate for number in groups for certificate in self.issue(number)]

    def _of_group(self, number: int, of_all: Sequence[T]) -> Sequence[T]:
        """These, GROUP at a time; after the last group the first comes again."""
        groups = ceil(len(of_all) / GROUP)
        begin = number % groups * GROUP
        return of_all[begin : begin + GROUP]

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


def _resident(number: int, chance: Random, key: bytes | None) -> Certified:
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
        public_key=key or _public_key(chance),
    )


def _public_key(chance: Random) -> bytes:
    """RSA-2048 by its looks: issuing does not ask for the factors of the modulus."""
    modulus = chance.getrandbits(2048) | 1 << 2047 | 1
    key = sequence(integer(modulus), integer(65537))
    return sequence(
        sequence(object_identifier(oids.RSA_ENCRYPTION), NULL), bit_string(key)
    )
