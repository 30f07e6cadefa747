"""The door of `jpki verify path --batch`: lines, members and values at their edges.

What the verdicts are is tested elsewhere; here, that each line gets the right one, in
order, and that nothing is read as something else.
"""

from __future__ import annotations

import base64
import codecs
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from jpki.cli import main
from jpki.der import oids
from jpki.x509.extensions import basic_constraints, extension
from jpki.x509.general_names import DNSName, IPAddress, RFC822Name
from jpki.x509.pem import pem
from tests.support.pki import (
    CA_EXTENSIONS,
    NOW,
    T1,
    Party,
    alternative_names,
    certificate,
    crl,
    issue,
    key,
    name,
    name_constraints,
    root,
    user,
)

ROOT = root("root")
SUB = issue(ROOT, "sub")
NAMES = alternative_names(
    DNSName("www.xn--r8jz45g.jp"),
    RFC822Name("taro@example.jp"),
    IPAddress(b"\xc0\x00\x02\x01"),
    IPAddress(bytes.fromhex("20010db8" + "00" * 11 + "01")),
)
USER = user(SUB, "user", NAMES)


def _text(der: bytes) -> str:
    return base64.b64encode(der).decode("ascii")


def _job(**changes: object) -> dict[str, Any]:
    """A good question, with these changes."""
    return {
        "id": "1",
        "trust_anchors": [_text(ROOT.certificate.raw)],
        "intermediates": [_text(SUB.certificate.raw)],
        "end_entity": _text(USER.certificate.raw),
        "crls": [_text(crl(ROOT)), _text(crl(SUB))],
        "at": NOW.isoformat(),
        **changes,
    }


def _verdicts(jobs: list[bytes], *arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(
        main, ["verify", "path", "--batch", "-", *arguments], b"\n".join(jobs)
    )
    assert result.exit_code == 0, result.output
    return [json.loads(line, parse_constant=_no) for line in result.output.splitlines()]


def _no(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def _verdict(**changes: object) -> dict[str, Any]:
    (verdict,) = _verdicts([json.dumps(_job(**changes)).encode()])
    return verdict


@pytest.mark.parametrize("identifier", ["1e400", "[1]", "{}", "true", "null", "1.5"])
def test_what_is_no_id_does_not_come_back(identifier: str) -> None:
    """A line's verdict is JSON, whatever stood there: null in its place."""
    line = json.dumps({**_job(), "id": "?"}).replace('"?"', identifier)
    (verdict,) = _verdicts([line.encode()])
    assert (verdict["outcome"], verdict["id"]) == ("error", None)


def test_lines_end_and_begin_as_other_systems_have_it() -> None:
    """CRLF, a byte order mark before the first line, blank lines, no end of the last;
    a mark further down is an error of that line."""
    good = json.dumps(_job()).encode()
    lines = [
        codecs.BOM_UTF8 + good + b"\r",
        b"\r",
        b" \t",
        good,
        codecs.BOM_UTF8 + good,
    ]
    outcomes = [verdict["outcome"] for verdict in _verdicts(lines)]
    assert outcomes == ["valid", "valid", "error"]
    assert _verdicts([codecs.BOM_UTF8]) == []


def test_ids_may_come_twice_and_verdicts_stay_in_order() -> None:
    """Nothing is asked of ids: the order of the lines tells verdicts apart."""
    good = {**_job(), "id": 1}
    jobs = [good, {**good, "at": "1999-01-01"}, good]
    verdicts = _verdicts([json.dumps(job).encode() for job in jobs])
    assert [(v["id"], v["outcome"]) for v in verdicts] == [
        (1, "valid"),
        (1, "invalid"),
        (1, "valid"),
    ]


_TYPES: Final = {
    "trust_anchors": list,
    "intermediates": list,
    "end_entity": str,
    "crls": list,
    "ocsp_responses": list,
    "at": str,
    "revocation": str,
    "use_deltas": bool,
    "initial_policies": list,
    "require_explicit_policy": bool,
    "inhibit_policy_mapping": bool,
    "inhibit_any_policy": bool,
    "max_path_length": int,
    "purpose": str,
    "name": dict,
    "algorithms": str,
    "max_revocation_age": int,
}
_VALUES: Final[tuple[object, ...]] = (
    "",
    "x",
    0,
    1.5,
    True,
    [],
    [1],
    [[]],
    {},
    {"x": 1},
)


@pytest.mark.parametrize("member", _TYPES)
def test_a_value_of_another_type_is_an_error(member: str) -> None:
    """Each member with each type that JSON has; none is read as another one."""
    jobs = [
        {**_job(), member: value}
        for value in _VALUES
        if type(value) is not _TYPES[member]
    ]
    for verdict in _verdicts([json.dumps(job).encode() for job in jobs]):
        assert verdict["outcome"] == "error"
        assert f"{member} has the wrong type" in verdict["reason"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"at": ""}, "at has an unusable value"),
        ({"at": "2014-05-01T25:00:00Z"}, "at has an unusable value"),
        ({"at": "20140501"}, None),
        ({"at": "2014-05-01T09:00:00.75+09:00"}, None),
        ({"trust_anchors": [None]}, "trust_anchors has an unusable value"),
        ({"intermediates": ["MAA="]}, "path.none"),
        ({"crls": ["MAA=", ""]}, "revocation.no-data"),
        ({"ocsp_responses": ["MAA="]}, None),
        ({"max_path_length": -1}, "the maximal path length is negative"),
        ({"max_path_length": 10**30}, None),
        ({"max_revocation_age": -1}, "age of revocation data is negative"),
        ({"max_revocation_age": 10**30}, None),
        ({"purpose": "1.02.3"}, "purpose has an unusable value"),
        ({"purpose": "serverAuth"}, "purpose has an unusable value"),
        ({"initial_policies": ["2.5.29.032.0"]}, "unusable value"),
        ({"initial_policies": ["١.2.3"]}, "unusable value"),
        ({"name": {}}, "one of dns, ip and email"),
        ({"name": {"dns": None}}, "one of dns, ip and email"),
        ({"name": {"uri": "x"}}, "no member 'uri'"),
        ({"name": {"ip": "192.0.2.01"}}, "ip has an unusable value"),
        ({"name": {"ip": "192.0.2.0/24"}}, "ip has an unusable value"),
        ({"name": {"ip": "fe80::1%eth0"}}, "ip has an unusable value"),
        ({"name": {"ip": "::ffff:192.0.2.1"}}, "name.mismatch"),
        ({"X-other": 1}, "no member 'X-other'"),
        ({"x-other": [{}]}, None),
    ],
)
def test_values_are_exact(change: Mapping[str, object], words: str | None) -> None:
    """What has no one meaning is an error; otherwise the verdict is as without it, or
    has the code of what is missing."""
    job = {**_job(), **change}
    (verdict,) = _verdicts([json.dumps(job).encode()])
    if words is None:
        assert verdict["outcome"] == "valid"
    elif verdict["outcome"] == "error":
        assert words in verdict["reason"]
    else:
        assert verdict["code"] == words


