from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import ClassVar, Optional, TypeVar, Union, final

from ._operation import OperationGuard
from ._running import Admission
from .types import Approval, Explanation, Finding, Grant, Reading, Unmasked

__version__: str

_Body = TypeVar("_Body", str, bytes)
_Names = Union[str, Sequence[str]]
_Headers = list[tuple[bytes, bytes]]
_Detector = Callable[[str, Optional[str]], Iterable[tuple[int, int, str]]]
_Answer = tuple[int, _Headers, bytes, str]
_Refused = tuple[str, str, Optional[str], Optional[str]]

@final
class Identity:
    """A caller that the authenticating layer verified."""

    def __new__(
        cls,
        subject: str,
        groups: Sequence[str] = ...,
        *,
        issuer: Optional[str] = None,
        claims: Mapping[str, Union[str, list[str]]] = ...,
        hops: Sequence[tuple[str, str]] = ...,
    ) -> Identity: ...
    @property
    def subject(self) -> str: ...
    @property
    def groups(self) -> list[str]: ...
    @property
    def issuer(self) -> Optional[str]: ...
    @property
    def claims(self) -> dict[str, Union[str, list[str]]]: ...
    @property
    def hops(self) -> list[tuple[str, str]]:
        """The workloads that the request came through as ``(workload, verified_by)``, nearest last."""

