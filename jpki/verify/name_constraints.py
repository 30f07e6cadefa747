"""Name constraints (RFC 5280 4.2.1.10, 6.1.3 (b)-(c), 6.1.4 (g)), failing closed.

Each subtree becomes one key, and each name the few keys of the subtrees that would
hold it; whether a name is inside is then set membership, however many constraints a
hostile certificate brings. What cannot be judged refuses the certificate: a name form
that is constrained but not understood, a malformed subtree or name.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from typing import Final, cast

from jpki.der import oids
from jpki.model.names import Name
from jpki.verify.budget import Budget
from jpki.verify.reasons import Code
from jpki.verify.refusal import Refused
from jpki.x509.extension_values import NameConstraints
from jpki.x509.general_names import (
    DirectoryName,
    DNSName,
    GeneralName,
    IPAddress,
    OtherName,
    RFC822Name,
    UnreadName,
    URIName,
)
from jpki.x509.names import normalized, rfc4514

__all__ = ["NameConstraintState"]

_SMTP_UTF8_MAILBOX: Final = "1.3.6.1.5.5.7.8.9"
"""RFC 9598: constrained by rfc822Name subtrees, with rules that are not judged here."""

_Key = tuple[Hashable, ...]
_NONE: Final[frozenset[_Key]] = frozenset()


class _NotUnderstood(Exception):
    pass


class NameConstraintState:
    """permitted_subtrees and excluded_subtrees, as a path goes down.

    `permitted` keeps one set per certificate that constrained a form; a name must be
    inside one subtree of each. That is the intersection of 6.1.4 (g)(1) without having
    to compute it.
    """

    def __init__(self) -> None:
        self._permitted: dict[Hashable, list[set[_Key]]] = {}
        self._excluded: dict[Hashable, set[_Key]] = {}
        self._unjudgeable: set[Hashable] = set()

    def constrain(self, constraints: NameConstraints) -> None:
        """6.1.4 (g): take up one certificate's constraints."""
        permitted: dict[Hashable, set[_Key]] = {}
        for base in constraints.permitted:
            self._enter(base, permitted)
        for form, keys in permitted.items():
            self._permitted.setdefault(form, []).append(keys)
        for base in constraints.excluded:
            self._enter(base, self._excluded)

    def _enter(self, base: GeneralName, into: dict[Hashable, set[_Key]]) -> None:
        form = _form(base)
        try:
            into.setdefault(form, set()).add(_subtree_key(base))
        except _NotUnderstood:
            self._unjudgeable.add(form)

    def check(
        self, subject: Name, alternatives: Iterable[GeneralName], budget: Budget
    ) -> None:
        """6.1.3 (b) and (c): every name of a certificate is permitted.

        Raises:
            Refused: one is not, or cannot be judged.
        """
        if not (self._permitted or self._excluded or self._unjudgeable):
            return
        for name in _names(subject, alternatives):
            self._check_one(name, budget)

    def _check_one(self, name: GeneralName, budget: Budget) -> None:
        form = _form(name)
        levels = self._permitted.get(form, ())
        excluded = self._excluded.get(form, _NONE)
        if form in self._unjudgeable:
            raise _not_understood(name)
        if not levels and not excluded:
            return
        budget.compare_names(len(levels) + len(excluded) + 1)
        try:
            keys = set(_keys_holding(name))
            banned = not keys.isdisjoint(excluded) or _covers_any(name, excluded)
        except _NotUnderstood:
            raise _not_understood(name) from None
        if banned:
            raise _violation(name, "RFC 5280 6.1.3(c)")
        if any(keys.isdisjoint(level) for level in levels):
            raise _violation(name, "RFC 5280 6.1.3(b)")


def _names(subject: Name, alternatives: Iterable[GeneralName]) -> Iterator[GeneralName]:
    if subject.rdns:
        yield DirectoryName(subject)
    for rdn in subject.rdns:
        for attribute in rdn:
            # 4.2.1.10: mail addresses in old subject names are constrained too.
            if attribute.oid == oids.EMAIL_ADDRESS:
                yield RFC822Name(attribute.value)
    yield from alternatives


def _form(name: GeneralName) -> tuple[str, object]:
    """What is constrained together: the kind, and for otherName also its type."""
    match name:
        case OtherName(oid, _) if oid == _SMTP_UTF8_MAILBOX:
            return (RFC822Name.__name__, None)
        case OtherName(oid, _):
            return (OtherName.__name__, oid)
        case UnreadName():
            return (UnreadName.__name__, name.tag)
    return (type(name).__name__, None)


# A subtree's one key, and the keys of all subtrees that hold a name. Keys of one form
# are only ever compared with keys of the same form.


def _subtree_key(base: GeneralName) -> _Key:
    match base:
        case DirectoryName(name):
            return _rdns(name)
        case DNSName(text):
            return ("within", _host(text) if text else "")
        case RFC822Name(text):
            return _mail_subtree(text)
        case URIName(text):
            return _host_subtree(text)
        case IPAddress(octets) if len(octets) in (8, 32):
            half = len(octets) // 2
            return _network(octets[:half], _prefix_length(octets[half:]))
    raise _NotUnderstood


