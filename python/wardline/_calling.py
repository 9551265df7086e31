"""Calls of gRPC that go out: a channel in front of another.

>>> channel = GuardChannel(grpc.insecure_channel("vectors:6334"), host="vectors:6334", identity="svc-ingest")   # doctest: +SKIP
>>> PointsStub(channel).Search(request)                                                                        # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Optional

import grpc

from ._crossing import Crossing, source_beside, source_of
from ._egress import Asking, Outgoing
from ._flow import Turn, beside, blocking, each, run
from ._guarded import Policy
from ._messages import Refused, admitted, framed, headers_of, metadata_of, returning, told
from ._wardline import Exchange, Guard

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    503: grpc.StatusCode.UNAVAILABLE,
}


def code_of(answer: Any) -> grpc.StatusCode:
    """The status of a call that ends with an answer of the guard."""
    return _CODES.get(answer[0], grpc.StatusCode.INTERNAL)


class Refusal(grpc.RpcError, grpc.Call):  # type: ignore[misc]
    """The guard's answer, as the error that a call raises."""

    def __init__(self, answer: Any) -> None:
        self._code = code_of(answer)
        self._details, self._metadata = told(answer)
        super().__init__(self._details)

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def initial_metadata(self) -> Any:
        return ()

    def trailing_metadata(self) -> Any:
        return self._metadata

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> None:
        return None

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Any) -> bool:
        return False


class _Calling(Outgoing):
    """What both channels have in common."""

    door = "grpc-client"

    def __init__(
        self, channel: Any, *, host: str, identity: Asking, policy: Optional[Policy] = None, guard: Optional[Guard] = None
    ) -> None:
        super().__init__(identity, policy, guard)
        self._channel = channel
        self._host = host

    def unary_unary(self, method: str, *codec: Any, **options: Any) -> Any:
        return self._made("unary_unary", method, *codec, **options)

    def unary_stream(self, method: str, *codec: Any, **options: Any) -> Any:
        return self._made("unary_stream", method, *codec, **options)

    def stream_unary(self, method: str, *codec: Any, **options: Any) -> Any:
        return self._made("stream_unary", method, *codec, **options)

    def stream_stream(self, method: str, *codec: Any, **options: Any) -> Any:
        return self._made("stream_stream", method, *codec, **options)

    def _made(
        self,
        kind: str,
        method: str,
        request_serializer: Optional[Callable[[Any], bytes]] = None,
        response_deserializer: Optional[Callable[[bytes], Any]] = None,
        **options: Any,
    ) -> Any:
        # Without serializers of its own grpcio takes, and hands over, the bytes of messages.
        inner = getattr(self._channel, kind)(method, **options)
        codec = (request_serializer or bytes, response_deserializer or bytes)
        made = _Beside if isinstance(self, AsyncGuardChannel) else _Blocking
        return made(self, kind, method, inner, codec)

    def called(self, method: str, asked: Any, metadata: Any, wait: Callable[[Exchange], Awaitable[None]]) -> Crossing:
        return self.begin(asked, ("POST", method.encode(), self._host), headers_of(metadata), wait)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


class GuardChannel(_Calling, grpc.Channel):  # type: ignore[misc]
    """Guards what goes out through a channel of grpcio. ``host`` is the authority that the policy knows its service by."""

    def subscribe(self, callback: Any, try_to_connect: Optional[bool] = False) -> None:
        self._channel.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Any) -> None:
        self._channel.unsubscribe(callback)

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> GuardChannel:
        return self

    def __exit__(self, *raised: Any) -> None:
        self.close()


class AsyncGuardChannel(_Calling):
    """The same for a channel of ``grpc.aio``: a call is awaited, a stream of answers iterated over."""

    async def __aenter__(self) -> AsyncGuardChannel:
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._channel.close()


