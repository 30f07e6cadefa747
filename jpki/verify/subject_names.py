"""Does a certificate bear the name that was asked for? (RFC 9525, RFC 5280 4.2.1.6)

Only subjectAltName counts; a common name is never taken for a host.
"""

from __future__ import annotations

import re
from typing import Final

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
            return _host_matches(pattern.lower(), _reference(host))
        case RFC822Name(mailbox), RFC822Name(other):
            return _mailbox(mailbox) == _mailbox(other)
    return held == wanted


_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
"""RFC 1034 3.5 and RFC 1123 2.1, as certificates' names must be (RFC 5280 4.2.1.6)."""


def _reference(host: str) -> str | None:
    """The host that is asked for, as certificates write it; None if it is no host.

    A name in other letters is asked for as its A-labels (RFC 9525 4, RFC 5280 7.2). An
    address is no host name, whatever a certificate says.
    """
    try:
        text = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return None
    text = text.lower().removesuffix(".")
    labels = text.split(".")
    if len(text) > 253 or not all(map(_LABEL.fullmatch, labels)):
        return None
    return None if labels[-1].isdigit() else text


def _host_matches(pattern: str, host: str | None) -> bool:
    """RFC 9525 6.3: a wildcard is a whole leftmost label and stands for one label."""
    if host is None:
        return False
    if not pattern.startswith("*."):
        return pattern == host
    parent = pattern[2:]
    _, _, rest = host.partition(".")
    return "." in parent and rest == parent


def _mailbox(text: str) -> tuple[str, str]:
    local, _, host = text.rpartition("@")
    return local, host.lower()
