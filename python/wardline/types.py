"""The shapes of what the guard answers with: plain dicts, as in its JSON."""

from __future__ import annotations

from typing import Any, Literal, Optional, TypedDict


class Diagnostic(TypedDict):
    """One finding about a policy, with its place. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    code: str
    message: str
    severity: Literal["error", "warning"]


class Finding(TypedDict):
    """Where something lies that should not pass in clear; the span is half-open."""

    start: int
    end: int
    entity: str
    group: str
    score: int


class Magnitude(TypedDict):
    """How much an act touches; ``count`` is ``None`` where that is unbounded."""

    unit: Optional[str]
    count: Optional[int]


class Act(TypedDict):
    """One thing that a request does."""

    operation: str
    resource: str
    magnitude: Magnitude
    risk: int


class Reading(TypedDict):
    """What a request is taken for; ``service`` is ``None`` where none of the policy answers to it."""

    service: Optional[str]
    entry: Optional[str]
    acts: list[Act]


class Considered(TypedDict):
    """A rule, and the keys of it that the act does not fit; where there are none, it speaks of the act."""

    rule: str
    file: str
    line: int
    effect: Literal["allow", "grant", "hold", "deny"]
    misses: list[str]


class Nearest(TypedDict, total=False):
    """The caller's grant that comes nearest, and what it lacks: ``lack``, with what belongs to it."""

    grant: str
    lack: str


class Reasons(Act, total=False):
    """What the policy says of one act. ``covered_by`` is a live grant."""

    labels: list[str]
    final_risk: int
    thresholds: dict[str, Optional[int]]
    rules: list[Considered]
    covered_by: str
    nearest: Nearest


class Explanation(TypedDict, total=False):
    """Why a verdict is as it is. ``approval`` says who would have to approve."""

    service: Optional[str]
    mode: Literal["enforce", "observe"]
    verdict: Literal["allow", "hold", "deny"]
    code: str
    because: str
    risk: int
    rules: list[str]
    grants: list[str]
    approval: list[dict[str, Any]]
    acts: list[Reasons]


class Unmasked(TypedDict):
    """What a token or encrypted digits stand for."""

    entity: str
    value: str


class Scope(TypedDict):
    """What a grant is for."""

    who: list[str]
    services: list[str]
    operations: list[str]
    resources: list[str]


class Revocation(TypedDict):
    """Who ended a grant early, when and why."""

    at: str
    by: str
    reason: str


class _Grant(TypedDict):
    id: str
    state: Literal["scheduled", "active", "exhausted", "expired", "revoked"]
    scope: Scope
    until: str
    used: int
    spent: int
    reason: str
    issued_by: str
    issued_at: str


# `from` is no name in Python: the rest is written as a call.
_GrantFrom = TypedDict("_GrantFrom", {"from": str})


class Grant(_Grant, _GrantFrom, total=False):
    """Time-boxed permission, and where it stands."""

    when: list[str]
    uses: int
    quota: tuple[str, int]
    ticket: str
    approval: str
    parent: str
    handed_on: int
    revoked: Revocation


_StepFrom = TypedDict("_StepFrom", {"from": list[str]})


class Step(_StepFrom):
    """``need`` distinct people, each in one of the groups of ``from``."""

    need: int


class _Vote(TypedDict):
    by: str
    groups: list[str]
    answer: Literal["approve", "deny", "break_glass"]
    at: str


class Vote(_Vote, total=False):
    """What one person said."""

    reason: str


class Comment(TypedDict):
    """What one person said about a request, beside the votes."""

    by: str
    at: str
    text: str


class _Approval(TypedDict):
    id: str
    state: Literal["pending", "approved", "denied", "expired", "used", "cancelled"]
    digest: str
    identity: dict[str, object]
    service: str
    acts: list[Act]
    rules: list[str]
    policy: str
    steps: list[Step]
    reason_required: bool
    votes: list[Vote]
    opened_at: str
    pending_until: str
    usable_for_ms: int


class Approval(_Approval, total=False):
    """One held request, or a grant that is asked for (``wants``), and what people said to it."""

    wants: dict[str, object]
    granted: str
    break_glass: list[str]
    comments: list[Comment]
    outcome: dict[str, object]
