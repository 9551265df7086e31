"""The clients whose requests go out under guard, asked alike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

import aiohttp
import httpx
import httpx2
import requests
import urllib3
from support import WAIT

import wardline.aiohttp
import wardline.httpx
import wardline.httpx2
import wardline.requests
import wardline.urllib3
from wardline import Guard

Take = Callable[[bytes], bool]


class Way:
    """One client: what records call its door, and the errors that its users know."""

    door: str
    # What a cut is, what any other failure is.
    cut: type[Exception]
    fails: tuple[type[Exception], ...]

    def ask(self, guard: Guard, who: Any, method: str, url: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        """One request, and all of its response."""
        raise NotImplementedError

    def stream(self, guard: Guard, method: str, url: str, body: Any, headers: dict[str, str], take: Take) -> None:
        """One request whose response is read piece by piece, until `take` has enough."""
        raise NotImplementedError


class Httpx(Way):
    def __init__(self, library: Any, doors: Any) -> None:
        self.door = library.__name__
        self.cut, self.fails = library.ReadError, (library.TransportError,)
        self.library, self.doors = library, doors

    @contextmanager
    def client(self, guard: Guard, who: Any) -> Iterator[Any]:
        with self.library.Client(transport=self.doors.GuardTransport(identity=who, guard=guard), follow_redirects=True) as client:
            yield client

    def ask(self, guard: Guard, who: Any, method: str, url: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        with self.client(guard, who) as client:
            return told(client.request(method, url, content=body, headers=headers))

    def stream(self, guard: Guard, method: str, url: str, body: Any, headers: dict[str, str], take: Take) -> None:
        with self.client(guard, "svc-ingest") as client:
            with client.stream(method, url, content=body, headers=headers) as response:
                any(take(piece) for piece in response.iter_raw())


class AsyncHttpx(Httpx):
    def beside(self, guard: Guard, who: Any) -> Any:
        transport = self.doors.AsyncGuardTransport(identity=who, guard=guard)
        return self.library.AsyncClient(transport=transport, follow_redirects=True)

    def ask(self, guard: Guard, who: Any, method: str, url: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with self.beside(guard, who) as client:
                return told(await client.request(method, url, content=beside(body), headers=headers))

        return asyncio.run(asked())

    def stream(self, guard: Guard, method: str, url: str, body: Any, headers: dict[str, str], take: Take) -> None:
        async def streamed() -> None:
            async with self.beside(guard, "svc-ingest") as client:
                async with client.stream(method, url, content=body, headers=headers) as response:
                    async for piece in response.aiter_raw():
                        if take(piece):
                            return

        asyncio.run(streamed())


class Requests(Way):
    door = "requests"
    cut = requests.exceptions.ChunkedEncodingError
    fails = (requests.exceptions.RequestException, urllib3.exceptions.HTTPError)

    def session(self, guard: Guard, who: Any) -> requests.Session:
        session = requests.Session()
        session.mount("http://", wardline.requests.GuardAdapter(identity=who, guard=guard))
        return session

    def ask(self, guard: Guard, who: Any, method: str, url: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        with self.session(guard, who) as session:
            got = session.request(method, url, data=body, headers=headers, timeout=WAIT)
            return undone(got.status_code, got.headers.items(), got.content)

    def stream(self, guard: Guard, method: str, url: str, body: Any, headers: dict[str, str], take: Take) -> None:
        with self.session(guard, "svc-ingest") as session:
            with session.request(method, url, data=body, headers=headers, stream=True, timeout=WAIT) as got:
                any(take(piece) for piece in got.iter_content(512))


class Urllib3(Way):
    door = "urllib3"
    cut = urllib3.exceptions.HTTPError
    fails = (urllib3.exceptions.HTTPError,)
    # Redirects are followed, and nothing is sent again.
    retries = urllib3.Retry(redirect=5, connect=0, read=0, status=0, other=0)

    def pools(self, guard: Guard, who: Any) -> urllib3.PoolManager:
        return wardline.urllib3.guarded(urllib3.PoolManager(retries=self.retries), identity=who, guard=guard)

    def ask(self, guard: Guard, who: Any, method: str, url: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        with self.pools(guard, (lambda connection: who(connection)) if callable(who) else who) as pools:
            got = pools.request(method, url, body=body, headers=headers, timeout=WAIT)
            return undone(got.status, got.headers.items(), got.data)

    def stream(self, guard: Guard, method: str, url: str, body: Any, headers: dict[str, str], take: Take) -> None:
        with self.pools(guard, "svc-ingest") as pools:
            got = pools.request(method, url, body=body, headers=headers, timeout=WAIT, preload_content=False)
            try:
                any(take(piece) for piece in got.stream(512))
            finally:
                got.close()


class Aiohttp(Way):
    door = "aiohttp"
    cut = aiohttp.ClientPayloadError
    fails = (aiohttp.ClientError,)

    def session(self, guard: Guard, who: Any) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(middlewares=[wardline.aiohttp.GuardMiddleware(identity=who, guard=guard)])

    def ask(self, guard: Guard, who: Any, method: str, url: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with self.session(guard, who) as session:
                async with session.request(method, url, data=beside(body), headers=headers) as got:
                    return undone(got.status, got.headers.items(), await got.read())

        return asyncio.run(asked())

    def stream(self, guard: Guard, method: str, url: str, body: Any, headers: dict[str, str], take: Take) -> None:
        async def streamed() -> None:
            async with self.session(guard, "svc-ingest") as session:
                async with session.request(method, url, data=body, headers=headers) as got:
                    async for piece in got.content.iter_any():
                        if take(piece):
                            return

        asyncio.run(streamed())


WAYS: dict[str, Way] = {
    "httpx": Httpx(httpx, wardline.httpx),
    "httpx-async": AsyncHttpx(httpx, wardline.httpx),
    "httpx2": Httpx(httpx2, wardline.httpx2),
    "httpx2-async": AsyncHttpx(httpx2, wardline.httpx2),
    "requests": Requests(),
    "urllib3": Urllib3(),
    "aiohttp": Aiohttp(),
}


def beside(body: Any) -> Any:
    """A body of pieces, for a client beside an event loop."""
    if not isinstance(body, Iterator):
        return body

    async def pieces() -> Any:
        for piece in body:
            yield piece

    return pieces()


def undone(status: int, headers: Any, body: bytes) -> httpx.Response:
    """What a client read, which has undone its coding."""
    fields = [(name, value) for name, value in headers if name.lower() != "content-encoding"]
    return httpx.Response(status, headers=fields, content=body)


def told(response: Any) -> httpx.Response:
    return undone(response.status_code, response.headers.items(), response.content)
