"""OpenSSL's own path validation, called in the library and not through its program.

One verdict is: `d2i_X509`, a context, `X509_verify_cert` with the CRL in the store, and
everything freed. Store, anchor and CRL are made before. The few calls from Python take
some microseconds of each verdict.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Final

__all__ = ["OpenSSLVerifier", "libcrypto", "openssl_name"]

# Names and values of x509_vfy.h.
_CRL_CHECK: Final = 0x4
_POLICY_CHECK: Final = 0x80
_EXPLICIT_POLICY: Final = 0x100
_EXTENDED_CRL_SUPPORT: Final = 0x1000
_PARTIAL_CHAIN: Final = 0x80000

_Pointer = ctypes.c_void_p


@cache
def _library() -> ctypes.CDLL | None:
    """The system's libcrypto; None where there is none of version 3 or later."""
    name = ctypes.util.find_library("crypto")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    if not hasattr(library, "OPENSSL_version_major"):
        return None
    for function in (
        "d2i_X509",
        "d2i_X509_CRL",
        "X509_STORE_new",
        "X509_STORE_CTX_new",
        "X509_VERIFY_PARAM_new",
        "OBJ_txt2obj",
        "OPENSSL_sk_new_null",
    ):
        getattr(library, function).restype = _Pointer
    return library


def libcrypto() -> ctypes.CDLL:
    """The system's libcrypto, to be called directly."""
    found = _library()
    assert found is not None, "no libcrypto of version 3 or later"
    return found


def openssl_name() -> str | None:
    """What to call it beside other figures; None where it cannot be asked."""
    library = _library()
    if library is None:
        return None
    parts = [
        getattr(library, f"OPENSSL_version_{part}")()
        for part in ("major", "minor", "patch")
    ]
    return f"OpenSSL {'.'.join(map(str, parts))}, X509_verify_cert"


class OpenSSLVerifier:
    """A store with one anchor and one CRL, asked about certificates at an instant.

    Without a CRL it does not ask for one.
    """

    def __init__(
        self,
        anchor: bytes,
        crl: bytes | None,
        at: datetime,
        *,
        explicit: bool = False,
    ) -> None:
        self._library = library = libcrypto()
        self._store = _Pointer(library.X509_STORE_new())
        for kind, der in (("X509", anchor), ("X509_CRL", crl)):
            if der is None:
                continue
            held = self._parsed(kind, der)
            name = "cert" if kind == "X509" else "crl"
            assert getattr(library, f"X509_STORE_add_{name}")(self._store, held) == 1
            getattr(library, f"{kind}_free")(held)
        param = _Pointer(library.X509_VERIFY_PARAM_new())
        library.X509_VERIFY_PARAM_set_time(
            param, ctypes.c_longlong(int(at.timestamp()))
        )
        library.X509_VERIFY_PARAM_set_auth_level(param, 0)
        flags = _POLICY_CHECK | _EXTENDED_CRL_SUPPORT | _PARTIAL_CHAIN
        flags |= 0 if crl is None else _CRL_CHECK
        flags |= _EXPLICIT_POLICY if explicit else 0
        library.X509_VERIFY_PARAM_set_flags(param, ctypes.c_ulong(flags))
        # Without a policy of the user's, it fails where one is required.
        any_policy = _Pointer(library.OBJ_txt2obj(b"2.5.29.32.0", 1))
        assert library.X509_VERIFY_PARAM_add0_policy(param, any_policy) == 1
        assert library.X509_STORE_set1_param(self._store, param) == 1
        library.X509_VERIFY_PARAM_free(param)

    def _parsed(self, kind: str, der: bytes) -> ctypes.c_void_p:
        at = ctypes.c_char_p(der)
        read = getattr(self._library, f"d2i_{kind}")
        return _Pointer(read(None, ctypes.byref(at), ctypes.c_long(len(der))))

    def verify(
        self, certificates: Sequence[bytes], untrusted: Sequence[bytes] = ()
    ) -> int:
        """How many of these hold."""
        library, good = self._library, 0
        stack = _Pointer(library.OPENSSL_sk_new_null()) if untrusted else None
        held = [self._parsed("X509", der) for der in untrusted]
        for one in held:
            library.OPENSSL_sk_push(stack, one)
        for der in certificates:
            certificate = self._parsed("X509", der)
            context = _Pointer(library.X509_STORE_CTX_new())
            library.X509_STORE_CTX_init(context, self._store, certificate, stack)
            good += library.X509_verify_cert(context) == 1
            library.X509_STORE_CTX_free(context)
            library.X509_free(certificate)
        for one in held:
            library.X509_free(one)
        if stack is not None:
            library.OPENSSL_sk_free(stack)
        return good
