"""OpenSSL's X509_verify_cert with all that it can be asked, called in the library.

What `openssl verify` does with its options, without a process for each question.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from benchmarks.openssl_c import libcrypto
from tests.support.chance_chains import PURPOSES
from tests.support.chance_pki import Case

__all__ = ["OpenSSLVerdict", "openssl_verdict", "openssl_with_evidence"]

# Names and values of x509_vfy.h and x509v3.h.
_CRL_CHECK: Final = 0x4 | 0x8
_POLICY_CHECK: Final = 0x80
_EXPLICIT_POLICY: Final = 0x100
_INHIBIT_ANY: Final = 0x200
_INHIBIT_MAP: Final = 0x400
_EXTENDED_CRL_SUPPORT: Final = 0x1000
_USE_DELTAS: Final = 0x2000
_PARTIAL_CHAIN: Final = 0x80000
_WHOLE_WILDCARDS_AND_NEVER_SUBJECT: Final = 0x4 | 0x20
_PURPOSES: Final = {"client": 1, "server": 2, "mail": 4}

_Pointer = ctypes.c_void_p


@dataclass(frozen=True, slots=True)
class OpenSSLVerdict:
    """What X509_verify_cert came to."""

    good: bool
    error: int
    """X509_V_ERR_…; -1 where something could not even be read."""
    depth: int
    """Of which certificate of the chain; 0 is the end entity."""

    def __str__(self) -> str:
        return "good" if self.good else f"error {self.error} at depth {self.depth}"


_UNREADABLE: Final = OpenSSLVerdict(False, -1, 0)


class _Held:
    """Objects of the library that are freed together."""

    def __init__(self) -> None:
        self.library = libcrypto()
        self._frees: list[tuple[str, ctypes.c_void_p]] = []

    def keep(self, kind: str, pointer: int) -> ctypes.c_void_p:
        """A new object, freed at the end by its `…_free`."""
        held = _Pointer(pointer)
        self._frees.append((kind, held))
        return held

    def parsed(self, kind: str, der: bytes) -> ctypes.c_void_p | None:
        """What these octets are; None where they are nothing."""
        at = ctypes.c_char_p(der)
        read = getattr(self.library, f"d2i_{kind}")
        found: int | None = read(None, ctypes.byref(at), ctypes.c_long(len(der)))
        return None if found is None else self.keep(kind, found)

    def free(self) -> None:
        """Give everything back."""
        for kind, held in reversed(self._frees):
            getattr(self.library, f"{kind}_free")(held)


def openssl_verdict(case: Case) -> OpenSSLVerdict:
    """The verdict on a case."""
    held = _Held()
    try:
        return _verdict(held, case, case.middle + case.aside)
    finally:
        held.free()


def openssl_with_evidence(case: Case, verdict: dict[str, Any]) -> OpenSSLVerdict:
    """The verdict on a case with nothing at hand but what another verdict names.

    OpenSSL goes one way up and consults one list, and does not turn back where another
    would do. Led there, it must come to the same verdict.

    Args:
        verdict: of `jpki verify path`, and valid.
    """
    path = _named(case.middle, verdict["path"])
    lists = _named(case.crls, [one["sha256"] for one in verdict["revocation"]])
    if case.use_deltas:
        lists = case.crls  # evidence names the delta alone
    answers = [
        openssl_verdict(replace(case, anchors=(anchor,), middle=path, crls=lists))
        for anchor in case.anchors
    ]
    return next((answer for answer in answers if answer.good), answers[0])


def _named(ders: Iterable[bytes], fingerprints: list[str]) -> tuple[bytes, ...]:
    wanted = set(fingerprints)
    return tuple(der for der in ders if sha256(der).hexdigest() in wanted)


def _verdict(held: _Held, case: Case, untrusted: Sequence[bytes]) -> OpenSSLVerdict:
    lib = held.library
    store = held.keep("X509_STORE", lib.X509_STORE_new())
    for der in case.anchors:
        if (anchor := held.parsed("X509", der)) is None:
            return _UNREADABLE
        lib.X509_STORE_add_cert(store, anchor)
    for der in case.crls:
        if (crl := held.parsed("X509_CRL", der)) is not None:
            lib.X509_STORE_add_crl(store, crl)
    if (parameters := _parameters(held, case)) is None:
        return _UNREADABLE
    lib.X509_STORE_set1_param(store, parameters)
    stack = held.keep("OPENSSL_sk", lib.OPENSSL_sk_new_null())
    for der in untrusted:
        if (one := held.parsed("X509", der)) is not None:
            lib.OPENSSL_sk_push(stack, one)
    if (end := held.parsed("X509", case.end)) is None:
        return _UNREADABLE
    context = held.keep("X509_STORE_CTX", lib.X509_STORE_CTX_new())
    lib.X509_STORE_CTX_init(context, store, end, stack)
    good = lib.X509_verify_cert(context) == 1
    return OpenSSLVerdict(
        good,
        lib.X509_STORE_CTX_get_error(context),
        lib.X509_STORE_CTX_get_error_depth(context),
    )


def _parameters(held: _Held, case: Case) -> ctypes.c_void_p | None:
    """What is asked; None where it cannot be asked here."""
    lib = held.library
    param = held.keep("X509_VERIFY_PARAM", lib.X509_VERIFY_PARAM_new())
    instant = ctypes.c_longlong(int(case.at.timestamp()))
    lib.X509_VERIFY_PARAM_set_time(param, instant)
    lib.X509_VERIFY_PARAM_set_auth_level(param, 0)
    flags = _POLICY_CHECK | _PARTIAL_CHAIN
    for given, flag in (
        (case.explicit, _EXPLICIT_POLICY),
        (case.inhibit_any, _INHIBIT_ANY),
        (case.inhibit_mapping, _INHIBIT_MAP),
        (case.revocation != "none", _CRL_CHECK | _EXTENDED_CRL_SUPPORT),
        (case.use_deltas, _USE_DELTAS),
    ):
        flags |= flag if given else 0
    lib.X509_VERIFY_PARAM_set_flags(param, ctypes.c_ulong(flags))
    for policy in case.policies:
        oid = _Pointer(lib.OBJ_txt2obj(policy.encode(), 1))
        lib.X509_VERIFY_PARAM_add0_policy(param, oid)
    for label, purpose in PURPOSES.items():
        if purpose == case.purpose:
            lib.X509_VERIFY_PARAM_set_purpose(param, _PURPOSES[label])
    if case.name is not None and not _ask_name(lib, param, *case.name):
        return None
    return param


def _ask_name(lib: ctypes.CDLL, param: ctypes.c_void_p, form: str, value: str) -> bool:
    text = ctypes.c_char_p(value.encode())
    if form == "ip":
        return bool(lib.X509_VERIFY_PARAM_set1_ip_asc(param, text) == 1)
    lib.X509_VERIFY_PARAM_set_hostflags(param, _WHOLE_WILDCARDS_AND_NEVER_SUBJECT)
    size = ctypes.c_size_t(len(value.encode()))
    if form == "dns":
        return bool(lib.X509_VERIFY_PARAM_set1_host(param, text, size) == 1)
    return bool(lib.X509_VERIFY_PARAM_set1_email(param, text, size) == 1)
