"""Statements and commands: judged when their block is entered, recorded when it is left."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Optional

from ._errors import ExchangeCut, WardlineError
from ._incoming import carried_out
from ._wardline import Said

_NDJSON = "application/x-ndjson"


class Admission:
    """What ``Guard.statement`` and ``Guard.command`` give: enter it with ``with`` or ``async with``, and run what it is for inside."""

    __slots__ = ("_said", "_running")

    def __init__(self, said: Said) -> None:
        self._said = said
        self._running: Any = None

    def __enter__(self) -> Running:
        running = Running(self._said)
        running._begin()
        self._running = running
        return running

    def __exit__(
        self, kind: Optional[type[BaseException]], raised: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._running._end(kind)

    async def __aenter__(self) -> AsyncRunning:
        running = AsyncRunning(self._said)
        await running._begin()
        self._running = running
        return running

    async def __aexit__(
        self, kind: Optional[type[BaseException]], raised: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._running._end(kind)


class _Ending:
    """What both ways of waiting have in common."""

    __slots__ = ("_said", "_cut")

    def __init__(self, said: Said) -> None:
        self._said = said
        self._cut = False

    @property
    def id(self) -> str:
        """The id that its record carries."""
        return self._said.id

    def _told(self, out: Any) -> Any:
        if type(out) is tuple:
            self._cut = True
            raise _refused(ExchangeCut, out)
        return out

    def _end(self, kind: Optional[type[BaseException]]) -> None:
        if kind is None or self._cut:
            self._said.complete()
        elif issubclass(kind, Exception):
            self._said.fail()
        else:
            # Broken off from outside: nobody knows what became of it.
            self._said.disconnect()


class Running(_Ending):
    """A statement or command that may run now. Each call waits on this thread where the store has to be asked."""

    __slots__ = ()

    def returned(self, rows: int, vectors: int = 0) -> None:
        """So much of the results is about to be handed on: ask before every part. Raises ``ExchangeCut`` where it must not be."""
        self._told(self._waited(self._said.returned(rows, vectors)))

    def touched(self, rows: int) -> None:
        """So many rows were written, changed or deleted. Raises ``ExchangeCut`` where no grant covers them: take it back."""
        self._told(self._waited(self._said.touched(rows)))

    def result(self, piece: bytes, content_type: str = _NDJSON, more: bool = False) -> bytes:
        """A piece of the results as it may be handed on; with ``more`` false also their end."""
        out: bytes = self._told(self._waited(self._said.result(piece, content_type, more)))
        return out

    def _begin(self) -> None:
        out = self._waited(self._said.begin())
        if type(out) is tuple:
            self._said.complete()
            raise _refused(WardlineError, out)

    def _waited(self, out: Any) -> Any:
        while out is None:
            self._said.wait()
            out = self._said.resume()
        return out


class AsyncRunning(_Ending):
    """The same in a coroutine: the store is waited for beside the event loop."""

    __slots__ = ()

    async def returned(self, rows: int, vectors: int = 0) -> None:
        """So much of the results is about to be handed on: ask before every part. Raises ``ExchangeCut`` where it must not be."""
        self._told(await self._waited(self._said.returned(rows, vectors)))

    async def touched(self, rows: int) -> None:
        """So many rows were written, changed or deleted. Raises ``ExchangeCut`` where no grant covers them: take it back."""
        self._told(await self._waited(self._said.touched(rows)))

    async def result(self, piece: bytes, content_type: str = _NDJSON, more: bool = False) -> bytes:
        """A piece of the results as it may be handed on; with ``more`` false also their end."""
        out: bytes = self._told(await self._waited(self._said.result(piece, content_type, more)))
        return out

    async def _begin(self) -> None:
        out = await self._waited(self._said.begin())
        if type(out) is tuple:
            self._said.complete()
            raise _refused(WardlineError, out)

    async def _waited(self, out: Any) -> Any:
        while out is None:
            await carried_out(self._said)
            out = self._said.resume()
        return out


def _refused(kind: type[WardlineError], out: tuple[str, str, Optional[str], Optional[str]]) -> WardlineError:
    code, detail, approval, record = out
    error = kind(detail, code)
    error.approval, error.record = approval, record
    return error
