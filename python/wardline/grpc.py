"""The doors for grpcio: its servers, those of threads and those of asyncio, and its channels.

>>> from wardline.grpc import GuardInterceptor                                                # doctest: +SKIP
>>> server = grpc.server(pool, interceptors=[GuardInterceptor(policy="wardline.yaml")])       # doctest: +SKIP
>>> server = grpc.aio.server(interceptors=[AsyncGuardInterceptor(policy="wardline.yaml")])    # doctest: +SKIP
>>> channel = GuardChannel(channel, host="vectors:6334", identity="svc-ingest", policy="wardline.yaml")   # doctest: +SKIP

A call is judged by its method and, where that decides, by what its messages say, before the servicer sees them; messages pass one by one. A call
that is denied or held ends with ``PERMISSION_DENIED``; its trailing metadata has ``wardline-code``, ``wardline-record`` and, of what is held,
``wardline-approval``. A response that is cut ends so too.

Who is calling: ``identity(context)`` (a function of yours; ``None`` for nobody known), else the metadata that the policy trusts from the peer. grpcio
does not tell a server under which authority it was called: where the policy's services have ``hosts``, ``host=`` says which one this is.
Interceptors that stand after it are not guarded. Servicers of asyncio answer streams by ``yield``; one that writes to its context, where
nothing would be read, is refused.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any, Optional

import grpc

from ._crossing import source_beside, source_of
from ._flow import Source, Turn, beside, blocking, each, run
from ._guarded import CALLER, Guarded, Known, Policy
from ._calling import AsyncGuardChannel, GuardChannel, code_of
from ._messages import Call, admitted, framed, one_admitted, one_awaited, one_returned, returning, told
from ._wardline import Guard

__all__ = ["AsyncGuardChannel", "AsyncGuardInterceptor", "GuardChannel", "GuardInterceptor"]

class _Interceptor(Guarded):
    """What both have in common."""

    def __init__(
        self,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
        identity: Optional[Callable[[Any], Known]] = None,
        host: Optional[str] = None,
    ) -> None:
        super().__init__(policy, guard)
        self._identity = identity
        self._host = host

    def guarded(self, method: str, handler: Any) -> Any:
        """The handler of a method, with the guard before and behind it; ``None`` of one that there is not."""
        if handler is None:
            return None
        kinds = ["stream" if streams else "unary" for streams in (handler.request_streaming, handler.response_streaming)]
        behaviour = getattr(handler, "_".join(kinds))
        is_beside = inspect.isasyncgenfunction(behaviour) or inspect.iscoroutinefunction(behaviour)
        serving = (_Beside if is_beside else _Blocking)(self, method, handler, behaviour)
        # Without serializers of its own grpcio hands over, and takes, the bytes of messages.
        made = getattr(grpc, "_".join([*kinds, "rpc_method_handler"]))
        return made(serving.stream if handler.response_streaming else serving.unary)

    def called(self, method: str, context: Any, wait: Any) -> Call:
        known = self._identity(context) if self._identity is not None else None
        return Call(self.guard, (method, self._host), context, known, wait)


class GuardInterceptor(_Interceptor, grpc.ServerInterceptor):  # type: ignore[misc]
    """Guards a ``grpc.server`` under a policy: a file, a ``Guard``, or the file that ``WARDLINE_POLICY`` names."""

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        return self.guarded(handler_call_details.method, continuation(handler_call_details))


class AsyncGuardInterceptor(_Interceptor, grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """The same for a ``grpc.aio.server``."""

    async def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        return self.guarded(handler_call_details.method, await continuation(handler_call_details))


class _Serving:
    """One method, its servicer and how its messages are read and written."""

    def __init__(self, door: _Interceptor, method: str, handler: Any, behaviour: Callable[..., Any]) -> None:
        self.door = door
        self.method = method
        self.behaviour = behaviour
        self.streamed: bool = handler.request_streaming
        self.streams: bool = handler.response_streaming
        self.read: Callable[[bytes], Any] = handler.request_deserializer or bytes
        self._write: Callable[[Any], bytes] = handler.response_serializer or bytes

    def written(self, answer: Any) -> bytes:
        return framed(self._write(answer))


class _Blocking(_Serving):
    """Serves on a thread."""

    def unary(self, request: Any, context: Any) -> Any:
        if self.streamed:
            # To its end: what the last piece brings may still refuse it.
            (answer,) = self.stream(request, context)
            return answer
        if not self.door._runs():
            self.door._start()
        call = self.door.called(self.method, context, blocking)
        try:
            asked = self.read(run(one_admitted(call, request)))
            one_awaited(call)
            token = CALLER.set(call.exchange.identity)
            try:
                answer = self.behaviour(asked, context)
            finally:
                CALLER.reset(token)
            return run(one_returned(call, self._write(answer)))
        except BaseException as error:
            self._ended(call, error, context)
            raise

    def stream(self, request: Any, context: Any) -> Any:
        if not self.door._runs():
            self.door._start()
        call = self.door.called(self.method, context, blocking)
        if self.streamed and self.streams:
            call.turn = Turn()
        try:
            messages = run(admitted(call, source_of(map(framed, request if self.streamed else (request,)))))
            call.caller = call.exchange.identity
            asked: Any = map(self.read, each(messages.following)) if self.streamed else self.read(run(messages.one()))
            answers = run(returning(call, source_of(self._answers(call, asked, context))))
            yield from each(answers.following)
        except BaseException as error:
            self._ended(call, error, context)
            raise

    def _ended(self, call: Call, error: BaseException, context: Any) -> None:
        """Answers a call that broke off, where that is the guard's doing."""
        answer = call.ended(error)
        if answer is not None:
            detail, metadata = told(answer)
            context.set_trailing_metadata(metadata)
            context.abort(code_of(answer), detail)

    def _answers(self, call: Call, asked: Any, context: Any) -> Any:
        def within(work: Callable[..., Any], *arguments: Any) -> Any:
            token = CALLER.set(call.caller)
            try:
                return work(*arguments)
            finally:
                CALLER.reset(token)

        answer = within(self.behaviour, asked, context)
        if not self.streams:
            yield self.written(answer)
            return
        end = object()
        answers = iter(answer)
        while (answer := within(next, answers, end)) is not end:
            yield self.written(answer)


