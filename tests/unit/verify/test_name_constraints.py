"""Name constraints of every form; what cannot be judged is refused."""

from __future__ import annotations

import pytest

from jpki.model.names import Attribute, Name
from jpki.verify.budget import Budget
from jpki.verify.name_constraints import NameConstraintState
from jpki.verify.reasons import Code
from jpki.verify.refusal import Refused
from jpki.x509.extension_values import NameConstraints
from jpki.x509.general_names import (
    DirectoryName,
    DNSName,
    GeneralName,
    IPAddress,
    OtherName,
    RegisteredID,
    RFC822Name,
    UnreadName,
    URIName,
)
from tests.support.pki import name

NOBODY = Name(())


def _ip(text: str) -> bytes:
    return bytes(int(part) for part in text.split("."))


def _judge(
    alternative: GeneralName,
    *,
    permitted: tuple[GeneralName, ...] = (),
    excluded: tuple[GeneralName, ...] = (),
    subject: Name = NOBODY,
) -> Code:
    state = NameConstraintState()
    state.constrain(NameConstraints(permitted, excluded))
    try:
        state.check(subject, [alternative], Budget())
    except Refused as refusal:
        return refusal.code
    return Code.VALID


def _subtree(*names: str) -> DirectoryName:
    return DirectoryName(Name.of(*(Attribute("2.5.4.10", text) for text in names)))


INSIDE: list[tuple[GeneralName, GeneralName]] = [
    (_subtree("JPKI"), _subtree("JPKI", "Bridge")),
    (_subtree("JPKI"), _subtree("  jpki ")),
    (DirectoryName(NOBODY), _subtree("anything")),
    (DNSName("example.jp"), DNSName("example.jp")),
    (DNSName("example.jp"), DNSName("WWW.Example.JP")),
    (DNSName("example.jp"), DNSName("*.example.jp")),
    (DNSName(""), DNSName("anything.test")),
    (RFC822Name("taro@example.jp"), RFC822Name("taro@EXAMPLE.jp")),
    (RFC822Name("example.jp"), RFC822Name("hanako@example.jp")),
    (RFC822Name(".example.jp"), RFC822Name("hanako@mail.example.jp")),
    (URIName("host.example.jp"), URIName("http://HOST.example.jp:80/path")),
    (URIName(".example.jp"), URIName("ldap://host.example.jp/x?y")),
    (URIName("example.jp"), URIName("https://user:p%40ss@example.jp?x=http://a.test")),
    (RFC822Name("taro@example.jp"), RFC822Name('"taro"@example.jp')),
    (RFC822Name("example.jp"), RFC822Name('"a@b.test"@example.jp')),
    (RFC822Name("example.jp"), RFC822Name("o'brien+x.y@example.jp")),
    (IPAddress(_ip("10.0.0.0.255.0.0.0")), IPAddress(_ip("10.9.8.7"))),
    (IPAddress(_ip("10.1.2.3.255.0.0.0")), IPAddress(_ip("10.9.8.7"))),
    (IPAddress(bytes(32)), IPAddress(bytes(16))),
]
OUTSIDE: list[tuple[GeneralName, GeneralName]] = [
    (_subtree("JPKI"), _subtree("JPKJ")),
    (_subtree("JPKI", "Bridge"), _subtree("JPKI")),
    (DNSName("example.jp"), DNSName("badexample.jp")),
    (DNSName("www.example.jp"), DNSName("*.example.jp")),
    (RFC822Name("taro@example.jp"), RFC822Name("TARO@example.jp")),
    (RFC822Name("example.jp"), RFC822Name("hanako@mail.example.jp")),
    (RFC822Name(".example.jp"), RFC822Name("hanako@example.jp")),
    (URIName("example.jp"), URIName("http://host.example.jp/")),
    (URIName(".example.jp"), URIName("http://example.jp/")),
    (IPAddress(_ip("10.0.0.0.255.0.0.0")), IPAddress(_ip("11.0.0.0"))),
    (IPAddress(bytes(8)), IPAddress(bytes(16))),
]
NOT_JUDGED: list[tuple[GeneralName, GeneralName]] = [
    (DNSName(".example.jp"), DNSName("www.example.jp")),
    (DNSName("example.jp"), DNSName("www..example.jp")),
    (DNSName("example.jp"), DNSName("example.jp.")),
    (RFC822Name("example.jp"), RFC822Name("not a mailbox")),
    (RFC822Name("example.jp"), RFC822Name("a@b@example.jp")),
    (RFC822Name("example.jp"), RFC822Name('"a@example.jp')),
    (RFC822Name("example.jp"), RFC822Name("a..b@example.jp")),
    (RFC822Name("example.jp"), RFC822Name("@example.jp")),
    (RFC822Name("example.jp"), RFC822Name("a@[192.0.2.1]")),
    (RFC822Name("a@b@example.jp"), RFC822Name("a@example.jp")),
    (URIName("example.jp"), URIName("http://a.test\\@example.jp/")),
    (URIName("example.jp"), URIName("http://exam\nple.jp/")),
    (URIName("example.jp"), URIName("http:example.jp")),
    (URIName("example.jp"), URIName("http://example.jp, DNS:a.test")),
    (URIName("example.jp"), URIName("http://exa%6Dple.jp/")),
    (URIName("example.jp"), URIName("urn:isbn:4")),
    (URIName("example.jp"), URIName("http://10.0.0.1/")),
    (URIName("example.jp"), URIName("http://[::1]/")),
    (URIName("example.jp"), URIName("http://[broken/")),
    (IPAddress(_ip("10.0.0.0.255.0.255.0")), IPAddress(_ip("10.0.0.1"))),
    (IPAddress(b"\x0a"), IPAddress(_ip("10.0.0.1"))),
    (IPAddress(_ip("10.0.0.0.255.0.0.0")), IPAddress(b"\x0a")),
    (OtherName("1.2.3", b"\x05\x00"), OtherName("1.2.3", b"\x05\x00")),
    (RegisteredID("1.2.3"), RegisteredID("1.2.3")),
    (UnreadName(b"\xa5\x00"), UnreadName(b"\xa5\x00")),
    (RFC822Name("example.jp"), OtherName("1.3.6.1.5.5.7.8.9", b"\x0c\x00")),
]


