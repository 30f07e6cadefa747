"""Published CRLs at hand: read from the database once, given many times.

Which list is in force is looked at again, by a row without its bytes, when the last
look is half a second old; so a list that any process or host has published is given
within a second by all. While the database cannot be asked, a kept list is given until
its nextUpdate: it is signed, and nobody here can know more.

A list that comes from the database is held against the SHA-256 that the audit log got
when it was published. What differs is never given.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from jpki.errors import Damaged, NotFound, StoreError
from jpki.store import AuthorityStore, AuthorityUnitOfWork
from jpki.store.authority_records import CRLRecord, ListName
from jpki.x509.pem import pem

__all__ = ["Form", "KeptList", "KeptLists", "read_published"]

_TRUSTED: Final = 0.5
"""Seconds after which a look is too long ago."""
_PATIENCE: Final = 0.25
"""Seconds to wait for a look that somebody else is taking."""
_ROOM: Final = 256 << 20
"""Octets of lists in force that are kept, in all their forms."""
_ARCHIVE_SHARE: Final = 4
"""Superseded lists have this part of the room, and push no list in force out."""
_LOCKS: Final = 64
_COMPRESSIBLE: Final = 512
"""Octets below which a header field costs what compressing would save."""
_WORTHWHILE: Final = 0.9
_LEVEL: Final = 6


_Key = ListName | tuple[str, int]
"""A name, or an authority and a number."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a list: its octets, and a name that no others have."""

    octets: bytes
    tag: str


class KeptList:
    """One published list in the forms that were asked for; shared by threads."""

    def __init__(self, record: CRLRecord, octets: bytes, *, alone: bool) -> None:
        """Keep it.

        Args:
            record: without bytes.
            octets: DER.
            alone: whether no list before it has the same thisUpdate.
        """
        self.record = record
        self.alone_in_its_second = alone
        self.der = Form(octets, _tag(octets))
        self.trusted_until = 0.0
        self._pem: Form | None = None
        self._packed: dict[bool, Form | None] = {}
        self._writing = threading.Lock()
        self._packing = threading.Lock()

    @property
    def size(self) -> int:
        """Octets in memory."""
        made = (self.der, self._pem, *self._packed.values())
        return sum(len(form.octets) for form in made if form is not None)

    def plain(self, *, text: bool) -> Form:
        """DER, or PEM."""
        if not text:
            return self.der
        with self._writing:
            if self._pem is None:
                octets = pem(self.der.octets, "X509 CRL")
                self._pem = Form(octets, _tag(octets))
        return self._pem

    def packed(self, *, text: bool) -> Form | None:
        """The same compressed by gzip, where that helps.

        None also while another thread is compressing it: uncompressed is sooner.
        """
        if text not in self._packed:
            plain = self.plain(text=text)
            if not self._packing.acquire(blocking=False):
                return None
            try:
                if text not in self._packed:
                    self._packed[text] = _packed(plain.octets)
            finally:
                self._packing.release()
        return self._packed[text]


