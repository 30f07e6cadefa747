"""Names drawn by chance: constraints of every form, and names that are asked for.

RFC 5280 4.2.1.6, 4.2.1.10; RFC 9525 6. Half of the texts are as they should be, the
others as somebody might write them who hopes to be read differently by two programs.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Final

from jpki.der import oids
from jpki.model.names import Attribute, Name, StringType
from jpki.x509.extensions import extension
from jpki.x509.general_names import (
    DirectoryName,
    DNSName,
    GeneralName,
    IPAddress,
    RFC822Name,
    URIName,
    encode_general_names,
)
from tests.support.chance_pki import Case, Chance, Holder, authority
from tests.support.pki import name, name_constraints

__all__ = ["asked_names", "constrained_names"]

_HOSTS: Final = (
    "example.jp",
    "www.example.jp",
    "a.www.example.jp",
    "badexample.jp",
    "example.test",
    "jp",
)
_ODD_HOSTS: Final = (
    "",
    ".example.jp",
    "example.jp.",
    "WWW.EXAMPLE.JP",
    "*.example.jp",
    "*.www.example.jp",
    "w*.example.jp",
    "*",
    "*.jp",
    "www..example.jp",
    "www.example.jp\0.example.test",
    "www_1.example.jp",
    "-.example.jp",
    "192.0.2.1",
    " example.jp",
    "xn--r8jz45g.jp",
    "x" * 64 + ".example.jp",
)
_MAIL: Final = (
    "taro@example.jp",
    "Taro@example.jp",
    "taro@EXAMPLE.jp",
    "taro@www.example.jp",
    "taro@example.test",
)
_ODD_MAIL: Final = (
    '"taro"@example.jp',
    '"ta@ro"@example.jp',
    "taro@example.jp@example.test",
    "@example.jp",
    "taro@",
    "taro",
    "ta ro@example.jp",
    "taro@[192.0.2.1]",
    "taro@example.jp.",
)
_MAIL_BASES: Final = ("example.jp", ".example.jp", "taro@example.jp", "example.test")
_ODD_MAIL_BASES: Final = ("", "@example.jp", "EXAMPLE.JP", '"taro"@example.jp', ".")
_URIS: Final = (
    "http://example.jp/",
    "https://www.example.jp:8443/a?b#c",
    "http://example.test/example.jp",
)
_ODD_URIS: Final = (
    "ftp://taro:x@example.jp",
    "HTTP://EXAMPLE.JP",
    "http://192.0.2.1/",
    "http://[2001:db8::1]/",
    "urn:example.jp",
    "http:///example.jp",
    "http://example.test\\@example.jp/",
    "http://example.jp@example.test/",
    "//example.jp",
    "http://example.jp./",
    "http://example%2ejp/",
)
_URI_BASES: Final = ("example.jp", ".example.jp", "example.test", ".jp")
_ODD_URI_BASES: Final = ("", "EXAMPLE.JP", "http://example.jp", "example.jp:8443")
_NETWORKS: Final = (
    "10.0.0.0/8",
    "10.1.0.0/16",
    "0.0.0.0/0",
    "192.0.2.1/32",
    "2001:db8::/32",
    "::/0",
)
_ADDRESSES: Final = ("10.1.2.3", "10.2.0.1", "192.0.2.1", "2001:db8::1", "::1")


def constrained_names(chance: Chance) -> Case:
    """Authorities that are confined, and a subscriber inside or outside."""
    draw = chance.random
    anchor = above = chance.root()
    middle: list[Holder] = []
    forms = draw.sample(sorted(_BASES), 1 + draw.randrange(2))
    for level in range(1, 2 + draw.randrange(2)):
        found = authority()
        if level == 1 or draw.random() < 0.5:
            found.append(_constraints(chance, forms))
        if chance.rarely(0.1, "authority with names"):
            found.append(_alternatives(chance, forms))
        itself = bool(middle) and chance.rarely(0.1, "self-issued")
        subject = above.name if itself else _subject(chance, f"chance {level}")
        above = chance.certify(above, subject, f"chance {level}", found)
        middle.append(above)
    own = []
    if draw.random() < 0.9:
        own.append(_alternatives(chance, forms))
    end = chance.certify(above, _subject(chance, "chance end"), "chance end", own)
    return Case(
        kind="constrained names",
        anchors=(anchor.der,),
        middle=tuple(one.der for one in middle),
        end=end.der,
        notes=frozenset(chance.notes),
    )


def _constraints(chance: Chance, forms: list[str]) -> bytes:
    draw = chance.random
    permitted: list[GeneralName] = []
    excluded: list[GeneralName] = []
    for form in forms:
        for _ in range(1 + draw.randrange(2)):
            base = _BASES[form](chance)
            (permitted if draw.random() < 0.6 else excluded).append(base)
    return name_constraints(permitted, excluded)


def _alternatives(chance: Chance, forms: list[str]) -> bytes:
    draw = chance.random
    known = [*forms, *forms, *_BASES] if chance.rarely(0.3) else forms
    names = [_NAMES[draw.choice(known)](chance) for _ in range(1 + draw.randrange(2))]
    critical = chance.rarely(0.1)
    return extension(oids.SUBJECT_ALT_NAME, critical, encode_general_names(*names))


def _subject(chance: Chance, common_name: str) -> Name:
    """Sometimes in other letters, with a mail address, or as a host's name."""
    draw = chance.random
    if chance.rarely(0.1, "host as common name"):
        common_name = draw.choice(_HOSTS)
    rdns = name(common_name).rdns
    if chance.rarely(0.2):
        rdns = (rdns[0], (_organization(chance),), *rdns[2:])
    if chance.rarely(0.1, "mail in subject"):
        text = draw.choice(_MAIL)
        rdns += ((Attribute(oids.EMAIL_ADDRESS, text, StringType.IA5),),)
    return Name(rdns)


