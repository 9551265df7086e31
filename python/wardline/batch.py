"""The door for tables: columns of Arrow, pandas, Polars and of whatever hands over batches of columns, masked and recorded.

>>> from wardline import Guard
>>> guard = Guard.parse('''
... version: 1
... state: memory
... services: {reviews: {system: s3}}
... rules: [{name: prepare, who: ["user:svc-prep"], operations: [data.read], resources: [reviews/2026], effect: allow}]
... mask: [{name: mail, entities: {email: redact}}]
... ''')
>>> masked = GuardBatch("data.read", service="reviews", resource="reviews/2026", identity="svc-prep", guard=guard)
>>> masked({"id": [1, 2], "text": ["write to ana@example.org", None]})
{'id': [1, 2], 'text': ['write to [EMAIL]', None]}

One call is one exchange: what is done (``data.read`` with so many rows of ``reviews/2026``) is judged before a value is read, each row is
masked as one document whose members are its columns, and the record has the rows and the findings. ``GuardBatch`` goes where a function of a
batch is asked for::

    dataset.map(masked, batched=True)                           # Hugging Face datasets
    rows.map_batches(masked, batch_format="pyarrow")            # Ray Data
    frame.map_batches(masked)                                   # Polars, of a LazyFrame
    frame.mapInArrow(masked.each, frame.schema)                 # PySpark
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Optional, TypeVar

from ._calls import Asking, Calls
from ._errors import WardlineError
from ._flow import run
from ._guarded import Policy
from ._masking import masked
from ._tables import Table, of
from ._wardline import Guard

__all__ = ["GuardBatch"]

_Batch = TypeVar("_Batch")


class GuardBatch(Calls):
    """Masks tables, each as one exchange in which ``operation`` is done to so many rows of ``resource``.

    ``columns`` are those that are masked, all of them where it is absent; the others pass unread, so leave out what holds no text (images). A
    missing value stays missing, a column keeps its type, in Arrow also its dictionary. What is unchanged is not copied. Of lists of floats the
    vectors are counted and the numbers are not looked at.

    Who asks is ``identity`` (a function of no arguments, too), or else whoever called the guarded service that this runs in. Made with
    ``policy`` it can be sent to other processes, which then have a guard of their own; one that holds a ``guard`` cannot.
    """

    def __init__(
        self,
        operation: str,
        *,
        service: str,
        resource: str = "",
        columns: Optional[Sequence[str]] = None,
        identity: Asking = None,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
    ) -> None:
        if isinstance(columns, str):
            raise WardlineError("expected a list of the names of columns", "invalid_input")
        super().__init__(operation, service, resource, identity, policy, guard)
        self._columns = None if columns is None else tuple(columns)
        # What it is made from once more elsewhere.
        self._made_of = (operation, service, resource, self._columns, identity, policy) if guard is None else None

    def __call__(self, table: _Batch) -> _Batch:
        """The table in its own kind, masked.

        Raises ``WardlineError`` where this may not be done (``code``, ``approval``) or a column cannot be masked, and ``ExchangeCut`` where no
        grant covers its rows.
        """
        read = of(table, self._columns[0] if self._columns else "value")
        names = _chosen(read, self._columns)
        with self.admission(read.rows) as running:
            changes = run(masked(running, read, names))
            return read.changed(changes) if changes else table

    def each(self, tables: Iterable[_Batch]) -> Iterator[_Batch]:
        """The same of one table after the other, each an exchange of its own."""
        return map(self, tables)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._made_of is None:
            raise WardlineError("a guard stays in its process: make GuardBatch with policy=FILE", "invalid_input")
        # Never twice the same: whoever keeps results by what made them (Hugging Face's `map` does, on disk) would hand out what a policy let pass
        # before, unjudged and unrecorded.
        return _again, (*self._made_of, uuid.uuid4().hex)


def _again(operation: str, service: str, resource: str, columns: Any, identity: Any, policy: Any, _: str) -> GuardBatch:
    return GuardBatch(operation, service=service, resource=resource, columns=columns, identity=identity, policy=policy)


def _chosen(table: Table, columns: Optional[Sequence[str]]) -> list[str]:
    if len(set(table.names)) < len(table.names):
        raise WardlineError("two columns have one name: their values cannot be told apart", "invalid_input")
    for name in columns or ():
        if name not in table.names:
            raise WardlineError(f"no column {name!r}", "not_found")
    return list(table.names if columns is None else columns)
