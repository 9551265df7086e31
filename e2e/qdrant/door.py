"""The facade under the middleware."""

from facade import app as facade
from paused import Paused

from wardline.asgi import GuardMiddleware

app = GuardMiddleware(Paused(facade))
