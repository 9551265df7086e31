"""The package without a server."""

from __future__ import annotations

import ast
import asyncio
import doctest
import importlib
import inspect
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

import wardline
from wardline import Guard, Identity, WardlineError, _wardline, detect
from wardline.asgi import GuardMiddleware

HERE = Path(wardline.__file__).parent
POLICY = """
version: 1
state: STATE
services:
  vectors: {system: qdrant}
rules:
  - {name: read, who: ["user:*"], operations: [vector.search], effect: allow}
mask:
  - {name: mail, entities: {email: redact}, fields: {"**.salary": redact}}
"""


NAMES = """
version: 1
state: memory
services: {chat: {system: openai}}
detectors: {client_name: {calls: ner, label: PERSON}}
mask: [{name: names, entities: {client_name: redact}}]
"""


def test_a_callable_finds_what_the_policy_calls_it_for() -> None:
    # The shape of a spaCy pipeline: `[(e.start_char, e.end_char, e.label_) for e in nlp(text).ents]`.
    def ner(text: str, key: str | None) -> list[tuple[int, int, str]]:
        at = text.find("Mira Holt")
        return [] if at < 0 else [(at, at + 9, "PERSON"), (0, 1, "OTHER")]

    named = Guard.parse(NAMES, detectors={"ner": ner})
    assert named.mask("é, ask Mira Holt") == "é, ask [CLIENT_NAME]"
    asked = [threading.Thread(target=lambda: named.mask("Mira Holt " * 9_000)) for _ in range(4)]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join(60)
        assert not thread.is_alive()


def test_a_callable_that_fails_is_never_taken_for_clean() -> None:
    def raises(text: str, key: str | None) -> list[tuple[int, int, str]]:
        raise ValueError(text)

    for broken in (raises, lambda text, key: None, lambda text, key: [(0, 99, "PERSON")], lambda text: []):
        with pytest.raises(WardlineError) as failed:
            Guard.parse(NAMES, detectors={"ner": broken}).mask("Mira Holt")
        assert "Mira" not in str(failed.value)
    with pytest.raises(WardlineError):
        Guard.parse(NAMES)
    with pytest.raises(WardlineError):
        Guard.parse(NAMES, detectors={"nre": raises})


def guard(state: str = "memory") -> Guard:
    return Guard.parse(POLICY.replace("STATE", state))


def test_the_examples_in_the_docs_hold() -> None:
    assert doctest.testmod(wardline).failed == 0


def test_mask_keeps_the_kind_of_what_it_gets() -> None:
    masks = guard()
    assert masks.mask("mail ana@example.org") == "mail [EMAIL]"
    assert masks.mask(b'{"salary": 1, "n": 1.0}', "application/json") == b'{"salary": "[REDACTED]", "n": 1.0}'
    plain = "nothing to hide"
    assert masks.mask(plain) is plain


def test_classify_reads_like_the_server_would() -> None:
    reading = guard().classify("POST", "http://localhost/collections/docs/points/scroll", body=b'{"limit":3}')
    assert reading["service"] == "vectors" and reading["acts"][0]["resource"] == "docs"
    assert guard().classify("GET", "/no/such/thing")["acts"][0]["operation"] == "unknown"
    for headers in ({"host": "localhost"}, [("host", "localhost")]):
        assert guard().classify("GET", "/collections", headers=headers)["service"] == "vectors"  # type: ignore[arg-type]


def test_a_verdict_is_explained() -> None:
    told = guard().explain("DELETE", "/collections/docs", identity="ana")
    assert (told["service"], told["verdict"]) == ("vectors", "deny")
    (act,) = told["acts"]
    assert act["operation"] == "collection.drop" and act["final_risk"] == told["risk"]
    for rule in act["rules"]:
        assert rule["line"] > 0 and (rule["rule"] in told["rules"] or rule["misses"] or rule["effect"] != "deny")
    with pytest.raises(WardlineError):
        guard().explain("NO WAY", "/collections")


def test_detect_counts_in_the_text_s_own_units() -> None:
    text = "Grüße an ana@example.org"
    (found,) = detect(text)
    assert text[found["start"] : found["end"]] == "ana@example.org" and found["entity"] == "email"
    (found,) = detect(text.encode(), ["email"])
    assert text.encode()[found["start"] : found["end"]] == b"ana@example.org"
    assert detect(text, ["iban"]) == []


