"""Path validation as lines of JSON: one job in, one verdict out.

    {"id": "1", "trust_anchors": ["MII…"], "end_entity": "MII…", "at": "2026-01-01T…Z"}

The members are those of `PathJob`, byte strings in base64 without white space. Whatever
a line leaves out has the strictest value that asks for nothing special: revocation is
required, any policy is accepted, and so is any algorithm. Members that begin with `x-`
are ignored; any other unknown member is an error of that line alone, as is a value of
another type, an anchor that cannot be read, and a question that has no answer. An end
entity that cannot be read is `invalid`; what cannot be read otherwise is not at hand.

Values are exact. `id` is a text or a whole number, comes back as it is, and may come
twice. `at` is ISO 8601, in UTC if it has no offset; fractions of a second are cut off.
An `ip` of either version is compared octet by octet, so that `::ffff:192.0.2.1` is not
`192.0.2.1`. A `dns` name may be in any letters and end in a period. In an `email` the
local part is compared exactly, quotes aside, and the host like a `dns` name.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from jpki.der.writer import object_identifier
from jpki.errors import EncodingError, JpkiError, RequestError
from jpki.strict_json import Fields, parse_object
from jpki.verify.algorithms import AcceptAnyAlgorithm, AlgorithmPolicy
from jpki.verify.anchors import TrustAnchor
from jpki.verify.jobs import ANY_POLICY_SET, PathJob, RevocationMode
from jpki.verify.memory import Memory
from jpki.verify.outcomes import Invalid, Outcome
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.verify.reasons import Code, Reason
from jpki.verify.subject_names import SubjectName
from jpki.x509.general_names import DNSName, IPAddress, RFC822Name
from jpki.x509.parse import parse_certificate

__all__ = ["AlgorithmsNamed", "judge_line"]

AlgorithmsNamed = Callable[[str], AlgorithmPolicy]
"""The algorithm policy of an era. Raises NotFound for a name that is none."""

_ANY: Final = "any"
_IGNORED: Final = "x-"
_MAX_SECONDS: Final = 10**10
"""Three centuries: an age of revocation data above that means no limit."""


def judge_line(
    line: bytes,
    shelf: Pool,
    algorithms: AlgorithmsNamed,
    memory: Memory | None = None,
) -> dict[str, object]:
    """The verdict on one job, ready to be written as JSON.

    Args:
        line: one JSON object.
        shelf: what is at hand for every job; trusted no more than the job's own.
        algorithms: finds an era's algorithm policy by its name.
        memory: signature checks to share with other lines.

    Returns:
        `id`, `outcome`, `code` and `reason`; the rest unless `outcome` is `error`.
    """
    identifier: object = None
    try:
        members = parse_object(line)
        if type(members.get("id")) in (str, int):
            # Whatever else it is is no id, and perhaps nothing that JSON can write.
            identifier = members["id"]
        outcome = _judged(members, shelf, algorithms, memory)
    except JpkiError as error:
        return {
            "id": identifier,
            "outcome": "error",
            "code": error.code,
            "reason": error.message,
        }
    document = outcome.to_json()
    return {
        "id": identifier,
        "outcome": outcome.outcome,
        "code": outcome.code.value,
        "reason": outcome.reason.text("en"),
        "policies": document["policies"],
        "path": document["path"],
        "revocation": document["revocation"],
        "work": document["work"],
    }


def _judged(
    members: dict[str, object],
    shelf: Pool,
    algorithms: AlgorithmsNamed,
    memory: Memory | None,
) -> Outcome:
    fields = Fields(
        {k: v for k, v in members.items() if not k.startswith(_IGNORED)}, "the job"
    )
    if type(members.get("id")) is int:
        fields.need("id", int, int)
    else:
        fields.need("id", str, str)
    anchors = _anchors(fields.need("trust_anchors", list, _octet_strings))
    end_entity = fields.need("end_entity", str, _octets)
    at = fields.need("at", str, _instant)
    own = Pool.from_der(
        certificates=fields.take("intermediates", list, _octet_strings) or (),
        crls=fields.take("crls", list, _octet_strings) or (),
        ocsp_responses=fields.take("ocsp_responses", list, _octet_strings) or (),
    )
    algorithm_policy = fields.take(
        "algorithms", str, lambda name: _era(name, algorithms)
    )
    policies = fields.take("initial_policies", list, _policies)
    job = partial(
        PathJob,
        at=at,
        pool=Pool(beneath=(own, shelf)),
        algorithms=algorithm_policy or AcceptAnyAlgorithm(),
        revocation=fields.take("revocation", str, RevocationMode)
        or RevocationMode.REQUIRE,
        max_revocation_age=fields.take("max_revocation_age", int, _age),
        initial_policies=ANY_POLICY_SET if policies is None else policies,
        max_path_length=fields.take("max_path_length", int, int),
        purpose=fields.take("purpose", str, _oid),
        name=fields.take("name", dict, _name),
        use_deltas=fields.take("use_deltas", bool, bool) or False,
        require_explicit_policy=fields.take("require_explicit_policy", bool, bool)
        or False,
        inhibit_policy_mapping=fields.take("inhibit_policy_mapping", bool, bool)
        or False,
        inhibit_any_policy=fields.take("inhibit_any_policy", bool, bool) or False,
    )
    fields.done()
    try:
        certificate = parse_certificate(end_entity)
    except EncodingError as error:
        data = {"problem": error.reason, "subject": "–"}
        return Invalid(at=at, reason=Reason(code=Code.MALFORMED_CERTIFICATE, data=data))
    return verify_path(job(anchors=anchors, end_entity=certificate), memory)


def _anchors(certificates: tuple[bytes, ...]) -> tuple[TrustAnchor, ...]:
    """Anchors that can be read; trust in what cannot be read is an error."""
    try:
        return tuple(TrustAnchor.of(parse_certificate(der)) for der in certificates)
    except EncodingError as error:
        raise RequestError(f"a trust anchor cannot be read: {error.reason}") from None


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _octet_strings(values: list[object]) -> tuple[bytes, ...]:
    if not all(isinstance(value, str) for value in values):
        raise ValueError
    return tuple(_octets(value) for value in values if isinstance(value, str))


def _instant(text: str) -> datetime:
    """ISO 8601; a time without offset is UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def _age(seconds: int) -> timedelta:
    return timedelta(seconds=min(seconds, _MAX_SECONDS))


def _oid(text: str) -> str:
    object_identifier(text)
    return text


def _policies(values: list[object]) -> frozenset[str]:
    if not all(isinstance(value, str) for value in values):
        raise ValueError
    return frozenset(_oid(value) for value in values if isinstance(value, str))


def _name(value: dict[str, object]) -> SubjectName:
    fields = Fields(value, "the name")
    found: list[SubjectName | None] = [
        fields.take("dns", str, DNSName),
        fields.take("email", str, RFC822Name),
        fields.take("ip", str, _address),
    ]
    fields.done()
    given = [name for name in found if name is not None]
    if len(given) != 1:
        raise RequestError("the name is one of dns, ip and email")
    return given[0]


def _address(text: str) -> IPAddress:
    # A zone is of this machine, and nothing that a certificate could be about.
    if "%" in text:
        raise ValueError
    return IPAddress(ipaddress.ip_address(text).packed)


def _era(name: str, algorithms: AlgorithmsNamed) -> AlgorithmPolicy:
    return AcceptAnyAlgorithm() if name == _ANY else algorithms(name)
