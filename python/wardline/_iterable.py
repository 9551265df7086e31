"""A response on its way through the WSGI door: the iterable that the server gets in place of the application's.

>>> return responding.of(app(environ, responding.start))     # doctest: +SKIP
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Optional

from ._errors import ExchangeCut
from ._flow import Flow, reason_of, run
from ._guarded import CALLER
from ._wardline import Exchange, Identity

# Looked up once: they are asked for in every exchange.
_COLLECT, _REFUSE = Exchange.COLLECT, Exchange.REFUSE

_DIFFERS = "the response's body and its Content-Length differ"


class Responding:
    """The response of one exchange. Its head goes to the server when its first byte is there, so that an application may still take it back."""

    __slots__ = (
        "flow", "caller", "input", "over", "_head_only", "_start_response", "_inner", "_iterator", "_single", "_head",
        "_asked", "_collecting", "_left", "_started", "_write", "_due", "_ended", "_last", "_through",
    )  # fmt: skip

    def __init__(self, flow: Flow, method: str, start_response: Callable[..., Any]) -> None:
        self.flow = flow
        self.caller: Optional[Identity] = None
        # What the application reads the request from.
        self.input: Any = None
        # Whether the exchange has its answer, whatever the application still does.
        self.over = False
        self._head_only = method == "HEAD"
        self._start_response = start_response
        self._inner: Any = None
        self._iterator: Iterator[bytes] = iter(())
        # Whether the application's one piece, or none, is all of the body.
        self._single = False
        self._head: Optional[tuple[str, list[tuple[str, str]]]] = None
        # Whether the exchange knows the head; whether the server has it.
        self._asked = self._started = False
        self._collecting = False
        # What is still to come of the length that the server was told.
        self._left: Optional[int] = None
        self._write: Any = None
        # A body of our own, for the next turn.
        self._due: Optional[bytes] = None
        # Whether the body's end is through; whether the application is at its end.
        self._ended = self._last = False
        # Whether the exchange knows that all of it was handed on.
        self._through = False

    def start(self, status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        """The application's ``start_response``."""
        if exc_info:
            try:
                if self._asked:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._head is not None:
            raise AssertionError("start_response was called twice")
        self._head = (status, list(headers))
        return self.write

    def write(self, data: bytes) -> None:
        """The application's ``write``."""
        if not self.over:
            out = self._passed(data, True)
            if out and not self.over:
                self._write(out)
        if self.over or self.flow.cut is not None:
            raise OSError("the exchange is over")

    def of(self, inner: Iterable[bytes]) -> Responding:
        """The response with the body that the application answered with."""
        if type(inner) in (list, tuple) and len(inner) < 2 and not self._asked:  # type: ignore[arg-type]
            # All of it is here: nothing of the application runs any more, and there is nothing to close.
            self._single = self._last = True
            out = self._passed(inner[0] if inner else b"", False)  # type: ignore[index]
            if out:
                self._due = out
        else:
            self._inner, self._iterator = inner, iter(inner)
        return self

    def answered(self, answer: Any) -> Responding:
        """The guard's answer in the application's place."""
        status, headers, body, _ = answer
        self.over = self._last = self._started = True
        self._let_go()
        self._start_response(_line(status), [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
        self._due = b"" if self._head_only else body
        return self

    def __iter__(self) -> Responding:
        return self

    def __next__(self) -> bytes:
        due = self._due
        if due is not None:
            self._due = None
            return due
        if self._last and (self.over or self.flow.cut is None):
            self._through = True
            self.flow.exchange.complete()
            raise StopIteration
        # The server may iterate in another thread than it called in.
        token = CALLER.set(self.caller)
        try:
            return self._next()
        except StopIteration:
            self.flow.exchange.complete()
            raise
        except BaseException:
            self.flow.exchange.fail()
            raise
        finally:
            CALLER.reset(token)

    def _next(self) -> bytes:
        while True:
            if self.flow.cut is not None and not self.over:
                self._cut()
            if self._due is not None:
                due, self._due = self._due, None
                return due
            if self._last:
                raise StopIteration
            try:
                piece = next(self._iterator, None)
            except Exception:
                # What the application makes of a request that was cut is nobody's concern.
                if self.flow.cut is None:
                    raise
                continue
            self._last = piece is None
            out = self._passed(piece or b"", not self._last)
            if out:
                return out

    def _passed(self, piece: bytes, more: bool) -> bytes:
        """What leaves of a piece; with ``more`` false it is the last one."""
        if not self._asked:
            # An application may take its head back until there is something to send.
            if more and not piece:
                return b""
            self._ask(len(piece) if self._single else None)
            if self.over:
                return b""
        if self._ended:
            if piece:
                raise RuntimeError(_DIFFERS)
            return b""
        if self._left is not None:
            # A caller has all of the answer with the last byte of its length, so the end goes through with that.
            self._left -= len(piece)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError(_DIFFERS)
            more = more and self._left > 0
        self._ended = not more
        out: Any = self.flow.exchange.response(piece, more)
        if type(out) is not bytes:
            out = run(self.flow.settled(out))
        if self.flow.cut is not None and not self._started:
            return b""
        if self._collecting and self._ended:
            status, kept = self._kept_head()
            headers = [header for header in kept if _lowered(header[0]) != b"content-length"]
            headers.append(("Content-Length", str(len(out))))
            self._send_head(status, headers)
        return out  # type: ignore[no-any-return]

    def _ask(self, length: Optional[int]) -> None:
        """Has the head judged, and sends it unless the body goes on as one."""
        status, headers = self._kept_head()
        code = int(status[:3])
        bodiless = self._head_only or code < 200 or code in (204, 205, 304)
        fields, lengths, framed = [], [], False
        for name, value in headers:
            lower = _lowered(name)
            fields.append((lower, value.encode("latin-1")))
            if lower == b"content-length":
                lengths.append(value)
            elif lower == b"transfer-encoding":
                framed = True
        if length is not None and not bodiless and not lengths and not framed:
            # What the server would declare.
            lengths.append(str(length))
            headers = [*headers, ("Content-Length", lengths[0])]
            fields.append((b"content-length", lengths[0].encode()))
        self._asked = True
        how, edited, answer = self.flow.exchange.head(code, fields)
        if how == _REFUSE:
            self.answered(answer)
            return
        if edited is not None:
            headers = _edited(headers, fields, edited)
            lengths = [value for name, value in headers if _lowered(name) == b"content-length"]
        self._head = status, headers
        self._collecting = how == _COLLECT
        if self._collecting:
            return
        if not bodiless:
            self._left = int(lengths[0]) if len(lengths) == 1 else None
        self._send_head(status, headers)

    def _kept_head(self) -> tuple[str, list[tuple[str, str]]]:
        if self._head is None:
            raise RuntimeError("the application did not call start_response")
        return self._head

    def _send_head(self, status: str, headers: list[tuple[str, str]]) -> None:
        self._started = True
        self._write = self._start_response(status, headers)

    def _cut(self) -> None:
        if self._started:
            self.over = True
            self._let_go()
            self.flow.exchange.complete()
            raise ExchangeCut(reason_of(self.flow.cut), self.flow.cut[3])
        self.answered(self.flow.cut)

    def _let_go(self) -> None:
        """Closes what the application handed out, once."""
        inner, self._inner = self._inner, None
        if inner is not None and hasattr(inner, "close"):
            token = CALLER.set(self.caller)
            try:
                inner.close()
            finally:
                CALLER.reset(token)

    def close(self) -> None:
        """The server is done with it. Before its end that means that the caller went away."""
        try:
            self._let_go()
        finally:
            if not self._through:
                self.flow.exchange.disconnect()
            if self.input is not None:
                self.input.close()


def _edited(
    headers: list[tuple[str, str]], fields: list[tuple[bytes, bytes]], edited: list[tuple[bytes, bytes]]
) -> list[tuple[str, str]]:
    """Headers as they go on: what stays comes first, in its order, behind it what was put in."""
    kept: list[tuple[str, str]] = []
    for header, field in zip(headers, fields):
        if len(kept) < len(edited) and edited[len(kept)] is field:
            kept.append(header)
    for name, value in edited[len(kept) :]:
        kept.append((name.decode("latin-1"), value.decode("latin-1")))
    return kept


@functools.lru_cache(maxsize=1024)
def _lowered(name: str) -> bytes:
    """A header's name as the exchange takes it."""
    return name.lower().encode("latin-1")


def _line(status: int) -> str:
    """A status as WSGI writes it."""
    return f"{status} {HTTPStatus(status).phrase}"
