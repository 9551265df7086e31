"""A second verifier of receipts, which shares nothing with the first but the specifications: RFC 6962, C2SP signed notes, tlog-checkpoint
and tlog-proof, RFC 8949 and the table of what stands in an entry. Ed25519 is that of ``cryptography``."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import sys
import uuid
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


TABLE = Path(__file__).parents[2] / "core/data/record.tsv"


class NotProved(Exception):
    """What does not hold."""


class Entry:
    """The items of an entry, and what they stand for."""

    maps: dict[str, dict[int, tuple[str, str, Any]]] = {}
    words: list[str] = []

    def __init__(self, entry: bytes) -> None:
        self.rest, self.time = entry, 0
        if not self.words:
            for line in TABLE.read_text(encoding="utf-8").splitlines():
                where, *columns = line.split("\t")
                if where == "word":
                    self.words.append(columns[1])
                elif not where.startswith("#"):
                    number, name, kind, *left_out = columns
                    self.maps.setdefault(where, {})[int(number)] = (name, kind, left_out)

    def record(self) -> dict[str, Any]:
        if self.head() != (0, 1):
            raise NotProved("the entry is of another version")
        record: dict[str, Any] = self.value("record")
        if self.rest:
            raise NotProved("the entry has something behind it")
        return record

    def take(self, length: int) -> bytes:
        taken, self.rest = self.rest[:length], self.rest[length:]
        if len(taken) < length:
            raise NotProved("the entry ends early")
        return taken

    def head(self) -> tuple[int, int]:
        first = self.take(1)[0]
        major, short = first >> 5, first & 31
        if short < 24:
            return major, short
        if short > 27:
            raise NotProved("the entry has another form")
        return major, int.from_bytes(self.take(1 << (short - 24)), "big")

    def value(self, kind: str) -> Any:
        major, number = self.head()
        if major == 0:
            if kind == "word":
                return self.words[number]
            return str(number) if kind == "item" else self.number(number, kind)
        if major == 1:
            return self.number(-1 - number, kind)
        if major == 2:
            taken = self.take(number)
            if kind == "item":
                return str(uuid.UUID(bytes=taken))
            if kind.startswith("id:") and number == 16:
                self.time = int.from_bytes(taken[:6], "big")
            return kind.split(":")[1] + taken.hex()
        if major == 3:
            return self.take(number).decode()
        if major == 4:
            return [self.value(kind) for _ in range(number)]
        if major == 7:
            return {20: False, 21: True, 22: None}[number]
        if kind in ("words", "texts"):
            return {self.value("word" if kind == "words" else "plain"): self.value("plain") for _ in range(number)}
        return self.fields(kind, number)

    def fields(self, kind: str, count: int) -> dict[str, Any]:
        fields, found = dict(self.maps[kind]), {}
        for _ in range(count):
            name, inner, _ = fields.pop(self.head()[1])
            found[name] = self.value(inner)
        for name, inner, left_out in fields.values():
            if left_out:
                found[name] = self.fields(inner, 0) if left_out == ["{}"] else json.loads(left_out[0])
        return found

    def number(self, number: int, kind: str) -> Any:
        if kind != "since":
            return number
        self.time += number
        begin = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        text = (begin + datetime.timedelta(milliseconds=self.time)).strftime("%Y-%m-%dT%H:%M:%S.%f")
        return text[:-3].rstrip("0").removesuffix(".") + "Z"


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(note: str, key: str) -> tuple[int, bytes]:
    """Size and root of a checkpoint that the key signed."""
    name, key_id, coded = key.split("+", 2)
    public = base64.b64decode(coded)
    if public[0] != 1 or sha256(name.encode(), b"\n", public)[:4].hex() != key_id:
        raise NotProved("the key is not one")
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, code = line.split(" ")
        signature = base64.b64decode(code)
        if (dash, signer, signature[:4].hex()) == ("\u2014", name, key_id):
            try:
                Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature[4:], text.encode())
            except InvalidSignature:
                raise NotProved("the signature is wrong") from None
            origin, size, root = text.splitlines()[:3]
            if origin != name:
                raise NotProved("the checkpoint is another log's")
            return int(size), base64.b64decode(root)
    raise NotProved("the key did not sign the checkpoint")


def root_from(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """The root that a path leads to (RFC 9162, 2.1.3.2)."""
    at, last, digest = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise NotProved("the path is too long")
        if at % 2 == 1 or at == last:
            digest = sha256(b"\1", step, digest)
            while at % 2 == 0 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            digest = sha256(b"\1", digest, step)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise NotProved("the path is too short")
    return digest


def passed(receipt: dict, number: int, ident: str) -> bool:
    """Whether the list of an entry that was verified holds an id."""
    digest = hashlib.sha256(ident.encode()).digest()[:8]
    for coded in receipt["entries"][number].get("listed", {}).values():
        listed = base64.b64decode(coded)
        if digest in (listed[at : at + 8] for at in range(0, len(listed), 8)):
            return True
    return False


def verify(receipt: dict, keys: list[str]) -> list[dict]:
    """The records that a receipt proves under these keys."""
    if receipt["receipt"] != 1 or not receipt["entries"]:
        raise NotProved("not a receipt of version 1")
    records = []
    for proved in receipt["entries"]:
        if proved["key"] not in keys:
            raise NotProved("the log's key is not trusted")
        head, _, note = proved["proof"].partition("\n\n")
        first, place, *path = head.splitlines()
        if first != "c2sp.org/tlog-proof@v1" or not place.startswith("index "):
            raise NotProved("the proof is not one")
        size, root = root_of(note, proved["key"])
        entry, index = base64.b64decode(proved["entry"]), int(place.removeprefix("index "))
        if index >= size or root_from(index, size, sha256(b"\0", entry), [base64.b64decode(h) for h in path]) != root:
            raise NotProved("the entry is not in the log")
        record = Entry(entry).record()
        if "whole" in record:
            whole = base64.b64decode(proved["whole"])
            if hashlib.sha256(whole).hexdigest() != record["whole"]["sha256"]:
                raise NotProved("the whole of the entry was altered")
            record = Entry(whole).record()
        if record != proved["record"]:
            raise NotProved("what people read is not what the log holds")
        lists = {name: base64.b64decode(coded) for name, coded in proved.get("listed", {}).items()}
        named = [(record.get(side) or {}).get("listed", {}).get("sha256") for side in ("request", "response")]
        if any(name not in named or hashlib.sha256(listed).hexdigest() != name for name, listed in lists.items()):
            raise NotProved("a list of ids was altered")
        records.append(record)
    return records


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file, open(sys.argv[2], encoding="utf-8") as known:
        for found in verify(json.load(file), known.read().split()):
            print(json.dumps(found))
