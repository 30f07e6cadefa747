"""Work beside the requests: follow the feed, keep CRLs and responders current."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from jpki.authority.auditing.checkpoints import checkpoint_due
from jpki.authority.delegating.responder_keys import renew_responders
from jpki.authority.office import Keyring, Office
from jpki.authority.office.keyrings import ResponderKeyring
from jpki.authority.publication import Board, publish_due
from jpki.authority.publication.budget import list_sizes
from jpki.authority.recovering.unfinished import recover
from jpki.authority.revoking.intake import apply_event, cursor
from jpki.errors import JpkiError
from jpki.model.ports import Clock
from jpki.registry.client import RegistryClient
from jpki.store.authority_records import ListName

__all__ = ["Follower"]

_WAIT_SECONDS: Final = 1.0
"""How long one question to the feed may stay open; a stop waits for its end."""
_RETRY_SECONDS: Final = 1.0
"""Before asking again a register that does not answer."""
_LOOK_SECONDS: Final = 0.1
"""How often to look for revocations that another process or request made."""
_UPKEEP_SECONDS: Final = 300.0
"""How often to look for responders that end soon; they have months."""

_log = logging.getLogger(__name__)


class Follower:
    """Three threads' worth of work; all end soon after `stop` is set."""

    def __init__(
        self,
        office: Office,
        register: RegistryClient,
        clock: Clock,
        responders: Callable[[], Keyring],
    ) -> None:
        """Make it.

        Args:
            office: the authorities.
            register: whose feed is followed.
            clock: the time.
            responders: opens the ring in which responders' keys are made; asked again
                and again, for its secrets may come later than this server.
        """
        self._office = office
        self._register = register
        self._clock = clock
        self._responders = responders
        self._news = threading.Event()
        self._told: dict[ListName, int] = {}

    def recover(self) -> None:
        """Finish what a process before this one left recorded."""
        done = recover(self._office, at=self._clock())
        for subject, error in done.failed:
            _log.error("not recovered: %s: %s", subject, error)
        if done.certificates or done.crls:
            _log.warning(
                "recovered %d certificates and %d CRLs",
                len(done.certificates),
                len(done.crls),
            )

    def follow(self, stop: threading.Event) -> None:
        """Take the register's events one by one, each exactly once, until stopped."""
        quiet = False
        while not stop.is_set():
            try:
                position = cursor(self._office)
                wait = 0.0 if quiet else _WAIT_SECONDS
                for event in self._register.events_after(position, wait):
                    applied = apply_event(self._office, event, at=self._clock())
                    if applied.revoked:
                        self._news.set()
                quiet = False
            except JpkiError as error:
                # Told once, then again when it works and fails anew.
                if not quiet:
                    _log.error("the feed cannot be followed: %s", error)
                quiet = True
                stop.wait(_RETRY_SECONDS)

    def publish(self, stop: threading.Event) -> None:
        """Publish every CRL that is due: at once after a revocation, else on time.

        And sign the audit log's head from time to time.
        """
        failing, board = False, Board()
        while not stop.is_set():
            try:
                published = publish_due(self._office, at=self._clock(), board=board)
                for record in published:
                    _log.info("CRL %d of %s", record.number, record.authority)
                if published:
                    self._measure()
                signed = checkpoint_due(self._office, at=self._clock())
                if signed is not None:
                    _log.info("checkpoint over %d audit entries", signed.entries)
                failing = False
            except JpkiError as error:
                if not failing:
                    _log.error("a CRL or checkpoint cannot be made: %s", error)
                failing = True
            if self._news.wait(_RETRY_SECONDS if failing else _LOOK_SECONDS):
                self._news.clear()

    def _measure(self) -> None:
        """Tell of each list that is longer than it was, and nearly too long."""
        with self._office.store.read() as uow:
            sizes = list_sizes(uow, self._office.crl_budget)
        for size in sizes:
            level = size.narrow + size.exceeded
            if level > self._told.get(size.name, 0):
                _log.log(
                    logging.ERROR if size.exceeded else logging.WARNING,
                    "CRL %d of %s has %d octets, %.0f %% of its budget",
                    size.number,
                    "/".join(map(str, size.name)),
                    size.octets,
                    100 * size.share,
                )
            self._told[size.name] = level

    def maintain(self, stop: threading.Event) -> None:
        """Renew OCSP responders before they expire, and give new keys theirs."""
        failing = False
        while not stop.is_set():
            try:
                ring = ResponderKeyring(self._office.keyring, self._responders())
                office = replace(self._office, keyring=ring)
                for record in renew_responders(office, at=self._clock()):
                    _log.info(
                        "OCSP responder of %s, key %d, until %s",
                        record.authority,
                        record.generation,
                        f"{record.not_after:%Y-%m-%d}",
                    )
                failing = False
            except JpkiError as error:
                if not failing:
                    _log.error("an OCSP responder cannot be renewed: %s", error)
                failing = True
            stop.wait(_RETRY_SECONDS if failing else _UPKEEP_SECONDS)
