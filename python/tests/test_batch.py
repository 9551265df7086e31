"""Tables of every kind, masked and recorded a batch at a time."""

from __future__ import annotations

import datetime
import decimal
import doctest
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest
from support import recorded

from wardline import ExchangeCut, Guard, WardlineError, _cells, _tables, batch
from wardline.batch import GuardBatch

POLICY = """
version: 1
state: ./state
groups: {security: [sam]}
approval: {steps: [{from: [security]}]}
services: {reviews: {system: s3}}
rules:
  - {name: read, who: ["user:svc-prep"], operations: [data.read], resources: [reviews], effect: allow}
  - {name: export, who: ["user:svc-prep"], operations: [data.export], effect: grant}
  - {name: held, who: ["user:svc-prep"], operations: [data.read], resources: [payroll], effect: hold}
mask:
  - {name: personal-data, entities: {email: redact, phone: redact, person_name: redact}}
"""
MAIL, MASKED = "write to rosa.lind@example.org", "write to [EMAIL]"


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    (tmp_path / "w.yaml").write_text(POLICY)
    return Guard(tmp_path / "w.yaml")


@pytest.fixture
def mask(guard: Guard) -> Callable[..., Any]:
    def masked(table: Any, **options: Any) -> Any:
        return GuardBatch("data.read", service="reviews", resource="reviews", identity="svc-prep", guard=guard, **options)(table)

    return masked


def test_the_examples_hold() -> None:
    assert [doctest.testmod(module).failed for module in (_cells, _tables, batch)] == [0, 0, 0]


TEXTS = [MAIL, None, "nothing", MAIL]
AFTER = [MASKED, None, "nothing", MASKED]
ARROW = {
    "string": (pyarrow.string(), TEXTS, AFTER),
    "large": (pyarrow.large_string(), TEXTS, AFTER),
    "view": (pyarrow.string_view(), TEXTS, AFTER),
    "dictionary": (pyarrow.dictionary(pyarrow.int8(), pyarrow.string()), TEXTS, AFTER),
    "list": (pyarrow.list_(pyarrow.string()), [["a", MAIL], None, [], [None]], [["a", MASKED], None, [], [None]]),
    "struct": (
        pyarrow.struct([("mail", pyarrow.string()), ("day", pyarrow.date32())]),
        [{"mail": MAIL, "day": datetime.date(2026, 1, 2)}, None, {"mail": None, "day": None}, {"mail": "x", "day": None}],
        [{"mail": MASKED, "day": datetime.date(2026, 1, 2)}, None, {"mail": None, "day": None}, {"mail": "x", "day": None}],
    ),
    "map": (pyarrow.map_(pyarrow.string(), pyarrow.string()), [[("k", MAIL)], None, [], []], [[("k", MASKED)], None, [], []]),
}


@pytest.mark.parametrize("kind", ARROW)
def test_each_type_of_arrow_stays_what_it_is(mask: Callable[..., Any], kind: str) -> None:
    type_, before, after = ARROW[kind]
    table = pyarrow.table({"id": [1, 2, 3, 4], "value": pyarrow.array(before, type=type_)})
    got = mask(table)
    assert got.schema == table.schema and got["value"].to_pylist() == after and got["id"] == table["id"]
    (one,) = table.to_batches()
    assert isinstance(mask(one), pyarrow.RecordBatch) and mask(one).to_pydict() == got.to_pydict()
    assert mask(one["value"]).to_pylist() == after and mask(one["value"]).type == type_
    assert mask(table["value"]).to_pylist() == after
    # A slice of a table in several pieces has the same rows.
    pieces = pyarrow.concat_tables([table, table, table]).slice(3, 6)
    assert mask(pieces)["value"].to_pylist() == (after * 3)[3:9]


