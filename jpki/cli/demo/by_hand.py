"""Commands with which a reader goes on by hand, exactly as they are to be typed."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from jpki import data
from jpki.cli.demo.world import World
from jpki.store.authority_records import ListName
from jpki.x509.pem import pem

__all__ = ["commands", "keep_bundles"]


def keep_bundles(world: World) -> None:
    """Write what the commands need beside the artefacts: chain, and current CRLs."""
    # openssl tries one certificate for each issuer and never another: it is given the
    # two of the path from Tokyo's governor over the bridge to Ibaraki's.
    chain = [(world.artefacts / name).read_bytes() for name in world.between]
    if chain:
        (world.artefacts / "chain.pem").write_bytes(b"".join(chain))
    with world.office.store.read() as uow:
        lists = [
            pem(uow.crls.bytes_of(current), "X509 CRL")
            for authority in uow.authorities.all()
            for scope in ("crl", "arl")
            if (current := uow.crls.standing(ListName(authority.id, 1, scope)))
        ]
    (world.artefacts / "crls.pem").write_bytes(b"".join(lists))


def commands(world: World) -> list[str]:
    """One a line. The first certificate is revoked by now, the second is good."""
    folder = world.artefacts
    policy = data.topology().governor_policy
    at = _at(world)
    issuer = _file(folder / f"{world.issuer}.pem")
    anchor = _file(folder / f"{world.anchor}.pem")
    chain = f"-untrusted {_file(folder / 'chain.pem')}" if world.between else ""
    lines = []
    for name in ("first", "second"):
        lines.append(
            _line(
                f"openssl ocsp -issuer {issuer}"
                f" -cert {_file(folder / f'{name}.pem')}"
                f" -CAfile {issuer}"
                f" -url {world.status_url}/ocsp",
                _tolerance(world),
                at,
            )
        )
    for name in ("first", "second"):
        lines.append(
            _line(
                f"openssl verify -crl_check -CAfile {anchor}",
                chain,
                f"-CRLfile {_file(folder / 'crls.pem')} -policy_check -policy {policy}",
                at,
                _file(folder / f"{name}.pem"),
            )
        )
    lines += [
        f"curl -s {world.status_url}/crls",
        f"curl -s {world.status_url}/crls/{world.issuer}/1/crl.crl"
        " | openssl crl -inform DER -noout -text",
        _line(
            f"{_program()} verify {_file(folder / 'application.xml')}"
            f" --signature {_file(folder / 'second.p7s')}"
            f" --anchor {anchor} --policy {policy}"
            f" --era {world.settings.common.era}"
            f" --certificates-url {world.ca_url}/certificates"
            f" --crls-url {world.status_url}/crls",
            "" if not at else f"--at {world.clock():%Y-%m-%dT%H:%M:%SZ}",
        ),
        _line(
            f"{_program()} agent --card {_file(folder / 'card.json')}"
            f" --allow-origin {world.portal_url}",
            "" if not at else f"--at {world.clock():%Y-%m-%dT%H:%M:%SZ}",
        ),
        f"xdg-open {world.portal_url}/",
    ]
    return lines


def _line(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _program() -> str:
    """This very installation's `jpki`, wherever the reader's PATH points."""
    beside = Path(sys.executable).with_name("jpki")
    return _file(beside) if beside.exists() else "jpki"


def _file(path: object) -> str:
    return shlex.quote(str(path))


def _at(world: World) -> str:
    """openssl's instant, where the story's clock is not the machine's."""
    if not world.settings.common.clock_offset_seconds:
        return ""
    return f"-attime {int(world.clock().timestamp())}"


def _tolerance(world: World) -> str:
    """`openssl ocsp` holds the response's times against the machine's clock only."""
    if not world.settings.common.clock_offset_seconds:
        return ""
    distance = abs((datetime.now(UTC) - world.clock()).total_seconds())
    return f"-validity_period {int(distance) + 86_400}"
