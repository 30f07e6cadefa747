"""Giving damaged input to something, watching time and memory.

The environment's FUZZ_TIMES multiplies the number of inputs, and FUZZ_SEED takes the
place of the seed: for a night's run, and to see a failure again.
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from tests.support.mutations import Mutator

__all__ = ["SLOWEST", "run"]

SLOWEST: Final = 2.0
"""Seconds that one input may take, on a machine that has other work to do."""
_GROWTH: Final = 128 << 10
"""KiB by which the process may grow."""

Target = Callable[[bytes], str]
"""Takes one input and says in a word what became of it; raises what is a failure."""


def run(
    target: Target, samples: Sequence[bytes], *, count: int, seed: int
) -> Counter[str]:
    """Give so many damaged copies to a target.

    Returns:
        How often it said which word: whether the damage reached all that it is for.

    Raises:
        AssertionError: it broke, took too long, or grew; names the octets.
    """
    seed = int(os.environ.get("FUZZ_SEED", seed))
    count *= int(os.environ.get("FUZZ_TIMES", "1"))
    mutator, words = Mutator(samples, seed), Counter[str]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        octets = mutator.next()
        began = time.monotonic()
        try:
            words[target(octets)] += 1
        except Exception as error:
            raise AssertionError(
                f"seed {seed}, input {number}: {type(error).__name__}: {error}; "
                f"octets {octets.hex()}"
            ) from error
        took = time.monotonic() - began
        assert took < SLOWEST, f"{took:.1f} s over {octets.hex()}"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < _GROWTH, f"the process grew by {grown} KiB"
    return words
