"""What is to be built: an era's authorities at one instant, and the keys they need."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from jpki import data
from jpki.authority.office.identifiers import (
    BRIDGE,
    governor_id,
    has_bridge,
    national_id,
)
from jpki.cli.pki.keys import KeyOrder
from jpki.cli.pki.persons import person_of
from jpki.errors import ConfigurationError
from jpki.keys.seeded import can_be_seeded
from jpki.model.calendar import JST
from jpki.model.eras import Act, Era
from jpki.model.places import Prefecture
from jpki.model.ports import Random
from jpki.model.purposes import Purpose
from jpki.model.residents import Resident
from jpki.model.suites import KeyFamily, suite
from jpki.service.clock import system_random

__all__ = ["Earlier", "Plan", "instant_for"]

_ISSUING: Final = ("authority", "bridge", "cross", "signature", "authentication")
"""Roles whose suites must be allowed to issue, or to be certified, at the instant."""
_MORNING: Final = time(9)
_DAY: Final = timedelta(days=1)


def instant_for(era: Era, now: datetime) -> tuple[datetime, str | None]:
    """When an era is built by default: now, or on its first day, and then why."""
    for role in _ISSUING:
        if role not in era.suites:
            continue
        judgement = era.judge(era.suites[role], Act.ISSUE, now)
        if not judgement.allowed:
            opening = datetime.combine(era.begins, _MORNING, JST)
            return opening, f"{era.suites[role]} may not issue now: {judgement.reason}"
    return now, None


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """A test person's application in the time of an earlier key."""

    key: int
    at: datetime
    name: str
    person: Resident
    purpose: Purpose


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """An era's PKI before it exists."""

    era: Era
    prefectures: tuple[Prefecture, ...]
    """Whose governors' authorities are founded, where the era has them, and whose test
    persons get certificates."""
    at: datetime
    seed: str | None = None
    """Serial numbers and opaque names come from it, and keys where that can be."""

    def __post_init__(self) -> None:
        if has_bridge(self.era) and len(self.prefectures) < 2:
            raise ConfigurationError(
                "command line",
                "--prefecture",
                "a bridge needs two prefectures or more",
                hint="give the option twice, or leave it out for all 47",
            )
        if self.seed is not None and not (self.seed and self.seed.isprintable()):
            raise ConfigurationError(
                "command line", "--seed", "must be text that can be printed"
            )
        # Keys take long to make: first of all it must be allowed to use them.
        for role in _ISSUING:
            if role in self.era.suites:
                self.era.require(self.era.suites[role], Act.ISSUE, self.at)

    @property
    def periods(self) -> tuple[datetime, ...]:
        """When each key of an authority began to certify, the last one at the end.

        Where it is history: as often as it had happened by then. Else once, at `at`.
        """
        return tuple(day for day in self.era.generations if day <= self.at) or (
            self.at,
        )

    def key_name(self, authority: str, number: int) -> str:
        """What files of this key are called: those of the newest as the authority."""
        newest = number == len(self.periods)
        return authority if newest else f"{authority}-key{number}"

    @property
    def earlier(self) -> tuple[Earlier, ...]:
        """Test persons whom an earlier key certified, as long as that holds.

        They live in the first prefecture and applied on the last day of that key.
        """
        place = self.prefectures[0]
        found = []
        for number, switch in enumerate(self.periods[1:], 1):
            day, person = switch - _DAY, person_of(place, number)
            for purpose in self.purposes:
                profile = data.certificate_profile(self.era.profiles[purpose.value])
                if profile.validity.ends(day, person.basic.date_of_birth) > self.at:
                    found.append(
                        Earlier(
                            key=number,
                            at=day,
                            name=f"{place.code}-{purpose.value}-key{number}",
                            person=person,
                            purpose=purpose,
                        )
                    )
        return tuple(found)

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """The kinds of citizens' certificates of this era."""
        return tuple(kind for kind in Purpose if kind.value in self.era.suites)

    def key_orders(self) -> Iterator[KeyOrder]:
        """Every key that is needed, by who has it."""
        suites = self.era.suites
        if has_bridge(self.era):
            yield KeyOrder(name=BRIDGE, suite=suites["bridge"])
            for prefecture in self.prefectures:
                name = governor_id(prefecture)
                yield KeyOrder(name=name, suite=suites["authority"])
        else:
            for purpose in self.purposes:
                for number in range(1, len(self.periods) + 1):
                    name = self.key_name(national_id(purpose), number)
                    yield KeyOrder(name=name, suite=suites["authority"])
            for earlier in self.earlier:
                yield KeyOrder(name=earlier.name, suite=suites[earlier.purpose.value])
        for prefecture in self.prefectures:
            for purpose in self.purposes:
                name = f"{prefecture.code}-{purpose.value}"
                yield KeyOrder(name=name, suite=suites[purpose.value])

    def random(self, label: str) -> Random:
        """Chance for one procedure: from the seed, the same whatever else is built."""
        if self.seed is None:
            return system_random
        return _Stream(f"{self.seed}\0{label}").take

    def repeatable(self) -> dict[str, bool]:
        """What comes out the same from the same seed and instant."""
        seeded = self.seed is not None
        suites = {suite(order.suite) for order in self.key_orders()}
        keys = seeded and all(map(can_be_seeded, suites))
        hedged = any(entry.family is KeyFamily.ML_DSA for entry in suites)
        return {
            "names_serials_validity": seeded,
            "keys": keys,
            "signatures": keys and not hedged,
        }


class _Stream:
    """Octets from a seed (SHAKE256), for test PKIs that can be made again."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._drawn = 0

    def take(self, count: int) -> bytes:
        """The next octets."""
        self._drawn += 1
        drawn = f"jpki test stream\0{self._seed}\0{self._drawn}"
        return hashlib.shake_256(drawn.encode()).digest(count)
