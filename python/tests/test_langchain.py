"""Retrievers of LangChain under guard."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from support import recorded

from wardline import ExchangeCut, Guard, WardlineError
from wardline.langchain import GuardRetriever

POLICY = """
version: 1
state: ./state
services: {vectors: {system: qdrant}}
rules:
  - {name: search, who: ["user:ana"], operations: [vector.search], resources: [docs], effect: allow}
  - {name: rest, who: ["user:ana"], operations: [vector.search], resources: [payroll], effect: grant}
mask:
  - {name: people, entities: {email: redact}, fields: {metadata.salary: redact}}
"""


class Fixed(BaseRetriever):
    asked: list[str] = []

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        self.asked.append(query)
        found = {"text": "write to rosa.lind@example.org", "salary": 9, "page": 3}
        return [Document(page_content=found["text"], metadata=found, id="7"), Document(page_content="plain")]


def test_what_is_found_is_judged_masked_and_counted(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(POLICY)
    guard = Guard(tmp_path / "w.yaml")
    inner = Fixed()
    docs = GuardRetriever(inner, service="vectors", resource="docs", identity="ana", guard=guard)
    for found in (docs.invoke("who?"), asyncio.run(docs.ainvoke("who?"))):
        first, second = found
        assert first.page_content == "write to [EMAIL]" and first.id == "7"
        assert first.metadata == {"text": "write to [EMAIL]", "salary": "[REDACTED]", "page": 3}
        assert second == Document(page_content="plain")
    payroll = GuardRetriever(inner, service="vectors", resource="payroll", identity=lambda: "ana", guard=guard)
    with pytest.raises(WardlineError) as refused:
        payroll.invoke("who?")
    assert refused.value.code == "grant_required" and len(inner.asked) == 2
    records = recorded(guard, tmp_path / "w.yaml", 3)
    assert [record["outcome"]["result"] for record in records] == ["complete", "complete", "denied"]
    assert records[0]["response"]["census"]["rows"] == 2 and records[0]["response"]["totals"]["email"] == 2


def test_documents_beyond_a_grant_are_cut(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(POLICY)
    guard = Guard(tmp_path / "w.yaml")
    guard.issue_grant(who="user:ana", operations="vector.search", until="1h", reason="r", by="sam", quota=("rows", 1))
    few = GuardRetriever(Fixed(), service="vectors", resource="payroll", count=1, identity="ana", guard=guard)
    with pytest.raises(ExchangeCut):
        few.invoke("who?")
