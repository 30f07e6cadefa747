"""How things are timed: often, alternating, and reported as the median."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter

__all__ = ["alternating", "command", "cpu_seconds"]


def cpu_seconds() -> float:
    """What this process and those it has waited for have computed so far.

    A clock for what only computes: other work on the machine then matters less.
    """
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def alternating(
    candidates: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = perf_counter,
) -> dict[str, float]:
    """Median seconds of each candidate.

    The candidates take turns, so that a busy moment of the machine falls on all of
    them; one round before the first warms caches and does not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for round_number in range(rounds + 1):
        for name, candidate in candidates.items():
            began = clock()
            candidate()
            if round_number:
                seconds[name].append(clock() - began)
    return {name: median(values) for name, values in seconds.items()}


def command(*arguments: str) -> Callable[[], object]:
    """A candidate that runs a program to its end."""
    line: Sequence[str] = arguments

    def run() -> object:
        return subprocess.run(line, check=True, capture_output=True)

    return run