def test_errors_have_codes_and_quote_nothing(tmp_path: Path) -> None:
    with pytest.raises(WardlineError) as wrong:
        Guard.parse("version: 1\nservices: {x: {system: nosuch}}\nfoo: 1\n", "w.yaml")
    assert wrong.value.code == "invalid_policy" and len(wrong.value.diagnostics) >= 2
    assert {"file", "line", "column", "code", "message", "severity"} == set(wrong.value.diagnostics[0])
    again = pickle.loads(pickle.dumps(wrong.value))
    assert (again.code, again.diagnostics) == (wrong.value.code, wrong.value.diagnostics)
    for call, code in [
        (lambda: Guard(tmp_path / "none.yaml"), "not_found"),
        (lambda: guard().mask('{"mail": "ana@example.org"', "application/json"), "invalid_input"),
        (lambda: guard().mask("ana@example.org", "image/png"), "invalid_input"),
        (lambda: guard().mask("ana@example.org \ud800"), "invalid_input"),
        (lambda: guard().approve("apr_none", by="sam"), "not_found"),
        (lambda: guard().revoke_grant("grt_none", by="sam", reason="x"), "not_found"),
        (lambda: guard().approvals("nosuch"), "invalid_input"),
        (lambda: detect("x", ["nosuch"]), "invalid_input"),
        (lambda: Identity("a", hops=[("b", "hearsay")]), "invalid_input"),
    ]:
        with pytest.raises(WardlineError) as failed:
            call()
        assert failed.value.code == code, failed.value
        assert "ana@" not in str(failed.value) and "ana@" not in repr(failed.value)


def test_an_identity_shows_what_it_was_given() -> None:
    who = Identity("ana", ["ml"], issuer="https://id", claims={"mail": "ana@example.org", "roles": ["reader", "writer"]}, hops=[("gw", "mtls")])
    assert (who.subject, who.groups, who.issuer, who.hops) == ("ana", ["ml"], "https://id", [("gw", "mtls")])
    assert who == Identity("ana", ["ml"], issuer="https://id", claims=who.claims, hops=who.hops)
    assert "example" not in repr(who)


def test_the_middleware_reads_its_policy_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def app(scope: object, receive: object, send: object) -> None: ...

    monkeypatch.delenv("WARDLINE_POLICY", raising=False)
    with pytest.raises(WardlineError):
        GuardMiddleware(app)
    (tmp_path / "w.yaml").write_text(POLICY.replace("STATE", "memory"))
    monkeypatch.setenv("WARDLINE_POLICY", str(tmp_path / "w.yaml"))
    assert isinstance(GuardMiddleware(app).guard, Guard)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork with threads is what is tested
def test_a_guard_works_on_both_sides_of_a_fork(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(POLICY.replace("STATE", "./state"))
    guard = Guard(tmp_path / "w.yaml")

    def exchange() -> int:
        running, step = guard.begin("DELETE", b"/collections/x", [(b"host", b"h")], None, "ana")
        running.complete()
        guard.flush()
        return step[1][0]  # type: ignore[index,no-any-return]

    children = [os.fork()]
    if children[-1]:
        assert exchange() == 403  # the worker runs now: a second child inherits its handle
        children.append(os.fork())
    if not children[-1]:
        os._exit(0 if exchange() == 403 else 1)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    command = [sys.executable, "-m", "wardline", "audit"]
    options = ["--policy", str(tmp_path / "w.yaml"), "--json"]
    listed = subprocess.run([*command, "query", *options], check=True, capture_output=True).stdout
    assert len(listed.splitlines()) == 3
    assert subprocess.run([*command, "verify", *options], capture_output=True).returncode == 0


def test_importing_it_brings_nothing_heavy_along() -> None:
    program = "import sys; before = set(sys.modules); import wardline; print(*sorted(set(sys.modules) - before))"
    brought = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"asyncio", "ssl", "http", "email", "concurrent", "inspect"}
    assert "wardline._wardline" in brought and not heavy & {name.partition(".")[0] for name in brought}


def test_the_interpreter_is_let_go_while_work_is_done() -> None:
    masks, text = guard(), "call ana@example.org or " * 400_000
    ticks, done = [], threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    from_, _ = time.monotonic(), masks.mask(text)
    to = time.monotonic()
    done.set()
    thread.join()
    within = sum(from_ < at < to for at in ticks)
    assert within >= (to - from_) * 1000 / 20, f"{within} ticks in {to - from_:.3f} s"


def test_the_command_is_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wardline"]
    ran = subprocess.run([*command, "detect", "--jsonl"], input=b'{"id":1,"text":"a@b.co"}\n', capture_output=True)
    assert ran.returncode == 0 and b'"entity":"email"' in ran.stdout
    assert subprocess.run([*command, "nosuch"], capture_output=True).returncode == 2


def declared() -> dict[str, ast.AST]:
    tree = ast.parse((HERE / "_wardline.pyi").read_text())
    names: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names[node.target.id] = node
    return names


