"""証拠記録: a verdict with all it rests on, to be reached again years later.

A record is a ZIP archive: the document, what was asked (`record.json`), the trust
anchors, and each certificate, CRL and OCSP response that the verdict rests on, as files
that any other program can read as well. `judge_again` needs nothing else, no network
and no clock: it judges at the instant of the record. Who keeps the record keeps proof
for as long as the record itself is safe; a timestamp over the file makes it so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from jpki import data
from jpki.documents.archives import packed, unpacked
from jpki.documents.signature import Content
from jpki.errors import DocumentError, EncodingError, JpkiError, RequestError
from jpki.model.key_usage import KeyUsage
from jpki.strict_json import Fields, parse_object
from jpki.verify.algorithms import EraAlgorithms
from jpki.verify.anchors import TrustAnchor
from jpki.verify.evidence import AtHand
from jpki.verify.jobs import RevocationMode
from jpki.verify.outcomes import Outcome
from jpki.verify.pool import Pool
from jpki.verify.verifier import VerificationPolicy, Verifier
from jpki.verify.watching import Seen
from jpki.x509.parse import parse_certificate

__all__ = ["EvidenceRecord", "confirms", "judge_again", "make_record", "read_record"]

MAX_RECORD: Final = 512 << 20
"""Octets, unpacked: a list of a million entries has 40 MiB."""
MAX_FILES: Final = 4096
_FORMAT: Final = "jpki-evidence-record-1"
_MANIFEST: Final = "record.json"
_DOCUMENT: Final = "document"
_KINDS: Final = {
    "anchors": "cer",
    "time-anchors": "cer",
    "certificates": "cer",
    "crls": "crl",
    "ocsp": "ors",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceRecord:
    """What was asked, what it was asked about, and all that the answer rests on."""

    at: datetime
    policy: VerificationPolicy
    document: bytes = field(repr=False)
    content: Content = field(repr=False)
    certificates: tuple[bytes, ...] = field(repr=False)
    crls: tuple[bytes, ...] = field(repr=False)
    ocsp_responses: tuple[bytes, ...] = field(repr=False)
    complete: bool = True
    """Whether all certificates could be fetched, so that no path means invalid."""
    verdict: Mapping[str, object]
    """As `Outcome.to_json` gave it."""

    def to_bytes(self) -> bytes:
        """The archive. The same record gives the same octets.

        Raises:
            RequestError: the policy has something that cannot be written down.
        """
        files = dict(self._files())
        manifest = {
            "format": _FORMAT,
            "at": self.at.isoformat(),
            "policy": _policy_to_json(self.policy),
            "content": _content_to_json(self.content),
            "verdict": self.verdict,
            **({} if self.complete else {"complete": False}),
            "sha256": {
                name: hashlib.sha256(octets).hexdigest()
                for name, octets in files.items()
            },
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
        return packed({_MANIFEST: text.encode(), **files})

    def _files(self) -> Iterator[tuple[str, bytes]]:
        yield _DOCUMENT, self.document
        if isinstance(self.content, bytes):
            yield "content/0", self.content
        elif self.content is not None:
            for number, octets in enumerate(self.content.values()):
                yield f"content/{number}", octets
        policy = self.policy
        kinds: dict[str, Iterable[bytes]] = {
            "anchors": _of_anchors(policy.anchors),
            "time-anchors": _of_anchors(policy.time_anchors),
            "certificates": self.certificates,
            "crls": self.crls,
            "ocsp": self.ocsp_responses,
        }
        for kind, held in kinds.items():
            for octets in held:
                digest = hashlib.sha256(octets).hexdigest()
                yield f"{kind}/{digest}.{_KINDS[kind]}", octets


def make_record(
    policy: VerificationPolicy,
    document: bytes,
    content: Content,
    outcome: Outcome,
    seen: Seen,
) -> EvidenceRecord:
    """The record of a verdict, with no more evidence than it needs.

    Args:
        policy: that the verdict was reached under.
        document: as it was given to `Verifier.verify`.
        content: likewise.
        outcome: the verdict.
        seen: what was looked at on the way.

    Raises:
        RequestError: the verdict does not follow from what is in the record.
    """
    cited = {found.fingerprint for found in outcome.evidence}
    cited |= {found.fingerprint for proof in outcome.proofs for found in proof.evidence}
    every = (
        tuple(found.raw for found in seen.certificates.values()),
        {key: bytes(found.crl.raw) for key, found in seen.crls.items()},
        {hashlib.sha256(raw).hexdigest(): raw for raw in seen.ocsp_responses},
    )
    verdict = outcome.to_json()
    for wanted in (cited, None):
        record = EvidenceRecord(
            at=outcome.at,
            policy=policy,
            document=document,
            content=content,
            certificates=every[0],
            crls=_chosen(every[1], wanted),
            ocsp_responses=_chosen(every[2], wanted),
            complete=seen.complete,
            verdict=verdict,
        )
        if _essence(judge_again(record).to_json()) == _essence(verdict):
            return record
    raise RequestError("the verdict cannot be reached again from its evidence")


def judge_again(record: EvidenceRecord) -> Outcome:
    """Reach the verdict anew, from what is in the record alone."""
    pool = Pool.from_der(
        certificates=record.certificates,
        crls=record.crls,
        ocsp_responses=record.ocsp_responses,
        beneath=() if record.complete else (Pool(complete=False),),
    )
    verifier = Verifier(record.policy, AtHand(pool))
    return verifier.verify(record.document, record.content, record.at)


def confirms(record: EvidenceRecord, outcome: Outcome) -> bool:
    """Whether a verdict reached anew is the recorded one, for the same reasons."""
    recorded = _essence(record.verdict)
    told = {"outcome", "code"} <= recorded.keys()
    return told and _holds(recorded, _essence(outcome.to_json()))


def read_record(octets: bytes) -> EvidenceRecord:
    """Read an archive that `to_bytes` made. Nothing in it is trusted by being there.

    Raises:
        DocumentError: it is none, or was altered, or is larger than allowed.
    """
    try:
        files = unpacked(octets, max_octets=MAX_RECORD, max_files=MAX_FILES)
        fields = Fields(parse_object(files.pop(_MANIFEST)), "the record")
        if fields.need("format", str, str) != _FORMAT:
            raise DocumentError("a record of another format")
        at = fields.need("at", str, datetime.fromisoformat)
        digests = fields.need("sha256", dict, dict)
        for name, held in files.items():
            if digests.pop(name, None) != hashlib.sha256(held).hexdigest():
                raise DocumentError(f"{name} is not what was recorded")
        if digests:
            raise DocumentError(f"{min(digests)} is missing")
        content = _content_of(fields, files)
        policy = _policy_of(fields.need("policy", dict, dict), files)
        verdict = fields.need("verdict", dict, dict)
        complete = fields.take("complete", bool, bool)
        fields.done()
        return EvidenceRecord(
            at=at,
            policy=policy,
            document=files[_DOCUMENT],
            content=content,
            certificates=_within(files, "certificates"),
            crls=_within(files, "crls"),
            ocsp_responses=_within(files, "ocsp"),
            complete=complete is not False,
            verdict=verdict,
        )
    except DocumentError:
        raise
    except (JpkiError, KeyError) as error:
        raise DocumentError(f"this is no evidence record: {error}") from None


def _within(files: Mapping[str, bytes], kind: str) -> tuple[bytes, ...]:
    """In the order of the archive, which is that of the verdict."""
    return tuple(held for name, held in files.items() if name.startswith(f"{kind}/"))


def _chosen(held: Mapping[str, bytes], wanted: set[str] | None) -> tuple[bytes, ...]:
    return tuple(
        octets for key, octets in held.items() if wanted is None or key in wanted
    )


def _essence(verdict: Mapping[str, object]) -> dict[str, object]:
    """A verdict without what it cost, what was tried, its wording, and what lay beside.

    Statements about revocation are all looked at; which one was met first depends on
    where each lay, in the document, on a shelf or in the record.
    """
    kept = {
        key: value
        for key, value in verdict.items()
        if key not in ("work", "notes", "files", "text")
    }
    normal: dict[str, object] = json.loads(json.dumps(kept), object_hook=_unordered)
    return normal


def _holds(recorded: object, found: object) -> bool:
    """Whether all that was recorded is found; verdicts of later years may tell more."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        return all(
            key in found and _holds(value, found[key])
            for key, value in recorded.items()
        )
    if isinstance(recorded, list) and isinstance(found, list):
        return len(recorded) == len(found) and all(map(_holds, recorded, found))
    return recorded == found


