"""Making the keys of a whole PKI, in several processes at once."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from jpki.keys.pkcs8 import Protection
from jpki.keys.seeded import can_be_seeded, weak_key_from_seed
from jpki.keys.software import SoftwareSigner, generate_private_key
from jpki.model.ports import Signer
from jpki.model.suites import SignatureSuite, SuiteId, suite

__all__ = ["KeyOrder", "MadeKey", "make_keys"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyOrder:
    """A key that is wanted."""

    name: str
    """Whose key it is, such as `governor-13`."""
    suite: SuiteId


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeKey:
    """A key ready to sign, and its encrypted file."""

    name: str
    signer: Signer
    file: bytes | None = field(repr=False)
    """PKCS#8 under the passphrase, PEM; None where no keys are to be kept."""


def make_keys(
    orders: Sequence[KeyOrder],
    *,
    passphrase: str | None,
    seed: str | None,
    processes: int,
    made: Callable[[], None],
) -> Mapping[str, MadeKey]:
    """Make every key that is ordered.

    Args:
        passphrase: encrypts the files; None makes none.
        seed: makes keys from it where the suite lets that be done.
        processes: how many work at once; 1 is this one.
        made: told of each key.
    """
    protection = None if passphrase is None else Protection(passphrase)
    work = partial(_make, protection=protection, seed=seed)
    found = {}
    with _results(work, orders, min(processes, len(orders))) as results:
        for order, der, file in results:
            found[order.name] = MadeKey(
                name=order.name, signer=_signer(der, suite(order.suite)), file=file
            )
            made()
    return found


_Made = tuple[KeyOrder, bytes, bytes | None]


@contextmanager
def _results(
    work: Callable[[KeyOrder], _Made], orders: Sequence[KeyOrder], processes: int
) -> Iterator[Iterator[_Made]]:
    if processes <= 1:
        yield map(work, orders)
        return
    # Not forked: this process may have threads by now.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context)
    try:
        # The terminal tells Ctrl-C to the whole group, but the parent ends the work:
        # the workers, started here, inherit the mask.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            waiting = [pool.submit(work, order) for order in orders]
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        yield (future.result() for future in as_completed(waiting))
    finally:
        pool.shutdown(cancel_futures=True)


def _make(order: KeyOrder, *, protection: Protection | None, seed: str | None) -> _Made:
    wanted = suite(order.suite)
    if seed is not None and can_be_seeded(wanted):
        key = weak_key_from_seed(wanted, f"{seed}\0{order.name}".encode())
    else:
        key = generate_private_key(wanted)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    file = None if protection is None else protection.encrypt(key, wanted)
    return order, der, file


def _signer(der: bytes, wanted: SignatureSuite) -> SoftwareSigner:
    # Made a moment ago by our own process; examining an RSA key takes as long as that.
    key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    return SoftwareSigner(key, wanted)