class _Method:
    def __init__(self, door: _Calling, kind: str, method: str, inner: Any, codec: tuple[Any, Any]) -> None:
        self._door = door
        self._streamed, self._streams = kind.startswith("stream"), kind.endswith("stream")
        self._method = method
        self._inner = inner
        self._write, self._read = codec

    def future(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("a call by its future is not guarded")

    def _framed(self, message: Any) -> bytes:
        return framed(self._write(message))


class _Blocking(_Method):
    """A method of a channel of threads."""

    def __call__(self, request: Any, timeout: Any = None, metadata: Any = None, **options: Any) -> Any:
        if self._streams:
            return _Answers(self._answers(request, metadata, {"timeout": timeout, **options}))
        return self.with_call(request, timeout, metadata, **options)[0]

    def with_call(self, request: Any, timeout: Any = None, metadata: Any = None, **options: Any) -> Any:
        answers = _Answers(self._answers(request, metadata, {"timeout": timeout, **options}))
        (answer,) = answers
        return answer, answers

    def _answers(self, request: Any, metadata: Any, options: dict[str, Any]) -> Iterator[Any]:
        """The real call first, then what it answers."""
        door = self._door
        if not door._runs():
            door._start()
        call = door.called(self._method, request, metadata, blocking)
        if self._streamed and self._streams:
            call.turn = Turn()
        real: Any = None
        try:
            source = source_of(map(self._framed, request if self._streamed else (request,)))
            messages = run(admitted(call, source))
            asked: Any = each(messages.following) if self._streamed else run(messages.one())
            options["metadata"] = metadata_of(call.headers)
            if self._streams:
                answers = real = self._inner(asked, **options)
            else:
                answer, real = self._inner.with_call(asked, **options)
                answers = (answer,)
            yield real
            for answer in each(run(returning(call, source_of(map(framed, answers)))).following):
                yield self._read(answer)
        except Refused as refused:
            raise Refusal(refused.answer) from None
        except BaseException as error:
            if call.broke(error):
                raise Refusal(call.answer) from None
            raise
        finally:
            if real is not None:
                # What is over already takes no note of it.
                real.cancel()


class _Answers:
    """What a call answers, and the call itself."""

    def __init__(self, answers: Iterator[Any]) -> None:
        self._answers = answers
        self._call = next(answers)

    def __iter__(self) -> _Answers:
        return self

    def __next__(self) -> Any:
        return next(self._answers)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


class _Beside(_Method):
    """A method of a channel of asyncio."""

    def __call__(self, request: Any, timeout: Any = None, metadata: Any = None, **options: Any) -> Any:
        answers = self._answers(request, metadata, {"timeout": timeout, **options})
        return answers if self._streams else self._only(answers)

    async def _only(self, answers: AsyncIterator[Any]) -> Any:
        (answer,) = [answer async for answer in answers]
        return answer

    async def _answers(self, request: Any, metadata: Any, options: dict[str, Any]) -> AsyncIterator[Any]:
        door = self._door
        if not door._runs():
            await door._start_beside()
        call = door.called(self._method, request, metadata, beside)
        if self._streamed and self._streams:
            call.turn = asyncio.Lock()
        real: Any = None
        try:
            source = source_beside(self._each(request)) if self._streamed else source_of((self._framed(request),))
            messages = await admitted(call, source)
            asked: Any = _every(messages.following) if self._streamed else await messages.one()
            options["metadata"] = metadata_of(call.headers)
            real = self._inner(asked, **options)
            out = await returning(call, source_beside(_framed(real)) if self._streams else source_beside(_one(real)))
            while (answer := await out.following()) is not None:
                yield self._read(answer)
        except Refused as refused:
            raise Refusal(refused.answer) from None
        except BaseException as error:
            if call.broke(error):
                raise Refusal(call.answer) from None
            raise
        finally:
            if real is not None:
                # What is over already takes no note of it.
                real.cancel()

    async def _each(self, requests: Any) -> AsyncIterator[bytes]:
        if hasattr(requests, "__aiter__"):
            async for request in requests:
                yield self._framed(request)
        else:
            for request in requests:
                yield self._framed(request)


async def _every(following: Callable[[], Awaitable[Optional[bytes]]]) -> AsyncIterator[bytes]:
    while (message := await following()) is not None:
        yield message


async def _framed(answers: Any) -> AsyncIterator[bytes]:
    async for answer in answers:
        yield framed(answer)


async def _one(answer: Awaitable[bytes]) -> AsyncIterator[bytes]:
    yield framed(await answer)
