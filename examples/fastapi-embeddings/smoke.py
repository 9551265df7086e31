"""Starts the server, embeds real text over HTTP, and checks what came back, what was masked and what was recorded.

Every value shown is observed; anything that is not as expected ends it with an error.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np

HERE = Path(__file__).parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        # The state of a trial lies beside a copy, not in the example.
        for file in ("app.py", "model.py", "wardline.yaml"):
            (Path(folder) / file).write_bytes((HERE / file).read_bytes())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--no-proxy-headers"]
        server = subprocess.Popen([*command, "--log-level", "warning"], cwd=folder)
        try:
            run(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait(10)
        check_records(Path(folder) / "wardline.yaml")


def run(url: str) -> None:
    with httpx.Client(base_url=url, headers={"x-user": "ana", "x-session": "smoke"}, timeout=30) as client:
        started = time.monotonic()
        while True:
            try:
                models = client.get("/v1/models").raise_for_status().json()
                break
            except httpx.TransportError:
                expect(time.monotonic() - started < 60, "the server starts")
                time.sleep(0.1)
        print(f"serving {models['data'][0]['id']} after {time.monotonic() - started:.1f} s")

        cat, kitten, tax = embed(client, ["a cat sleeps", "a kitten naps", "the tax return is due in April"])
        print(f"{len(cat)} dimensions; cos(cat, kitten) = {cat @ kitten:.3f}, cos(cat, tax) = {cat @ tax:.3f}")
        expect(len(cat) == 384 and abs(float(cat @ cat) - 1) < 1e-3, "vectors of length 1 in 384 dimensions")
        expect(cat @ kitten > 0.4 > cat @ tax + 0.1, "what means the same lies close")

        # What the model saw is not what was sent: the address is gone before it is embedded.
        sent, masked, other = embed(
            client,
            [
                "Please reply to rosa.lind@example.com about the invoice",
                "Please reply to [EMAIL] about the invoice",
                "Please reply to the ministry of silly walks about the invoice",
            ],
        )
        print(f"cos(text with an address, the same masked) = {sent @ masked:.4f}, with other words {sent @ other:.4f}")
        expect(float(sent @ masked) > 0.9999 > float(sent @ other) + 0.01, "the address never reached the model")

        request = {"model": models["data"][0]["id"], "input": "a cat sleeps", "encoding_format": "base64"}
        coded = client.post("/v1/embeddings", json=request).raise_for_status().json()["data"][0]["embedding"]
        same = np.frombuffer(base64.b64decode(coded), dtype="<f4")
        expect(float(same @ cat) > 0.999, "base64 carries the same vector")

        refused = client.post("/v1/embeddings", json={**request, "input": ["x"] * 65})
        print(f"65 texts at once: {refused.status_code} {refused.json()['code']}: {refused.json()['detail']}")
        expect(refused.status_code == 403, "great batches are denied")
        nobody = httpx.post(f"{url}/v1/embeddings", json=request)
        print(f"nobody in particular: {nobody.status_code} {nobody.json()['code']}")
        expect(nobody.status_code == 403, "the unauthenticated are denied")


def embed(client: httpx.Client, texts: list[str]) -> list[Any]:
    body = {"model": "all-MiniLM-L6-v2", "input": texts}
    answer = client.post("/v1/embeddings", json=body).raise_for_status().json()
    return [np.array(item["embedding"]) for item in answer["data"]]


def check_records(policy: Path) -> None:
    def wardline(*words: str) -> str:
        command = [sys.executable, "-m", "wardline", "audit", *words, "--policy", str(policy), "--json"]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ).stdout

    text = wardline("query")
    records = [record.get("record", record) for record in map(json.loads, text.splitlines())]
    found = [record for record in records if record.get("request", {}).get("totals", {}).get("email")]
    expect(len(found) == 1, "one request held an address")
    (record,) = found
    census = record["response"]["census"]
    print(
        f"recorded {len(records)} exchanges; {record['id']}: {record['identity']['subject']}, "
        f"{record['acts'][0]['operation']}, findings {record['request']['totals']}, {census['vectors']} vectors left"
    )
    expect(census["vectors"] == 3 and record["session"] == "smoke", "the record counts what left")
    expect("rosa.lind" not in text, "no record holds the address")
    wardline("verify")
    print("the log verifies")


def expect(holds: Any, what: str) -> None:
    if not holds:
        sys.exit(f"smoke: not as expected: {what}")


if __name__ == "__main__":
    main()
