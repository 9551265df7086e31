"""The real all-MiniLM-L6-v2 as `examples/fastapi-embeddings` serves it, under uvicorn with two workers, driven by OpenAI's client."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Optional

import httpx2
import numpy as np
import openai
import uvicorn
from trial import CUT, OVER, Trial, document_in

MODEL = "all-MiniLM-L6-v2"
MAIL = "rosa.lind@example.com"
CORPUS = [f"paragraph {i} of the handbook" for i in range(100)]


def main() -> None:
    title = f"{MODEL} in FastAPI under uvicorn {uvicorn.__version__} with 2 workers, driven by openai {openai.__version__}"
    trial = Trial(title, problem_of)
    for file in ("app.py", "model.py"):
        shutil.copy(Path(__file__).parents[2] / "examples" / "fastapi-embeddings" / file, trial.folder)
    pause = trial.folder / "pause"
    port = trial.serve("door:app", workers=2, env={"WARDLINE_E2E_PAUSE": str(pause)})
    ana = client(port, "ana")

    def embed(texts: list[str], asking: openai.OpenAI = ana) -> list[Any]:
        answer = asking.embeddings.create(model=MODEL, input=texts, encoding_format="float")
        return [np.array(item.embedding) for item in answer.data]

    with trial.scenario("PII in payloads", "masked before it is embedded") as seen:
        cat, kitten, tax = embed(["a cat sleeps", "a kitten naps", "the tax return is due in April"])
        seen(cat @ kitten > 0.4 > cat @ tax + 0.1, f"cos(cat, kitten) = {cat @ kitten:.3f}, cos(cat, tax) = {cat @ tax:.3f}: it is the real model")
        sent, masked, other = embed([f"Please reply to {MAIL} today", "Please reply to [EMAIL] today", "Please reply to the ministry today"])
        seen(sent @ masked > 0.9999 > sent @ other + 0.01, f"cos(with the address, masked) = {sent @ masked:.4f}, with other words {sent @ other:.4f}")

    with trial.scenario("a stolen token embeds a corpus at once", "held, approved by a person, used once") as seen:
        problem = trial.refused(lambda: embed(CORPUS))
        seen(problem["code"] == "approval_required", f"{len(CORPUS)} texts: 403 {problem['code']}")
        trial.approve(problem["approval"])
        with ThreadPoolExecutor(8) as pool:
            tries = list(pool.map(lambda _: trial.outcome(lambda: embed(CORPUS)), range(8)))
        passed = [answer for answer, problem in tries if problem is None]
        seen(len(passed) == 1 and passed[0] and len(passed[0]) == 100, f"approved by sam: {len(passed)} of 8 tries at once over 2 workers passed")

    with trial.scenario("a corpus in small pieces", "stopped by a budget that both workers share") as seen:
        eve = client(port, "eve")
        with ThreadPoolExecutor(6) as pool:
            tries = list(pool.map(lambda i: trial.outcome(lambda: embed(CORPUS[i * 5 : i * 5 + 5] * 2, eve)), range(20)))
        vectors = sum(len(answer) for answer, problem in tries if answer)
        refused = {problem["code"] for _, problem in tries if problem}
        seen(vectors == 100 and refused, f"{vectors} of 200 vectors left, then {', '.join(sorted(refused))}")

    with trial.scenario("a grant", "serves, then expires and refuses") as seen:
        trial.grant("ana", "inference.embed", "8s")
        seen(len(trial.until_passed(lambda: embed(CORPUS), "the grant reaches a worker")) == 100, "100 vectors under it")
        problem = trial.until_refused(lambda: embed(CORPUS), "the grant ends")
        seen(problem["code"] in OVER, f"then {problem['code']}")

    with trial.scenario("a grant is revoked while a response streams", "cut") as seen:
        grant = trial.grant("ana", "inference.embed", "1h")
        trial.until_passed(lambda: embed(CORPUS), "the grant reaches a worker")
        other = client(port, "ana")
        end = trial.revoked_amid(pause, grant, lambda: embed(CORPUS, other), lambda: embed(CORPUS))
        seen(end is CUT, "the client has an exception, and no vectors")
        record = trial.recorded("grant_revoked", "--operation", "inference.embed")
        left = record["response"]["census"]["vectors"]
        seen(left < 100, f"recorded as {record['outcome']['result']} after {left} of 100 vectors")

    with trial.scenario("nobody in particular", "denied") as seen:
        problem = trial.refused(lambda: embed(["a cat"], client(port, None)))
        seen(problem["code"], problem["code"])

    trial.end(MAIL)


def client(port: int, user: Optional[str]) -> openai.OpenAI:
    headers = {} if user is None else {"x-user": user}
    return openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="unused", default_headers=headers, max_retries=0)


def problem_of(error: BaseException) -> Optional[dict[str, Any]]:
    if isinstance(error, openai.APIStatusError):
        return document_in(error.response.text)
    return CUT if isinstance(error, httpx2.RemoteProtocolError) else None


if __name__ == "__main__":
    main()
