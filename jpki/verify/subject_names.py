"""Does a certificate bear the name that was asked for? (RFC 9525, RFC 5280 4.2.1.6)

Only subjectAltName counts; a common name is never taken for a host.
"""

from __future__ import annotations

import re
import unicodedata
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
            held_local, held_host = _mailbox(mailbox)
            local, host = _mailbox(other)
            # Another letter than ASCII's stands in no rfc822Name (RFC 9598 2).
            return bool(local and host and local.isascii()) and (
                (held_local, held_host) == (local, _reference(host) or host)
            )
    return held == wanted


_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
"""RFC 1034 3.5 and RFC 1123 2.1, as certificates' names must be (RFC 5280 4.2.1.6)."""
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
"""A local part in quotes (RFC 5321 4.1.2), which may not need them."""
_CATEGORIES: Final = {"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"}
_IN_CONTEXT: Final = "-\u00b7\u0375\u05f3\u05f4\u200c\u200d\u30fb"
"""RFC 5892 2.1 and appendix A: letters and digits, and what may stand among them."""
_FULL_STOPS: Final = re.compile("[.\u3002\uff0e\uff61]")


def _reference(host: str) -> str | None:
    """The host that is asked for, as certificates write it; None if it is no host.

    A name in other letters is asked for as its A-labels (RFC 9525 4, RFC 5280 7.2). An
    address is no host name, whatever a certificate says.
    """
    labels = [_a_label(label) for label in _FULL_STOPS.split(host)]
    if len(labels) > 1 and not labels[-1]:
        del labels[-1]
    text = ".".join(labels)
    if len(text) > 253 or not all(map(_LABEL.fullmatch, labels)):
        return None
    return None if labels[-1].isdigit() else text


def _a_label(label: str) -> str:
    """The label as it stands in the DNS (RFC 5891 4.4), after RFC 5895's mappings.

    Not Python's `idna`, which is IDNA2003: to it `faß` is `fass`, somebody else's name.
    Empty where it has characters that no name has, which matches nothing.
    """
    if label.isascii():
        return label.lower()
    mapped = unicodedata.normalize("NFC", _narrow(label.lower()))
    if mapped.isascii():
        return mapped
    if not all(
        unicodedata.category(character) in _CATEGORIES or character in _IN_CONTEXT
        for character in mapped
    ):
        return ""
    return "xn--" + mapped.encode("punycode").decode("ascii")


def _narrow(text: str) -> str:
    """RFC 5895 2 (2): full-width and half-width characters are the usual ones."""
    return "".join(
        unicodedata.normalize("NFKC", character)
        if unicodedata.decomposition(character).startswith(("<wide>", "<narrow>"))
        else character
        for character in text
    )


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
    """Local part and host, which is all that two addresses are compared by (7.5)."""
    local, _, host = text.rpartition("@")
    quoted = _QUOTED.fullmatch(local)
    if quoted is not None:
        local = re.sub(r"\\(.)", r"\1", quoted[1])
    return local, host.lower()
