"""Where another program's verdict differs from ours, by name, with who is right.

A difference that no rule explains is a fault: of ours until shown otherwise. Rules are
about kinds of verdicts and what was odd in the case, so that a new kind is noticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from tests.support.chance_pki import Case
from tests.support.other_judges import certvalidator

__all__ = ["KNOWN", "Difference", "Known", "explanation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One case, judged differently."""

    judge: str
    case: Case
    ours: dict[str, Any]
    """The verdict of `jpki verify path`."""
    theirs: str
    """`valid`, or why not."""

    @property
    def accepted(self) -> bool:
        """Whether we are who accepts."""
        return bool(self.ours["outcome"] == "valid")

    def odd(self, *texts: str) -> bool:
        """Whether one of these was noted of the case, by how it begins."""
        return any(note.startswith(texts) for note in self.case.notes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """One kind of difference."""

    name: str
    judges: str
    clause: str
    why: str
    """Where the clause leaves it open, both are right, and ours is the one wanted."""
    applies: Callable[[Difference], bool]


def explanation(difference: Difference) -> Known | None:
    """The rule that explains a difference, or None."""
    for known in KNOWN:
        if difference.judge in known.judges.split() and known.applies(difference):
            return known
    return None


def _we_refuse(
    *codes: str, odd: Iterable[str] = (), kind: str = ""
) -> Callable[[Difference], bool]:
    """They accept, and our verdict has one of these codes."""
    notes = tuple(odd)
    return lambda found: (
        not found.accepted
        and found.ours["code"] in codes
        and (not notes or found.odd(*notes))
        and found.case.kind.startswith(kind)
    )


def _they_refuse(
    pattern: str, odd: Iterable[str] = (), kind: str = ""
) -> Callable[[Difference], bool]:
    """We accept, and they say something like this."""
    notes = tuple(odd)
    return lambda found: (
        found.accepted
        and re.search(pattern, found.theirs) is not None
        and (not notes or found.odd(*notes))
        and found.case.kind.startswith(kind)
    )


KNOWN: Final = (
    # -- chains -----------------------------------------------------------------------
    Known(
        name="profile",
        judges="openssl java certvalidator pyca gnutls",
        clause="RFC 5280 4.1.2.2, 4.2.1.9",
        why="Section 6 does not ask for the profile; we hold certificates to it.",
        applies=_we_refuse("certificate.profile"),
    ),
    Known(
        name="unread extension",
        judges="openssl java certvalidator pyca gnutls",
        clause="RFC 5280 4.2",
        why="What is in an extension is read by us always, by them where needed.",
        applies=_we_refuse("certificate.malformed", odd=["unreadable extension"]),
    ),
    Known(
        name="extension twice",
        judges="openssl certvalidator",
        clause="RFC 5280 4.2",
        why="A certificate MUST NOT include an extension twice: to us it is none.",
        applies=_we_refuse(
            "certificate.malformed",
            "path.none",
            "certificate.signature",
            odd=["extension twice"],
        ),
    ),
    Known(
        name="last second",
        judges="openssl",
        clause="RFC 5280 4.1.2.5",
        why="A validity period includes notAfter.",
        applies=_they_refuse("error 10 ", odd=["ends now"]),
    ),
    Known(
        name="any purpose",
        judges="openssl",
        clause="RFC 5280 4.2.1.12",
        why="anyExtendedKeyUsage MAY be refused where a purpose is required.",
        applies=_they_refuse("error 26 ", odd=["any purpose"]),
    ),
    Known(
        name="mail by key agreement",
        judges="openssl",
        clause="RFC 5280 4.2.1.12",
        why="emailProtection goes with keyAgreement; OpenSSL asks about signing.",
        applies=_they_refuse("error 26 at depth 0", odd=["key agreement"]),
    ),
    Known(
        name="first issuer",
        judges="openssl",
        clause="RFC 4158 2.4, RFC 5280 4.2.1.1",
        why="Several certificates bear the issuer's name, and no identifier, or a "
        "wrong one, tells them apart: OpenSSL takes one and does not turn back.",
        applies=_they_refuse(
            "error (7|18|19|20) ",
            odd=["no identifiers", "identifier astray", "version"],
        ),
    ),
    Known(
        name="self-issued counted",
        judges="pyca gnutls",
        clause="RFC 5280 4.2.1.9, 6.1.4 (l)",
        why="They count self-issued certificates towards the path length.",
        applies=_they_refuse("", odd=["self-issued"]),
    ),
    Known(
        name="web authorities",
        judges="pyca",
        clause="CA/B Forum BR 7.1.2",
        why="pyca knows neither versions before 3 nor serial numbers below 1.",
        applies=_they_refuse("X509v3|serial number", odd=["version", "serial"]),
    ),
    Known(
        name="usage left to the caller",
        judges="pyca",
        clause="RFC 5280 6.1.4 (n)",
        why="pyca checks keyCertSign only if its extension policy is told to.",
        applies=_we_refuse("certificate.key-usage"),
    ),
    Known(
        name="critical access information",
        judges="pyca gnutls",
        clause="RFC 5280 4.2.2.1",
        why="It MUST NOT be critical; they know it and do not ask.",
        applies=_we_refuse(
            "certificate.unknown-critical-extension", odd=["unreadable extension"]
        ),
    ),
    Known(
        name="other extension unread",
        judges="certvalidator",
        clause="RFC 5280 4.2",
        why="certvalidator reads what nobody asked for, and stops there.",
        applies=_they_refuse("unreadable", odd=["unreadable extension"]),
    ),
    Known(
        name="search limit",
        judges="pyca",
        clause="RFC 4158 2",
        why="pyca gives a search up earlier than we do.",
        applies=_they_refuse("Exceeded maximum"),
    ),
    Known(
        name="parameters with ECDSA",
        judges="openssl",
        clause="RFC 5758 3.2",
        why="The identifiers of ECDSA MUST have no parameters, not even NULL.",
        applies=_we_refuse(
            "certificate.signature", "path.none", odd=["ECDSA with NULL"]
        ),
    ),
    Known(
        name="unused bits",
        judges="pyca",
        clause="RFC 5280 4.1.1.3, RFC 3279 2.2",
        why="A signature is a whole number of octets; pyca drops the unused bits.",
        applies=_we_refuse(
            "certificate.malformed",
            "certificate.signature",
            "path.none",
            odd=["signature bits"],
        ),
    ),
    Known(
        name="SHA-1 on the web",
        judges="pyca",
        clause="RFC 9155",
        why="pyca forbids SHA-1; here the question was asked for any algorithm.",
        applies=_they_refuse("Forbidden signature algorithm"),
    ),
    # -- policies ---------------------------------------------------------------------
    Known(
        name="anyPolicy mapped",
        judges="openssl java",
        clause="RFC 5280 6.1.4 (a)",
        why="They look at mappings only of policies that are valid so far.",
        applies=_we_refuse("policy.mapped-from-any", odd=["anyPolicy mapped"]),
    ),
    Known(
        name="policies, two to one",
        judges="openssl java",
        clause="RFC 5280 6.1.3 (d), 6.1.4 (b)",
        why="OpenSSL 3.0 and Java 17 keep trees of their own making, and err now and "
        "then where mappings meet anyPolicy; certvalidator has the verdict we have.",
        applies=lambda found: (
            found.case.kind == "policies"
            and (certvalidator(found.case) == "valid") == found.accepted
        ),
    ),
    # -- names that are constrained ---------------------------------------------------
    Known(
        name="not understood",
        judges="openssl java certvalidator pyca gnutls",
        clause="RFC 5280 4.2.1.10",
        why="A constraint or name that has no meaning refuses the certificate.",
        applies=_we_refuse("name-constraints.not-understood"),
    ),
    Known(
        name="other letters",
        judges="openssl java gnutls pyca",
        clause="RFC 5280 7.1, RFC 4518 2.3",
        why="Names are prepared with NFKC: a full-width letter is the usual one.",
        applies=lambda found: (
            found.odd("full-width letter")
            and (
                _they_refuse("error (47|48) |INVALID_NAME|name constraint")(found)
                or _we_refuse("name-constraints.violated")(found)
            )
        ),
    ),
    Known(
        name="common name as host",
        judges="openssl",
        clause="RFC 9525 2, RFC 6125 B.2",
        why="OpenSSL constrains common names that look like hosts; a host's name "
        "stands in the subjectAltName, and nothing here takes a common name for one.",
        applies=_they_refuse("error (47|48) ", odd=["host as common name"]),
    ),
    Known(
        name="user in URI",
        judges="openssl pyca java",
        clause="RFC 3986 3.2, RFC 5280 4.2.1.10",
        why="The host of a URI follows the user information and the sign @.",
        applies=lambda found: found.odd("odd ftp://taro", "odd http://example.jp@"),
    ),
    Known(
        name="wildcard over excluded",
        judges="openssl java certvalidator pyca gnutls",
        clause="RFC 9525 6.3",
        why="A wildcard stands for names that are excluded, so it is excluded.",
        applies=_we_refuse("name-constraints.violated", odd=["odd *"]),
    ),
    Known(
        name="quoted local part",
        judges="openssl java certvalidator pyca gnutls",
        clause="RFC 5321 4.1.2, RFC 5280 7.5",
        why="A local part in quotes that it does not need is the same local part.",
        applies=lambda found: found.odd('odd "taro"@', 'odd "ta@ro"@'),
    ),
    Known(
        name="own constraints",
        judges="pyca",
        clause="RFC 5280 4.2.1.10",
        why="Constraints are for the certificates below; pyca holds who states them to "
        "them as well.",
        applies=_they_refuse("name constraint", odd=["authority with names"]),
    ),
    Known(
        name="form unknown",
        judges="pyca",
        clause="RFC 5280 4.2.1.10",
        why="pyca constrains hosts, addresses and mailboxes; the rest it refuses, and "
        "what of these it takes for malformed.",
        applies=_they_refuse("unsupported|malformed|does not appear to be"),
    ),
    Known(
        name="address in subject",
        judges="pyca",
        clause="RFC 5280 4.2.1.10",
        why="Addresses in subjects are constrained; pyca looks at alternative names.",
        applies=_we_refuse("name-constraints.violated", odd=["mail in subject"]),
    ),
    # -- names that are asked for -----------------------------------------------------
    Known(
        name="final period",
        judges="openssl",
        clause="RFC 9525 4, RFC 1034 3.1",
        why="A host that is asked for may end in a period; a certificate's may not.",
        applies=lambda found: found.odd("odd example.jp.", "odd taro@example.jp."),
    ),
    Known(
        name="leading period",
        judges="openssl",
        clause="RFC 9525 4",
        why="OpenSSL asks for any host below where the name begins with a period.",
        applies=_we_refuse("name.mismatch", odd=["odd .example.jp"]),
    ),
    Known(
        name="no host, no mailbox",
        judges="openssl",
        clause="RFC 9525 4, RFC 5321 2.3.11",
        why="What is no host or mailbox is asked for in vain, whatever is certified.",
        applies=_we_refuse("name.mismatch", odd=["odd "]),
    ),
    Known(
        name="mail in subject",
        judges="openssl",
        clause="RFC 5280 4.1.2.6",
        why="Addresses in subjects are of old; only the subjectAltName is looked at.",
        applies=_we_refuse("name.mismatch", odd=["mail in subject"]),
    ),
    # -- lists ------------------------------------------------------------------------
    Known(
        name="last second of a list",
        judges="openssl",
        clause="RFC 5280 5.1.2.5",
        why="nextUpdate is when the next list is there at the latest; OpenSSL takes "
        "the list to be expired in that second, and an older one if there is one.",
        applies=lambda found: found.odd("edge"),
    ),
    Known(
        name="lists beside the point",
        judges="openssl java",
        clause="RFC 5280 6.3.3, last paragraph",
        why="A point with some reasons does not keep other lists from counting.",
        applies=_they_refuse("error (3|44) |UNDETERMINED", odd=["point with reasons"]),
    ),
    Known(
        name="removal from a full list",
        judges="openssl java certvalidator",
        clause="RFC 5280 5.3.1",
        why="removeFromCRL is for deltas: in a full list it lists.",
        applies=_we_refuse("revocation.revoked", odd=["removeFromCRL"]),
    ),
    Known(
        name="delta that nobody announced",
        judges="openssl",
        clause="RFC 5280 5.2.4, 6.3.3 (c)",
        why="OpenSSL looks for deltas only where freshestCRL is; a delta at hand that "
        "fits is read by us, for a revocation and for its end.",
        applies=lambda found: (
            found.odd("delta") and found.case.use_deltas and not found.odd("freshest")
        ),
    ),
    Known(
        name="delta withheld",
        judges="openssl java certvalidator",
        clause="RFC 5280 5.2.6",
        why="Where a delta is announced and deltas are asked for, the full list alone "
        "is half the news.",
        applies=_we_refuse("revocation.stale", odd=["freshest"]),
    ),
    Known(
        name="news that has expired",
        judges="openssl java certvalidator",
        clause="RFC 5280 5, 6.3.3",
        why="A newer list that is outdated vouches for nobody, but whom it lists is "
        "not made good by an older one; they look at what is current alone.",
        applies=_we_refuse(
            "revocation.revoked", "revocation.stale", odd=["expired", "endless"]
        ),
    ),
    Known(
        name="one list of several",
        judges="openssl java certvalidator",
        clause="RFC 5280 6.3.3",
        why="They consult the first list that will do; we the newest of each scope, "
        "and whom one of them lists is revoked.",
        applies=_we_refuse(
            "revocation.revoked",
            "revocation.unusable",
            "revocation.stale",
            odd=["several lists", "indirect"],
        ),
    ),
    Known(
        name="list without end",
        judges="openssl java certvalidator",
        clause="RFC 5280 5.1.2.5",
        why="Conforming lists MUST say nextUpdate: without, a list is good for ever.",
        applies=_we_refuse("revocation.unusable", odd=["endless"]),
    ),
    Known(
        name="entry not understood",
        judges="openssl java certvalidator",
        clause="RFC 5280 5.3",
        why="A critical extension of any entry spoils the list for everybody.",
        applies=_we_refuse("revocation.unusable", odd=["entry extension"]),
    ),
    Known(
        name="list altered",
        judges="openssl java",
        clause="RFC 5280 6.3.3 (g)",
        why="They take a list by its dates, and do not turn back where it is forged.",
        applies=_they_refuse("error 8 |UNDETERMINED", odd=["list altered"]),
    ),
)
