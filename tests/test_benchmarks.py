"""The frame around benchmarks: what a figure says, and the document that is printed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.__main__ import found, main
from benchmarks.crl_peers import PycaPeer
from benchmarks.crl_work import Issuer, revocations
from benchmarks.figures import Figure, Report, Target
from benchmarks.issue_work import Work
from benchmarks.page import page
from benchmarks.staged_server import STAGES
from benchmarks.stages import Stages

_FIGURE = Figure(
    name="signatures",
    value=950.04,
    unit="1/s",
    limit=1000.0,
    peers={"other 1.0": 700.0},
    target=Target("at least", 0.95, of_limit=True),
)


def test_a_figure_is_printed_with_limit_peers_and_verdict() -> None:
    """The JSON of a figure has these members and no others."""
    assert _FIGURE.to_json() == {
        "name": "signatures",
        "value": 950.0,
        "unit": "1/s",
        "limit": 1000.0,
        "ratio_to_limit": 0.95,
        "peers": {"other 1.0": 700.0},
        "target": "≥ 0.95 × limit",
        "holds": True,
    }


@pytest.mark.parametrize(
    ("target", "value", "limit", "holds"),
    [
        (Target("at most", 0), 0, None, True),
        (Target("at most", 0), 1, None, False),
        (Target("at least", 200), 200, None, True),
        (Target("at most", 3, of_limit=True), 31, 10.0, False),
        (Target("at most", 3, of_limit=True), 1, None, False),
    ],
)
def test_a_target_is_a_number_or_a_share_of_the_limit(
    target: Target, value: float, limit: float | None, holds: bool
) -> None:
    """A share of a limit that was not measured is never kept."""
    assert target.holds(value, limit) is holds


def test_the_page_shows_what_does_not_hold() -> None:
    """A broken target cannot be overlooked."""
    broken = Figure(name="lost", value=1, unit="events", target=Target("at most", 0))
    report = Report(
        benchmark="crash",
        about="What a crash loses.",
        machine={"cores": 2},
        figures=[_FIGURE, broken],
    )
    rows = page([report]).splitlines()
    assert rows[-2].endswith("| other 1.0: 700.0 | ≥ 0.95 × limit | yes |")
    assert rows[-1] == "| lost | 1 events | – | – | – | ≤ 0 | **no** |"


def test_what_was_measured_again_replaces_its_section_alone() -> None:
    """The others stay as they were, in the order of their names."""
    one, two = (
        Report(benchmark=name, about="", machine={"cores": 2}, figures=[_FIGURE])
        for name in ("issue", "crl")
    )
    both = page([two], page([one]))
    assert both == page([one, two])
    faster = replace(one, figures=[replace(_FIGURE, value=999.0)])
    again = page([faster], both)
    assert again.count("| 950.0 1/s |") == again.count("| 999.0 1/s |") == 1
    assert again.index("\n## crl\n") < again.index("\n## issue\n")


def test_a_quick_run_is_not_written(tmp_path: Path) -> None:
    """It is a check; nor is a benchmark measured that nobody knows."""
    for words in (
        ["crl", "--quick", "--write", str(tmp_path / "page.md")],
        ["nothing"],
    ):
        assert CliRunner().invoke(main, words).exit_code == 2
    assert not list(tmp_path.iterdir())


def test_benchmarks_are_found_and_listed() -> None:
    """Every module that can run is listed; helpers are not."""
    listed = CliRunner().invoke(main, []).output.split()
    assert listed == sorted(found())
    assert "startup" in listed
    assert "figures" not in listed


def test_an_unknown_benchmark_is_refused_with_those_there_are() -> None:
    """The message names what could have been meant."""
    result = CliRunner().invoke(main, ["nothing"])
    assert result.exit_code == 2
    assert "startup" in result.output


def test_what_the_issuing_benchmark_issues_is_what_it_says() -> None:
    """Certificates that all differ, each of which another implementation can read."""
    work = Work("p256-sha256", 60, Random(1))
    issued = [x509.load_der_x509_certificate(each) for each in work.issue_all()]
    key = work.private_key.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    for certificate in issued:
        key.verify(
            certificate.signature,
            certificate.tbs_certificate_bytes,
            ec.ECDSA(hashes.SHA256()),
        )
    assert len(issued) == len(work.residents)
    for differs in ("serial_number", "subject"):
        assert len({getattr(each, differs) for each in issued}) == len(issued)
    assert len({resident.public_key for resident in work.residents}) == len(issued)


@pytest.mark.slow
def test_issuing_is_measured_beside_signature_and_peers() -> None:
    """A quick run has one figure for each kind of key, with its limit and peers."""
    result = CliRunner().invoke(main, ["issue", "--quick", "--json"])
    figures = json.loads(result.stdout)["figures"]
    assert len(figures) == 3
    for figure in figures:
        assert figure["ratio_to_limit"] > 0
        assert len(figure["peers"]) == 3
        assert all(rate < figure["value"] for rate in figure["peers"].values())


def test_a_stage_counts_only_what_no_stage_within_it_counts() -> None:
    """Each thread's computing is counted once, and for the innermost stage."""
    stages = Stages()
    with stages.stage("outer"):
        with stages.stage("inner"):
            sum(range(2_000_000))
        with stages.stage("all of it", whole=True), stages.stage("inner"):
            sum(range(1_000_000))
    spent = stages.seconds()
    assert spent["inner"] > spent["all of it"] > spent["outer"]


