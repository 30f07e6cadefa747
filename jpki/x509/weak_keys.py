"""RSA moduli that must not be certified, found without factoring for long.

The checks cost well under a millisecond together; they find what faulty generators are
known to have made, not what an expensive attack could break.
"""

from __future__ import annotations

from math import gcd, isqrt, prod
from typing import Final

__all__ = ["rsa_weakness"]

_FERMAT_ROUNDS: Final = 100
"""As many as the CA/Browser Forum's Baseline Requirements 6.1.1.3 ask for."""

_SMALL_LIMIT: Final = 752
"""NIST SP 800-89 5.3.3: no factor of at most 752."""


def _primes_below(limit: int) -> list[int]:
    return [n for n in range(2, limit) if all(n % d for d in range(2, isqrt(n) + 1))]


_SMALL_PRIMES: Final = tuple(_primes_below(_SMALL_LIMIT))
_PRIMORIAL: Final = prod(_SMALL_PRIMES)

_ROCA_GENERATOR: Final = 65537


def _powers(prime: int) -> frozenset[int]:
    """The subgroup that the generator spans modulo this prime."""
    residues, residue = set(), 1
    while residue not in residues:
        residues.add(residue)
        residue = residue * _ROCA_GENERATOR % prime
    return frozenset(residues)


_ROCA_GROUPS: Final = tuple(
    (prime, group)
    for prime in _SMALL_PRIMES
    if 2 < prime <= 167 and len(group := _powers(prime)) < prime - 1
)
"""CVE-2017-15361: primes of the faulty library are powers of 65537 modulo each of the
primes up to 167, so the modulus is one as well."""


def rsa_weakness(modulus: int, exponent: int) -> str | None:
    """Why this key is weak, in words, or None."""
    if exponent < 65537 or exponent % 2 == 0:
        return "the public exponent is even or below 65537"
    if exponent.bit_length() > 256:
        return "the public exponent is above 2^256 (FIPS 186-5 A.1.1)"
    if gcd(modulus, _PRIMORIAL) != 1:
        return "the modulus has a small factor"
    if all(modulus % prime in group for prime, group in _ROCA_GROUPS):
        return "the modulus bears the fingerprint of a faulty generator (ROCA)"
    if _close_primes(modulus):
        return "the factors of the modulus are too close to each other"
    return None


def _squares(modulus: int) -> frozenset[int]:
    return frozenset(n * n % modulus for n in range(modulus // 2 + 1))


_ODD: Final = 63 * 65 * 11
_SQUARES_64: Final = _squares(64)
_SQUARES_ODD: Final = _squares(_ODD)
"""One number in a hundred is a square modulo both: a root is sought only of those."""


def _close_primes(modulus: int) -> bool:
    """Fermat's method finds factors that are near the square root, squares at once."""
    a = isqrt(modulus)
    if a * a < modulus:
        a += 1
    remainder = a * a - modulus
    for _ in range(_FERMAT_ROUNDS):
        if (
            remainder & 63 in _SQUARES_64
            and remainder % _ODD in _SQUARES_ODD
            and isqrt(remainder) ** 2 == remainder
        ):
            return True
        remainder += 2 * a + 1
        a += 1
    return False
