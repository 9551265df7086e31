"""A file over pieces of any size, for whoever reads a body by ``read`` and ``readline``.

>>> import io
>>> io.BufferedReader(Pieces(iter([b"a", b"b\\nc"]))).readlines()
[b'ab\\n', b'c']
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Optional


class Pieces(io.RawIOBase):
    """The pieces, none of them empty. What broke once stays broken: its rest must not look like an end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._error: Optional[BaseException] = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._error is not None:
            raise self._error
        if not self._rest:
            try:
                self._rest = next(self._pieces, b"")
            except BaseException as error:
                self._error = error
                raise
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
