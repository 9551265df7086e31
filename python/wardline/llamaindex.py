"""The door for LlamaIndex: what a retriever finds passes the guard before a model reads it, and what a pipeline takes in before it is embedded.

>>> from wardline.llamaindex import GuardRetriever                                                 # doctest: +SKIP
>>> retriever = GuardRetriever(index.as_retriever(), service="vectors", resource="docs", policy="wardline.yaml")   # doctest: +SKIP
>>> IngestionPipeline(transformations=[splitter, GuardTransform(service="vectors", resource="docs", policy="wardline.yaml"), embedding])  # doctest: +SKIP

Each call is one exchange: ``vector.search`` on ``resource`` is judged before the retriever is asked; each node is masked as one document
(its text, its metadata, those of its relations), and counted. Digests of clear texts that a node's relations carry are left out. The query
itself is not looked at: it goes to whoever embeds it, by a door of its own.
"""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Sequence
from typing import Any, Optional

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle, TransformComponent

from ._calls import Asking, Calls
from ._flow import run
from ._guarded import Policy
from ._masking import masked
from ._tables import of
from ._wardline import Guard

__all__ = ["GuardPostprocessor", "GuardRetriever", "GuardTransform"]


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


class GuardPostprocessor(BaseNodePostprocessor):  # type: ignore[misc]
    """The same behind a retriever of somebody else's: what it found passes, or nothing is handed on. Where others stand beside it, it is the
    last of them that adds nodes or texts."""

    _calls: Calls = PrivateAttr()

    def __init__(
        self,
        *,
        service: str,
        resource: str = "",
        operation: str = "vector.search",
        identity: Asking = None,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
    ) -> None:
        super().__init__()
        self._calls = Calls(operation, service, resource, identity, policy, guard)

    @classmethod
    def class_name(cls) -> str:
        return "GuardPostprocessor"

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: Optional[QueryBundle] = None) -> list[NodeWithScore]:
        with self._calls.admission(len(nodes)) as running:
            return run(_passed(running, nodes))

    async def _apostprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: Optional[QueryBundle] = None) -> list[NodeWithScore]:
        async with self._calls.admission(len(nodes)) as running:
            return await _passed(running, nodes)


class GuardTransform(TransformComponent):  # type: ignore[misc]
    """A step of an ``IngestionPipeline``, before what embeds and what stores: ``operation`` is done to so many nodes of ``resource``, and each
    passes as one document. A pipeline's cache remembers what the steps behind it made, and never this one: whoever asks is judged."""

    _calls: Calls = PrivateAttr()

    def __init__(
        self,
        *,
        service: str,
        resource: str = "",
        operation: str = "data.ingest",
        identity: Asking = None,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
    ) -> None:
        super().__init__()
        self._calls = Calls(operation, service, resource, identity, policy, guard)

    @classmethod
    def class_name(cls) -> str:
        return "GuardTransform"

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        # By this a pipeline looks for what it made before.
        return {**super().to_dict(**kwargs), "exchange": uuid.uuid4().hex}

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[BaseNode]:
        with self._calls.admission(len(nodes)) as running:
            return run(_masked(running, nodes))

    async def acall(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[BaseNode]:
        async with self._calls.admission(len(nodes)) as running:
            return await _masked(running, nodes)


async def _passed(running: Any, found: list[NodeWithScore]) -> list[NodeWithScore]:
    """What was found, as it may be handed on."""
    nodes = await _masked(running, [one.node for one in found])
    return [
        one if node is one.node else NodeWithScore(node=node, score=one.score) for one, node in zip(found, nodes)
    ]


async def _masked(running: Any, nodes: Sequence[BaseNode]) -> list[BaseNode]:
    """The nodes as they may be handed on; those that stay as they are, themselves."""
    clear = [_shown(node) for node in nodes]
    changes = (await masked(running, of({"node": clear}, "node"), ["node"])).get("node", {})
    vectors = running.returned(0, sum(node.embedding is not None for node in nodes))
    if inspect.isawaitable(vectors):
        await vectors
    passed = []
    for at, node in enumerate(nodes):
        told = {**changes.get(at, clear[at]), "embedding": node.embedding}
        passed.append(node if told == node.to_dict() else type(node).from_dict(told))
    return passed


def _shown(node: Any) -> dict[str, Any]:
    """A node without its vector, and without digests of the texts of others."""
    told: dict[str, Any] = node.to_dict()
    told["embedding"] = None
    for related in told.get("relationships", {}).values():
        for one in related if isinstance(related, list) else [related]:
            one["hash"] = None
    return told
