"""An OpenAI-compatible `/v1/embeddings` over the real all-MiniLM-L6-v2, under guard.

    uvicorn app:app --port 8000 --no-proxy-headers
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Literal, Union

import numpy as np
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from model import NAME, Model
from wardline.asgi import GuardMiddleware

model = Model()
app = FastAPI(title="Embeddings under guard")


class Request(BaseModel):
    """What OpenAI's clients send."""

    model: str
    input: Union[str, list[str]]
    encoding_format: Literal["float", "base64"] = "float"


@app.post("/v1/embeddings")
def embeddings(request: Request) -> dict[str, Any]:
    if request.model != NAME:
        raise HTTPException(404, "no such model here")
    texts = [request.input] if isinstance(request.input, str) else request.input
    if not texts:
        raise HTTPException(400, "nothing to embed")
    vectors, tokens = model.embed(texts)

    def shown(vector: Any) -> Any:
        if request.encoding_format == "float":
            return vector.tolist()
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()

    data = [{"object": "embedding", "index": i, "embedding": shown(vector)} for i, vector in enumerate(np.asarray(vectors))]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": NAME, "usage": usage}


@app.get("/v1/models")
def models() -> dict[str, Any]:
    return {"object": "list", "data": [{"id": NAME, "object": "model", "created": 0, "owned_by": "local"}]}


app.add_middleware(GuardMiddleware, policy=Path(__file__).with_name("wardline.yaml"))
