"""Properties that are worked out when they are first asked for, and then stay.

`functools.cached_property` does the same; before Python 3.12 it takes a lock each time,
which costs more than many a value here. Two threads may work out the same value, and
one of the two stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["once"]

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801 - used as `property` is
    """A property whose value is put in its place on the instance."""

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out = work_out
        self._name = work_out.__name__
        self.__doc__ = work_out.__doc__

    def __get__(self, instance: object, owner: type | None = None) -> T:
        """Called once for each instance: what stands there is found before."""
        value = self._work_out(instance)
        instance.__dict__[self._name] = value
        return value
