"""What a host does to one service of its policy, time and again: each an exchange of its own.

>>> calls = Calls("vector.search", "vectors", "docs", "ana", policy="wardline.yaml")     # doctest: +SKIP
>>> with calls.admission(5) as running: ...                                              # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional, Union

from ._guarded import CALLER, Guarded, Known, Policy
from ._running import Admission
from ._wardline import Guard

Asking = Union[Known, Callable[[], Known]]


class Calls(Guarded):
    """An operation on a resource, in whose name: an identity, a function without arguments, or else whoever called the guarded service
    that this runs in."""

    def __init__(
        self, operation: str, service: str, resource: str, identity: Asking, policy: Optional[Policy] = None, guard: Optional[Guard] = None
    ) -> None:
        super().__init__(policy, guard)
        self._operation = operation
        self._service = service
        self._resource = resource
        self._identity = identity

    def admission(self, count: Optional[int]) -> Admission:
        """One call, of so many items at most; any number where ``count`` is absent."""
        known = self._identity() if callable(self._identity) else self._identity
        if known is None:
            known = CALLER.get()
        return Admission(self.guard.call(self._operation, self._service, self._resource, count, known))
