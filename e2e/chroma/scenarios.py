"""Chroma's server (`chroma run`, as it is installed) behind a guarded door, driven by its own client `chromadb.HttpClient`."""

from __future__ import annotations

import random
import re
from typing import Any, Optional

import chromadb
import httpx
from chromadb.errors import ChromaAuthError
from trial import CUT, OVER, Trial, document_in, free_port

ROWS = 1_200
WIDE = 64
MAIL = "rosa.lind@example.com"
IBAN = "DE89 3704 0044 0532 0130 00"
EVERYTHING: Any = ["embeddings", "documents", "metadatas"]


def main() -> None:
    trial = Trial(f"Chroma {chromadb.__version__}: `chroma run` behind a guarded door, driven by chromadb.HttpClient", problem_of)
    behind = free_port()
    command = [trial.program("chroma"), "run", "--path", "data", "--host", "127.0.0.1", "--port", str(behind)]
    trial.start("server", command, behind)
    pause = trial.folder / "pause"
    port = trial.serve("door:app", env={"CHROMA": f"http://127.0.0.1:{behind}", "WARDLINE_E2E_PAUSE": str(pause)})

    bare = chromadb.HttpClient(host="127.0.0.1", port=behind)
    ingest = client(port, "trial-key-of-svc-ingest")
    # Whoever has the application's key is the application.
    thief = client(port, "trial-key-of-rag-api")

    numbers = random.Random(7)
    vectors = [[numbers.uniform(-1, 1) for _ in range(WIDE)] for _ in range(ROWS)]

    with trial.scenario("PII in payloads", "masked on the way in and out") as seen:
        notes = ingest.create_collection("notes", embedding_function=None)
        for start in range(0, ROWS, 300):
            part = range(start, start + 300)
            texts = [f"ticket {i}: write to {MAIL}" for i in part]
            notes.add(ids=[f"n{i}" for i in part], embeddings=[vectors[i] for i in part], documents=texts)
        stored = bare.get_collection("notes", embedding_function=None)
        document = stored.get(ids=["n7"])["documents"]
        seen(document == ["ticket 7: write to [EMAIL]"], f"Chroma has stored {document}")
        # What came another way, before there was a guard, is masked when it leaves.
        stored.add(ids=["old"], embeddings=[[9.0] * WIDE], documents=[f"pay to {IBAN}"])
        found = thief.get_collection("notes", embedding_function=None).query(query_embeddings=[[9.0] * WIDE], n_results=1)
        seen(found["documents"] == [["pay to [IBAN]"]], f"a search answers {found['documents']}")

    mine = thief.get_collection("notes", embedding_function=None)

    with trial.scenario("a stolen token exports everything", "held") as seen:
        problem = trial.refused(lambda: mine.get(include=EVERYTHING))
        seen(problem["code"] == "approval_required" and problem["approval"], f"403 {problem['code']}")
        paged = trial.refused(lambda: mine.get(include=EVERYTHING, limit=100, offset=0))
        seen(paged["code"] == "approval_required", f"page by page {paged['code']} too")
        far = trial.refused(lambda: mine.query(query_embeddings=[vectors[0]], n_results=ROWS, include=EVERYTHING))
        seen(far["code"] == "approval_required", f"as a search for {ROWS} neighbours {far['code']} too")
        left = trial.left("--operation", "vector.export")
        seen(left == 0, f"{left} vectors left")

    with trial.scenario("foreign rows pushed", "held, approved by a person, pushed once") as seen:
        before = stored.count()
        rows: Any = {"ids": [f"x{i}" for i in range(500)], "embeddings": vectors[:500]}
        problem = trial.refused(lambda: mine.add(**rows))
        seen(problem["code"] == "approval_required" and stored.count() == before, f"{before} rows before and after")
        trial.approve(problem["approval"])
        mine.add(**rows)
        seen(stored.count() == before + 500, f"approved by sam: {stored.count()} rows")
        again = trial.refused(lambda: mine.add(**rows))
        seen(again["approval"] != problem["approval"], f"a second time {again['code']}")
        mine.add(ids=["note"], embeddings=[vectors[0]], documents=["one note"])
        seen(stored.count() == before + 501, "a single note passes as ever")

    def export() -> Any:
        return mine.get(include=EVERYTHING)

    with trial.scenario("a grant", "serves, then expires and refuses") as seen:
        trial.grant("rag-api", "vector.export", "6s", "--quota", "vectors=100000")
        whole = trial.until_passed(export, "the grant reaches the door")
        seen(len(whole["ids"]) == ROWS + 502, f"{len(whole['ids'])} rows left under it")
        leaked = [text for text in whole["documents"] or [] if text and ("@" in text or "DE89" in text)]
        seen(not leaked, "masked all the same")
        problem = trial.until_refused(export, "the grant ends")
        seen(problem["code"] in OVER, f"then {problem['code']}")

    with trial.scenario("a grant is revoked while a response streams", "cut") as seen:
        grant = trial.grant("rag-api", "vector.export", "1h")
        other = client(port, "trial-key-of-rag-api").get_collection("notes", embedding_function=None)
        trial.until_passed(export, "the grant reaches the door")
        end = trial.revoked_amid(pause, grant, lambda: other.get(include=EVERYTHING), export)
        seen(end is CUT, "the client has an exception, and no rows")
        record = trial.recorded("grant_revoked", "--operation", "vector.export")
        left = record["response"]["census"]["vectors"]
        seen(left < ROWS, f"recorded as {record['outcome']['result']} after {left} of {stored.count()} vectors")

    with trial.scenario("the collection is dropped, the server emptied", "denied") as seen:
        problem = trial.refused(lambda: thief.delete_collection("notes"))
        seen(problem["code"] == "default_deny", problem["code"])
        problem = trial.refused(lambda: thief.reset())
        seen(problem["code"] == "default_deny" and stored.count() > ROWS, f"{problem['code']}, {stored.count()} rows are there")

    with trial.scenario("nobody in particular", "denied") as seen:
        problem = trial.refused(lambda: chromadb.HttpClient(host="127.0.0.1", port=port).list_collections())
        seen(problem["code"], problem["code"])

    trial.end(MAIL, IBAN)


def client(port: int, key: str) -> Any:
    return chromadb.HttpClient(host="127.0.0.1", port=port, headers={"x-api-key": key})


def problem_of(error: BaseException) -> Optional[dict[str, Any]]:
    """Chroma's client makes an exception of its own of what the server said: `approval_required: ... (approval apr_...)`."""
    if isinstance(error, ChromaAuthError):
        code, _, reason = str(error).partition(": ")
        approval = re.search(r"\(approval (\S+)\)$", reason)
        return {"code": code, "approval": approval and approval[1]}
    if isinstance(error, httpx.RemoteProtocolError):
        return CUT
    return document_in(str(error))


if __name__ == "__main__":
    main()
