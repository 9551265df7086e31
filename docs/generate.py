"""Writes what is generated in the book: `python docs/generate.py` in the repository, with the package on the path.

The pages of the reference come from where it is kept: the schema of policies, the catalogues, the table of operations, and the `wardline` command
itself. In all other pages what commands answer (in blocks of `console`) is asked anew. The tests fail where a page is not what this would write.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs/src"
NOTE = "<!-- Written by docs/generate.py. -->\n\n"

# Asks the `wardline` command, whose name is left out, with a text on its standard input.
Ask = Callable[[list[str], str], str]


def pages(ask: Ask) -> dict[str, str]:
    """The text of each generated page by its name."""
    made = {
        "reference/policy.md": policy(json.loads((ROOT / "core/policy.schema.json").read_text())),
        "reference/operations.md": (ROOT / "core/OPERATIONS.md").read_text(),
        "reference/entities.md": entities([json.loads(line) for line in ask(["entities", "--json"], "").splitlines()]),
        "reference/systems.md": systems(),
        "reference/answers.md": answers(),
        "reference/command.md": command(ask),
    }
    found = {name: NOTE + text.rstrip() + "\n" for name, text in made.items()}
    for file in PAGES.rglob("*.md"):
        name = str(file.relative_to(PAGES))
        if name not in found and "```console\n" in (text := file.read_text()):
            found[name] = re.sub(r"(?<=```console\n).*?(?=```)", lambda block: asked(block[0], ask), text, flags=re.DOTALL)
    return found


def asked(block: str, ask: Ask) -> str:
    """A block of commands, such as `$ echo 'a text' | wardline mask`, with what they answer."""
    lines = []
    for line in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        typed, _, words = line.rpartition(" | wardline ") if line.startswith("echo ") else ("", "", line.removeprefix("wardline "))
        given = shlex.split(typed)[1] + "\n" if typed else ""
        lines += [f"$ {line}", *(told.rstrip() for told in ask(shlex.split(words), given).rstrip().splitlines())]
    return "\n".join([*lines, ""])


def policy(schema: dict[str, Any]) -> str:
    """The keys of a policy, a section for each kind of object."""
    text = ["# Policy reference", ""]
    text += [f"{schema['description']} An editor that knows JSON Schema completes and checks it by"]
    text += ["[`core/policy.schema.json`](https://github.com/wardline/wardline/tree/main/core/policy.schema.json), from which this page is made.", ""]
    text += ["A key that is not listed is an error, and so is a key that comes twice. Lengths of time are written `90s`, `15m`, `8h`, `7d`; patterns of names take `*`.", ""]
    text += ["## The file", "", *table(schema), ""]
    for name, kind in schema["definitions"].items():
        text += [f"## `{name}`", "", kind.get("description", ""), ""]
        text += [*table(kind), ""] if "properties" in kind else [f"It is {shape(kind)}.", ""]
    return "\n".join(text)


def table(kind: dict[str, Any]) -> list[str]:
    needed = kind.get("required", [])
    rows = ["| key | holds | |", "|---|---|---|"]
    for key, member in kind["properties"].items():
        told = member.get("description", "") + (". **Required**" if key in needed else "")
        rows.append(f"| `{key}` | {cell(shape(member))} | {cell(told)} |")
    return rows


def shape(member: Any) -> str:
    """What a member may be, in a few words."""
    if not isinstance(member, dict) or member == {}:
        return "anything"
    if "$ref" in member:
        name = member["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    for several in ("allOf", "anyOf", "oneOf"):
        if several in member:
            return " or ".join(dict.fromkeys(shape(one) for one in member[several]))
    if "const" in member:
        return f"`{json.dumps(member['const']).strip(chr(34))}`"
    if "enum" in member:
        values = [f"`{value}`" for value in member["enum"]]
        return ", ".join(values) if len(values) <= 14 else "one of the [operations](operations.md)" if "`vector.export`" in values else "a name"
    kind = member.get("type")
    if kind == "array":
        return f"list of {shape(member.get('items', {}))}"
    if kind == "object":
        inner = member.get("additionalProperties")
        return f"by name: {shape(inner)}" if isinstance(inner, dict) else "object"
    if kind == "integer" and "maximum" in member:
        return f"whole number, {member.get('minimum', 0)} to {member['maximum']}"
    return {"string": "text", "integer": "whole number", "boolean": "`true` or `false`", "number": "number"}.get(str(kind), str(kind))


def entities(found: list[dict[str, str]]) -> str:
    text = ["# Entities", "", f"The {len(found)} entities that are found without a model, as `wardline entities` lists them. `mask` names them, or their group, or `*` for all."]
    text += ["What has check digits is held against them; sources are what the entry was written from.", ""]
    for group in sorted({one["group"] for one in found}):
        text += [f"## `{group}`", "", "| entity | what it is | source |", "|---|---|---|"]
        text += [f"| `{one['entity']}` | {cell(one['what'])} | {cell(one['source'])} |" for one in found if one["group"] == group] + [""]
    return "\n".join(text)


def systems() -> str:
    text = ["# Systems", "", "What a service's `system` may be. Of each operation of these systems the catalogue says what it does, by which fields of its request."]
    text += ["A system that is not here is described [in a file beside the policy](../systems/own.md).", ""]
    text += ["| `system` | what it is | entries |", "|---|---|---|"]
    for file in sorted((ROOT / "core/data/catalogue").glob("*.yaml")):
        more = [part.read_text() for part in sorted(file.with_suffix("").glob("*.yaml"))]
        said = [file.read_text(), *more]
        name, title = (re.search(rf"^{key}: (.*)$", said[0], re.MULTILINE) for key in ("system", "title"))
        entries = sum(len(re.findall(r"^  - (?:[A-Z]+) [^ ]", part, re.MULTILINE)) for part in said)
        by_text = re.search(r"^(statements|commands):", said[0], re.MULTILINE)
        counted = str(entries) if entries else f"reads {'SQL' if by_text and by_text[1] == 'statements' else 'commands'}"
        text.append(f"| `{name[1] if name else file.stem}` | {cell(title[1] if title else '')} | {counted} |")
    return "\n".join(text)


def answers() -> str:
    text = ["# Answers", "", "What the guard answers in a service's place is a problem document (RFC 9457) with one of these codes; statements and commands raise an error that"]
    text += ["has it. `approval` is the ticket of what is held or was denied, `record` the record's id. gRPC has `PERMISSION_DENIED`, with `wardline-code` in its trailers.", ""]
    text += ["| code | status | what it says |", "|---|---|---|"]
    said = (ROOT / "core/src/guard/answer.rs").read_text().partition("const CODES")[2].partition("];")[0]
    for code, status, sentence in re.findall(r'"(\w+)",\s*StatusCode::(\w+),\s*"([^"]+)"', said):
        text.append(f"| `{code}` | {status.replace('_', ' ').lower()} | {cell(sentence)} |")
    text += ["", "## In the words of a system", ""]
    text += ["Clients make exceptions of the errors of their own system. So at these systems an answer has the form that those have (`application/json`, S3's `application/xml`), and beside it the members of"]
    text += ["the problem document, where they are not called the same: what their clients raise says why, and ends with `(approval apr_...)` where there is one to wait for. `{reason}` stands for that,"]
    text += ["`{word}` for what the system calls the status. A system of your own says so in [its file](../systems/own.md). Who calls by gRPC, runs statements or does not speak HTTP is told as said above.",
             "Of the JavaScript clients, Qdrant's has the answer in `error.data`, and Chroma's says the same of every 403.", ""]
    text += ["| `system` | the answer |", "|---|---|"]
    for file in sorted((ROOT / "core/data/catalogue").glob("*.yaml")):
        said = re.search(r"^refusals:.*\n(?:  .*\n)*", file.read_text(), re.MULTILINE)
        for under, one, other in re.findall(r"(?:\{(?:under: (\S+), )?body: (.*)\}|^  body: (.*))$", said[0] if said else "", re.MULTILINE):
            text.append(f"| `{file.stem}`{f', under `{under}`' if under else ''} | `{(one or other).strip(chr(39))}` |")
    return "\n".join(text)


def command(ask: Ask) -> str:
    text = ["# Command reference", "", "`wardline` comes with the cargo, pip and npm packages. This is what it says of itself (`--help`).", ""]
    waiting: list[list[str]] = [[]]
    while waiting:
        words = waiting.pop(0)
        told = ask([*words, "--help"], "")
        text += [f"## `{' '.join(['wardline', *words])}`", "", "```text", clean(told), "```", ""]
        below = re.search(r"^Commands:\n((?:  .*\n)+)", told, re.MULTILINE)
        names = re.findall(r"^  ([a-z][a-z-]*)", below[1], re.MULTILINE) if below else []
        waiting = [[*words, name] for name in names if name != "help"] + waiting
    return "\n".join(text)


def clean(told: str) -> str:
    """Help without what depends on who asks."""
    told = re.sub(r"\[env: ([A-Z_]+)=[^\]]*\]", r"[env: \1]", told)
    return "\n".join(line.rstrip() for line in told.strip().splitlines())


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    def ask(words: list[str], given: str) -> str:
        command = [sys.executable, "-m", "wardline", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, input=given).stdout

    for name, text in pages(ask).items():
        file = PAGES / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


if __name__ == "__main__":
    main()
