"""The door for LangChain: what a retriever finds passes the guard before a model reads it.

>>> from wardline.langchain import GuardRetriever                                                  # doctest: +SKIP
>>> retriever = GuardRetriever(store.as_retriever(), service="vectors", resource="docs", policy="wardline.yaml")   # doctest: +SKIP

Each call is one exchange: ``vector.search`` on ``resource`` is judged before the retriever is asked; each document is masked as one row of
``page_content``, ``metadata`` and ``id``, and counted. The query itself is not looked at: it goes to whoever embeds it, by a door of its own.
"""

from __future__ import annotations

from typing import Any, Optional

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import PrivateAttr

from ._calls import Asking, Calls
from ._flow import run
from ._guarded import Policy
from ._masking import masked
from ._tables import of
from ._wardline import Guard

__all__ = ["GuardRetriever"]


class GuardRetriever(BaseRetriever):
    """A retriever in front of another. ``count`` is how many documents it finds at most, any number where it is absent.

    Who asks is ``identity`` (a function of no arguments, too), or else whoever called the guarded service that this runs in. A search that may
    not be made raises ``WardlineError`` (``code``, ``approval``), documents that no grant covers raise ``ExchangeCut``.
    """

    _inner: BaseRetriever = PrivateAttr()
    _count: Optional[int] = PrivateAttr()
    _calls: Calls = PrivateAttr()

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

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        with self._calls.admission(self._count) as running:
            found = self._inner.invoke(query, config={"callbacks": run_manager.get_child()})
            return run(_passed(running, found))

    async def _aget_relevant_documents(self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun) -> list[Document]:
        async with self._calls.admission(self._count) as running:
            found = await self._inner.ainvoke(query, config={"callbacks": run_manager.get_child()})
            return await _passed(running, found)


async def _passed(running: Any, found: list[Document]) -> list[Document]:
    """The documents as they may be handed on."""
    names = ("page_content", "metadata", "id")
    table = of({name: [getattr(document, name) for document in found] for name in names}, "page_content")
    changes = await masked(running, table, names)
    return [
        document.model_copy(update={name: rows[at] for name, rows in changes.items() if at in rows})
        for at, document in enumerate(found)
    ]
