"""The Python servers of the doors' benches, bare and guarded: `serve.py asgi|wsgi|grpc FOLDER` prints two ports and serves until its input ends."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

from answers import read

POLICY = str(Path(__file__).with_name("wardline.yaml"))
KIND, ANSWERS = sys.argv[1], read(Path(sys.argv[2]))
JSON = b"application/json"


def listener():
    # With the protocol named, asyncio sets TCP_NODELAY on what it accepts; without, a head and its body wait for each other.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.bind(("127.0.0.1", 0))
    made.listen(128)
    return made


async def until_told():
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def asgi():
    import uvicorn
    from wardline.asgi import GuardMiddleware

    async def bare(scope, receive, send):
        body = ANSWERS[scope["path"]]
        headers = [(b"content-type", JSON), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    sockets = [listener(), listener()]
    for app, made in zip((bare, GuardMiddleware(bare, policy=POLICY)), sockets):
        config = uvicorn.Config(app, log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None
        asyncio.ensure_future(server.serve(sockets=[made]))
    await asyncio.sleep(0.5)
    print(*(made.getsockname()[1] for made in sockets), flush=True)
    await until_told()
    os._exit(0)


def wsgi():
    from gunicorn.app.base import BaseApplication
    from wardline.wsgi import GuardMiddleware

    def bare(environ, start_response):
        body = ANSWERS[environ["PATH_INFO"]]
        start_response("200 OK", [("Content-Type", JSON.decode()), ("Content-Length", str(len(body)))])
        return [body]

    class Server(BaseApplication):
        def __init__(self, made, app):
            self.made, self.app = made, app
            super().__init__()

        def load_config(self):
            bind = f"fd://{self.made.fileno()}"
            settings = {"bind": bind, "worker_class": "gthread", "threads": 2, "keepalive": 600, "loglevel": "critical"}
            for name, value in settings.items():
                self.cfg.set(name, value)

        def load(self):
            return self.app

    sockets, children = [listener(), listener()], []
    for app, made in zip((bare, GuardMiddleware(bare, policy=POLICY)), sockets):
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            Server(made, app).run()
        children.append(child)
    print(*(made.getsockname()[1] for made in sockets), flush=True)
    sys.stdin.read()
    for child in children:
        os.killpg(child, signal.SIGKILL)


async def grpc():
    import grpc as library
    from qdrant_client.grpc import QueryResponse, ScoredPoint, Value
    from wardline.grpc import AsyncGuardInterceptor

    payload = {"text": Value(string_value="write to rosa.lind@example.com or call +1 212 555 0142"), "card": Value(string_value="5555 5555 5555 4444")}
    found = QueryResponse(result=[ScoredPoint(payload=payload, score=0.5)]).SerializeToString()

    async def answer(request, context):
        return found

    # A server that nobody holds is stopped.
    ports, servers = [], []
    for interceptors in [], [AsyncGuardInterceptor(policy=POLICY, host="points.internal", identity=lambda context: "ana")]:
        server = library.aio.server(interceptors=interceptors)
        handler = library.unary_unary_rpc_method_handler(answer)
        server.add_generic_rpc_handlers((library.method_handlers_generic_handler("qdrant.Points", {"Query": handler}),))
        ports.append(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        servers.append(server)
    print(*ports, flush=True)
    await until_told()
    os._exit(0)


if KIND == "wsgi":
    wsgi()
else:
    asyncio.run({"asgi": asgi, "grpc": grpc}[KIND]())
