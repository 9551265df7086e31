"""The door for LlamaIndex: what a retriever finds passes the guard before a model reads it.

>>> from wardline.llamaindex import GuardRetriever                                                 # doctest: +SKIP
>>> retriever = GuardRetriever(index.as_retriever(), service="vectors", resource="docs", policy="wardline.yaml")   # doctest: +SKIP

Each call is one exchange: ``vector.search`` on ``resource`` is judged before the retriever is asked; each node is masked as one document
(its text, its metadata, those of its relations), and counted. Digests of clear texts that a node's relations carry are left out. The query
itself is not looked at: it goes to whoever embeds it, by a door of its own.
"""

from __future__ import annotations

import inspect
from typing import Any, Optional

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle

from ._calls import Asking, Calls
from ._flow import run
from ._guarded import Policy
from ._masking import masked
from ._tables import of
from ._wardline import Guard

__all__ = ["GuardRetriever"]


class GuardRetriever(BaseRetriever):  # type: ignore[misc]
    """A retriever in front of another. ``count`` is how many nodes it finds at most, any number where it is absent.

    Who asks is ``identity`` (a function of no arguments, too), or else whoever called the guarded service that this runs in. A search that may
    not be made raises ``WardlineError`` (``code``, ``approval``), nodes that no grant covers raise ``ExchangeCut``.
    """

    def __init__(
        self,
        retriever: BaseRetriever,
        *,
        service: str,
        resource: str = "",
        operation: str = "vector.search",
        count: Optional[int] = None,
        identity: Asking = None,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
    ) -> None:
        super().__init__()
        self._inner = retriever
        self._count = count
        self._calls = Calls(operation, service, resource, identity, policy, guard)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        with self._calls.admission(self._count) as running:
            return run(_passed(running, self._inner.retrieve(query_bundle)))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        async with self._calls.admission(self._count) as running:
            return await _passed(running, await self._inner.aretrieve(query_bundle))


async def _passed(running: Any, found: list[NodeWithScore]) -> list[NodeWithScore]:
    """The nodes as they may be handed on."""
    clear = [_shown(one.node) for one in found]
    changes = (await masked(running, of({"node": clear}, "node"), ["node"])).get("node", {})
    vectors = running.returned(0, sum(one.node.embedding is not None for one in found))
    if inspect.isawaitable(vectors):
        await vectors
    passed = []
    for at, one in enumerate(found):
        node = {**changes.get(at, clear[at]), "embedding": one.node.embedding}
        same = node == one.node.to_dict()
        passed.append(one if same else NodeWithScore(node=type(one.node).from_dict(node), score=one.score))
    return passed


def _shown(node: Any) -> dict[str, Any]:
    """A node without its vector, and without digests of the texts of others."""
    told: dict[str, Any] = node.to_dict()
    told["embedding"] = None
    for related in told.get("relationships", {}).values():
        for one in related if isinstance(related, list) else [related]:
            one["hash"] = None
    return told
