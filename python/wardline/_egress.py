"""What every client's door stands on: a guard, and in whose name requests go out.

>>> crossing = door.begin(request, (method, target, host), headers, blocking)      # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Optional, Union

from ._crossing import Crossing, Headers
from ._errors import WardlineError
from ._guarded import Guarded, Known, Policy
from ._wardline import Exchange, Guard

Asking = Union[Known, Callable[[Any], Known]]


class Outgoing(Guarded):
    """A client's guard, and in whose name it asks: an identity, or a function of the request that goes out."""

    door: str

    def __init__(self, identity: Asking, policy: Optional[Policy], guard: Optional[Guard]) -> None:
        super().__init__(policy, guard)
        self.identity = identity

    def begin(
        self, request: Any, line: tuple[str, bytes, str], headers: Headers, wait: Callable[[Exchange], Awaitable[None]]
    ) -> Crossing:
        """Begins the exchange of a request with this method, target and host."""
        known: Known = self.identity(request) if callable(self.identity) else self.identity
        if known is None:
            raise WardlineError("expected an identity for a request that goes out", "invalid_input")
        method, target, host = line
        exchange, step = self.guard.begin(method, target, headers, None, known, door=self.door, host=host)
        return Crossing(exchange, step, headers, wait)
