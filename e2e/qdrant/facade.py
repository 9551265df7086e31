"""A facade in the form of Qdrant's REST API over `qdrant-edge`, its engine as a library. It is NOT Qdrant's server, which is not
published where Python's packages are: eight routes, as the real client calls them, over the real storage and search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from qdrant_edge import (
    CountRequest,
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeVectorParams,
    Point,
    Query,
    QueryRequest,
    ScrollRequest,
    UpdateOperation,
)

app = FastAPI()
shards: dict[str, tuple[EdgeShard, Any]] = {}


def shard(name: str) -> EdgeShard:
    if name not in shards:
        raise HTTPException(404, f"Collection `{name}` doesn't exist!")
    return shards[name][0]


def told(result: Any) -> dict[str, Any]:
    return {"result": result, "status": "ok", "time": 0.0}


def point(found: Any) -> dict[str, Any]:
    shown = {"id": found.id, "payload": found.payload, "vector": found.vector}
    return {**shown, "version": found.version, "score": found.score} if hasattr(found, "score") else shown


@app.get("/")
async def version() -> Any:
    return {"title": "a facade over qdrant-edge", "version": "1.20.0"}


@app.put("/collections/{name}")
async def create(name: str, request: Request) -> Any:
    params = (await request.json())["vectors"]
    config = EdgeConfig(vectors=EdgeVectorParams(params["size"], getattr(Distance, params["distance"])))
    (Path("data") / name).mkdir(parents=True)
    shards[name] = (EdgeShard.create(str(Path("data") / name), config), params)
    return told(True)


@app.get("/collections/{name}")
async def info(name: str) -> Any:
    count = shard(name).count(CountRequest())
    config = {
        "params": {"vectors": shards[name][1]},
        "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
        "optimizer_config": {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 0, "flush_interval_sec": 5},
    }
    return told({"status": "green", "optimizer_status": "ok", "points_count": count, "segments_count": 1, "config": config, "payload_schema": {}})


@app.put("/collections/{name}/points")
async def upsert(name: str, request: Request) -> Any:
    points = (await request.json())["points"]
    shard(name).update(UpdateOperation.upsert_points([Point(p["id"], p["vector"], p.get("payload")) for p in points]))
    return told({"operation_id": 0, "status": "completed"})


@app.post("/collections/{name}/points/scroll")
async def scroll(name: str, request: Request) -> Any:
    asked = await request.json()
    vectors, payload = asked.get("with_vector"), asked.get("with_payload")
    found, after = shard(name).scroll(ScrollRequest(asked.get("offset"), asked.get("limit"), None, payload, vectors))
    return told({"points": [point(p) for p in found], "next_page_offset": after})


@app.post("/collections/{name}/points/query")
async def query(name: str, request: Request) -> Any:
    asked = await request.json()
    near = Query.Nearest(asked["query"]["nearest"] if isinstance(asked["query"], dict) else asked["query"])
    how = QueryRequest(asked.get("limit", 10), query=near, with_vector=asked.get("with_vector"), with_payload=asked.get("with_payload"))
    return told({"points": [point(p) for p in shard(name).query(how)]})


@app.post("/collections/{name}/points/count")
async def count(name: str) -> Any:
    return told({"count": shard(name).count(CountRequest())})


@app.post("/collections/{name}/points")
async def retrieve(name: str, request: Request) -> Any:
    asked = await request.json()
    found = shard(name).retrieve(asked["ids"], asked.get("with_payload"), asked.get("with_vector"))
    return told([point(p) for p in found])
