"""The application of `examples/fastapi-embeddings` as it is, guard included; behind its guard a response can be made to wait."""

from app import app
from fastapi.middleware import Middleware
from paused import Paused

app.user_middleware.append(Middleware(Paused))