def _keys_holding(name: GeneralName) -> Iterator[_Key]:
    match name:
        case DirectoryName(directory_name):
            rdns = _rdns(directory_name)
            for count in range(len(rdns) + 1):
                yield rdns[:count]
        case DNSName(text):
            host = _host(text.removeprefix("*."))
            yield ("within", "")
            for parent in _parents(host, include_self=True):
                yield ("within", parent)
        case RFC822Name(text):
            local, domain = _mailbox(text)
            host = _host(domain)
            yield ("mailbox", local, host)
            yield from _host_keys(host)
        case URIName(text):
            yield from _host_keys(_uri_host(text))
        case IPAddress(octets) if len(octets) in (4, 16):
            for length in range(len(octets) * 8 + 1):
                yield _network(octets, length)
        case _:
            raise _NotUnderstood


def _covers_any(name: GeneralName, excluded: Iterable[_Key]) -> bool:
    """Whether a wildcard stands for a name that is excluded.

    `*.example.jp` covers `secret.example.jp`: where that is excluded, so is the
    wildcard.
    """
    if not (isinstance(name, DNSName) and name.value.startswith("*.")):
        return False
    below = f".{_host(name.value[2:])}"
    return any(str(key[1]).endswith(below) for key in excluded)


def _rdns(name: Name) -> _Key:
    return cast("_Key", normalized(name))


def _host(text: str) -> str:
    labels = text.split(".")
    if len(text) > 253 or not all(
        label
        and len(label) <= 63
        and label.isascii()
        and label.replace("-", "").replace("_", "").isalnum()
        for label in labels
    ):
        raise _NotUnderstood
    return text.lower()


def _parents(host: str, *, include_self: bool) -> Iterator[str]:
    labels = host.split(".")
    for start in range(0 if include_self else 1, len(labels)):
        yield ".".join(labels[start:])


def _host_keys(host: str) -> Iterator[_Key]:
    yield ("host", host)
    for parent in _parents(host, include_self=False):
        yield ("below", parent)


def _host_subtree(text: str) -> _Key:
    """A host by itself, or with a leading period everything below a domain."""
    if text.startswith("."):
        return ("below", _host(text[1:]))
    return ("host", _host(text))


def _mail_subtree(text: str) -> _Key:
    if "@" not in text:
        return _host_subtree(text)
    local, domain = _mailbox(text)
    return ("mailbox", local, _host(domain))


_LOCAL: Final = re.compile(
    r"""(?x) (?P<atoms> [\w!#$%&'*+/=?^`{|}~-]+ (?: \. [\w!#$%&'*+/=?^`{|}~-]+ )* )
    | " (?P<quoted> (?: [\ !\#-\[\]-~] | \\[\ -~] )* ) " """,
    re.ASCII,
)
"""Local-part (RFC 5321 4.1.2)."""


def _mailbox(text: str) -> tuple[str, str]:
    """Local part and domain; a local part that is quoted without need is the same."""
    local, _, domain = text.rpartition("@")
    found = _LOCAL.fullmatch(local)
    if found is None:
        raise _NotUnderstood
    if found["atoms"] is not None:
        return found["atoms"], domain
    return re.sub(r"\\(.)", r"\1", found["quoted"]), domain


_URI: Final = re.compile(
    r"(?i)[a-z][a-z0-9+.-]*://(?:[\w.~%!$&'()*+,;=:-]*@)?(?P<host>[\w.-]+)(?::\d*)?(?:[/?#]|$)",
    re.ASCII,
)
"""The authority of a URI whose host is a name (RFC 3986 3.2)."""


def _uri_host(text: str) -> str:
    """4.2.1.10: a URI without a host, or with an address as host, is refused."""
    found = _URI.match(text)
    if found is None or any(character <= " " for character in text):
        raise _NotUnderstood
    host = found["host"]
    if host.rpartition(".")[2].isdigit():
        raise _NotUnderstood
    return _host(host)


def _prefix_length(mask: bytes) -> int:
    bits = int.from_bytes(mask, "big")
    size = len(mask) * 8
    length = bits.bit_count()
    if bits != ((1 << length) - 1) << (size - length):
        raise _NotUnderstood  # 4.2.1.10: masks are those of CIDR (RFC 4632)
    return length


def _network(address: bytes, length: int) -> _Key:
    size = len(address) * 8
    return (size, length, int.from_bytes(address, "big") >> (size - length))


def _shown(name: GeneralName) -> str:
    match name:
        case DirectoryName(directory_name):
            return rfc4514(directory_name)
        case DNSName(text) | RFC822Name(text) | URIName(text):
            return text
        case IPAddress(octets):
            return octets.hex()
    return type(name).__name__


def _violation(name: GeneralName, clause: str) -> Refused:
    return Refused(Code.NAME_NOT_PERMITTED, clause, name=_shown(name))


def _not_understood(name: GeneralName) -> Refused:
    return Refused(
        Code.NAME_CONSTRAINT_NOT_UNDERSTOOD,
        "RFC 5280 4.2.1.10",
        problem=_shown(name),
    )
