"""Functions under guard: what one does is judged before each call, and recorded after it.

>>> from wardline import Guard
>>> guard = Guard.parse('''
... version: 1
... state: memory
... services: {vectors: {system: qdrant}}
... rules: [{name: few, who: ["user:*"], resources: [docs], operations: [vector.fetch], effect: allow}]
... ''')
>>> @guard.operation("vector.fetch", service="vectors", resource=lambda name: name, count=1, identity="ana")
... def first(name):
...     return [name]
>>> first("docs")
['docs']
>>> first("payroll")    # doctest: +ELLIPSIS
Traceback (most recent call last):
...
wardline._errors.WardlineError: ...
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Optional, TypeVar, Union, cast

from ._guarded import CALLER, Known
from ._running import Admission
from ._wardline import Guard

_Function = TypeVar("_Function", bound=Callable[..., Any])


class OperationGuard:
    """What ``Guard.operation`` gives: a decorator of plain functions, coroutine functions and generators. What a generator does lasts until its end."""

    __slots__ = ("_guard", "_name", "_service", "_resource", "_count", "_identity")

    def __init__(
        self,
        guard: Guard,
        name: str,
        service: str,
        resource: Union[str, Callable[..., str], None],
        count: Union[int, Callable[..., Optional[int]], None],
        identity: Union[Known, Callable[..., Known]],
    ) -> None:
        self._guard = guard
        self._name = name
        self._service = service
        self._resource = resource
        self._count = count
        self._identity = identity

    def __call__(self, function: _Function) -> _Function:
        return cast(_Function, functools.wraps(function)(self._wrapped(function)))

    def _wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def plain(*args: Any, **kwargs: Any) -> Any:
            with self._admission(args, kwargs):
                return function(*args, **kwargs)

        def generating(*args: Any, **kwargs: Any) -> Any:
            with self._admission(args, kwargs):
                return (yield from function(*args, **kwargs))

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            async with self._admission(args, kwargs):
                return await function(*args, **kwargs)

        async def generating_beside(*args: Any, **kwargs: Any) -> Any:
            async with self._admission(args, kwargs):
                items = function(*args, **kwargs)
                try:
                    async for item in items:
                        yield item
                finally:
                    await items.aclose()

        if inspect.isasyncgenfunction(function):
            return generating_beside
        if inspect.iscoroutinefunction(function):
            return awaited
        return generating if inspect.isgeneratorfunction(function) else plain

    def _admission(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Admission:
        def told(value: Any) -> Any:
            return value(*args, **kwargs) if callable(value) else value

        identity = told(self._identity)
        if identity is None:
            identity = CALLER.get()
        resource = told(self._resource) or ""
        return Admission(self._guard.call(self._name, self._service, resource, told(self._count), identity))