def test_what_holds_no_text_passes_and_what_cannot_be_read_is_refused_by_name(mask: Callable[..., Any]) -> None:
    moment = datetime.datetime(2026, 1, 2, 3, 4)
    plain = pyarrow.table(
        {
            "number": pyarrow.array([1, None]),
            "float": pyarrow.array([1.5, float("nan")]),
            "bool": [True, None],
            "moment": [moment, None],
            "amount": [decimal.Decimal("1.50"), None],
            "vector": pyarrow.array([[0.1, 0.2], [0.3, 0.4]], type=pyarrow.list_(pyarrow.float32(), 2)),
            "nothing": pyarrow.nulls(2),
        }
    )
    assert mask(plain) is plain and mask(plain.slice(0, 0)).num_rows == 0
    binary = plain.append_column("photo", pyarrow.array([b"\xff", None]))
    with pytest.raises(WardlineError, match="'photo' holds binary"):
        mask(binary)
    assert mask(binary, columns=["number", "bool"]) is binary
    nested = pyarrow.table({"photos": pyarrow.array([[{"png": b"\xff"}]])})
    with pytest.raises(WardlineError, match="'photos' holds binary"):
        mask(nested)
    with pytest.raises(WardlineError, match="'phone' is int64, which cannot hold"):
        mask(pyarrow.table({"phone": [12125550142]}))
    for wrong in ([1], "text", 7, polars.LazyFrame({"a": [1]}), {"a": "one row"}, {"a": [1], "b": []}, {1: [1]}):
        with pytest.raises(WardlineError) as refused:
            mask(wrong)
        assert refused.value.code == "invalid_input"
    with pytest.raises(WardlineError, match="no column 'mail'"):
        mask(plain, columns=["mail"])
    with pytest.raises(WardlineError):
        mask(plain, columns="number")
    with pytest.raises(WardlineError, match="one name"):
        mask(pyarrow.Table.from_arrays([pyarrow.array([1]), pyarrow.array([MAIL])], names=["a", "a"]))
    with pytest.raises(ExchangeCut, match="name of a column or field"):
        mask({"rosa.lind@example.org": ["x"]})
    with pytest.raises(ExchangeCut, match="name of a column or field"):
        mask({"who": [{"rosa.lind@example.org": 1}]})


def test_pandas(mask: Callable[..., Any]) -> None:
    index = ["a", "b", "c", "d"]
    frame = pandas.DataFrame(
        {
            "text": TEXTS,
            "arrow": pandas.array(TEXTS, dtype=pandas.ArrowDtype(pyarrow.string())),
            "category": pandas.Categorical(TEXTS),
            "object": pandas.Series([["a", MAIL], None, {"k": MAIL}, pandas.NA], dtype=object).array,
            "number": [1, 2, 3, 4],
            "when": pandas.to_datetime(["2026-01-02", None, None, None]),
            "hole": [1.0, None, 3.5, 4.0],
        },
        index=index,
    )
    before = frame.copy(deep=True)
    got = mask(frame)
    pandas.testing.assert_frame_equal(frame, before)
    for name in ("text", "arrow", "category"):
        assert [None if pandas.isna(value) else value for value in got[name]] == AFTER
    assert got["object"].tolist()[:3] == [["a", MASKED], None, {"k": MASKED}] and got["object"].iloc[3] is pandas.NA
    assert list(got.index) == index and list(got.dtypes)[:2] == list(frame.dtypes)[:2] and got["category"].dtype == "category"
    assert got[["number", "when", "hole"]].equals(frame[["number", "when", "hole"]])
    series = mask(frame["text"])
    assert series.name == "text" and series.tolist()[0] == MASKED and list(series.index) == index
    assert mask(frame["text"].rename(None)).name is None
    assert mask(frame[["number", "hole"]]).equals(frame[["number", "hole"]])
    with pytest.raises(WardlineError, match="'phone' is float64"):
        mask(pandas.DataFrame({"phone": [12125550142, None]}))
    with pytest.raises(WardlineError, match="'raw' holds bytes"):
        mask(pandas.DataFrame({"raw": [b"\xff"]}))


