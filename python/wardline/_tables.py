"""Tables of pyarrow, pandas, Polars and plain mappings of columns, read and written the same way.

None of them is imported before it is there: what a table is, its type says.

>>> table = of({"mail": ["rosa@example.org", None]}, "value")
>>> table.values("mail")
['rosa@example.org', None]
>>> table.changed({"mail": {0: "[EMAIL]"}})
{'mail': ['[EMAIL]', None]}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ._cells import unfit
from ._errors import WardlineError

# What is to stand in the rows of columns.
Changes = Mapping[str, Mapping[int, Any]]


class Table(Protocol):
    """What a table of any kind is asked."""

    @property
    def names(self) -> list[str]: ...
    @property
    def rows(self) -> int: ...
    def is_vectors(self, name: str) -> bool:
        """Whether a column holds vectors: lists of floats, which hold no text."""
    def values(self, name: str) -> list[Any]:
        """Its values; missing ones are ``None``, or what their kind of table has for it."""
    def changed(self, changes: Changes) -> Any:
        """The table in its own kind, with other values of the same types."""


def of(table: Any, name: str) -> Table:
    """A table, whatever its kind; a single column is called ``name`` where it has no name."""
    for kind in type(table).__mro__:
        found = (kind.__module__.partition(".")[0], kind.__name__)
        if found in _KINDS:
            made: Table = _KINDS[found](table, name)
            return made
    if isinstance(table, Mapping):
        return _Columns(table)
    hint = ": Polars' LazyFrame has map_batches" if type(table).__name__ == "LazyFrame" else ""
    raise WardlineError(f"expected a table or a column, got {type(table).__name__}{hint}", "invalid_input")


class _Arrow:
    def __init__(self, table: Any, name: str) -> None:
        import pyarrow

        self._arrow: Any = pyarrow
        self._given = table
        if isinstance(table, (pyarrow.Array, pyarrow.ChunkedArray)):
            table = pyarrow.table([table], names=[name])
        self._table = table
        self.names: list[str] = list(table.schema.names)
        self.rows: int = table.num_rows

    def is_vectors(self, name: str) -> bool:
        kind = self._table.schema.field(name).type
        return _is_list(self._arrow.types, kind) and self._arrow.types.is_floating(kind.value_type)

    def values(self, name: str) -> list[Any]:
        column = self._table.column(name)
        self._readable(name, column.type)
        values: list[Any] = column.to_pylist()
        return values

    def changed(self, changes: Changes) -> Any:
        arrays = []
        for name in self.names:
            column = self._table.column(name)
            values = changes.get(name)
            arrays.append(self._with(name, column, values) if values else column)
        if isinstance(self._given, self._arrow.ChunkedArray):
            return arrays[0]
        if isinstance(self._given, self._arrow.Array):
            return _whole(arrays[0])
        if isinstance(self._given, self._arrow.RecordBatch):
            return self._arrow.RecordBatch.from_arrays([_whole(array) for array in arrays], schema=self._given.schema)
        return self._arrow.Table.from_arrays(arrays, schema=self._given.schema)

    def _with(self, name: str, column: Any, values: Mapping[int, Any]) -> Any:
        kind = column.type
        plain = kind.value_type if self._arrow.types.is_dictionary(kind) else kind
        every = [values.get(at, value) for at, value in enumerate(column.to_pylist())]
        try:
            array = self._arrow.array(every, type=plain)
        except (self._arrow.ArrowInvalid, self._arrow.ArrowTypeError, TypeError):
            raise unholdable(name, str(kind)) from None
        return array if plain is kind else _whole(array.dictionary_encode()).cast(kind)

    def _readable(self, name: str, kind: Any) -> None:
        types = self._arrow.types
        if types.is_dictionary(kind) or _is_list(types, kind):
            self._readable(name, kind.value_type)
        elif types.is_map(kind):
            self._readable(name, kind.key_type)
            self._readable(name, kind.item_type)
        elif types.is_struct(kind):
            for at in range(kind.num_fields):
                self._readable(name, kind.field(at).type)
        elif not any(test(kind) for test in _tests(types)):
            raise unfit(name, str(kind))


class _Pandas:
    def __init__(self, table: Any, name: str) -> None:
        self._series = table.ndim == 1
        self._name = table.name if self._series else None
        self._table = table.to_frame(name if table.name is None else table.name) if self._series else table
        self.names: list[str] = _text_names(list(self._table.columns))
        self.rows: int = len(self._table)

    def is_vectors(self, name: str) -> bool:
        return False

    def values(self, name: str) -> list[Any]:
        values: list[Any] = self._table[name].tolist()
        return values

    def changed(self, changes: Changes) -> Any:
        table = self._table.copy(deep=False)
        for name, values in changes.items():
            table[name] = self._with(name, table[name], values)
        return table[self.names[0]].rename(self._name) if self._series else table

    def _with(self, name: str, column: Any, values: Mapping[int, Any]) -> Any:
        kind = column.dtype
        categories = kind.name == "category"
        if kind.kind in "iufbMm" and not categories:
            raise unholdable(name, str(kind))
        every = column.astype(object) if categories else column.copy()
        try:
            for at, value in values.items():
                every.iat[at] = value
        except (TypeError, ValueError):
            raise unholdable(name, str(kind)) from None
        return every.astype("category") if categories else every


class _Polars:
    def __init__(self, table: Any, name: str) -> None:
        import polars

        self._polars: Any = polars
        self._series = isinstance(table, polars.Series)
        self._name = table.name if self._series else None
        self._table = table.alias(table.name or name).to_frame() if self._series else table
        self.names: list[str] = self._table.columns
        self.rows: int = self._table.height

    def is_vectors(self, name: str) -> bool:
        kind = self._table.schema[name]
        inner = getattr(kind, "inner", None)
        return inner is not None and inner.is_float()

    def values(self, name: str) -> list[Any]:
        values: list[Any] = self._table[name].to_list()
        return values

    def changed(self, changes: Changes) -> Any:
        columns = [self._with(name, values) for name, values in changes.items()]
        table = self._table.with_columns(columns)
        return table.to_series().alias(self._name) if self._series else table

    def _with(self, name: str, values: Mapping[int, Any]) -> Any:
        column = self._table[name]
        every = [values.get(at, value) for at, value in enumerate(column.to_list())]
        try:
            return self._polars.Series(name, every, dtype=column.dtype, strict=True)
        except (TypeError, ValueError, self._polars.exceptions.PolarsError):
            raise unholdable(name, str(column.dtype)) from None


class _Columns:
    """A mapping of columns, as Hugging Face datasets and Ray hand batches over."""

    def __init__(self, table: Mapping[Any, Any]) -> None:
        self._table = {name: table[name] for name in table}
        self.names: list[str] = _text_names(list(self._table))
        for name, column in self._table.items():
            if isinstance(column, (str, bytes)) or not hasattr(column, "__len__"):
                raise WardlineError(f"expected a batch of rows (batched=True): {name!r} is one value", "invalid_input")
        lengths = {len(column) for column in self._table.values()}
        if len(lengths) > 1:
            raise WardlineError("expected columns of one length", "invalid_input")
        self.rows: int = lengths.pop() if lengths else 0

    def is_vectors(self, name: str) -> bool:
        column = self._table[name]
        return getattr(column, "ndim", 1) == 2 and column.dtype.kind == "f"

    def values(self, name: str) -> list[Any]:
        column = self._table[name]
        values: list[Any] = column.tolist() if hasattr(column, "tolist") else list(column)
        return values

    def changed(self, changes: Changes) -> Any:
        return {name: self._with(name, column, changes.get(name)) for name, column in self._table.items()}

    def _with(self, name: str, column: Any, values: Any) -> Any:
        if not values:
            return column
        every = [values.get(at, value) for at, value in enumerate(self.values(name))]
        if not hasattr(column, "dtype"):
            return every
        if column.dtype.kind not in "OUT":
            raise unholdable(name, str(column.dtype))
        # Arrays of texts of one width would cut what is longer.
        import numpy

        array = numpy.empty(len(every), dtype=object)
        array[:] = every
        return array


def unholdable(column: str, kind: str) -> WardlineError:
    """Why a masked column cannot be handed on."""
    return WardlineError(
        f"column {column!r} is {kind}, which cannot hold what masking puts there: make it text", "invalid_input"
    )


def _whole(array: Any) -> Any:
    return array.combine_chunks() if hasattr(array, "combine_chunks") else array


def _is_list(types: Any, kind: Any) -> bool:
    tests = ("is_list", "is_large_list", "is_fixed_size_list", "is_list_view", "is_large_list_view")
    return any(getattr(types, test)(kind) for test in tests if hasattr(types, test))


def _tests(types: Any) -> list[Any]:
    names = ("is_string", "is_large_string", "is_string_view", "is_integer", "is_floating", "is_boolean", "is_temporal", "is_decimal", "is_null")
    return [getattr(types, name) for name in names if hasattr(types, name)]


def _text_names(names: list[Any]) -> list[str]:
    for name in names:
        if not isinstance(name, str):
            raise WardlineError("expected columns that are named by texts", "invalid_input")
    return names


_KINDS: dict[tuple[str, str], Any] = {
    ("pyarrow", "Table"): _Arrow,
    ("pyarrow", "RecordBatch"): _Arrow,
    ("pyarrow", "Array"): _Arrow,
    ("pyarrow", "ChunkedArray"): _Arrow,
    ("pandas", "DataFrame"): _Pandas,
    ("pandas", "Series"): _Pandas,
    ("polars", "DataFrame"): _Polars,
    ("polars", "Series"): _Polars,
}
