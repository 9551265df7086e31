"""Milvus Lite's gRPC service under the interceptor, driven by `pymilvus.MilvusClient`."""

from __future__ import annotations

import logging
import random
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Optional

import grpc
from pymilvus import MilvusClient
from trial import OVER, Trial, free_port
from waiting import awaited

ROWS = 1_200
WIDE = 64
MAIL = "rosa.lind@example.com"
IBAN = "DE89 3704 0044 0532 0130 00"


def main() -> None:
    # It logs each refusal at length.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    title = f"Milvus Lite {version('milvus-lite')} (gRPC) under the interceptor, driven by pymilvus {version('pymilvus')}"
    trial = Trial(title, problem_of)
    port = free_port()
    trial.start("server", [sys.executable, str(Path(__file__).with_name("server.py")), str(port)], port)
    ingest = client(port, "trial-key-of-svc-ingest")
    # Whoever has the application's key is the application.
    thief = client(port, "trial-key-of-rag-api")
    numbers = random.Random(7)
    vectors = [[numbers.uniform(-1, 1) for _ in range(WIDE)] for _ in range(ROWS)]
    ingest.create_collection("notes", dimension=WIDE)

    def count() -> int:
        return int(thief.get_collection_stats("notes")["row_count"])

    def export(limit: int = 5_000) -> Any:
        return thief.query("notes", filter="id >= 0", output_fields=["*"], limit=limit)

    with trial.scenario("PII in a column of texts", "masked before it is stored") as seen:
        text = f"{MAIL} pays to {IBAN}"
        ingest.insert("notes", [{"id": i, "vector": vectors[i], "text": f"ticket {i}: {text}"} for i in range(ROWS)])
        stored = thief.search("notes", data=[vectors[7]], limit=1, output_fields=["text"])[0][0]["entity"]["text"]
        seen(stored == "ticket 7: [EMAIL] pays to [IBAN]", f"Milvus keeps and answers {stored!r}")
        wrote = awaited(lambda: trial.records("--operation", "vector.upsert"), "the record of what was written")[0]["request"]
        census = wrote["census"]
        seen((census["vectors"], census["rows"]) == (ROWS, ROWS), f"{census['vectors']} vectors in {census['rows']} rows were counted on their way in")
        seen(wrote["totals"] == {"email": ROWS, "iban": ROWS}, f"masked: {wrote['totals']}")

    with trial.scenario("a stolen token exports everything", "held") as seen:
        near = thief.search("notes", data=[vectors[7]], limit=3, output_fields=["text"])[0]
        seen(near[0]["entity"]["text"].startswith("ticket 7:"), f"the application finds {near[0]['entity']['text']!r} as the nearest of {count()}")
        problem = trial.refused(export)
        seen(problem["code"] == "approval_required" and problem["approval"], f"PERMISSION_DENIED {problem['code']}")
        paged = trial.refused(lambda: thief.query_iterator("notes", batch_size=100, output_fields=["*"]).next())
        seen(paged["code"] == "approval_required", f"page by page {paged['code']} too")
        far = trial.refused(lambda: thief.search("notes", data=[vectors[0]], limit=ROWS, output_fields=["vector"]))
        seen(far["code"] == "approval_required", f"as a search for {ROWS} neighbours {far['code']} too")

    with trial.scenario("foreign rows pushed", "held, approved by a person, pushed once") as seen:
        rows = [{"id": 10_000 + i, "vector": vectors[i], "text": "buy now"} for i in range(500)]
        problem = trial.refused(lambda: thief.insert("notes", rows))
        seen(problem["code"] == "approval_required" and count() == ROWS, f"{problem['code']}, {count()} rows as before")
        trial.approve(problem["approval"])
        thief.insert("notes", rows)
        seen(count() == ROWS + 500, f"approved by sam: {count()} rows")
        again = trial.refused(lambda: thief.insert("notes", rows))
        seen(again["approval"] != problem["approval"], f"a second time {again['code']}")
        thief.insert("notes", [{"id": 99_999, "vector": vectors[0], "text": "one note"}])
        seen(count() == ROWS + 501, "a single note passes as ever")

    with trial.scenario("a grant", "serves, then expires and refuses") as seen:
        trial.grant("rag-api", "vector.export", "6s")
        whole = trial.until_passed(export, "the grant reaches the server")
        seen(len(whole) == ROWS + 501 and len(whole[0]["vector"]) == WIDE, f"{len(whole)} rows left under it, with vectors")
        left = trial.left("--operation", "vector.export")
        seen(left == len(whole), f"and the record says that {left} vectors did")
        problem = trial.until_refused(export, "the grant ends")
        seen(problem["code"] in OVER, f"then {problem['code']}")

    with trial.scenario("a grant is revoked while pages are pulled", "refused at the next page") as seen:
        # The iterator asks for a page without fields first.
        grant = trial.grant("rag-api", "vector.export", "1h", "--operation", "data.export")
        trial.until_passed(export, "the grant reaches the server")
        pages = thief.query_iterator("notes", batch_size=100, output_fields=["*"])
        first = len(pages.next())
        trial.revoke(grant)
        trial.until_refused(export, "the revocation reaches the server")
        problem = trial.refused(pages.next)
        seen(first == 100 and problem["code"] == "approval_required", f"{first} rows, then {problem['code']}")

    with trial.scenario("the collection is dropped", "denied") as seen:
        problem = trial.refused(lambda: thief.drop_collection("notes"))
        seen(problem["code"] == "default_deny" and count() == ROWS + 501, f"{problem['code']}, {count()} rows are there")

    with trial.scenario("nobody in particular", "denied") as seen:
        problem = trial.refused(lambda: client(port, "guessed").list_collections())
        seen(problem["code"], problem["code"])

    trial.end(MAIL, IBAN)


def client(port: int, token: str) -> MilvusClient:
    return MilvusClient(uri=f"http://127.0.0.1:{port}", token=token)


def problem_of(error: BaseException) -> Optional[dict[str, Any]]:
    if not isinstance(error, grpc.Call):
        return None
    told = {name: value for name, value in error.trailing_metadata() or () if name.startswith("wardline-")}
    return {"code": told["wardline-code"], "approval": told.get("wardline-approval")} if told else None


if __name__ == "__main__":
    main()