def test_polars(mask: Callable[..., Any]) -> None:
    frame = polars.DataFrame(
        {
            "text": TEXTS,
            "category": polars.Series(TEXTS, dtype=polars.Categorical),
            "list": [["a", MAIL], None, [], [None]],
            "struct": [{"mail": MAIL, "n": 1}, None, {"mail": None, "n": 2}, {"mail": "x", "n": None}],
            "number": [1, None, 3, 4],
            "vector": polars.Series([[0.5, 1.0]] * 4, dtype=polars.Array(polars.Float32, 2)),
        }
    )
    got = mask(frame)
    assert got.schema == frame.schema
    assert got["text"].to_list() == got["category"].to_list() == AFTER
    assert got["list"].to_list()[0] == ["a", MASKED] and got["struct"].to_list()[0] == {"mail": MASKED, "n": 1}
    assert got["number"].equals(frame["number"]) and mask(frame["text"]).to_list() == AFTER
    assert mask(frame["text"].alias("")).name == ""
    assert frame.lazy().map_batches(mask).collect().equals(got)
    fixed = polars.DataFrame({"mail": polars.Series([MAIL], dtype=polars.Enum([MAIL]))})
    with pytest.raises(WardlineError, match="'mail' is Enum"):
        mask(fixed)
    with pytest.raises(WardlineError, match="'raw' holds bytes"):
        mask(polars.DataFrame({"raw": [b"\xff"]}))


def test_batches_of_columns(mask: Callable[..., Any]) -> None:
    vectors = numpy.zeros((4, 8), dtype="float32")
    got = mask({"text": TEXTS, "array": numpy.array([MAIL[-21:], "b", "c", "d"]), "vector": vectors})
    assert got["text"] == AFTER and list(got["array"]) == ["[EMAIL]", "b", "c", "d"] and got["vector"] is vectors
    with pytest.raises(WardlineError, match="'phone' is int64"):
        mask({"phone": numpy.array([12125550142])})


def test_what_is_dropped_is_missing(tmp_path: Path) -> None:
    dropping = Guard.parse(POLICY.replace("./state", "memory").replace("entities:", "fields: {mail: drop, who.mail: drop}, entities:"))
    dropped = GuardBatch("data.read", service="reviews", resource="reviews", identity="svc-prep", guard=dropping)
    table = pyarrow.table({"mail": ["a", "b"], "who": [{"mail": "c", "n": 1}, None]})
    assert dropped(table).to_pylist() == [{"mail": None, "who": {"mail": None, "n": 1}}, {"mail": None, "who": None}]


def test_each_batch_is_judged_and_recorded(guard: Guard, tmp_path: Path) -> None:
    table = pyarrow.table(
        {"text": [MAIL] * 2_500, "vector": pyarrow.array([[0.5]] * 2_500, type=pyarrow.list_(pyarrow.float32()))}
    )
    read = GuardBatch("data.read", service="reviews", resource="reviews", identity=lambda: "svc-prep", guard=guard)
    assert [each["text"].to_pylist() for each in read.each([table, table[:1]])] == [[MASKED] * 2_500, [MASKED]]
    export = GuardBatch("data.export", service="reviews", identity="svc-prep", guard=guard)
    with pytest.raises(WardlineError) as refused:
        export(table)
    assert refused.value.code == "grant_required"
    guard.issue_grant(who="user:svc-prep", operations="data.export", until="1h", reason="r", by="sam", quota=("rows", 3_000))
    assert export(table).num_rows == 2_500
    with pytest.raises(WardlineError) as spent:
        export(table)
    # What was leased for the first call and not spent may be on its way back.
    assert spent.value.code in ("grant_exhausted", "grant_required")
    held = GuardBatch("data.read", service="reviews", resource="payroll", identity="svc-prep", guard=guard)
    with pytest.raises(WardlineError) as waits:
        held(table)
    guard.approve(str(waits.value.approval), by="sam")
    assert held(table).num_rows == 2_500
    nobody = GuardBatch("data.read", service="reviews", resource="reviews", guard=guard)
    with pytest.raises(WardlineError) as anonymous:
        nobody(table)
    assert anonymous.value.code == "default_deny"
    found = recorded(guard, tmp_path / "w.yaml", 8)
    told = [(record["acts"][0]["operation"], record["outcome"]["result"]) for record in found]
    ends = ["complete", "complete", "denied", "complete", "denied", "held", "complete", "denied"]
    assert [end for _, end in told] == ends
    first = found[0]
    assert first["response"]["census"] == {"vectors": 2_500, "rows": 2_500} | first["response"]["census"]
    assert first["response"]["totals"] == {"email": 2_500} and first["acts"][0]["resource"] == "reviews"
    assert "rosa" not in str(found)


