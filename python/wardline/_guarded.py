"""What every door stands on: a guard, started once in each process, and who an exchange that runs now is for.

>>> Guarded(policy="wardline.yaml").guard      # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import ContextVar
from typing import Optional, Union

from ._errors import WardlineError
from ._wardline import Guard, Identity

Policy = Union[str, "os.PathLike[str]"]
Known = Union[Identity, str, None]

# The caller of the exchange that this code runs in. Doors set it for as long as the application works.
CALLER: ContextVar[Optional[Identity]] = ContextVar("wardline_caller", default=None)

# How many forks lie between this process and the first: asking for its id would cost each exchange a system call.
_forks = 0


def _forked() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def caller() -> Optional[Identity]:
    """Who called the guarded service that this code runs in, with the hops that the request came through; ``None`` outside of a
    request. A request that goes out on their behalf takes it: ``GuardTransport(identity=lambda request: caller())``."""
    return CALLER.get()


class Guarded:
    """A guard under a policy: a file, a ``Guard``, or the file that ``WARDLINE_POLICY`` names."""

    def __init__(self, policy: Optional[Policy] = None, guard: Optional[Guard] = None) -> None:
        if guard is None:
            policy = policy or os.environ.get("WARDLINE_POLICY")
            if not policy:
                raise WardlineError(
                    "expected a policy: policy=FILE, guard=GUARD or WARDLINE_POLICY=FILE", "invalid_input"
                )
            guard = Guard(policy)
        elif policy is not None:
            raise WardlineError("expected a policy or a guard, not both", "invalid_input")
        self.guard = guard
        self._started_in = -1
        self._complaint = ""

    def _runs(self) -> bool:
        """Whether the guard was started in this process. After a fork the worker is the parent's."""
        return self._started_in == _forks

    def _start(self) -> None:
        """Starts the guard in this process, which waits for the disk. Where that fails every exchange is denied, and it is tried
        again."""
        if self._works(self.guard.check):
            self._started_in = _forks
            self._complaint = ""

    async def _start_beside(self) -> None:
        """The same beside the event loop."""
        # Takes most of what it costs to import this package, and whoever runs a loop has it.
        import asyncio

        await asyncio.get_running_loop().run_in_executor(None, self._start)

    def _works(self, work: Callable[[], None]) -> bool:
        """Does what may fail for the store or the log; that it does is logged once."""
        try:
            work()
        except WardlineError as error:
            if self._complaint != error.code:
                self._complaint = error.code
                # Brings much along where Python is new, and is hardly ever needed.
                import logging

                logging.getLogger("wardline").error("the guard cannot work: %s [%s]", error, error.code)
            return False
        return True
