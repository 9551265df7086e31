"""Wardline beside what else finds personal data and secrets in a Python service: same inputs, one run, one core.

    python benches/peers/run.py [PEER ...]

Installs the peers into a virtual environment under `target/`, takes the release module of Wardline that stands in
`python/wardline` (see `benches/README.md`) and prints a table with the date and the machine. Speed is CPU time of this thread, the
best of several passes. `found` is the share of planted values that a finding covers whole; `false` counts findings
in texts that hold nothing. Each tool runs as it comes, with all that it looks for by default. Wardline reads the events as the one
stream that they are; the others know no streams and get them one by one.
"""

import datetime
import os
import platform
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "target" / "peers"
PEERS = ["cpex-pii-filter==0.3.9", "pyredactix==0.1.0", "presidio-analyzer==2.2.366", "datafog==4.9.0",
         "scrubadub==2.0.1", "detect-secrets==1.5.0"]


def main():
    python = HOME / "bin" / "python"
    if Path(sys.prefix).resolve() != HOME.resolve():
        if not python.exists():
            venv.create(HOME, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
        os.execv(python, [str(python), __file__, *sys.argv[1:]])
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sys.path.insert(0, str(ROOT / "python"))
    import inputs
    from tools import TOOLS

    texts = {"prose": inputs.prose(64 * 1024), "dense": inputs.dense(64 * 1024)[0], "embed": inputs.embed()}
    planted = inputs.dense(64 * 1024)[1]
    events = inputs.events()
    print(f"{datetime.date.today()}, {machine()}, load {os.getloadavg()[0]:.1f}\n")
    print("| tool | prose MB/s | dense MB/s | embed MB/s | events MB/s | us an event | found | false in prose | in embed |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, make in TOOLS.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        spans, mask, *stream = make()
        each = stream[0] if stream else lambda events: [mask(event) for event in events]
        speeds = [len(text) / best(lambda text=text: mask(text)) / 1e6 for text in texts.values()]
        took = best(lambda: each(events))
        speeds.append(sum(map(len, events)) / took / 1e6)
        covered = [0] * (len(texts["dense"]) + 1)
        for start, end in spans(texts["dense"]):
            covered[start:end] = [1] * (end - start)
        found = sum(all(covered[start:end]) for start, end in planted) / len(planted)
        false = [len(spans(texts[text])) for text in ("prose", "embed")]
        row = [name, *(f"{speed:.3g}" for speed in speeds), f"{took / len(events) * 1e6:.1f}", f"{found:.2f}", *map(str, false)]
        print("| " + " | ".join(row) + " |", flush=True)


def best(run, least=0.4):
    """The CPU seconds of the best pass: at least three, and as many as fit into `least` seconds."""
    times = []
    while len(times) < 3 or sum(times) < least:
        before = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
        run()
        times.append(time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) - before)
        if sum(times) > 60:
            break
    return min(times)


def machine():
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{os.cpu_count()} cores of {model}"


if __name__ == "__main__":
    main()
