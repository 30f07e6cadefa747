"""How things are timed: often, alternating, and reported as the median."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

__all__ = [
    "Pair",
    "alternating",
    "command",
    "cpu_seconds",
    "neighbours",
    "processor_seconds",
]


def cpu_seconds() -> float:
    """What this process and those it has waited for have computed so far.

    A clock for what only computes: other work on the machine then matters less.
    """
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def processor_seconds(process: int) -> float:
    """What another process has computed so far, with all its threads (Linux)."""
    return (
        sum(
            int(task.read_text().split()[0])
            for task in Path(f"/proc/{process}/task").glob("*/schedstat")
        )
        / 1e9
    )


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


class Pair(NamedTuple):
    """What two that took turns came to."""

    first: float
    """Median seconds of the one."""
    ratio: float
    """Median of what it took, divided by what the other took directly beside it."""


def neighbours(
    first: Callable[[int], object],
    second: Callable[[int], object],
    rounds: int,
    clock: Callable[[], float] = perf_counter,
) -> Pair:
    """Compare two that differ by less than the machine's speed does in a second.

    Each round runs both, one directly after the other, and gives one ratio. Who goes
    first changes from round to round, so that neither always comes upon what the other
    left in the caches. Both are told the number of the round, and are run once before
    the first.
    """
    both = first, second
    seconds: list[float] = []
    ratios: list[float] = []
    for round_number in range(-1, rounds):
        took = [0.0, 0.0]
        for place in (0, 1) if round_number % 2 else (1, 0):
            began = clock()
            both[place](max(round_number, 0))
            took[place] = clock() - began
        if round_number >= 0:
            seconds.append(took[0])
            ratios.append(took[0] / took[1])
    return Pair(median(seconds), median(ratios))


def command(*arguments: str) -> Callable[[], object]:
    """A candidate that runs a program to its end.

    As an installed one runs: what Python has compiled once is kept (PEP 3147).
    """
    line: Sequence[str] = arguments
    kept = {**os.environ}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)

    def run() -> object:
        return subprocess.run(line, check=True, capture_output=True, env=kept)

    return run
