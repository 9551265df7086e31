"""The guarded door before Chroma's server, which is a program of its own."""

import os

from paused import Paused
from reverse import Reverse

from wardline.asgi import GuardMiddleware

app = GuardMiddleware(Paused(Reverse(os.environ["CHROMA"])))
