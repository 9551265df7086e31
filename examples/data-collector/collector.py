"""Collects pages, embeds them, and stores the vectors. Everything that it sends and gets passes the guard."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from typing import Optional

import httpx

from wardline.httpx import GuardTransport

WIKI, VECTORS = "http://wiki.internal", "http://vectors.internal"


def client(inner: Optional[httpx.BaseTransport] = None) -> httpx.Client:
    """A client whose requests are judged and whose responses are masked; `inner` is what sends them."""
    policy = os.environ.get("WARDLINE_POLICY", "wardline.yaml")
    return httpx.Client(transport=GuardTransport(inner or httpx.HTTPTransport(), identity="svc-collector", policy=policy))


def collect(client: httpx.Client, pages: Iterable[str]) -> int:
    """Stores each page that may be read; how many."""
    stored = 0
    for page in pages:
        found = client.get(f"{WIKI}/pages/{page}")
        if found.status_code == 403:
            print(f"{page}: {found.json()['code']}")
            continue
        text = found.raise_for_status().json()["text"]
        point = {"id": stored, "vector": embedded(text), "payload": {"page": page, "text": text}}
        client.put(f"{VECTORS}/collections/pages/points", json={"points": [point]}).raise_for_status()
        stored += 1
    return stored


def embedded(text: str) -> list[float]:
    """A stand-in for a model: 32 numbers that depend on the text alone."""
    return [byte / 128 - 1 for byte in hashlib.sha256(text.encode()).digest()]


if __name__ == "__main__":
    with client() as guarded:
        print(f"{collect(guarded, sys.argv[1:])} pages stored")