@pytest.mark.slow
def test_the_server_tells_where_its_time_goes() -> None:
    """All stages are met on a certificate's way, and they make up nearly the whole."""
    result = CliRunner().invoke(main, ["issue_http", "--quick", "--json"])
    values = {
        figure["name"]: figure["value"]
        for figure in json.loads(result.stdout)["figures"]
    }
    spent = [values[f"of these: {stage}"] for stage in STAGES]
    assert all(stage > 0 for stage in spent)
    assert 0.5 < sum(spent) / values["server, each certificate"] <= 1.01


@pytest.mark.slow
def test_a_run_prints_one_document() -> None:
    """Standard output is JSON and nothing else."""
    result = CliRunner().invoke(main, ["startup", "--quick", "--json"])
    document = json.loads(result.stdout)
    assert set(document) == {"benchmark", "machine", "figures"}
    assert document["benchmark"] == "startup"
    assert all(figure["value"] > 0 for figure in document["figures"])


def test_the_lists_that_are_measured_are_what_they_say() -> None:
    """As many entries as rows, by number; both peers list the same."""
    for mixed in (False, True):
        columns = revocations(500, mixed=mixed, ordered=False)
        issuer = Issuer()
        crl = x509.load_der_x509_crl(bytes(issuer.crl(columns.in_order())))
        assert crl.is_signature_valid(issuer.private_key.public_key())
        expected = sorted(entry.serial for entry in columns.rows())
        assert [entry.serial_number for entry in crl] == expected
        assert len({len(entry.extensions) for entry in crl}) == (3 if mixed else 1)
    peer = x509.load_der_x509_crl(PycaPeer(issuer, revocations(500)).crl())
    assert [entry.serial_number for entry in peer] == [
        entry.serial for entry in revocations(500).rows()
    ]


@pytest.mark.slow
def test_lists_are_measured_beside_hash_copy_and_peers() -> None:
    """A quick run says how far from the limit, how much memory, and whether linear."""
    result = CliRunner().invoke(main, ["crl", "--quick", "--json"])
    figures = json.loads(result.stdout)["figures"]
    assert len(figures) == 15
    assert all(figure["value"] > 0 for figure in figures)
    (builder,) = (figure for figure in figures if figure["peers"])
    assert all(seconds > builder["value"] for seconds in builder["peers"].values())


@pytest.mark.slow
def test_documents_are_judged_beside_bare_verifications_and_pyhanko() -> None:
    """A quick run says how far from the limit CMS and PDF are, and beats the peer."""
    result = CliRunner().invoke(main, ["documents", "--quick", "--json"])
    figures = json.loads(result.stdout)["figures"]
    assert len(figures) == 3
    assert all(0 < figure["ratio_to_limit"] < 1 for figure in figures)
    (pdf,) = (figure for figure in figures if figure["peers"])
    assert all(rate < pdf["value"] for rate in pdf["peers"].values())
