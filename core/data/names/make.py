"""Makes the lists of names beside this file: `python core/data/names/make.py`, in an environment with `Faker==40.63.0` and
`names==0.3.0`. Deterministic: the same packages and the same words give the same files.

- `given.txt`, `family.txt`: the names that Faker's locales hold (MIT licence) in scripts with capital letters, and the most
  common ones of the United States census of 1990 as `names` carries them (public domain). A `+` marks those of two locales
  or more, or of the census.
- `words.txt`: names that are ordinary words too, told by how often Python's own library writes them in small letters.
"""

import collections
import importlib
import pathlib
import re
import sysconfig
import unicodedata

import faker.providers.person
import names

HERE = pathlib.Path(__file__).parent
CENSUS = {"given": (("dist.male.first", 700), ("dist.female.first", 1500)), "family": (("dist.all.last", 6000),)}
CAPITALS = re.compile(r"[A-ZÀ-ÖØ-ÞĀ-ɏΆ-ΫЀ-Я][a-zß-öø-ÿĀ-ɏΐ-ώа-џ'’]+")


def tokens(name):
    return [part for part in re.split(r"[\s\-.]+", unicodedata.normalize("NFC", name)) if CAPITALS.fullmatch(part)]


def locales():
    """Per kind, the names of each locale."""
    kinds = {"given": [], "family": []}
    folder = pathlib.Path(faker.providers.person.__file__).parent
    for locale in sorted(path.name for path in folder.iterdir() if (path / "__init__.py").exists()):
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        found = collections.defaultdict(set)
        for field in dir(provider):
            value = getattr(provider, field)
            kind = "given" if "first_name" in field else "family" if "last_name" in field else None
            if kind and isinstance(value, (list, tuple, dict)):
                found[kind].update(token for name in value if isinstance(name, str) for token in tokens(name))
        for kind in kinds:
            kinds[kind].append(found[kind])
    return kinds


def census(kind):
    folder = pathlib.Path(names.__file__).parent
    for file, most in CENSUS[kind]:
        for line in (folder / file).read_text().splitlines()[:most]:
            yield line.split()[0].capitalize()


def words(all_names):
    """Names that are written in small letters as often as words are."""
    counts = collections.Counter()
    library = pathlib.Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(path for path in library.rglob("*.py") if not {"site-packages", "test"} & set(path.parts)):
        counts.update(re.findall(r"\b[a-z]{2,}\b", path.read_text(errors="replace")))
    return sorted({name.lower() for name in all_names if counts[name.lower()] >= 3})


def main():
    every = set()
    for kind, lists in locales().items():
        counts = collections.Counter(name for names_of in lists for name in names_of)
        counted = set(census(kind))
        every |= set(counts) | counted
        lines = [name + (" +" if counts[name] > 1 or name in counted else "") for name in sorted(set(counts) | counted)]
        (HERE / f"{kind}.txt").write_text("\n".join(lines) + "\n")
    (HERE / "words.txt").write_text("\n".join(words(every)) + "\n")


if __name__ == "__main__":
    main()