@final
class Guard:
    """Guards one or more services under one policy."""

    def __new__(
        cls,
        policy: Union[str, PathLike[str]],
        *,
        detectors: Optional[Mapping[str, _Detector]] = None,
        watch: bool = False,
    ) -> Guard:
        """A guard under the policy of a file. Opens and starts nothing: that comes with the first exchange, in the
        process that serves it. ``detectors`` are what the policy calls, by name: callables that take a text and its
        key and answer with ``(start, end, label)`` in characters; one that raises is a denial. With
        ``watch`` the files of the policy are looked at once a second and read again when they change."""
    def reload(self) -> bool:
        """Reads the policy's file again: a sound one judges every exchange that begins from now on, in this process; a wrong one
        raises, and changes nothing. Whether another policy came into force."""
    @staticmethod
    def parse(
        text: str, name: str = "wardline.yaml", *, detectors: Optional[Mapping[str, _Detector]] = None
    ) -> Guard:
        """A guard under a policy given as text; ``name`` is what errors call it, and its folder is where a relative
        ``state`` lies."""
    def mask(self, body: _Body, content_type: str = "text/plain") -> _Body:
        """Masks a text or a body as all mask entries of the policy together say. Answers with the object itself where
        nothing had to change."""
    def unmask(
        self,
        hidden: str,
        identity: Union[Identity, str],
        *,
        entity: Optional[str] = None,
        scope: Optional[str] = None,
    ) -> Unmasked:
        """What a token stands for, or digits that were encrypted as ``entity`` under ``scope`` (``policy`` or ``tenant``). It
        takes a live grant for ``secret.read`` on ``unmask/ENTITY``, and is recorded."""
    def statement(
        self,
        text: str,
        *,
        service: str,
        identity: Union[Identity, str, None] = None,
        dialect: Optional[str] = None,
        parameters: Optional[bytes] = None,
        numbers: Sequence[Optional[int]] = ...,
        times: int = ...,
    ) -> Admission:
        """Statements of SQL, for a ``with`` or ``async with`` block in which they run. Entering it raises ``WardlineError`` where
        they may not; leaving it with an exception records that they failed. ``parameters`` are the values bound to it, in any form
        that is the same for the same values only: an approval is for these. ``numbers`` are those of them that are whole numbers, by place
        (``None`` for others): a ``LIMIT`` that is one of them bounds what is read. ``times`` is how often it runs with values of its own
        (``executemany``)."""
    def command(
        self, line: Union[str, Sequence[Union[str, bytes]]], *, service: str, identity: Union[Identity, str, None] = None
    ) -> Admission:
        """A command, for a ``with`` or ``async with`` block in which it runs: a ``str`` is text of a shell, a sequence a program
        and its arguments or the words of a server's command."""
    def operation(
        self,
        name: str,
        *,
        service: str,
        resource: Union[str, Callable[..., str], None] = None,
        count: Union[int, Callable[..., Optional[int]], None] = None,
        identity: Union[Identity, str, Callable[..., Union[Identity, str, None]], None] = None,
    ) -> OperationGuard:
        """Decorates a function with what it does, such as ``vector.export`` on the collection ``resource``. ``count`` is how many vectors, rows
        or bytes at most (what the operation counts), any number where it is absent. These and ``identity`` may be functions of what the
        decorated one is called with. Who asks is ``identity``, or else whoever called the guarded service that this runs in
        (``wardline.caller()``). A call that may not run raises ``WardlineError``; an approval is for one such operation on this resource,
        whatever the other arguments. What a function answers is not read: a quota is spent as asked."""
    def call(
        self,
        name: str,
        service: str,
        resource: str,
        count: Optional[int] = None,
        identity: Union[Identity, str, None] = None,
    ) -> Said:
        """Begins one call of such a function. For ``wardline._operation``."""
    def classify(
        self,
        method: str,
        url: str,
        headers: Union[Mapping[str, str], Sequence[tuple[str, str]], None] = None,
        body: Optional[bytes] = None,
    ) -> Reading:
        """What a request would be taken for. Nothing is decided or recorded."""
    def explain(
        self,
        method: str,
        url: str,
        headers: Union[Mapping[str, str], Sequence[tuple[str, str]], None] = None,
        body: Optional[bytes] = None,
        *,
        identity: Union[Identity, str, None] = None,
    ) -> Explanation:
        """Why a request would be let through, held or denied now: each rule, and what of the request does not fit it.

        Nothing is recorded, leased or held.
        """
    def issue_grant(
        self,
        *,
        who: _Names,
        operations: _Names,
        until: str,
        reason: str,
        by: str,
        services: _Names = ...,
        resources: _Names = ...,
        start: Optional[str] = None,
        when: Sequence[str] = ...,
        uses: Optional[int] = None,
        quota: Optional[tuple[str, int]] = None,
        ticket: Optional[str] = None,
    ) -> Grant:
        """Issues a grant; its clock starts now. ``until`` is an instant (RFC 3339) or a length such as ``3h``; ``when``
        are the hours of the week at which it can be used, such as ``mon-fri 22:00-06:00 Europe/Berlin``."""
    def request_grant(
        self,
        *,
        who: _Names,
        operations: _Names,
        until: str,
        reason: str,
        by: str,
        services: _Names = ...,
        resources: _Names = ...,
        start: Optional[str] = None,
        when: Sequence[str] = ...,
        uses: Optional[int] = None,
        quota: Optional[tuple[str, int]] = None,
        ticket: Optional[str] = None,
    ) -> Approval:
        """Asks for a grant: people whom the policy names decide about it, and it is issued, its clock started, with the vote
        that decides."""
    def hand_on_grant(
        self,
        grant: str,
        *,
        who: _Names,
        operations: _Names,
        until: str,
        reason: str,
        by: str,
        services: _Names = ...,
        resources: _Names = ...,
        start: Optional[str] = None,
        when: Sequence[str] = ...,
        uses: Optional[int] = None,
        quota: Optional[tuple[str, int]] = None,
        ticket: Optional[str] = None,
    ) -> Grant:
        """Hands a part of a grant on that ``by`` may use: to others, for less, never for more. Uses and quota leave the grant
        with it, and it ends with the grant."""
    def revoke_grant(self, grant: str, *, by: str, reason: str) -> Grant:
        """Ends a grant now, with all that was handed on from it, for every process on this state."""
    def grants(self) -> list[Grant]:
        """All grants ever issued, ended ones too, oldest first."""
    def approvals(self, state: Optional[str] = None) -> list[Approval]:
        """All approvals, or those in one state, e.g. ``pending``."""
    def approve(self, approval: str, *, by: str, reason: Optional[str] = None, break_glass: bool = False) -> Approval:
        """Approves a held request, or a grant that is asked for, in the name of ``by``, whose groups are those of the policy.

        ``break_glass`` lets it go on at once in an emergency, as one person alone: the policy names who may, a reason is
        required, and it stays marked."""
    def deny(self, approval: str, *, by: str, reason: Optional[str] = None) -> Approval:
        """Denies a held request in the name of ``by``."""
    def cancel(self, approval: str, *, by: str, reason: str = "") -> Approval:
        """Takes a request of one's own back, also one that is approved and not yet used."""
    def comment(self, approval: str, text: str, *, by: str) -> Approval:
        """Says something about an open approval, for those who decide and those who ask; it decides nothing."""
    def flush(self) -> None:
        """Waits until every record so far is on disk and signed."""
    def metrics_text(self) -> str:
        """What was counted in this process, as OpenMetrics text (``application/openmetrics-text; version=1.0.0``) for Prometheus:
        never by caller, resource or value."""
    def check(self) -> None:
        """Opens the store and the log, and starts the worker of this process where it does not run yet."""
    def begin(
        self,
        method: str,
        target: bytes,
        headers: Iterable[Sequence[bytes]],
        peer: Optional[str] = None,
        identity: Union[Identity, str, None] = None,
        *,
        door: str = "asgi",
        host: Optional[str] = None,
    ) -> tuple[Exchange, tuple[object, ...]]:
        """Begins an exchange: ``(exchange, its first step)``. For doors: ``door`` is its name, ``host`` the authority of the URL
        where the request is one that goes out."""

