"""What a benchmark reports: figures, each with limit, peers and target."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import cryptography
from cryptography.hazmat.backends.openssl import backend

__all__ = ["Figure", "Report", "Target", "machine"]

_SIGNS: Final = {"at most": "≤", "at least": "≥"}


@dataclass(frozen=True, slots=True)
class Target:
    """What a value must be: a number, or a share of the measured limit."""

    bound: Literal["at most", "at least"]
    number: float
    of_limit: bool = False
    """The number multiplies the limit."""

    def holds(self, value: float, limit: float | None) -> bool:
        """Whether the value keeps to it; a share of no limit is never kept."""
        if self.of_limit and limit is None:
            return False
        bound = self.number * limit if self.of_limit and limit else self.number
        return value <= bound if self.bound == "at most" else value >= bound

    def __str__(self) -> str:
        share = " × limit" if self.of_limit else ""
        return f"{_SIGNS[self.bound]} {self.number:g}{share}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One measured value."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    """What cannot be beaten, measured in the same run."""
    peers: Mapping[str, float] = field(default_factory=dict)
    """What other programs reach, by their name and version."""
    target: Target | None = None

    @property
    def ratio_to_limit(self) -> float | None:
        """The value as a multiple of the limit."""
        return self.value / self.limit if self.limit else None

    @property
    def holds(self) -> bool:
        """Whether the target is kept; without one there is nothing to break."""
        return self.target is None or self.target.holds(self.value, self.limit)

    def to_json(self) -> dict[str, object]:
        """The figure with numbers rounded to what was measured."""
        ratio = self.ratio_to_limit
        return {
            "name": self.name,
            "value": _rounded(self.value),
            "unit": self.unit,
            "limit": None if self.limit is None else _rounded(self.limit),
            "ratio_to_limit": None if ratio is None else _rounded(ratio),
            "peers": {peer: _rounded(value) for peer, value in self.peers.items()},
            "target": None if self.target is None else str(self.target),
            "holds": self.holds,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All figures of one benchmark run."""

    benchmark: str
    about: str
    machine: Mapping[str, object]
    figures: Sequence[Figure]

    @property
    def holds(self) -> bool:
        """Whether every target is kept."""
        return all(figure.holds for figure in self.figures)

    def to_json(self) -> dict[str, object]:
        """The document that `--json` prints."""
        return {
            "benchmark": self.benchmark,
            "machine": dict(self.machine),
            "figures": [figure.to_json() for figure in self.figures],
        }


def machine() -> dict[str, object]:
    """What the figures depend on: processor, memory, versions."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": _memory_gib(),
        "system": _first("/etc/os-release", "PRETTY_NAME") or platform.system(),
        "python": platform.python_version(),
        "cryptography": cryptography.__version__,
        "openssl": backend.openssl_version_text(),
    }


def _memory_gib() -> int:
    kilobytes = (_first("/proc/meminfo", "MemTotal") or "0 kB").split()[0]
    return round(int(kilobytes) / 1024**2)


def _first(file: str, key: str) -> str | None:
    """The value of `key: value` or `key=value`, where such a file exists."""
    path = Path(file)
    if not path.exists():
        return None
    for line in path.read_text("utf-8").splitlines():
        name, _, value = line.replace("=", ":", 1).partition(":")
        if name.strip() == key:
            return value.strip().strip('"')
    return None


def _rounded(number: float) -> float:
    """Four significant digits; counts stay whole."""
    return number if isinstance(number, int) else float(f"{number:.4g}")
