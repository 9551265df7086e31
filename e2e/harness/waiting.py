"""What is awaited, and what is not as it should be."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Optional, TypeVar

T = TypeVar("T")

WAIT = 30.0
"""Seconds after which what is awaited is given up."""


class NotAsExpected(AssertionError):
    """What was seen is not what the scenario is about."""


def expect(holds: Any, what: str, seen: Any) -> None:
    if not holds:
        raise NotAsExpected(f"{what}; seen: {seen}" if what else str(seen))


def awaited(look: Callable[[], Optional[T]], what: str, seconds: float = WAIT) -> T:
    """What `look` answers, as soon as it answers something."""
    until = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > until:
            raise NotAsExpected(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)
