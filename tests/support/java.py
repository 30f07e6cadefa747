"""What the Java runtime on this machine can do: it differs within one major version."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["java_knows"]

_PROGRAM: Final = Path(__file__).parent.parent / "interop" / "java" / "KnowsKey.java"


@cache
def java_knows(kind: str) -> bool:
    """Whether it knows keys of this kind, such as `ML-DSA`."""
    done = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", str(_PROGRAM), kind],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip() == "known"
