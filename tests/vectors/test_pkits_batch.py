"""The same suite through `jpki verify path --batch` and its lines of JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from jpki.cli import main
from jpki.cli.verify import paths
from tests.support.pkits import (
    AT,
    CASES,
    TABLE,
    case_files,
    certificate,
    policies,
    whole_suite,
)


def _text(der: bytes) -> str:
    return base64.b64encode(der).decode("ascii")


def _job(case: Mapping[str, Any]) -> dict[str, object]:
    files = case_files(case)
    return {
        "id": case["id"],
        "trust_anchors": [_text(certificate(TABLE["anchor"]))],
        "intermediates": [_text(der) for der in files.certificates[:-1]],
        "end_entity": _text(files.certificates[-1]),
        "crls": [_text(der) for der in files.crls],
        "ocsp_responses": [],
        "at": AT.isoformat(),
        "revocation": "require",
        "use_deltas": True,
        "initial_policies": sorted(policies(case.get("initial", ["any"]))),
        "require_explicit_policy": case.get("explicit", False),
        "inhibit_policy_mapping": case.get("inhibit_mapping", False),
        "inhibit_any_policy": case.get("inhibit_any", False),
        "max_path_length": None,
        "purpose": None,
        "name": None,
        "algorithms": "any",
        "max_revocation_age": None,
        "x-remark": "ignored",
    }


def _verdicts(jobs: list[bytes], *arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(
        main, ["verify", "path", "--batch", "-", *arguments], b"\n".join(jobs)
    )
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


@pytest.mark.parametrize("pooled", [False, True], ids=["alone", "pooled"])
def test_batch_comes_to_the_verdicts_of_the_suite(pooled: bool, tmp_path: Path) -> None:
    """Every case, in order, with and without all other files at hand."""
    arguments: list[str] = []
    if pooled:
        for number, der in enumerate([*whole_suite()[0], *whole_suite()[1]]):
            (tmp_path / f"{number}.der").write_bytes(der)
        arguments = ["--pool", str(tmp_path)]
    jobs = [json.dumps(_job(case)).encode() for case in CASES]
    verdicts = _verdicts(jobs, *arguments)
    assert [v["id"] for v in verdicts] == [case["id"] for case in CASES]
    for case, verdict in zip(CASES, verdicts, strict=True):
        assert (verdict["outcome"] == "valid") == case["valid"], verdict
        if case["valid"]:
            assert set(verdict["policies"]) == policies(case["output"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surprise": 1}, "no member 'surprise'"),
        ({"at": "yesterday"}, "at has an unusable value"),
        ({"at": None}, "at is missing"),
        ({"use_deltas": 1}, "use_deltas has the wrong type"),
        ({"revocation": "perhaps"}, "revocation has an unusable value"),
        ({"trust_anchors": []}, "no trust anchor"),
        ({"trust_anchors": ["MAA="]}, "a trust anchor cannot be read"),
        ({"end_entity": "*"}, "end_entity has an unusable value"),
        ({"initial_policies": []}, "no initial policy"),
        ({"initial_policies": ["1.x"]}, "initial_policies has an unusable value"),
        ({"name": {"dns": "a", "ip": "::1"}}, "one of dns, ip and email"),
        ({"algorithms": "bronze-age"}, "no era bronze-age"),
    ],
)
def test_a_line_that_asks_badly_is_an_error_of_its_own(
    change: Mapping[str, object], words: str
) -> None:
    """The lines before and after it get their verdicts."""
    good = _job(CASES[0])
    jobs = [good, {**good, "id": "bad", **change}, good]
    verdicts = _verdicts([json.dumps(job).encode() for job in jobs])
    assert [v["outcome"] for v in verdicts] == ["valid", "error", "valid"]
    assert verdicts[1]["id"] == "bad"
    assert words in verdicts[1]["reason"]


def test_a_line_that_is_no_object_is_an_error_of_its_own() -> None:
    """Whatever it is, it ends nothing."""
    jobs = [b"{", b"[]", b'"text"', b"\xff\xfe", b'{"id": "1", "id": "2"}']
    assert {v["outcome"] for v in _verdicts(jobs)} == {"error"}


@pytest.mark.parametrize("identifier", ["\ud800", "\u0000\u2028", "x" * 9999, 17, -1])
def test_any_id_comes_back(identifier: object) -> None:
    """Texts that no encoding can write, and numbers, also beside an error."""
    for change in ({}, {"at": 5}):
        job = {**_job(CASES[0]), "id": identifier, **change}
        (verdict,) = _verdicts([json.dumps(job).encode()])
        assert verdict["id"] == identifier


def test_instants_at_the_edges_of_the_calendar() -> None:
    """Any instant that ISO 8601 can write gets a verdict or an error."""
    for at, outcome in (
        ("9999-12-31T23:59:59.999999Z", "invalid"),
        ("0001-01-01T00:00:00Z", "invalid"),
        ("0001-01-01T00:00:00+14:00", "error"),
        ("9999-12-31T23:59:59-14:00", "error"),
        ("2011-04-15T12:00:00+09:00", "valid"),
        ("2011-04-15", "valid"),
    ):
        (verdict,) = _verdicts([json.dumps({**_job(CASES[0]), "at": at}).encode()])
        assert verdict["outcome"] == outcome, at


def test_lines_of_any_length_and_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is too long or too deep is one error, whatever its end is like."""
    monkeypatch.setattr(paths, "_MAX_LINE", 100_000)
    good = json.dumps(_job(CASES[0])).encode()
    lines = [
        b'{"id": "' + b"x" * 250_000 + b'"}',
        good,
        b"[" * 90_000,
        b'{"id": ' + b"9" * 90_000 + b"}",
        b'{"x-":' * 15_000,
        b"",
        good,
        b"y" * 100_001,
    ]
    outcomes = [verdict["outcome"] for verdict in _verdicts(lines)]
    errors = ["error"] * 3
    assert outcomes == ["error", "valid", *errors, "valid", "error"]


def test_an_end_entity_that_cannot_be_read_is_invalid() -> None:
    """It is an answer about the certificate, not about the question."""
    job = {**_job(CASES[0]), "end_entity": _text(b"0\x00")}
    (verdict,) = _verdicts([json.dumps(job).encode()])
    assert (verdict["outcome"], verdict["code"]) == ("invalid", "certificate.malformed")


def test_without_revocation_data_nothing_is_valid() -> None:
    """What a line leaves out is not thereby waived."""
    job = {
        name: value
        for name, value in _job(CASES[0]).items()
        if name in ("id", "trust_anchors", "intermediates", "end_entity", "at")
    }
    (verdict,) = _verdicts([json.dumps(job).encode()])
    assert verdict["outcome"] == "indeterminate"
    (verdict,) = _verdicts([json.dumps({**job, "revocation": "none"}).encode()])
    assert verdict["outcome"] == "valid"
