"""Retrievers of LlamaIndex under guard, where it is installed."""

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
