"""A model server of LitServe with its specification of OpenAI's API; the model says back what it was told, word by word."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import litserve

from wardline.asgi import GuardMiddleware

PAUSE = Path(os.environ["WARDLINE_E2E_PAUSE"])


class Echo(litserve.LitAPI):
    """Stands for a model: it needs no weights, and what it was told can be seen in what it says."""

    def setup(self, device: str) -> None:
        pass

    def predict(self, request: Any) -> Iterator[str]:
        words = str(request.messages[-1].content).split(" ")
        for number, word in enumerate(words):
            if number == 20 and PAUSE.exists() and not PAUSE.read_text():
                PAUSE.write_text("waits")
                while PAUSE.exists():
                    time.sleep(0.02)
            # As a model streams: a piece is no word.
            for start in range(0, len(word), 3):
                yield word[start : start + 3]
            yield " "


if __name__ == "__main__":
    api = Echo(spec=litserve.OpenAISpec())
    guard = (GuardMiddleware, {"policy": os.environ["WARDLINE_POLICY"]})
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=2, middlewares=[guard])
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, num_api_servers=1)
