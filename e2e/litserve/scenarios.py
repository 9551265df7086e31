"""LitServe with the guard among its middlewares, driven by OpenAI's client; answers stream in pieces of words."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Optional

import httpx2
import openai
from trial import CUT, OVER, Trial, document_in, free_port

MAIL = "rosa.lind@example.com"
IBAN = "DE89370400440532013000"


def main() -> None:
    title = f"LitServe {version('litserve')} with the guard among its middlewares, driven by openai {openai.__version__}"
    trial = Trial(title, problem_of)
    pause = trial.folder / "pause"
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("server.py")), str(port)]
    trial.start("server", command, port, {"WARDLINE_E2E_PAUSE": str(pause)})
    ana, agent = client(port, "ana"), client(port, "agent-7")

    with trial.scenario("PII in payloads", "masked on the way in and out, however the model cuts it") as seen:
        told = said(ana, f"write to {MAIL} now")
        seen(told == "write to [EMAIL] now ", f"the model was told {told!r}")
        streamed, pieces = streams(ana, f"pay to {IBAN} now")
        seen(streamed.strip() == "pay to [IBAN] now" and pieces > 1, f"in {pieces} pieces it says {streamed!r}")

    with trial.scenario("a stolen token of an agent", "denied, then granted and used once") as seen:
        problem = trial.refused(lambda: said(agent, "hello"))
        seen(problem["code"] == "grant_required", f"403 {problem['code']}")
        trial.grant("agent-7", "inference.complete", "1h", "--uses", "1")
        answer = trial.until_passed(lambda: said(agent, "hello"), "the grant reaches the server")
        seen(answer == "hello ", f"under the grant {answer!r}")
        again = trial.refused(lambda: said(agent, "hello"))
        seen(again["code"].startswith("grant_"), f"a second time {again['code']}")

    with trial.scenario("a grant", "expires and refuses") as seen:
        trial.grant("agent-7", "inference.complete", "6s")
        seen(trial.until_passed(lambda: said(agent, "hello"), "the grant reaches the server"), "asked under it")
        problem = trial.until_refused(lambda: said(agent, "hello"), "the grant ends")
        seen(problem["code"] in OVER, f"then {problem['code']}")

    with trial.scenario("a grant is revoked while an answer streams", "cut") as seen:
        grant = trial.grant("agent-7", "inference.complete", "1h")
        trial.until_passed(lambda: said(agent, "hello"), "the grant reaches the server")
        words = " ".join(f"word{i}" for i in range(40))
        heard: list[str] = []
        end = trial.revoked_amid(pause, grant, lambda: streams(client(port, "agent-7"), words, heard), lambda: said(client(port, "agent-7"), "hello"))
        text = "".join(heard)
        seen(end is CUT and "word5 " in text and "word20" not in text, f"the client has {len(text)} characters, up to {text.split()[-1]!r}, and an exception")
        record = trial.recorded("grant_revoked", "--operation", "inference.complete")
        seen(True, f"recorded as {record['outcome']['result']} after {record['response']['bytes']:,} bytes")

    with trial.scenario("the server's own doors", "denied") as seen:
        answer = httpx2.post(f"http://127.0.0.1:{port}/shutdown", headers={"x-user": "ana"})
        seen(answer.status_code == 403, f"/shutdown: {answer.status_code} {answer.json()['code']}")

    trial.end(MAIL, IBAN)


def client(port: int, user: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="unused", default_headers={"x-user": user}, max_retries=0)


def said(asking: openai.OpenAI, prompt: str) -> str:
    answer = asking.chat.completions.create(model="echo", messages=[{"role": "user", "content": prompt}])
    return str(answer.choices[0].message.content)


def streams(asking: openai.OpenAI, prompt: str, heard: Optional[list[str]] = None) -> tuple[str, int]:
    """What comes in pieces, and in how many."""
    pieces = [] if heard is None else heard
    for event in asking.chat.completions.create(model="echo", messages=[{"role": "user", "content": prompt}], stream=True):
        pieces += [choice.delta.content for choice in event.choices if choice.delta.content]
    return "".join(pieces), len(pieces)


def problem_of(error: BaseException) -> Optional[dict[str, Any]]:
    if isinstance(error, openai.APIStatusError):
        return document_in(error.response.text)
    return CUT if isinstance(error, (httpx2.RemoteProtocolError, openai.APIConnectionError)) else None


if __name__ == "__main__":
    main()
