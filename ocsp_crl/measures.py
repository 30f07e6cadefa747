"""What can be watched of the revocation service, beside its requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jpki.authority.answering.kept_answers import KeptAnswers
from jpki.authority.office import Office
from jpki.authority.publication.budget import list_sizes
from jpki.errors import StoreError
from jpki.service.shortcut import Shortcut

__all__ = ["ShortAnswers", "StatusMeasures"]

_LOOK_SECONDS: Final = 5.0
"""Whoever watches more closely than this is told what was found last."""
_NAME: Final = ("authority", "generation", "scope")


class ShortAnswers(Collector):
    """OCSP answers that were given before the application saw the request."""

    def __init__(self, shortcut: Shortcut) -> None:
        self._shortcut = shortcut

    def collect(self) -> Iterator[Metric]:
        """How many."""
        yield CounterMetricFamily(
            "jpki_ocsp_short_answers",
            "OCSP answers given before the application",
            value=self._shortcut.answered,
        )


class StatusMeasures(Collector):
    """Lists in force, what is kept, and whether the database can be asked."""

    def __init__(
        self,
        office: Office,
        answers: KeptAnswers,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._office = office
        self._answers = answers
        self._clock = clock
        self._look_again = float("-inf")
        self._lists: tuple[Metric, ...] = ()

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        watch = self._answers.watch
        yield GaugeMetricFamily(
            "jpki_ocsp_kept_answers", "OCSP answers kept", value=len(self._answers)
        )
        yield GaugeMetricFamily(
            "jpki_journal_position",
            "Revocations that this process knows of",
            value=watch.position,
        )
        away = watch.away
        yield GaugeMetricFamily(
            "jpki_database_away", "1 while the database cannot be asked", value=away
        )
        now = self._clock()
        if now >= self._look_again and not away:
            self._look_again = now + _LOOK_SECONDS
            # Otherwise what is told is as old as the database has been away.
            with suppress(StoreError):
                self._lists = tuple(self._look())
        yield from self._lists

    def _look(self) -> Iterator[Metric]:
        with self._office.store.read() as uow:
            sizes = list_sizes(uow, self._office.crl_budget)
            records = {record.name: record for record in uow.crls.in_force()}
        families = {
            "octets": "Length of the list in force",
            "budget_octets": "Length that lists may have",
            "over_budget": "1 where the list in force is longer than that",
            "number": "CRLNumber of the list in force",
            "this_update_seconds": "When the list in force was made, since 1970",
            "next_update_seconds": "When it ends, since 1970",
        }
        made = {
            key: GaugeMetricFamily(f"jpki_crl_{key}", text, labels=_NAME)
            for key, text in families.items()
        }
        for size in sizes:
            record = records.get(size.name)
            if record is None:
                continue
            labels = [str(part) for part in size.name]
            values = {
                "octets": size.octets,
                "budget_octets": size.budget,
                "over_budget": size.exceeded,
                "number": record.number,
                "this_update_seconds": record.this_update.timestamp(),
                "next_update_seconds": record.next_update.timestamp(),
            }
            for key, value in values.items():
                made[key].add_metric(labels, value)
        yield from made.values()
