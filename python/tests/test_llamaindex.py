"""Retrievers, postprocessors and pipelines of LlamaIndex under guard, where it is installed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support import recorded

from wardline import ExchangeCut, Guard, WardlineError

pytestmark = pytest.mark.filterwarnings("ignore")

POLICY = """
version: 1
state: ./state
services: {vectors: {system: qdrant}}
rules:
  - {name: search, who: ["user:ana"], operations: [vector.search], resources: [docs], effect: allow}
  - {name: ingest, who: ["user:ana"], operations: [data.ingest], resources: [docs], effect: allow}
  - {name: rest, who: ["user:ana"], operations: [vector.search], resources: [payroll], effect: grant}
mask:
  - {name: people, entities: {email: redact}}
"""


def test_what_is_found_is_judged_masked_and_counted(tmp_path: Path) -> None:
    core = pytest.importorskip("llama_index.core")
    from wardline.llamaindex import GuardRetriever

    schema = core.schema

    class Fixed(core.retrievers.BaseRetriever):  # type: ignore[misc, name-defined]
        asked = 0

        def _retrieve(self, query_bundle: Any) -> Any:
            self.asked += 1
            node = schema.TextNode(text="write to rosa.lind@example.org", metadata={"by": "rosa.lind@example.org", "page": 3}, id_="7")
            related = schema.RelatedNodeInfo(node_id="8", metadata={"by": "rosa.lind@example.org"}, hash="a digest")
            node.relationships[schema.NodeRelationship.NEXT] = related
            plain = schema.TextNode(text="plain", id_="9", embedding=[0.5, 1.0])
            return [schema.NodeWithScore(node=node, score=0.5), schema.NodeWithScore(node=plain, score=0.25)]

    (tmp_path / "w.yaml").write_text(POLICY)
    guard = Guard(tmp_path / "w.yaml")
    inner = Fixed()
    docs = GuardRetriever(inner, service="vectors", resource="docs", identity="ana", guard=guard)
    for first, second in (docs.retrieve("who?"), asyncio.run(docs.aretrieve("who?"))):
        assert first.text == "write to [EMAIL]" and first.metadata == {"by": "[EMAIL]", "page": 3} and first.node_id == "7"
        (related,) = first.node.relationships.values()
        assert related.metadata == {"by": "[EMAIL]"} and related.hash is None and first.score == 0.5
        assert second.text == "plain" and second.embedding == [0.5, 1.0]
    payroll = GuardRetriever(inner, service="vectors", resource="payroll", count=1, identity=lambda: "ana", guard=guard)
    with pytest.raises(WardlineError) as refused:
        payroll.retrieve("who?")
    assert refused.value.code == "grant_required" and inner.asked == 2
    guard.issue_grant(who="user:ana", operations="vector.search", until="1h", reason="r", by="sam", quota=("rows", 1))
    with pytest.raises(ExchangeCut):
        payroll.retrieve("who?")
    records = recorded(guard, tmp_path / "w.yaml", 4)
    assert [record["outcome"]["result"] for record in records] == ["complete", "complete", "denied", "aborted"]
    census = records[0]["response"]["census"]
    assert (census["rows"], census["vectors"], records[0]["response"]["totals"]["email"]) == (2, 1, 3)


def test_what_is_taken_in_or_handed_on_passes(tmp_path: Path) -> None:
    core = pytest.importorskip("llama_index.core")
    from llama_index.core.ingestion import IngestionPipeline
    from wardline.llamaindex import GuardPostprocessor, GuardTransform

    schema = core.schema
    (tmp_path / "w.yaml").write_text(POLICY)
    guard = Guard(tmp_path / "w.yaml")
    nodes = [schema.TextNode(text="write to rosa.lind@example.org", id_="7"), schema.TextNode(text="plain", id_="9", embedding=[0.5])]
    seen: list[str] = []

    class Embeds(schema.TransformComponent):  # type: ignore[misc, name-defined]
        def __call__(self, nodes: Any, **kwargs: Any) -> Any:
            seen.extend(node.text for node in nodes)
            return nodes

    step = GuardTransform(service="vectors", resource="docs", identity="ana", guard=guard)
    pipeline = IngestionPipeline(transformations=[step, Embeds()])
    for passed in (pipeline.run(nodes=nodes), asyncio.run(pipeline.arun(nodes=nodes))):
        assert [node.text for node in passed] == ["write to [EMAIL]", "plain"]
    # The second time the step behind was remembered, the guard was asked.
    assert seen == ["write to [EMAIL]", "plain"] and step([nodes[1]]) == [nodes[1]]
    assert nodes[0].text == "write to rosa.lind@example.org"
    behind = GuardPostprocessor(service="vectors", resource="docs", identity="ana", guard=guard)
    found = [schema.NodeWithScore(node=node, score=0.5) for node in nodes]
    for passed in (behind.postprocess_nodes(found), asyncio.run(behind.apostprocess_nodes(found))):
        assert [(one.text, one.score) for one in passed] == [("write to [EMAIL]", 0.5), ("plain", 0.5)]
        assert passed[1] is found[1]
    for kind, elsewhere in (GuardTransform, "payroll"), (GuardPostprocessor, "payroll"):
        refused = kind(service="vectors", resource=elsewhere, identity="ana", guard=guard)
        with pytest.raises(WardlineError):
            refused(nodes) if kind is GuardTransform else refused.postprocess_nodes(found)
    records = recorded(guard, tmp_path / "w.yaml", 7)
    assert [record["outcome"]["result"] for record in records] == ["complete"] * 5 + ["denied"] * 2
    assert [record["acts"][0]["operation"] for record in records[:5]] == ["data.ingest"] * 3 + ["vector.search"] * 2
    assert records[0]["response"]["census"]["rows"] == 2