class _Shelf:
    """Lists by key, the least recently used given up for room."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._lists: OrderedDict[_Key, KeptList] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: _Key) -> KeptList | None:
        with self._lock:
            found = self._lists.get(key)
            if found is not None:
                self._lists.move_to_end(key)
            return found

    def put(self, key: _Key, kept: KeptList) -> None:
        with self._lock:
            self._lists[key] = kept
            self._lists.move_to_end(key)
        self.tidy()

    def drop(self, key: _Key) -> None:
        with self._lock:
            self._lists.pop(key, None)

    def tidy(self) -> None:
        """Give up what does not fit; the newest always does."""
        with self._lock:
            size = sum(kept.size for kept in self._lists.values())
            while size > self._room and len(self._lists) > 1:
                size -= self._lists.popitem(last=False)[1].size


class KeptLists:
    """The lists of one database; shared by threads."""

    def __init__(self, store: AuthorityStore, *, room: int = _ROOM) -> None:
        """Keep lists of this database.

        Args:
            store: the authorities' books.
            room: octets of lists in force to keep; a single one may be longer.
        """
        self._store = store
        self._in_force = _Shelf(room)
        self._archive = _Shelf(room // _ARCHIVE_SHARE)
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))

    def current(self, name: ListName, *, at: datetime) -> KeptList:
        """The list of this name that is in force.

        Args:
            name: which one.
            at: the time: without the database a list is given until its nextUpdate.

        Raises:
            NotFound: there is none.
            Damaged: the one there is was altered.
            StoreError: the database cannot be asked, and nothing kept will do.
        """
        kept = self._in_force.find(name)
        if kept is not None and monotonic() < kept.trusted_until:
            return kept
        lock = self._locks[hash(name) % _LOCKS]
        if not lock.acquire(timeout=-1 if kept is None else _PATIENCE):
            # Somebody waits for the database: for now this is the newest there is.
            assert kept is not None
            return _valid(kept, at, None)
        try:
            kept = self._in_force.find(name)
            if kept is not None and monotonic() < kept.trusted_until:
                return kept
            return self._looked_up(name, kept, at)
        finally:
            lock.release()

    def numbered(self, authority: str, number: int) -> KeptList:
        """The list of this number, in force or not.

        Raises:
            NotFound: none of this number was ever in force.
            Damaged: it was altered.
            StoreError: the database cannot be asked.
        """
        key = (authority, number)
        with self._locks[hash(key) % _LOCKS]:
            kept = self._archive.find(key)
            if kept is None:
                with self._store.read() as uow:
                    record = uow.archive.numbered(authority, number)
                    if record is None:
                        raise NotFound("CRL", f"{authority}/{number}")
                    kept = read_published(uow, record)
                self._archive.put(key, kept)
            return kept

    def at(self, name: ListName, instant: datetime) -> KeptList:
        """The list of this name that was in force at this instant.

        Raises:
            NotFound: none had been published yet.
            Damaged: it was altered.
            StoreError: the database cannot be asked.
        """
        with self._store.read() as uow:
            record = uow.archive.at(name, instant)
        if record is None:
            raise NotFound("CRL", f"{_path(name)} at {instant:%Y-%m-%dT%H:%M:%SZ}")
        return self.numbered(record.authority, record.number)

    def packed(self, kept: KeptList, *, text: bool) -> Form | None:
        """The list compressed, if that helps; what it takes counts as room."""
        before = kept.size
        form = kept.packed(text=text)
        if kept.size != before:
            self._in_force.tidy()
            self._archive.tidy()
        return form

    def _looked_up(
        self, name: ListName, kept: KeptList | None, at: datetime
    ) -> KeptList:
        began = monotonic()
        try:
            with self._store.read() as uow:
                record = uow.crls.standing(name)
                if record is None:
                    self._in_force.drop(name)
                    raise NotFound("CRL", _path(name))
                if kept is None or kept.record.number != record.number:
                    kept = read_published(uow, record)
                    self._in_force.put(name, kept)
        except (NotFound, Damaged):
            raise
        except StoreError as error:
            if kept is None:
                raise
            _valid(kept, at, error)
        kept.trusted_until = began + _TRUSTED
        return kept


def read_published(uow: AuthorityUnitOfWork, record: CRLRecord) -> KeptList:
    """A published list with its bytes, as the audit log knows them.

    Raises:
        Damaged: the bytes are gone, or others.
        AuditError: the log itself cannot be read there.
    """
    octets = uow.archive.octets(record)
    if octets is None or _published(uow, record) != hashlib.sha256(octets).hexdigest():
        raise Damaged(f"CRL {record.number} of {record.authority}")
    return KeptList(record, octets, alone=uow.archive.is_alone_in_its_second(record))


def _published(uow: AuthorityUnitOfWork, record: CRLRecord) -> str | None:
    """The SHA-256 of a list, as its publication was logged."""
    entries = uow.audit.of_subject(f"{record.authority}/crl/{record.number}")
    logged = [entry.details for entry in entries if entry.act == "crl.published"]
    try:
        (digest,) = [json.loads(details)["sha256"] for details in logged]
    except (ValueError, TypeError, KeyError):
        return None
    return str(digest)


def _path(name: ListName) -> str:
    return "/".join(map(str, name))


def _valid(kept: KeptList, at: datetime, error: StoreError | None) -> KeptList:
    if at < kept.record.next_update:
        return kept
    raise error or StoreError("the database does not answer")


def _tag(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()[:32]


def _packed(octets: bytes) -> Form | None:
    if len(octets) < _COMPRESSIBLE:
        return None
    # Without a time in it, every worker makes the same octets of the same list.
    small = gzip.compress(octets, _LEVEL, mtime=0)
    if len(small) > _WORTHWHILE * len(octets):
        return None
    return Form(small, _tag(small))
