"""Load over HTTP by wrk: prepared requests, one after the other, round and round."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jpki.errors import ServiceUnavailable

__all__ = ["Load", "Measured"]

_SCRIPT: Final = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What one run came to; latencies are in seconds, as wrk's connections see them."""

    rate: float
    """Answers per second."""
    octets: float
    """Of an answer with its header, on average."""
    half: float
    """Half are answered within."""
    most: float
    """99 of 100 are answered within."""
    processor: float = 0.0
    """Seconds that the server computed for an answer, where that was measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """Requests in a file that the script of wrk reads."""

    file: Path
    connections: int = 32

    @classmethod
    def post(cls, folder: Path, name: str, bodies: Sequence[bytes], path: str) -> Load:
        """OCSP by POST."""
        file = folder / f"{name}.post"
        lines = [f"{path} {body.hex()}" for body in bodies]
        file.write_text("\n".join(lines) + "\n", "ascii")
        return cls(file=file)

    @classmethod
    def get(cls, folder: Path, name: str, bodies: Sequence[bytes], path: str) -> Load:
        """OCSP by GET; the path ends where the base64 begins."""
        file = folder / f"{name}.get"
        lines = [
            path + urllib.parse.quote(base64.b64encode(body), safe="")
            for body in bodies
        ]
        file.write_text("\n".join(lines) + "\n", "ascii")
        return cls(file=file)

    @classmethod
    def page(cls, folder: Path, path: str) -> Load:
        """One page, again and again."""
        file = folder / "page.get"
        file.write_text(f"{path}\n", "ascii")
        return cls(file=file)

    def run(
        self, url: str, seconds: int, *, connections: int | None = None
    ) -> Measured:
        """Load this server for so long.

        Raises:
            ServiceUnavailable: not every request was answered with success.
        """
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections or self.connections}", f"-d{seconds}s",
             "--timeout", "60s", "-s", str(_SCRIPT), url, "--", str(self.file)],
            check=True,
            capture_output=True,
            text=True,
        )  # fmt: skip
        told = json.loads(done.stdout.splitlines()[-1])
        if told["errors"] or not told["requests"]:
            raise ServiceUnavailable(url, f"wrk counted {told['errors']} errors")
        return Measured(
            rate=told["requests"] / told["seconds"],
            octets=told["bytes"] / told["requests"],
            half=told["half"] / 1e6,
            most=told["most"] / 1e6,
        )