def test_a_column_that_breaks_off_is_recorded_as_failed(mask: Callable[..., Any], guard: Guard, tmp_path: Path) -> None:
    with pytest.raises(WardlineError):
        mask(pyarrow.table({"phone": [12125550142]}))
    (record,) = recorded(guard, tmp_path / "w.yaml")
    assert record["outcome"]["result"] == "failed"


def test_it_goes_to_other_processes_with_its_policy_only(guard: Guard, tmp_path: Path) -> None:
    made = GuardBatch("data.read", service="reviews", resource="reviews", identity="svc-prep", policy=tmp_path / "w.yaml")
    again = pickle.loads(pickle.dumps(made))
    assert again({"text": [MAIL]}) == {"text": [MASKED]}
    # Whoever keeps results by what made them has none of this one.
    assert pickle.dumps(made) != pickle.dumps(made)
    with pytest.raises(WardlineError):
        pickle.dumps(GuardBatch("data.read", service="reviews", guard=guard))


@pytest.mark.filterwarnings("ignore")
def test_hugging_face_datasets(mask: Callable[..., Any]) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"text": TEXTS})
    assert rows.map(mask, batched=True)["text"][:] == AFTER


@pytest.mark.filterwarnings("ignore")
def test_what_hugging_face_keeps_on_disk_is_judged_again(tmp_path: Path, guard: Guard) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_dict({"text": TEXTS}).save_to_disk(tmp_path / "rows")
    for effect in "allow", "deny":
        policy = tmp_path / "w.yaml"
        policy.write_text(policy.read_text().replace("effect: allow", f"effect: {effect}"))
        made = GuardBatch("data.read", service="reviews", resource="reviews", identity="svc-prep", policy=policy)
        rows = datasets.load_from_disk(tmp_path / "rows")
        if effect == "allow":
            assert rows.map(made, batched=True)["text"][:] == AFTER
        else:
            with pytest.raises(WardlineError):
                rows.map(made, batched=True)


@pytest.mark.filterwarnings("ignore")
def test_ray_data(tmp_path: Path, guard: Guard) -> None:
    ray = pytest.importorskip("ray")
    made = GuardBatch("data.read", service="reviews", resource="reviews", identity="svc-prep", policy=tmp_path / "w.yaml")
    ray.init(num_cpus=1, include_dashboard=False)
    try:
        rows = ray.data.from_items([{"text": text} for text in TEXTS]).map_batches(made, batch_format="pyarrow")
        assert [row["text"] for row in rows.take_all()] == AFTER
    finally:
        ray.shutdown()


@pytest.mark.filterwarnings("ignore")
def test_pyspark(tmp_path: Path, guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = pytest.importorskip("pyspark.sql")
    # Its workers are other processes, of the interpreter that is named here.
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    made = GuardBatch("data.read", service="reviews", resource="reviews", identity="svc-prep", policy=tmp_path / "w.yaml")
    session = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        frame = session.createDataFrame([(text,) for text in TEXTS], "text string")
        assert [row.text for row in frame.mapInArrow(made.each, frame.schema).collect()] == AFTER
    finally:
        session.stop()