class _Beside(_Serving):
    """Serves beside an event loop."""

    async def unary(self, request: Any, context: Any) -> Any:
        if self.streamed:
            (answer,) = [answer async for answer in self.stream(request, context)]
            return answer
        if not self.door._runs():
            await self.door._start_beside()
        call = self.door.called(self.method, context, beside)
        try:
            asked = self.read(await one_admitted(call, request))
            one_awaited(call)
            CALLER.set(call.exchange.identity)
            answer = await self.behaviour(asked, _Context(context))
            return await one_returned(call, self._write(answer))
        except BaseException as error:
            await self._ended(call, error, context)
            raise

    async def _ended(self, call: Call, error: BaseException, context: Any) -> None:
        """Answers a call that broke off, where that is the guard's doing."""
        refusal = call.ended(error)
        if refusal is not None:
            detail, metadata = told(refusal)
            await context.abort(code_of(refusal), detail, metadata)

    async def stream(self, request: Any, context: Any) -> Any:
        if not self.door._runs():
            await self.door._start_beside()
        call = self.door.called(self.method, context, beside)
        if self.streamed and self.streams:
            call.turn = asyncio.Lock()
        answering: Any = None
        try:
            source = source_beside(_framed(request)) if self.streamed else source_of((framed(request),))
            messages = await admitted(call, source)
            asked: Any = _asked(messages.following, self.read) if self.streamed else self.read(await messages.one())
            CALLER.set(call.exchange.identity)
            answering = self._answers(asked, context)
            answers = await returning(call, source_beside(answering))
            while (answer := await answers.following()) is not None:
                yield answer
        except BaseException as error:
            await self._ended(call, error, context)
            raise
        finally:
            if answering is not None:
                await answering.aclose()

    async def _answers(self, asked: Any, context: Any) -> AsyncIterator[bytes]:
        called = self.behaviour(asked, _Context(context))
        if not self.streams:
            yield self.written(await called)
            return
        if not inspect.isasyncgen(called):
            called.close()
            raise NotImplementedError(_UNREAD)
        try:
            async for answer in called:
                yield self.written(answer)
        finally:
            await called.aclose()


class _Context:
    """A servicer's context, without the ways around the guard."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        if name in ("read", "write"):
            raise NotImplementedError(_UNREAD)
        return getattr(self._context, name)


_UNREAD = "a servicer that reads from or writes to its context is not guarded: it iterates, and answers by yield"


async def _framed(messages: Any) -> AsyncIterator[bytes]:
    async for message in messages:
        yield framed(message)


async def _asked(following: Source, read: Callable[[bytes], Any]) -> AsyncIterator[Any]:
    while (message := await following()) is not None:
        yield read(message)
