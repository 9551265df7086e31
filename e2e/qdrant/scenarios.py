"""`qdrant-client` against a facade over `qdrant-edge`, Qdrant's engine as a library (not Qdrant's server), under the middleware."""

from __future__ import annotations

import random
import warnings
from importlib.metadata import version
from typing import Any, Optional

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse
from trial import CUT, OVER, Trial, document_in

ROWS = 1_200
WIDE = 64
MAIL = "rosa.lind@example.com"
IBAN = "DE89 3704 0044 0532 0130 00"


def main() -> None:
    # It is a connection to this machine, and nobody in particular is not told a version.
    warnings.filterwarnings("ignore", "Api key is used with an insecure connection|Failed to obtain server version")
    title = f"qdrant-client {version('qdrant-client')} and a FACADE over qdrant-edge {version('qdrant-edge-py')}, under the ASGI middleware"
    trial = Trial(title, problem_of)
    pause = trial.folder / "pause"
    port = trial.serve("door:app", env={"WARDLINE_E2E_PAUSE": str(pause)})
    ingest = client(port, "trial-key-of-svc-ingest")
    # Whoever has the application's key is the application.
    thief = client(port, "trial-key-of-rag-api")

    numbers = random.Random(7)
    vectors = [[numbers.uniform(-1, 1) for _ in range(WIDE)] for _ in range(ROWS)]
    ingest.create_collection("notes", vectors_config=models.VectorParams(size=WIDE, distance=models.Distance.COSINE))

    def points(first: int, count: int, text: str) -> list[models.PointStruct]:
        return [models.PointStruct(id=first + i, vector=vectors[i], payload={"text": f"ticket {i}: {text}"}) for i in range(count)]

    with trial.scenario("PII in payloads", "masked before it is stored") as seen:
        ingest.upsert("notes", points(0, ROWS, f"{MAIL} pays to {IBAN}"))
        found = thief.query_points("notes", query=vectors[7], limit=1, with_payload=True).points
        seen(found[0].id == 7, f"the engine finds point {found[0].id} as the nearest of {thief.count('notes').count}")
        text = found[0].payload and found[0].payload["text"]
        seen(text == "ticket 7: [EMAIL] pays to [IBAN]", f"and answers {text!r}")
        # The engine's own files, read past every door.
        files = b"".join(file.read_bytes() for file in (trial.folder / "data").rglob("*") if file.is_file())
        seen(b"[EMAIL]" in files and MAIL.encode() not in files, f"of {len(files):,} bytes in its files none is the address")

    def export() -> Any:
        return thief.scroll("notes", limit=5_000, with_vectors=True)

    with trial.scenario("a stolen token exports everything", "held") as seen:
        problem = trial.refused(export)
        seen(problem["code"] == "approval_required" and problem["approval"], f"403 {problem['code']}")
        paged = trial.refused(lambda: thief.scroll("notes", limit=100, offset=100, with_vectors=True))
        seen(paged["code"] == "approval_required", f"page by page {paged['code']} too")
        far = trial.refused(lambda: thief.query_points("notes", query=vectors[0], limit=ROWS, with_vectors=True))
        seen(far["code"] == "approval_required", f"as a search for {ROWS} neighbours {far['code']} too")
        left = trial.left("--operation", "vector.export")
        seen(left == 0, f"{left} vectors left")

    with trial.scenario("foreign rows pushed", "held, approved by a person, pushed once") as seen:
        rows = points(10_000, 500, "buy now")
        problem = trial.refused(lambda: thief.upsert("notes", rows))
        count = thief.count("notes").count
        seen(problem["code"] == "approval_required" and count == ROWS, f"{problem['code']}, {count} points as before")
        trial.approve(problem["approval"])
        thief.upsert("notes", rows)
        seen(thief.count("notes").count == ROWS + 500, f"approved by sam: {ROWS + 500} points")
        again = trial.refused(lambda: thief.upsert("notes", rows))
        seen(again["approval"] != problem["approval"], f"a second time {again['code']}")

    with trial.scenario("a grant", "serves, then expires and refuses") as seen:
        trial.grant("rag-api", "vector.export", "6s", "--quota", "vectors=100000")
        whole, _ = trial.until_passed(export, "the grant reaches the service")
        seen(len(whole) == ROWS + 500 and whole[0].vector, f"{len(whole)} points left under it, with vectors")
        problem = trial.until_refused(export, "the grant ends")
        seen(problem["code"] in OVER, f"then {problem['code']}")

    with trial.scenario("a grant is revoked while a response streams", "cut") as seen:
        grant = trial.grant("rag-api", "vector.export", "1h")
        trial.until_passed(export, "the grant reaches the service")
        other = client(port, "trial-key-of-rag-api")
        end = trial.revoked_amid(pause, grant, lambda: other.scroll("notes", limit=5_000, with_vectors=True), export)
        seen(end is CUT, "the client has an exception, and no points")
        record = trial.recorded("grant_revoked", "--operation", "vector.export")
        left = record["response"]["census"]["vectors"]
        seen(left < ROWS, f"recorded as {record['outcome']['result']} after {left} of {ROWS + 500} vectors")

    with trial.scenario("the collection is dropped", "denied") as seen:
        problem = trial.refused(lambda: thief.delete_collection("notes"))
        seen(problem["code"] == "default_deny", problem["code"])

    with trial.scenario("nobody in particular", "denied") as seen:
        problem = trial.refused(lambda: client(port, None).count("notes"))
        seen(problem["code"], problem["code"])

    trial.end(MAIL, IBAN)


def client(port: int, key: Optional[str]) -> QdrantClient:
    return QdrantClient(url=f"http://127.0.0.1:{port}", api_key=key, timeout=60)


def problem_of(error: BaseException) -> Optional[dict[str, Any]]:
    if isinstance(error, UnexpectedResponse):
        return document_in(error.content.decode())
    return CUT if isinstance(error, ResponseHandlingException) and "incomplete chunked read" in str(error) else None


if __name__ == "__main__":
    main()
