"""The verifier's HTTP interface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, request

from jpki import data
from jpki.documents.archives import unpacked
from jpki.documents.kinds import is_archive
from jpki.documents.signature import Content
from jpki.errors import RequestError
from jpki.service.answers import Answer, json_answer, json_octets
from jpki.service.clock import TEST_INSTANT_HEADER, RequestClock
from jpki.service.health import Health
from jpki.strict_json import parse_object
from jpki.verify import (
    AlgorithmPolicy,
    EraAlgorithms,
    Memory,
    Outcome,
    Pool,
    VerificationPolicy,
    Verifier,
)
from jpki.verify.applications import verify_application
from jpki.verify.batch import judge_line
from jpki.verify.matching import Comparison, compare_items, read_claim
from jpki.x509.names import rfc4514

__all__ = ["Desk", "blueprint"]

_LINES: Final = frozenset({"application/jsonl", "application/x-ndjson"})
_UNPACKED: Final = 4
"""How many times a body's octets an archive in it may hold: what a thread keeps."""
_PARTS: Final = frozenset({"document", "content", "claim"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What the routes work with."""

    verifier: Verifier
    policy: VerificationPolicy
    pool: Pool
    memory: Memory
    """Signature checks, shared by all path jobs."""
    clock: RequestClock
    health: Health
    body_limit: int
    """Octets of the largest request body."""

    def instant(self) -> datetime:
        """The one instant that the current request is served at."""
        return self.clock.at(request.headers.get(TEST_INSTANT_HEADER))


def blueprint(desk: Desk) -> Blueprint:
    """The routes of one verifier."""
    routes = Blueprint("verifier", __name__)
    routes.add_url_rule("/health/live", view_func=desk.health.live)
    routes.add_url_rule("/health/ready", view_func=desk.health.ready)

    @routes.get("/policy")
    def policy() -> Answer:
        """Whom this verifier trusts, and for what."""
        return json_answer(
            {
                "trust_anchors": [
                    {
                        "name": rfc4514(anchor.name),
                        "sha256": anchor.certificate and anchor.certificate.fingerprint,
                    }
                    for anchor in desk.policy.anchors
                ],
                "time_anchors": [rfc4514(a.name) for a in desk.policy.time_anchors],
                "policies": sorted(desk.policy.policies),
                "key_usage": sorted(bit.label for bit in desk.policy.key_usage),
                "revocation": desk.policy.revocation.value,
            }
        )

    @routes.post("/validate")
    def validate() -> Response | Answer:
        """Path jobs: one as JSON, or any number as lines of JSON, answered in order."""
        if request.mimetype in _LINES:
            verdicts = _verdicts(request.get_data(), desk)
            return Response(verdicts, mimetype=request.mimetype)
        if request.mimetype != "application/json":
            raise RequestError(
                "a job is application/json, several are application/x-ndjson"
            )
        verdict = judge_line(request.get_data(), desk.pool, _algorithms, desk.memory)
        wrong = verdict["outcome"] == "error"
        return json_answer(verdict, HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.OK)

    @routes.post("/verify")
    def verify() -> Answer:
        """A signed document, and what it is over where that is not inside; or a ZIP
        archive of an application's files."""
        unknown = sorted({*request.files, *request.form} - _PARTS)
        if unknown:
            raise RequestError(f"unknown part: {unknown[0][:40]}")
        documents = request.files.getlist("document")
        if len(documents) != 1:
            raise RequestError("exactly one file is needed: document")
        outcome = _judged(desk, documents[0].read(), _content())
        verdict = outcome.to_json()
        if "claim" in request.form:
            comparison = _compared(outcome, request.form["claim"])
            verdict["comparison"] = None if comparison is None else comparison.to_json()
        return json_answer(verdict)

    return routes


def _verdicts(body: bytes, desk: Desk) -> Iterator[bytes]:
    for line in body.splitlines(keepends=True):
        if line.strip():
            verdict = judge_line(line, desk.pool, _algorithms, desk.memory)
            yield json_octets(verdict) + b"\n"


def _algorithms(name: str) -> AlgorithmPolicy:
    return EraAlgorithms(data.era(name))


def _content() -> Content:
    sent = request.files.getlist("content")
    if not sent:
        return None
    content: dict[str, bytes] = {file.filename or "": file.read() for file in sent}
    if len(content) != len(sent):
        raise RequestError("two files of content have one name")
    if len(content) == 1:
        return next(iter(content.values()))
    return content


def _judged(desk: Desk, document: bytes, content: Content) -> Outcome:
    if content is None and is_archive(document):
        files = unpacked(document, max_octets=_UNPACKED * desk.body_limit)
        return verify_application(desk.verifier, files, desk.instant())
    return desk.verifier.verify(document, content, desk.instant())


def _compared(outcome: Outcome, claim: str) -> Comparison | None:
    claimed = read_claim(parse_object(claim.encode()))
    if outcome.signer is None or outcome.signer.attributes is None:
        return None
    items = outcome.signer.attributes
    return compare_items(items, claimed, prefectures=data.prefectures())
