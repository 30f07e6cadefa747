"""Certificates and events that `kill -9` loses or doubles: none.

The certification authority is killed at every named point of its procedures and at
random moments, while clerks issue certificates and residents move house. Then the
books are held against what the clerks were told and against the register.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.crash_rig import POINTS, open_rig
from benchmarks.figures import Figure, Target

__all__ = ["run"]

_NONE = Target("at most", 0)


def run(quick: bool) -> Sequence[Figure]:
    """Kill, restart, and reckon up."""
    at_random = 10 if quick else 200 - len(POINTS)
    with (
        tempfile.TemporaryDirectory(prefix="jpki-crash-") as directory,
        open_rig(Path(directory) / "rig") as rig,
    ):
        rig.start_work()
        for point in POINTS:
            rig.kill_at_point(point)
        for _ in range(at_random):
            rig.kill_at_random()
        found = rig.settle()
    return [
        _count("kills made", found.kills, Target("at least", at_random + len(POINTS))),
        _count("certificates issued", found.certificates),
        _count("events recorded", found.events),
        _count("certificates lost", found.certificates_lost, _NONE),
        _count("certificates doubled", found.certificates_doubled, _NONE),
        _count("events lost", found.events_lost, _NONE),
        _count("events doubled", found.events_doubled, _NONE),
        _count("disagreements in the books", len(found.disagreements), _NONE),
    ]


def _count(name: str, value: int, target: Target | None = None) -> Figure:
    return Figure(name=name, value=value, unit="", target=target)