def _unordered(value: dict[str, object]) -> dict[str, object]:
    found = value.get("revocation")
    if isinstance(found, list):
        value["revocation"] = sorted(found, key=partial(json.dumps, sort_keys=True))
    return value


def _content_to_json(content: Content) -> object:
    if content is None:
        return None
    return [None] if isinstance(content, bytes) else list(content)


def _content_of(fields: Fields, files: Mapping[str, bytes]) -> Content:
    names = fields.take("content", list, list)
    if names is None:
        return None
    held = [files[f"content/{number}"] for number in range(len(names))]
    if names == [None]:
        return held[0]
    return {str(name): octets for name, octets in zip(names, held, strict=True)}


def _of_anchors(anchors: Iterable[TrustAnchor]) -> Iterator[bytes]:
    for anchor in anchors:
        if anchor.certificate is None:
            raise RequestError(
                "a trust anchor without a certificate cannot be recorded"
            )
        yield anchor.certificate.raw


def _policy_to_json(policy: VerificationPolicy) -> dict[str, object]:
    if not isinstance(policy.algorithms, EraAlgorithms):
        raise RequestError("only the algorithms of an era can be recorded")
    age = policy.max_revocation_age
    return {
        "era": policy.algorithms.era.id,
        "policies": sorted(policy.policies),
        "key_usage": sorted(usage.label for usage in policy.key_usage),
        "basic_information": policy.basic_information,
        "revocation": policy.revocation.value,
        "max_revocation_age": None if age is None else int(age.total_seconds()),
        "use_deltas": policy.use_deltas,
    }


def _policy_of(
    values: dict[str, object], files: Mapping[str, bytes]
) -> VerificationPolicy:
    fields = Fields(values, "the policy")
    age = fields.take("max_revocation_age", int, int)
    labels = {usage.label: usage for usage in KeyUsage}
    policy = VerificationPolicy(
        anchors=_anchors(files, "anchors"),
        time_anchors=_anchors(files, "time-anchors"),
        algorithms=EraAlgorithms(data.era(fields.need("era", str, str))),
        policies=frozenset(map(str, fields.need("policies", list, list))),
        key_usage=frozenset(
            labels[str(label)] for label in fields.need("key_usage", list, list)
        ),
        basic_information=fields.need("basic_information", bool, bool),
        revocation=fields.need("revocation", str, RevocationMode),
        max_revocation_age=None if age is None else timedelta(seconds=age),
        use_deltas=fields.need("use_deltas", bool, bool),
    )
    fields.done()
    return policy


def _anchors(files: Mapping[str, bytes], kind: str) -> tuple[TrustAnchor, ...]:
    try:
        return tuple(
            TrustAnchor.of(parse_certificate(held)) for held in _within(files, kind)
        )
    except EncodingError as error:
        raise DocumentError(f"a trust anchor cannot be read: {error}") from None