@pytest.mark.parametrize(("base", "held"), INSIDE)
def test_names_inside_a_subtree(base: GeneralName, held: GeneralName) -> None:
    """Permitted if the subtree is permitted, refused if it is excluded."""
    assert _judge(held, permitted=(base,)) is Code.VALID
    assert _judge(held, excluded=(base,)) is Code.NAME_NOT_PERMITTED


@pytest.mark.parametrize(("base", "held"), OUTSIDE)
def test_names_outside_a_permitted_subtree(
    base: GeneralName, held: GeneralName
) -> None:
    """A form with a permitted subtree permits nothing outside of it."""
    assert _judge(held, permitted=(base,)) is Code.NAME_NOT_PERMITTED


@pytest.mark.parametrize(("base", "held"), NOT_JUDGED)
def test_what_cannot_be_judged_is_refused(base: GeneralName, held: GeneralName) -> None:
    """A constrained form that is malformed or unknown refuses the certificate."""
    assert _judge(held, permitted=(base,)) is Code.NAME_CONSTRAINT_NOT_UNDERSTOOD
    assert _judge(held, excluded=(base,)) is Code.NAME_CONSTRAINT_NOT_UNDERSTOOD


def test_a_wildcard_over_an_excluded_host_is_refused() -> None:
    """`*.example.jp` would stand for the excluded `secret.example.jp`."""
    excluded = (DNSName("secret.example.jp"),)
    assert _judge(DNSName("*.example.jp"), excluded=excluded) is (
        Code.NAME_NOT_PERMITTED
    )
    assert _judge(DNSName("*.other.jp"), excluded=excluded) is Code.VALID


def test_other_forms_are_free() -> None:
    """A constraint on one form says nothing about another."""
    permitted = (DNSName("example.jp"), OtherName("1.2.3", b"\x05\x00"))
    for free in (URIName("http://a.test/"), OtherName("1.2.4", b"\x05\x00")):
        assert _judge(free, permitted=permitted) is Code.VALID


def test_a_mail_address_in_the_subject_is_constrained() -> None:
    """emailAddress in the subject name counts as an rfc822Name (4.2.1.10)."""
    subject = Name.of(Attribute("1.2.840.113549.1.9.1", "taro@other.jp"))
    verdict = _judge(
        DNSName("a.test"), permitted=(RFC822Name("example.jp"),), subject=subject
    )
    assert verdict is Code.NAME_NOT_PERMITTED


def test_constraints_add_up_along_a_path() -> None:
    """A name must be inside what every authority above permits."""
    state = NameConstraintState()
    state.constrain(NameConstraints((DNSName("jp"),), ()))
    state.constrain(NameConstraints((DNSName("example.jp"), DNSName("test")), ()))
    state.check(NOBODY, [DNSName("a.example.jp")], Budget())
    for outside in ("a.test", "other.jp"):
        with pytest.raises(Refused):
            state.check(NOBODY, [DNSName(outside)], Budget())


def test_the_subject_name_is_checked() -> None:
    """A directoryName subtree binds the subject; an empty subject is no name."""
    permitted = (_subtree("Elsewhere"),)
    free = DNSName("a.test")
    assert _judge(free, permitted=permitted, subject=name("x")) is (
        Code.NAME_NOT_PERMITTED
    )
    assert _judge(free, permitted=permitted) is Code.VALID
