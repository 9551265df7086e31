"""What the ASGI door adds: one uvicorn process serves the bare and the guarded app, another asks them in turn.

    python benches/doors/asgi.py [REQUESTS] [FLOATS]

The answer is JSON with 3 findings and a vector of 768 floats (7.5 KB) or so many. Prints the median of each and of the difference of
neighbours, in microseconds.
"""

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import uvicorn
from wardline.asgi import GuardMiddleware

WIDTH = int(sys.argv[2]) if len(sys.argv) > 2 else 768
FLOATS = ",".join(f"{((n * 37 % 200) - 100) / 317:.6f}" for n in range(WIDTH))
ANSWER = (
    '{"result":{"id":7,"payload":{"text":"write to rosa.lind@example.com or call +1 212 555 0142",'
    '"card":"5555 5555 5555 4444"},"vector":[' + FLOATS + ']},"status":"ok","time":0.0012}'
).encode()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def bare(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


async def serve():
    """Serves both apps in one event loop; writes their ports."""
    policy = str(Path(__file__).with_name("wardline.yaml"))
    serving, ports = [], []
    for app in (bare, GuardMiddleware(bare, policy=policy)):
        # With the protocol named, asyncio sets TCP_NODELAY on what it accepts; without, a head and its body wait for each other.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ports.append(listener.getsockname()[1])
        config = uvicorn.Config(app, log_level="warning", lifespan="off")
        serving.append(uvicorn.Server(config).serve(sockets=[listener]))
    print(*ports, flush=True)
    await asyncio.gather(*serving)


REQUEST = b"GET /collections/docs/points/7 HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n\r\n"


def ask(connection):
    """One request on a kept connection; answers its time in microseconds and its body."""
    started = time.perf_counter()
    connection.sendall(REQUEST)
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return (time.perf_counter() - started) * 1e6, body


def main():
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    server = subprocess.Popen([sys.executable, __file__, "serve", str(WIDTH)], stdout=subprocess.PIPE, text=True)
    ports = [int(port) for port in server.stdout.readline().split()]
    time.sleep(1)
    connections = [socket.create_connection(("127.0.0.1", port)) for port in ports]
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(300):
        bodies = [ask(connection)[1] for connection in connections]
    assert bodies[0] == ANSWER, "the bare app answers as it is"
    assert b"[EMAIL]" in bodies[1] and b"rosa.lind" not in bodies[1], "the guarded app is masked"
    times = [[ask(connection)[0] for connection in connections] for _ in range(requests)]
    without, guarded = (statistics.median(column) for column in zip(*times))
    added = statistics.median(b - a for a, b in times)
    print(f"asgi, {len(ANSWER)} bytes: bare {without:.1f} us, guarded {guarded:.1f} us, added {added:.1f} us (p50 of {requests})")
    server.kill()


if sys.argv[1:2] == ["serve"]:
    asyncio.run(serve())
else:
    main()
