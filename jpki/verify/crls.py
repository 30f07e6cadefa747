"""One CRL as evidence: is it usable at all, what does it cover, whom does it list?

RFC 5280 section 5 and the scope rules of 6.3.3 (b)-(d). Whether the CRL is authentic
and current is decided in `jpki.verify.revocation`.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property
from typing import Final

from jpki.der import oids
from jpki.errors import EncodingError
from jpki.model.names import Attribute, Name
from jpki.x509.certificate_lists import CertificateList, CRLEntry
from jpki.x509.extension_values import DistributionPoint, IssuingDistributionPoint
from jpki.x509.general_names import DirectoryName, GeneralName
from jpki.x509.names import normalized
from jpki.x509.parse import Certificate

__all__ = ["ALL_REASONS", "RevocationList", "names_of", "scope_of"]

ALL_REASONS: Final = frozenset(range(1, 9))
"""ReasonFlags but for the unused bit zero (4.2.1.13)."""

_MAY_BE_CRITICAL: Final = frozenset(
    {
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.DELTA_CRL_INDICATOR,
        oids.FRESHEST_CRL,
        oids.ISSUER_ALT_NAME,
        oids.ISSUING_DISTRIBUTION_POINT,
    }
)
"""What is understood. The number is as well, but 5.2.3 forbids that it be critical."""
_KNOWN_ENTRY_EXTENSIONS: Final = frozenset(
    {oids.REASON_CODE, oids.INVALIDITY_DATE, oids.CERTIFICATE_ISSUER}
)
_CRITICAL: Final = b"\x01\x01\xff\x04"
"""BOOLEAN TRUE and the tag of the value behind it, as in every critical extension. By
chance they stand in one of a hundred lists of a million random serial numbers."""


class RevocationList:
    """A parsed CRL with what path validation asks of it, each worked out once."""

    def __init__(self, crl: CertificateList) -> None:
        self.crl = crl

    @property
    def issuer(self) -> Name:
        """Who signed it, by name."""
        return self.crl.issuer

    @property
    def fingerprint(self) -> str:
        """SHA-256, hexadecimal: no other list has it."""
        return self.crl.fingerprint

    @cached_property
    def is_about_certificates(self) -> bool:
        """Whether its scope can be read, and is not that of attribute certificates."""
        try:
            scope = self.scope_point
        except EncodingError:
            return False
        return scope is None or not scope.only_attribute_certificates

    @cached_property
    def problem(self) -> str | None:
        """Why no certificate is shown to be good by this CRL, or None.

        RFC 5280 5.2 and 5.3: a critical extension that is not understood, of the CRL
        or of any entry, forbids relying on it for any certificate.
        """
        extensions = self.crl.extensions
        try:
            for extension in extensions.values():
                if extension.critical and extension.oid not in _MAY_BE_CRITICAL:
                    return f"critical extension {extension.oid}"
            # 5.2.1 and 5.2.3 ask for both. Lists from before that have neither; where
            # only the number is missing, nobody can tell which of two lists is newer.
            if self.crl.number is None and oids.AUTHORITY_KEY_IDENTIFIER in extensions:
                return "has no number"
            if self.crl.next_update is None:
                return "does not say when it ends"
            # What is read later must be readable: look at all of it now.
            _ = self.crl.delta_base, self.crl.authority_key_identifier
            if self._must_walk:
                _ = self._index
        except EncodingError as error:
            return str(error)
        return None

    @cached_property
    def scope_point(self) -> IssuingDistributionPoint | None:
        """The issuing distribution point."""
        return self.crl.issuing_distribution_point

    @property
    def is_delta(self) -> bool:
        """Whether it only tells changes."""
        return oids.DELTA_CRL_INDICATOR in self.crl.extensions

    @property
    def is_indirect(self) -> bool:
        """Whether it may list certificates of other issuers."""
        return self.scope_point is not None and self.scope_point.indirect

    def find(self, certificate: Certificate) -> CRLEntry | None:
        """The entry of this certificate.

        Raises:
            EncodingError: the entry cannot be understood.
        """
        if self._must_walk:
            key = (normalized(certificate.issuer), certificate.serial)
            return self._index.get(key)
        # The same octets are the same name; to compare names takes longer.
        if certificate.issuer_der != self.crl.issuer_der and normalized(
            certificate.issuer
        ) != normalized(self.issuer):
            return None
        return self.crl.find(certificate.serial)

    def mentions(self, certificate: Certificate) -> bool:
        """Whether the serial number stands in it, of a list that cannot be relied on.

        Of an indirect list nobody can tell then, whose number it is.
        """
        return (
            not self.is_delta
            and normalized(certificate.issuer) == normalized(self.issuer)
            and self._entry_by_number(certificate.serial)
        )

    def _entry_by_number(self, serial: int) -> bool:
        try:
            return not self.is_indirect and self.crl.find(serial) is not None
        except EncodingError:
            return True

    @cached_property
    def _must_walk(self) -> bool:
        """Whether every entry has to be looked at before one can be believed.

        Direct CRLs without critical entry extensions, which is nearly all of them, are
        answered by serial number alone. The marker is looked for in all bytes, less
        what the CRL's own extensions account for.
        """
        if self.is_delta or self.is_indirect:
            return True
        own = sum(
            extension.critical + extension.value.count(_CRITICAL)
            for extension in self.crl.extensions.values()
        )
        return self.crl.occurrences(_CRITICAL) > own

    @cached_property
    def _index(self) -> dict[object, CRLEntry]:
        """Entries by issuer and serial number (5.3.3: an issuer holds until the next).

        Raises:
            EncodingError: an entry is not understood, or two contradict each other.
        """
        issuer = normalized(self.issuer)
        found: dict[object, CRLEntry] = {}
        for entry in self.crl.entries():
            for extension in entry.extensions.values():
                if extension.critical and extension.oid not in _KNOWN_ENTRY_EXTENSIONS:
                    raise EncodingError(f"critical entry extension {extension.oid}")
            if names := entry.certificate_issuer:
                if not self.is_indirect:
                    raise EncodingError("a direct CRL names another issuer")
                issuer = _directory_name(names)
            if entry.removed and not self.is_delta:
                raise EncodingError("removeFromCRL in a complete CRL")
            if (issuer, entry.serial) in found:
                raise EncodingError(f"serial number {entry.serial} is listed twice")
            found[issuer, entry.serial] = entry
        return found


def _directory_name(names: tuple[GeneralName, ...]) -> Hashable:
    for name in names:
        if isinstance(name, DirectoryName):
            return normalized(name.name)
    raise EncodingError("certificate issuer without a directory name")


def scope_of(
    crl: RevocationList, point: DistributionPoint, certificate: Certificate
) -> frozenset[int] | None:
    """The reasons this CRL covers for this certificate by this point, or None.

    RFC 5280 6.3.3 (b) and (d).
    """
    # (b)(1) The issuer of the CRL is who the distribution point says.
    if point.crl_issuer:
        if not crl.is_indirect or normalized(crl.issuer) not in names_of(
            point.crl_issuer
        ):
            return None
    elif normalized(crl.issuer) != normalized(certificate.issuer):
        return None
    # (b)(2) The CRL's own scope includes the certificate.
    scope = crl.scope_point
    reasons = ALL_REASONS if point.reasons is None else point.reasons & ALL_REASONS
    if scope is None:
        return reasons
    if scope.full_name or scope.relative_name:
        ours = _point_names(scope.full_name, scope.relative_name, crl.issuer)
        theirs = _names_of_point(point, certificate)
        if ours.isdisjoint(theirs):
            return None
    constraints = certificate.basic_constraints
    is_authority = constraints is not None and constraints.ca
    if scope.only_user_certificates and is_authority:
        return None
    if scope.only_authority_certificates and not is_authority:
        return None
    # (d) The reasons that both the point and the CRL are about.
    if scope.only_some_reasons is None:
        return reasons
    return reasons & scope.only_some_reasons


def names_of(names: tuple[GeneralName, ...]) -> frozenset[Hashable]:
    """General names in a form in which equal ones match."""
    return frozenset(
        normalized(name.name) if isinstance(name, DirectoryName) else name
        for name in names
    )


def _point_names(
    full: tuple[GeneralName, ...], relative: tuple[Attribute, ...], issuer: Name
) -> frozenset[Hashable]:
    if relative:
        return frozenset({normalized(Name((*issuer.rdns, relative)))})
    return names_of(full)


def _names_of_point(
    point: DistributionPoint, certificate: Certificate
) -> frozenset[Hashable]:
    if point.full_name or not point.relative_name:
        return names_of(point.full_name or point.crl_issuer)
    issuer = certificate.issuer
    for name in point.crl_issuer:
        if isinstance(name, DirectoryName):
            issuer = name.name
    return _point_names((), point.relative_name, issuer)
