"""Wrong lists and answers, for people who test what clients make of them.

Each is made by the authorities' real keys where that is the point, and none is entered
into the books: only an office of a test system may make them.
"""

from __future__ import annotations

from jpki.authority.misbehaving.answers import wrong_answer
from jpki.authority.misbehaving.faults import Fault, drawn
from jpki.authority.misbehaving.lists import wrong_list

__all__ = ["Fault", "drawn", "wrong_answer", "wrong_list"]