def members(node: ast.ClassDef) -> dict[str, ast.AST]:
    return {
        item.name if isinstance(item, ast.FunctionDef) else item.target.id: item  # type: ignore[union-attr]
        for item in node.body
        if isinstance(item, (ast.FunctionDef, ast.AnnAssign))
    }


def signature(node: ast.AST) -> list[str]:
    assert isinstance(node, ast.FunctionDef)
    arguments = node.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    return [name for name in names if name not in ("self", "cls")] + [f"*{a.arg}" for a in arguments.kwonlyargs]


def built(member: object) -> list[str]:
    found = [p for p in inspect.signature(member).parameters.values() if p.name not in ("self", "cls")]  # type: ignore[arg-type]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [f"*{p.name}" if p.kind is keyword else p.name for p in found]


def test_the_stub_says_what_the_module_holds() -> None:
    stub = declared()
    assert set(stub) - {"_Body"} == {name for name in vars(_wardline) if not name.startswith("__") or name == "__version__"}
    for name, node in stub.items():
        found = getattr(_wardline, name)
        if isinstance(node, ast.FunctionDef):
            assert signature(node) == built(found), name
        if not isinstance(node, ast.ClassDef):
            continue
        public = {n for n in vars(found) if not n.startswith("_")}
        assert public == set(members(node)) - {"__new__"}, name
        for member, item in members(node).items():
            if isinstance(item, ast.FunctionDef) and not item.decorator_list or member == "parse":
                target = found if member == "__new__" else getattr(found, member)
                assert signature(item) == built(target), f"{name}.{member}"


def test_the_types_hold() -> None:
    pytest.importorskip("mypy")
    ran = subprocess.run([sys.executable, "-m", "mypy"], cwd=HERE.parent, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_the_readme_s_five_lines_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = (HERE.parents[1] / "README.md").read_text().split("```")
    fenced = {block.partition("\n")[0]: block.partition("\n")[2] for block in reversed(blocks[1::2])}
    (tmp_path / "wardline.yaml").write_text(fenced["yaml"])
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    exec(fenced["python"], scope)

    async def ask(**headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(scope["app"], client=("127.0.0.1", 1))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post("/v1/embeddings", json={"input": "a", "model": "m"}, headers=headers)

    assert asyncio.run(ask()).json()["code"] == "default_deny"
    # The example's application has no routes: it was reached.
    assert asyncio.run(ask(**{"x-user": "ana"})).status_code == 404


def test_what_the_package_s_readme_shows_is_there() -> None:
    blocks = (HERE.parent / "README.md").read_text().split("```python\n")[1:]
    shown = [ast.parse(block.partition("```")[0]) for block in blocks]
    ours = [node for tree in shown for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    for node in ours:
        module = importlib.import_module(node.module or "")
        assert all(hasattr(module, name.name) for name in node.names), ast.unparse(node)
    assert {"asgi", "wsgi", "httpx", "requests", "grpc", "dbapi", "sqlalchemy", "batch", "langchain"} <= {(n.module or "").rpartition(".")[2] for n in ours}


def test_the_state_stays_where_it_is_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w.yaml").write_text(POLICY.replace("STATE", "./state"))
    monkeypatch.chdir(tmp_path)
    guard = Guard("w.yaml")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    guard.check()
    guard.begin("GET", b"/nowhere", [])[0].complete()
    guard.flush()
    assert (tmp_path / "state" / "log").is_dir() and not list((tmp_path / "elsewhere").iterdir())


def test_a_token_is_opened_for_who_has_a_grant() -> None:
    policy = """
version: 1
state: memory
services: {vectors: {system: qdrant}}
rules: [{name: unmask, operations: [secret.read], resources: [unmask/*], effect: grant}]
mask: [{name: pii, entities: {email: token, credit_card: fpe}}]
"""
    ours = Guard.parse(policy)
    token, digits = ours.mask("rosa@example.com, 5555 5555 5555 4444").split(", ")
    assert token.startswith("tok_")
    with pytest.raises(WardlineError) as refused:
        ours.unmask(token, "kim")
    assert refused.value.code == "not_eligible"
    ours.issue_grant(
        who="user:kim", operations="secret.read", resources="unmask/*", until="1h", reason="case 7", by="lee"
    )
    assert ours.unmask(token, Identity("kim")) == {"entity": "email", "value": "rosa@example.com"}
    assert ours.unmask(digits, "kim", entity="credit_card")["value"] == "5555 5555 5555 4444"
    with pytest.raises(WardlineError):
        ours.unmask(digits, "kim", entity="credit_card", scope="session")