def _organization(chance: Chance) -> Attribute:
    if chance.rarely(0.25, "full-width letter"):
        return Attribute(oids.ORGANIZATION, "\uff2aPKI Reference Test")
    return chance.random.choice(
        [
            Attribute(oids.ORGANIZATION, "JPKI  reference TEST"),
            Attribute(oids.ORGANIZATION, "JPKI Reference Test", StringType.PRINTABLE),
            Attribute(oids.ORGANIZATION, "Another"),
        ]
    )


def _text(chance: Chance, usual: tuple[str, ...], odd: tuple[str, ...]) -> str:
    if chance.rarely(0.25):
        text = chance.random.choice(odd)
        chance.notes.add(f"odd {text}")
        return text
    return chance.random.choice(usual)


def _directory(chance: Chance) -> GeneralName:
    rdns = name("chance end").rdns
    if chance.rarely(0.4):
        rdns = (rdns[0], (_organization(chance),), *rdns[2:])
    return DirectoryName(Name(rdns[: chance.random.randrange(4)]))


def _network(chance: Chance) -> GeneralName:
    if chance.rarely(0.1, "odd mask"):
        return IPAddress(bytes.fromhex("0a000000ff00ff00"))
    network = ipaddress.ip_network(chance.random.choice(_NETWORKS))
    return IPAddress(network.network_address.packed + network.netmask.packed)


def _address(chance: Chance) -> GeneralName:
    if chance.rarely(0.05, "odd address"):
        return IPAddress(b"\x0a\x01\x02")
    return IPAddress(ipaddress.ip_address(chance.random.choice(_ADDRESSES)).packed)


def _name_of(
    kind: type[DNSName] | type[RFC822Name] | type[URIName],
    usual: tuple[str, ...],
    odd: tuple[str, ...],
) -> Callable[[Chance], GeneralName]:
    return lambda chance: kind(_text(chance, usual, odd))


def _named(chance: Chance) -> GeneralName:
    return DirectoryName(_subject(chance, "chance end"))


_Drawn = Mapping[str, Callable[[Chance], GeneralName]]
_BASES: Final[_Drawn] = {
    "dns": _name_of(DNSName, _HOSTS, _ODD_HOSTS),
    "mail": _name_of(RFC822Name, _MAIL_BASES, _ODD_MAIL_BASES),
    "uri": _name_of(URIName, _URI_BASES, _ODD_URI_BASES),
    "ip": _network,
    "directory": _directory,
}
_NAMES: Final[_Drawn] = {
    "dns": _name_of(DNSName, _HOSTS, _ODD_HOSTS),
    "mail": _name_of(RFC822Name, _MAIL, _ODD_MAIL),
    "uri": _name_of(URIName, _URIS, _ODD_URIS),
    "ip": _address,
    "directory": _named,
}


def asked_names(chance: Chance) -> Case:
    """A name is asked for that the certificate bears, or nearly."""
    draw = chance.random
    anchor = chance.root()
    form = draw.choice(["dns", "dns", "email", "ip"])
    held = {"email": "mail"}.get(form, form)
    names = [_NAMES[held](chance) for _ in range(1 + draw.randrange(2))]
    if chance.rarely(0.2):
        names.append(_NAMES[draw.choice(sorted(_NAMES))](chance))
    own = []
    if not chance.rarely(0.05):
        own.append(
            extension(oids.SUBJECT_ALT_NAME, False, encode_general_names(*names))
        )
    end = chance.certify(anchor, _subject(chance, "chance end"), "chance end", own)
    if form == "ip":
        wanted = draw.choice(_ADDRESSES)
    elif form == "dns":
        wanted = _text(chance, _HOSTS, _ODD_HOSTS[1:])
    else:
        wanted = _text(chance, _MAIL, _ODD_MAIL)
    return Case(
        kind="asked names",
        anchors=(anchor.der,),
        middle=(),
        end=end.der,
        name=(form, wanted),
        notes=frozenset(chance.notes),
    )
