"""The book of `docs/`: what is generated is up to date, links lead somewhere, policies are sound, recipes hold."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import asked

from wardline import Guard
from wardline._wardline import run_command

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "docs"
PAGES = {str(file.relative_to(BOOK / "src")): file for file in sorted((BOOK / "src").rglob("*.md"))}
RECIPES = sorted(file for file in (BOOK / "cookbook").glob("*.yaml") if file.name.count(".") == 1)
REPOSITORY = "https://github.com/wardline/wardline/tree/main/"

# What a fragment of a policy stands in: only keys that it does not have itself are added.
AROUND = {
    "version": "version: 1",
    "state": "state: ./state",
    "services": "services: {vectors: {system: qdrant, base_path: /v}, embeddings: {system: openai, base_path: /e}}",
    "groups": "groups: {security: [sam, kim]}",
    "approval": "approval: {steps: [{from: [security]}]}",
    "rules": 'rules: [{name: use, who: ["user:*"], operations: ["*"], effect: allow}]',
}


def whole(page: Path) -> str:
    """A page with what it includes."""
    return re.sub(r"\{\{#include ([^}]+)\}\}", lambda found: (page.parent / found[1]).read_text().rstrip(), page.read_text())


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", whole(page), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The ids that mdBook gives to headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w-]", "", re.sub(r"\s", "-", plain))
        found.add(name if name not in found else f"{name}-1")
    return found


def fenced(language: str) -> Iterator[tuple[str, str]]:
    """All blocks of one language, with where they stand."""
    for name, page in PAGES.items():
        for at, block in enumerate(re.findall(rf"^```{language}\n(.*?)^```", whole(page), re.DOTALL | re.MULTILINE)):
            yield f"{name}, block {at}", block


def test_what_is_generated_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("generate", BOOK / "generate.py")
    assert spec and spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for name, text in generate.pages(asked).items():
        assert unnumbered(PAGES[name].read_text()) == unnumbered(text), f"{name} is out of date: python docs/generate.py"


def unnumbered(text: str) -> str:
    """A text without the lines of catalogues: what is put in above an entry tells nothing of it."""
    return re.sub(r"(\.yaml):\d+", r"\1", text)


def test_every_page_is_in_the_summary() -> None:
    listed = re.findall(r"\]\(([^)]+)\)", PAGES["SUMMARY.md"].read_text())
    assert sorted(listed) == sorted(set(PAGES) - {"SUMMARY.md"})


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = PAGES[name]
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith(REPOSITORY):
            assert (ROOT / link.removeprefix(REPOSITORY)).exists(), link
        elif not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target in PAGES.values(), link
            assert not anchor or anchor in anchors(target), link


def test_every_policy_is_sound(tmp_path: Path) -> None:
    # The key of RFC 8037, appendix A.2.
    key = '{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
    (tmp_path / "jwks.json").write_text(f'{{"keys": [{key}]}}')
    (tmp_path / "library.catalogue.yaml").write_text((BOOK / "cookbook/library.catalogue.yaml").read_text())
    seen = 0
    for where, block in fenced("yaml"):
        keys = set(re.findall(r"^([a-z_]+):", block, re.MULTILINE))
        if keys & {"cases", "system"}:
            continue
        text = block + "\n".join(line for key, line in AROUND.items() if key not in keys)
        (tmp_path / "wardline.yaml").write_text(text)
        assert run_command(["wardline", "check", str(tmp_path / "wardline.yaml")]) == 0, where
        seen += 1
    assert seen > 30


def test_what_the_book_imports_is_there() -> None:
    trees = [ast.parse(block) for _, block in fenced("python")]
    shown = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in shown if (node.module or "").partition(".")[0] == "wardline"]
    for node in ours:
        try:
            there = set(dir(importlib.import_module(node.module or "")))
        except ModuleNotFoundError as missing:
            # A host that is not installed here: what the file says is enough.
            assert not (missing.name or "").startswith("wardline"), missing
            source = (ROOT / "python" / (node.module or "").replace(".", "/")).with_suffix(".py").read_text()
            there = {named.name for named in ast.parse(source).body if isinstance(named, (ast.ClassDef, ast.FunctionDef))}
        assert {name.name for name in node.names} <= there, ast.unparse(node)
    doors = re.findall(r"from ['\"]wardline/([a-z]+)['\"]", "".join(block for _, block in fenced("js")))
    assert len(ours) >= 10 and len(set(doors)) >= 6
    for door in doors:
        assert (ROOT / f"node/js/{door}.mjs").exists(), door


def test_all_rust_that_the_book_shows_is_compiled() -> None:
    compiled = set(re.findall(r'include_str!\("../../docs/src/([^"]+)"\)', (ROOT / "tower-layer/src/lib.rs").read_text()))
    # `no_run`: a page's guard would open the reader's own policy.
    flags = {name: re.findall(r"^```rust(.*)$", whole(page), re.MULTILINE) for name, page in PAGES.items()}
    assert compiled == {name for name, found in flags.items() if found}
    assert {flag for found in flags.values() for flag in found} == {",no_run"}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.stem)
def test_every_recipe_holds(recipe: Path) -> None:
    assert f"cookbook/{recipe.name}" in PAGES["cookbook.md"].read_text()
    cases = recipe.with_suffix(".test.yaml")
    if cases.exists():
        assert run_command(["wardline", "test", str(cases)]) == 0
    else:
        assert run_command(["wardline", "check", str(recipe)]) == 0


def test_there_are_twenty_recipes() -> None:
    assert len(RECIPES) >= 20


def test_the_first_steps_lead_to_what_they_say(tmp_path: Path) -> None:
    (policy,) = [block for where, block in fenced("yaml") if where.startswith("start.md")]
    (tmp_path / "wardline.yaml").write_text(policy)
    guard = Guard(tmp_path / "wardline.yaml")

    def verdict(url: str, body: bytes) -> str:
        return str(guard.explain("POST", url, body=body, identity="ana")["verdict"])

    assert verdict("/v1/embeddings", b'{"input": "a", "model": "m"}') == "allow"
    assert verdict("/qdrant/collections/docs/points/search", b'{"vector": [0.1], "limit": 5}') == "allow"
    assert verdict("/qdrant/collections/docs/points/scroll", b'{"limit": 5000, "with_vector": true}') == "hold"
