"""What is asked, as options: whom to trust, for what, and with which evidence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from jpki import data
from jpki.cli.files import read_certificates, read_crls, read_response
from jpki.cli.verify.inputs import read_token
from jpki.errors import ConfigurationError
from jpki.model.eras import Era
from jpki.model.key_usage import KeyUsage
from jpki.service.clock import ProcessClock, parse_instant
from jpki.verify import (
    AtHand,
    EraAlgorithms,
    EvidenceSource,
    Pool,
    Together,
    TrustAnchor,
    VerificationPolicy,
)

__all__ = ["FILE", "Question", "question_options"]

FILE: Final = click.Path(path_type=Path, dir_okay=False)

_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


def _object_identifiers(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """A policy that no certificate can have would make every signature invalid."""
    for value in values:
        if not _OID.fullmatch(value):
            raise click.BadParameter(f"{value!r} is no OID, such as 2.5.29.32.0")
    return values


_OPTIONS: Final = (
    click.option(
        "--anchor",
        "anchors",
        type=FILE,
        multiple=True,
        required=True,
        metavar="FILE",
        help="Certificate to trust, PEM or DER; may be given several times.",
    ),
    click.option(
        "--time-anchor",
        "time_anchors",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="Whom to believe about time; without any, timestamps prove nothing.",
    ),
    click.option(
        "--policy",
        "policies",
        multiple=True,
        metavar="OID",
        callback=_object_identifiers,
        help="Accepted certificate policy; by default that of the reference PKI.",
    ),
    click.option(
        "--purpose",
        type=click.Choice(("signature", "authentication")),
        default="signature",
        show_default=True,
        help="A citizen's signature with name and address, or a login without.",
    ),
    click.option(
        "--certificates",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="Authorities' certificates, PEM or DER, to build the path with.",
    ),
    click.option(
        "--crl",
        "crls",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="CRLs, PEM or DER.",
    ),
    click.option(
        "--certificates-url", metavar="URL", help="Where ca_server lists them."
    ),
    click.option("--crls-url", metavar="URL", help="Where ocsp_crl lists its CRLs."),
    click.option(
        "--ocsp-url", metavar="URL", help="Asked instead of the certificates'."
    ),
    click.option(
        "--ocsp",
        "stapled",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="OCSP response that came with the document, DER.",
    ),
    click.option(
        "--token",
        type=FILE,
        metavar="FILE",
        help="Token of a registered verifier, for the revocation service.",
    ),
    click.option(
        "--cache",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Keep CRLs and OCSP responses here, and use them again.",
    ),
    click.option(
        "--offline",
        is_flag=True,
        help="Fetch nothing; use the files and the cache alone.",
    ),
    click.option(
        "--era",
        type=click.Choice(data.era_ids()),
        default="prefectural-sha256",
        show_default=True,
        help="Whose algorithms are accepted.",
    ),
    click.option("--at", "date", metavar="DATE", help="Judge at this day or instant."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What the options ask."""

    policy: VerificationPolicy
    evidence: EvidenceSource
    at: datetime

    @classmethod
    def of(cls, options: dict[str, Any]) -> Question:
        """From the values of `question_options`.

        Raises:
            ConfigurationError: a file cannot be read.
        """
        era = data.era(options["era"])
        login = options["purpose"] == "authentication"
        policies = options["policies"] or _usual_policies(era, login)
        policy = VerificationPolicy(
            anchors=_anchors(options["anchors"]),
            time_anchors=_anchors(options["time_anchors"]),
            policies=frozenset(policies),
            algorithms=EraAlgorithms(era),
            key_usage=frozenset(
                {KeyUsage.DIGITAL_SIGNATURE if login else KeyUsage.NON_REPUDIATION}
            ),
            basic_information=not login,
        )
        date = options["date"]
        at = ProcessClock()() if date is None else parse_instant(date)
        return cls(policy=policy, evidence=_evidence(options), at=at)


def question_options(command: Callable[..., None]) -> Callable[..., None]:
    """All options of a question; their values come as keywords."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _usual_policies(era: Era, login: bool) -> tuple[str, ...]:
    """Those of the reference PKI.

    Raises:
        ConfigurationError: there are no such certificates in this era.
    """
    if not login:
        return (data.governor_policy(),)
    if "authentication" not in era.profiles:
        raise ConfigurationError(
            "--era", era.id, "residents had no authentication certificates"
        )
    # Loaded with the profiles, which a signature needs none of.
    from jpki.model.profiles import CertificatePoliciesRule

    profile = data.certificate_profile(era.profiles["authentication"])
    return tuple(
        policy.oid
        for rule in profile.extensions
        if isinstance(rule, CertificatePoliciesRule)
        for policy in rule.policies
    )


def _anchors(files: tuple[Path, ...]) -> tuple[TrustAnchor, ...]:
    return tuple(
        TrustAnchor.of(certificate)
        for file in files
        for certificate in read_certificates(file)
    )


def _evidence(options: dict[str, Any]) -> EvidenceSource:
    held: EvidenceSource = AtHand(
        Pool(
            [f for file in options["certificates"] for f in read_certificates(file)],
            crls=[crl for file in options["crls"] for crl in read_crls(file)],
            ocsp_responses=[read_response(file) for file in options["stapled"]],
        )
    )
    cache, token, offline = options["cache"], options["token"], options["offline"]
    if offline and cache is None:
        return held
    # Loaded only where something is fetched, or kept of it.
    from jpki.verify.client import OnlineEvidence
    from jpki.verify.shelf import Shelf

    online = OnlineEvidence(
        certificates_url=options["certificates_url"],
        crls_url=options["crls_url"],
        ocsp_url=options["ocsp_url"],
        token=None if token is None else read_token(token),
        shelf=None if cache is None else Shelf(cache),
        clock=ProcessClock(),
        offline=offline,
    )
    return Together((held, online))