def _encodings(der: bytes) -> Mapping[str, str]:
    text = _text(der)
    return {
        "space": f"{text[:8]} {text[8:]}",
        "lines": f"{text[:64]}\n{text[64:]}",
        "url": text.replace("+", "-").replace("/", "_") + "-_==",
        "unpadded": text[:-1],
        "PEM": pem(der, "CERTIFICATE").decode(),
    }


def test_octets_come_in_plain_base64() -> None:
    """White space, other alphabets, PEM and half groups are errors in each place."""
    anchor = ROOT.certificate.raw
    for member in ("trust_anchors", "intermediates", "end_entity", "crls"):
        for kind, text in _encodings(anchor).items():
            value: object = text if member == "end_entity" else [text]
            (verdict,) = _verdicts([json.dumps({**_job(), member: value}).encode()])
            assert verdict["outcome"] == "error", (member, kind)
            assert f"{member} has an unusable value" in verdict["reason"]


def test_what_is_no_certificate_inside_the_base64() -> None:
    """PEM, or octets after the certificate: no anchor, no intermediate, no end."""
    job = _job()
    for wrap in (lambda der: pem(der, "CERTIFICATE"), lambda der: der + b"\x00"):
        for change, outcome in (
            ({"trust_anchors": [_text(wrap(ROOT.certificate.raw))]}, "error"),
            ({"end_entity": _text(wrap(USER.certificate.raw))}, "invalid"),
            ({"intermediates": [_text(wrap(SUB.certificate.raw))]}, "invalid"),
        ):
            (verdict,) = _verdicts([json.dumps({**job, **change}).encode()])
            assert verdict["outcome"] == outcome, change.keys()


def test_the_same_thing_twice_is_there_once() -> None:
    """Duplicates, the anchor among the intermediates, the end entity as well."""
    job = _job()
    (plain,) = _verdicts([json.dumps(job).encode()])
    crowded = {
        **job,
        "trust_anchors": job["trust_anchors"] * 2,
        "intermediates": [
            *job["intermediates"] * 2,
            *job["trust_anchors"],
            job["end_entity"],
        ],
        "crls": job["crls"] * 2,
    }
    (verdict,) = _verdicts([json.dumps(crowded).encode()])
    assert verdict == plain


