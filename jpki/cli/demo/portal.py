"""The settings of the portal in the other prefecture: its anchor, and whom it asks."""

from __future__ import annotations

import json
from pathlib import Path

from jpki import data
from jpki.agent.settings import AgentSettings
from jpki.authority.publication.directory import authority_certificates
from jpki.cli.demo.world import World

__all__ = ["write_portal_settings"]


def write_portal_settings(world: World) -> Path:
    """Write the portal's file and its trust anchor; returns the file."""
    anchor = next(
        entry.certificate
        for entry in authority_certificates(world.office)
        if entry.authority == world.anchor and entry.self_signed
    )
    folder = world.layout.directory
    (folder / "portal-anchor.cer").write_bytes(anchor)
    common = world.settings.common
    policy = data.topology().governor_policy
    agent = AgentSettings()
    values = {
        "port": world.portal_port,
        "trust_anchors": ["portal-anchor.cer"],
        "policies": [policy],
        "certificates_url": f"{world.ca_url}/certificates",
        "crls_url": f"{world.status_url}/crls",
        "agent_url": f"http://{agent.host}:{agent.port}",
    }
    lines = [
        "# The portal of the other prefecture: it trusts one authority alone.",
        "[common]",
        f"era = {json.dumps(common.era)}",
        'data_directory = "data"',
        f"test_system = {json.dumps(common.test_system)}",
        f"clock_offset_seconds = {common.clock_offset_seconds}",
        "",
        "[portal]",
        *(f"{key} = {json.dumps(value)}" for key, value in values.items()),
        "",
    ]
    file = folder / "portal.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file
