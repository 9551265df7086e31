"""Runs the collector against stand-ins of the wiki and the store, and ends with an error where anything is not as expected."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
from collector import VECTORS, client, collect

PAGES = {
    "/pages/team/oncall": "Call Rosa Lind at +1 212 555 0142, or write to rosa.lind@example.com.",
    "/pages/team/lunch": "Soup on Mondays.",
    "/pages/hr/salaries": "Rosa Lind: 120000",
}
stored: list[dict] = []


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.host == "wiki.internal":
        return httpx.Response(200, json={"text": PAGES[request.url.path]})
    stored.append(json.loads(request.content))
    return httpx.Response(200, json={"result": {"operation_id": 0, "status": "completed"}})


with client(httpx.MockTransport(answer)) as guarded:
    assert collect(guarded, ["team/oncall", "hr/salaries", "team/lunch"]) == 2
    texts = [point["payload"]["text"] for body in stored for point in body["points"]]
    print("stored:", *texts, sep="\n  ")
    assert texts == ["Call [PERSON_NAME] at [PHONE], or write to [EMAIL].", "Soup on Mondays."]

    stolen = guarded.post(f"{VECTORS}/collections/pages/points/scroll", json={"limit": 10_000, "with_vector": True})
    print(f"an export with the same token: {stolen.status_code}, {stolen.json()['code']}: {stolen.json()['detail']}")
    assert stolen.json()["code"] == "denied" and len(stored) == 2

    flood = {"points": [{"id": at, "vector": [0.5], "payload": {}} for at in range(1_500)]}
    drowned = guarded.put(f"{VECTORS}/collections/pages/points", json=flood)
    print(f"1,500 vectors at once: {drowned.status_code}, {drowned.json()['code']}")
    assert drowned.status_code == 403 and len(stored) == 2

verified = subprocess.run([sys.executable, "-m", "wardline", "audit", "verify", "--policy", "wardline.yaml"], check=True, capture_output=True, text=True)
print(verified.stdout.strip())
print("all as expected")