def test_the_exit_status_tells_whether_all_was_answered(tmp_path: Path) -> None:
    """0 whatever the verdicts; 2 where there is nothing to read. The answers go out."""
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_bytes(json.dumps(_job(at="1999-01-01")).encode() + b"\n{\n")
    line = ["verify", "path", "--batch"]
    done = CliRunner().invoke(main, [*line, str(jobs)])
    outcomes = [json.loads(text)["outcome"] for text in done.output.splitlines()]
    assert (done.exit_code, outcomes) == (0, ["invalid", "error"])
    assert CliRunner().invoke(main, [*line, str(tmp_path / "none")]).exit_code == 2
    nowhere = [*line, "-", "--pool", str(tmp_path / "none")]
    assert CliRunner().invoke(main, nowhere).exit_code == 2


@pytest.mark.parametrize(
    ("wanted", "borne"),
    [
        ({"dns": "WWW.例え.jp"}, True),
        ({"dns": "www.xn--r8jz45g.JP."}, True),
        ({"dns": "www.例え.jp.."}, False),
        ({"dns": ""}, False),
        ({"dns": "192.0.2.1"}, False),
        ({"ip": "192.0.2.1"}, True),
        ({"ip": "2001:DB8::1"}, True),
        ({"ip": "2001:db8:0:0:0:0:0:1"}, True),
        ({"ip": "::ffff:192.0.2.1"}, False),
        ({"email": "taro@EXAMPLE.jp"}, True),
        ({"email": '"taro"@example.jp'}, True),
        ({"email": "TARO@example.jp"}, False),
        ({"email": "太郎@example.jp"}, False),
        ({"email": "example.jp"}, False),
    ],
)
def test_names_that_are_asked_for(wanted: Mapping[str, str], borne: bool) -> None:
    """In the forms in which people write them; the certificate's form is one."""
    code = _verdict(name=wanted)["code"]
    assert code == ("valid" if borne else "name.mismatch")


def _anchored(anchor: Party, *chain: Party) -> str:
    found: str = _verdict(
        trust_anchors=[_text(anchor.certificate.raw)],
        intermediates=[_text(one.certificate.raw) for one in chain[:-1]],
        end_entity=_text(chain[-1].certificate.raw),
        revocation="none",
    )["code"]
    return found


def _root_like(
    *extensions: bytes, not_after: object = T1, label: str = "edge root"
) -> Party:
    own = key(label)
    made = certificate(
        name(label),
        own.public_key,
        name(label),
        own,
        extensions,
        not_after=T1 if not_after is T1 else NOW - timedelta(seconds=1),
    )
    return Party(name=name(label), key=own, certificate=made)


def test_anchors_bind_as_their_certificates_say() -> None:
    """RFC 5937: an anchor that has expired, is no authority, or limits what is below.
    One of version 1 could not say anything."""
    expired = _root_like(*CA_EXTENSIONS, not_after=NOW)
    assert _anchored(expired, user(expired)) == "certificate.expired"
    first = _root_like()
    assert first.certificate.version == 1
    assert _anchored(first, user(first)) == "valid"
    no_authority = extension(
        oids.BASIC_CONSTRAINTS, True, basic_constraints(False, None)
    )
    leaf = _root_like(no_authority)
    assert _anchored(leaf, user(leaf)) == "certificate.not-a-ca"
    short = extension(oids.BASIC_CONSTRAINTS, True, basic_constraints(True, 0))
    limited = _root_like(short, CA_EXTENSIONS[1])
    below = issue(limited, "below")
    assert _anchored(limited, user(limited)) == "valid"
    assert _anchored(limited, below, user(below)) == "path.too-long"
    bound = _root_like(
        *CA_EXTENSIONS, name_constraints(permitted=[DNSName("example.jp")])
    )
    assert _anchored(bound, user(bound, "user", NAMES)) == "name-constraints.violated"


def test_an_end_entity_that_is_an_anchor() -> None:
    """A root is a path of one: its key signed it. Another's certificate is not valid
    only because it is trusted to issue: that is asked of its own path."""
    assert _anchored(ROOT, ROOT) == "valid"
    assert _anchored(SUB, SUB) == "path.none"
    assert _anchored(SUB, USER) == "valid"
    assert _anchored(ROOT, SUB, ROOT) == "valid"
