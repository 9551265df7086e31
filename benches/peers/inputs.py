"""The inputs: made here, the same in every run. Clean ones hold nothing to find, so whatever is found there is false."""

import json
import random

WORDS = """the request was served by worker after retry and connection closed with status while reading from upstream vector
collection rebuilt index shard loaded model embedding batch queue drained cache warm of a in to for is no about neighbours when
all rows were written this run took longer than before because many clients asked at once then some of them gave up we saw two
nodes leave their group it had been quiet until morning people wondered what might happen next nobody knew why each graph grew
faster over time so they measured every step passed""".split()


def prose(size):
    """Log lines in which nothing is to be found."""
    draw, lines, length = random.Random(1), [], 0
    while length < size:
        words = " ".join(draw.choice(WORDS) for _ in range(draw.randrange(8, 28)))
        lines.append(f"2026-11-04T09:12:{draw.randrange(60):02}Z INFO {words} took {draw.randrange(900)} ms.")
        length += len(lines[-1]) + 1
    return "\n".join(lines)


def dense(size):
    """A value every forty bytes or so, and the values."""
    draw, parts, values, length = random.Random(2), [], [], 0
    while length < size:
        n = draw.randrange(100_000, 999_999)
        before, value, after = draw.choice([
            ("write to ", f"ada.{n}@example.org", " today, "),
            ("card ", "4111 1111 1111 1111", " was charged; "),
            ("call ", f"+44 20 7946 {n % 10_000:04}", " now. "),
            ("from ", f"203.0.113.{n % 250}", " at night "),
            ("pay to ", "GB82 WEST 1234 5698 7654 32", ", "),
            ("his ssn is ", "123-45-6789", ", "),
            ("token=", f"ghp_{draw.getrandbits(180):036x}"[:40], " "),
        ])
        values.append((length + len(before), length + len(before) + len(value)))
        parts.append(before + value + after)
        length += len(parts[-1])
    return "".join(parts), values


def embed():
    """An answer with eight vectors of 768 floats and the texts that they were made from."""
    draw = random.Random(3)
    rows = [
        {"object": "embedding", "index": n, "embedding": [draw.uniform(-0.1, 0.1) for _ in range(768)], "text": prose(300)}
        for n in range(8)
    ]
    return json.dumps({"object": "list", "data": rows, "model": "text-embedding-3-small"})


def events():
    """Events of about a hundred bytes, as a model streams them."""
    draw = random.Random(4)
    event = {"id": "chat-1", "object": "chunk", "choices": [{"index": 0, "delta": {"content": ""}}]}
    made = []
    for _ in range(1_000):
        event["choices"][0]["delta"]["content"] = " " + draw.choice(WORDS)
        made.append(f"data: {json.dumps(event)}\n\n")
    return made
