"""The package's exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from .types import Diagnostic


class WardlineError(Exception):
    """Something could not be done. ``code`` is stable; the message never quotes payload.

    Codes: ``invalid_input``, ``invalid_policy`` (then ``diagnostics`` has every finding with its place),
    ``not_found``, ``conflict``, ``not_eligible``, ``store_unavailable``, ``log_unavailable``, ``internal``; of a statement
    or command that may not run the code of the answer, such as ``default_deny``: then ``approval`` is the ticket of what is
    held or was denied by people, and ``record`` names the record.
    """

    approval: Optional[str] = None
    record: Optional[str] = None
    code: str
    diagnostics: list[Diagnostic]

    def __init__(
        self, message: str, code: str = "internal", diagnostics: Optional[list[Diagnostic]] = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.diagnostics = diagnostics or []

    def __reduce__(self) -> tuple[type[WardlineError], tuple[str, str, list[Diagnostic]], dict[str, Optional[str]]]:
        state = {"approval": self.approval, "record": self.record}
        return type(self), (str(self), self.code, self.diagnostics), state


class ExchangeCut(WardlineError):
    """Nothing more of a response may pass: raised out of the application so that the server aborts the connection, and out of
    a statement's or command's block so that its results go nowhere."""
