"""What each door adds to its host: the same application bare and guarded, asked in turn over real connections.

    python benches/doors/run.py [HOST...] [--requests 4000] [--floats 192]

Hosts: asgi, wsgi, grpc, express, fastify, hono, axum, nginx; all of them where none is named. Prints microseconds: the medians of bare and guarded, and of the
difference of neighbours, for an answer with 3 findings and for one with none; what each exchange adds where 16 are on their way at once, so that the
server never sleeps; and how much of the bare rate is left for answers of 200 KB that pass as they are. `nginx` stands in front of the bare ASGI server: what a hop adds in the same run.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from answers import PATHS, read, write

HERE = Path(__file__).parent
# Requests on their way at once, where a server is kept busy.
AT_ONCE = 16
ROOT = HERE.parents[1]
PYTHON, NODE = [sys.executable, str(HERE / "serve.py")], ["node", str(HERE / "serve.mjs")]
HOSTS = {
    "asgi": [*PYTHON, "asgi"], "wsgi": [*PYTHON, "wsgi"], "grpc": [*PYTHON, "grpc"],
    "express": [*NODE, "express"], "fastify": [*NODE, "fastify"], "hono": [*NODE, "hono"],
    "axum": [str(Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/door-axum"), str(HERE / "wardline.yaml")],
    "nginx": [*PYTHON, "asgi"],
}  # fmt: skip


@contextmanager
def served(command, folder):
    """The ports of a bare and a guarded server."""
    process = subprocess.Popen([*command, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line, f"{command} does not start"
        yield [int(port) for port in line.split()]
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def nginx(behind, folder):
    """nginx in front of a port; its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(f"""worker_processes 1; daemon off; pid {folder}/pid; error_log stderr crit;
events {{}}
http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  keepalive_requests 10000000;
  upstream bare {{ server 127.0.0.1:{behind}; keepalive 8; keepalive_requests 10000000; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://bare; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
""")
    process = subprocess.Popen(["nginx", "-c", str(config)])
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


class Connection:
    """One kept connection to a server."""

    def __init__(self, port):
        until = time.monotonic() + 20
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < until, f"nobody listens on {port}"
                time.sleep(0.05)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, name):
        """One request: its time in microseconds, and the answer."""
        started = time.perf_counter()
        self.begin(name)
        answer = self.answer()
        return (time.perf_counter() - started) * 1e6, answer

    def begin(self, name):
        """Sends one request, whose answer is read later."""
        self.socket.sendall(f"GET {PATHS[name]} HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n\r\n".encode())

    def answer(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.received()
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        pieces, left = [body], length - len(body)
        while left > 0:
            pieces.append(self.received())
            left -= len(pieces[-1])
        return b"".join(pieces)

    def received(self):
        piece = self.socket.recv(262_144)
        assert piece, "the connection is closed"
        return piece


class Call:
    """The same over gRPC."""

    def __init__(self, port):
        import grpc

        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.call = self.channel.unary_unary("/qdrant.Points/Query")

    def ask(self, name):
        started = time.perf_counter()
        self.begin(name)
        answer = self.answer()
        return (time.perf_counter() - started) * 1e6, answer

    def begin(self, _):
        self.pending = self.call.future(b"\n\x04docs", timeout=10)

    def answer(self):
        return self.pending.result()


def added(pair, name, requests):
    """The medians of bare and guarded, and of the difference of neighbours."""
    for _ in range(min(300, requests)):
        for one in pair:
            one.ask(name)
    times = [[one.ask(name)[0] for one in pair] for _ in range(requests)]
    bare, guarded = (statistics.median(column) for column in zip(*times))
    return f"{bare:8.1f} {guarded:8.1f} {statistics.median(b - a for a, b in times):8.1f}"


def busy(pair, name, requests):
    """What is added for each of many requests that are on their way at once, so that the server never waits for the next."""
    times = []
    for _ in range(requests // len(pair[0])):
        spent = []
        for connections in pair:
            started = time.perf_counter()
            for one in connections:
                one.begin(name)
            for one in connections:
                one.answer()
            spent.append((time.perf_counter() - started) * 1e6 / len(connections))
        times.append(spent)
    return f"{statistics.median(b - a for a, b in times[len(times) // 5 :]):8.1f}"


def left(pair, requests):
    """How much of the bare rate is left, asked in turns of fifty."""
    spent = [0.0, 0.0]
    for _ in range(max(1, requests // 100)):
        for which, one in enumerate(pair):
            started = time.perf_counter()
            for _ in range(50):
                one.ask("large")
            spent[which] += time.perf_counter() - started
    return f"{100 * spent[0] / spent[1]:6.1f} %"


def measured(host, ports, answers, options):
    connection = Call if host == "grpc" else Connection
    pair = [connection(port) for port in ports]
    (_, clear), (_, masked) = (one.ask("found") for one in pair)
    assert b"rosa.lind" in clear, "the bare server answers as it is"
    assert host == "nginx" or (b"[EMAIL]" in masked and b"rosa.lind" not in masked), "the guarded server is masked"
    row = f"{host:8} {added(pair, 'found', options.requests)}"
    many = [[connection(port) for _ in range(AT_ONCE)] for port in ports]
    row += f" {busy(many, 'found', options.requests)}"
    if host != "grpc":
        for one in pair:
            assert one.ask("large")[1] == answers[PATHS["large"]], "what is not looked for passes as it is"
        row += f" | {added(pair, 'none', options.requests)} {busy(many, 'none', options.requests)} | {left(pair, options.requests)}"
    print(row, flush=True)


def main():
    parser = argparse.ArgumentParser(description="What each door adds to its host.")
    parser.add_argument("hosts", nargs="*", choices=[[], *HOSTS], default=[])
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--floats", type=int, default=192)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, options.floats)
        answers = read(folder)
        print(f"{len(answers[PATHS['found']])} bytes, {options.requests} requests; us: bare, guarded, added, added where busy with 3 findings | with none | rate left at 200 KB")
        for host in options.hosts or HOSTS:
            if shutil.which(HOSTS[host][0]) is None or (host == "nginx" and shutil.which("nginx") is None):
                print(f"{host:8} is not there")
                continue
            with served(HOSTS[host], folder) as ports:
                if host == "nginx":
                    with nginx(ports[0], folder) as port:
                        measured(host, [ports[0], port], answers, options)
                else:
                    measured(host, ports, answers, options)


main()
