"""Does a certificate bear the name that was asked for? (RFC 9525, RFC 5280 4.2.1.6)

Only subjectAltName counts; a common name is never taken for a host.
"""

from __future__ import annotations

from jpki.x509.general_names import DNSName, GeneralName, IPAddress, RFC822Name
from jpki.x509.parse import Certificate

__all__ = ["SubjectName", "bears_name", "shown"]

SubjectName = DNSName | IPAddress | RFC822Name
"""A name that the end entity must bear in its subjectAltName."""


def bears_name(certificate: Certificate, wanted: SubjectName) -> bool:
    """Whether one of the certificate's alternative names is this one.

    Raises:
        EncodingError: the extension cannot be read.
    """
    return any(_matches(name, wanted) for name in certificate.subject_alternative_name)


def shown(name: SubjectName) -> str:
    """The name for people."""
    return name.value.hex() if isinstance(name, IPAddress) else name.value


def _matches(held: GeneralName, wanted: SubjectName) -> bool:
    match held, wanted:
        case DNSName(pattern), DNSName(host):
            return _host_matches(pattern.lower(), host.lower())
        case RFC822Name(mailbox), RFC822Name(other):
            return _mailbox(mailbox) == _mailbox(other)
    return held == wanted


def _host_matches(pattern: str, host: str) -> bool:
    """RFC 9525 6.3: a wildcard is a whole leftmost label and stands for one label."""
    if not host or "*" in host:
        return False
    if not pattern.startswith("*."):
        return pattern == host
    parent = pattern[2:]
    label, _, rest = host.partition(".")
    return bool(label) and "." in parent and "*" not in parent and rest == parent


def _mailbox(text: str) -> tuple[str, str]:
    local, _, host = text.rpartition("@")
    return local, host.lower()