@final
class Exchange:
    """One request and its response under guard, as a door drives it."""

    NEED_BODY: ClassVar[int]
    EFFECT: ClassVar[int]
    ANSWER: ClassVar[int]
    FORWARD: ClassVar[int]
    UNCHANGED: ClassVar[int]
    WHOLE: ClassVar[int]
    FEED: ClassVar[int]
    PASS: ClassVar[int]
    STREAM: ClassVar[int]
    COLLECT: ClassVar[int]
    REFUSE: ClassVar[int]

    @property
    def id(self) -> str: ...
    @property
    def identity(self) -> Optional[Identity]: ...
    def step(self) -> tuple[object, ...]: ...
    def push(self, piece: bytes, more: bool) -> tuple[object, ...]: ...
    def carry_out(self, wake: Callable[[], object]) -> bool: ...
    def wait(self) -> None: ...
    def abandon(self) -> None: ...
    def resume(self) -> Union[bytes, _Answer, tuple[bytes, _Answer], None]: ...
    def request(self, piece: bytes, more: bool) -> Union[bytes, _Answer, None]: ...
    def response(self, piece: bytes, more: bool) -> Union[bytes, _Answer, tuple[bytes, _Answer], None]: ...
    def head(
        self, status: int, headers: Iterable[Sequence[bytes]]
    ) -> tuple[int, Optional[_Headers], Optional[_Answer]]: ...
    def complete(self) -> None: ...
    def fail(self) -> None: ...
    def disconnect(self) -> None: ...

@final
class Said:
    """A statement or a command under guard, as ``wardline._running`` drives it."""

    @property
    def id(self) -> str: ...
    def begin(self) -> Union[bool, _Refused, None]: ...
    def carry_out(self, wake: Callable[[], object]) -> bool: ...
    def wait(self) -> None: ...
    def resume(self) -> Union[bool, bytes, _Refused, None]: ...
    def returned(self, rows: int, vectors: int) -> Union[bool, _Refused, None]: ...
    def touched(self, rows: int) -> Union[bool, _Refused, None]: ...
    def result(self, piece: bytes, content_type: str, more: bool) -> Union[bytes, _Refused, None]: ...
    def complete(self) -> None: ...
    def fail(self) -> None: ...
    def disconnect(self) -> None: ...

def detect(text: Union[str, bytes], entities: Optional[Sequence[str]] = None) -> list[Finding]:
    """Finds personal data and secrets in a text: all entities of the catalogue, or those named.

    Offsets count characters of a ``str`` and bytes of a ``bytes``; spans are half-open."""

def run_command(args: Sequence[str]) -> int:
    """Runs the ``wardline`` command with these arguments, the program's name first; answers its exit code."""

def flush_all() -> None:
    """Flushes every guard of this process, as far as it can be done."""
