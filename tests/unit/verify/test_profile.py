"""What RFC 5280 section 4 forbids, although section 6 does not ask."""

from __future__ import annotations

import pytest

from jpki.der import oids
from jpki.der.writer import boolean, octet_string, sequence, tlv
from jpki.model.names import Name
from jpki.model.profiles import KeyUsage
from jpki.verify.algorithms import AcceptAnyAlgorithm
from jpki.verify.anchors import TrustAnchor
from jpki.verify.jobs import PathJob, RevocationMode
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.verify.reasons import Code
from jpki.x509.extensions import basic_constraints, extension, key_usage
from jpki.x509.general_names import DNSName, encode_general_names
from jpki.x509.parse import Certificate
from tests.support.pki import (
    CA_EXTENSIONS,
    NOW,
    USER_EXTENSIONS,
    alternative_names,
    certificate,
    issue,
    key,
    name,
    name_constraints,
    root,
)

ROOT = root("root")
SUB = issue(ROOT, "sub")
NOBODY = Name(())


def _judge(end: Certificate, *pool: Certificate, anchor: TrustAnchor) -> Code:
    job = PathJob(
        anchors=(anchor,),
        end_entity=end,
        at=NOW,
        algorithms=AcceptAnyAlgorithm(),
        pool=Pool(pool),
        revocation=RevocationMode.NONE,
    )
    return verify_path(job).code


def _end(
    *extensions: bytes,
    subject: Name | None = None,
    issuer: Name | None = None,
    serial: int = 7,
) -> Certificate:
    return certificate(
        name("user") if subject is None else subject,
        key("user").public_key,
        ROOT.name if issuer is None else issuer,
        ROOT.key,
        extensions,
        serial=serial,
    )


_IDENTIFIER = sequence(tlv(0x80, b"1234"))
_NAMES = encode_general_names(DNSName("example.jp"))
_LENGTH = sequence(tlv(0x02, b"\x00"))
_SIGNS = extension(oids.KEY_USAGE, True, key_usage([KeyUsage.KEY_CERT_SIGN]))


@pytest.mark.parametrize(
    ("extensions", "code"),
    [
        ((extension(oids.AUTHORITY_KEY_IDENTIFIER, False, _IDENTIFIER),), "ok"),
        ((extension(oids.AUTHORITY_KEY_IDENTIFIER, True, _IDENTIFIER),), "profile"),
        ((extension(oids.SUBJECT_KEY_IDENTIFIER, False, octet_string(b"1")),), "ok"),
        (
            (extension(oids.SUBJECT_KEY_IDENTIFIER, True, octet_string(b"1")),),
            "profile",
        ),
        ((name_constraints(permitted=[DNSName("jp")]),), "profile"),
        ((extension(oids.BASIC_CONSTRAINTS, True, _LENGTH),), "profile"),
        ((extension(oids.BASIC_CONSTRAINTS, True, b"0\0"), _SIGNS), "profile"),
        ((extension(oids.BASIC_CONSTRAINTS, True, b"0\0"), USER_EXTENSIONS[0]), "ok"),
        ((extension(oids.AUTHORITY_INFO_ACCESS, False, b"0\0"),), "malformed"),
        ((extension(oids.POLICY_MAPPINGS, False, b"0\0"),), "malformed"),
        ((extension(oids.KEY_USAGE, True, b"\3\1\0"),), "malformed"),
        ((extension(oids.SUBJECT_ALT_NAME, False, b"0\2\x89\0"),), "malformed"),
        ((extension(oids.EXTENDED_KEY_USAGE, False, b"0\0"),), "malformed"),
    ],
)
def test_extensions_of_an_end_entity(extensions: tuple[bytes, ...], code: str) -> None:
    """Each is readable and as critical as it may be, needed here or not."""
    expected = {
        "ok": Code.VALID,
        "profile": Code.PROFILE_BROKEN,
        "malformed": Code.MALFORMED_CERTIFICATE,
    }
    assert _judge(_end(*extensions), anchor=ROOT.anchor) is expected[code]


def test_name_constraints_must_be_critical() -> None:
    """Who does not know them would ignore them (4.2.1.10)."""
    critical = name_constraints(permitted=[DNSName("example.jp")])
    quiet = critical.replace(boolean(True), b"", 1)
    quiet = b"\x30" + bytes([quiet[1] - 3]) + quiet[2:]
    for stated, code in ((critical, Code.VALID), (quiet, Code.PROFILE_BROKEN)):
        bound = issue(ROOT, "bound", (*CA_EXTENSIONS, stated))
        inside = issue(bound, "user", (alternative_names(DNSName("example.jp")),))
        found = _judge(inside.certificate, bound.certificate, anchor=ROOT.anchor)
        assert found is code


def test_serial_numbers_have_at_most_twenty_octets() -> None:
    """Nothing else is asked of them: zero and negative ones are in use."""
    for serial, code in (
        (0, Code.VALID),
        (-5, Code.VALID),
        (2**159, Code.VALID),
        (2**160, Code.PROFILE_BROKEN),
        (2**4000, Code.PROFILE_BROKEN),
    ):
        assert _judge(_end(serial=serial), anchor=ROOT.anchor) is code


def test_who_has_no_subject_has_a_critical_other_name() -> None:
    """4.1.2.6; and authorities always have a subject."""
    critical = extension(oids.SUBJECT_ALT_NAME, True, _NAMES)
    quiet = extension(oids.SUBJECT_ALT_NAME, False, _NAMES)
    for extensions, code in (
        ((critical,), Code.VALID),
        ((quiet,), Code.PROFILE_BROKEN),
        ((), Code.PROFILE_BROKEN),
        ((*CA_EXTENSIONS, critical), Code.PROFILE_BROKEN),
    ):
        end = _end(*extensions, subject=NOBODY)
        assert _judge(end, anchor=ROOT.anchor) is code


def test_nobody_issues_nothing() -> None:
    """An empty issuer leads to no anchor, not even to one without a name (4.1.2.4)."""
    anchor = TrustAnchor(name=NOBODY, public_key=ROOT.key.public_key)
    assert _judge(_end(issuer=NOBODY), anchor=anchor) is Code.PROFILE_BROKEN


def test_unknown_qualifiers_of_critical_policies() -> None:
    """4.2.1.4: interpret them, or refuse."""
    arc = bytes.fromhex("0603551d20")
    strange = sequence(bytes.fromhex("06032a0304"), octet_string(b"?"))
    value = sequence(sequence(bytes.fromhex("06042a030405"), sequence(strange)))
    assert arc in extension(oids.CERTIFICATE_POLICIES, True, value)
    for critical, code in (
        (True, Code.UNKNOWN_CRITICAL_EXTENSION),
        (False, Code.VALID),
    ):
        end = _end(extension(oids.CERTIFICATE_POLICIES, critical, value))
        assert _judge(end, anchor=ROOT.anchor) is code


def test_an_anchor_of_version_3_says_that_it_is_an_authority() -> None:
    """One of version 1 cannot, and is one by being an anchor."""
    for extensions, code in (
        (CA_EXTENSIONS, Code.VALID),
        ((), Code.VALID),
        ((CA_EXTENSIONS[1],), Code.NOT_A_CA),
        ((extension(oids.BASIC_CONSTRAINTS, True, b"0\0"),), Code.NOT_A_CA),
        (
            (
                extension(oids.BASIC_CONSTRAINTS, False, basic_constraints(True, None)),
                CA_EXTENSIONS[1],
            ),
            Code.VALID,
        ),
    ):
        anchor = root("root", extensions)
        assert _judge(_end(), anchor=anchor.anchor) is code
