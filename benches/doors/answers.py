"""What the services of the doors' benches answer: files in a folder that every server reads, whatever it is written in.

`found` is JSON with 3 findings and a vector, `none` the same without findings, `large` 200 KB of it that pass as they are.
"""

from pathlib import Path

PATHS = {
    "found": "/masked/collections/docs/points/1",
    "none": "/masked/collections/docs/points/2",
    "large": "/plain/collections/docs/points/3",
}


def floats(count: int) -> str:
    return ",".join(f"{((n * 37 % 200) - 100) / 317:.6f}" for n in range(count))


def point(text: str, card: str, width: int) -> bytes:
    payload = f'{{"text":"{text}","card":"{card}"}}'
    return f'{{"result":{{"id":7,"payload":{payload},"vector":[{floats(width)}]}},"status":"ok","time":0.0012}}'.encode()


def write(folder: Path, width: int) -> None:
    (folder / "found").write_bytes(point("write to rosa.lind@example.com or call +1 212 555 0142", "5555 5555 5555 4444", width))
    (folder / "none").write_bytes(point("a heron stands in shallow water and waits for the evening", "of another kind", width))
    (folder / "large").write_bytes(point("a long list of numbers", "none", 21_000))


def read(folder: Path) -> dict[str, bytes]:
    """The answers, by their paths."""
    return {path: (folder / name).read_bytes() for name, path in PATHS.items()}
