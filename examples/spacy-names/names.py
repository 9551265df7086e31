"""Masks what a spaCy pipeline takes for the names of people: `python names.py [MODEL]`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional

import spacy
from wardline import Guard

if len(sys.argv) > 1:
    nlp = spacy.load(sys.argv[1])
else:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Zorvax Quillon"}])


def names(text: str, key: Optional[str]) -> list[tuple[int, int, str]]:
    """What the pipeline finds, in characters."""
    return [(one.start_char, one.end_char, one.label_) for one in nlp(text).ents]


guard = Guard(Path(__file__).with_name("wardline.yaml"), detectors={"spacy": names})
masked = guard.mask("Ask Zorvax Quillon, or write to rosa.lind@example.com.")
print(masked)
assert masked == "Ask [CLIENT_NAME], or write to [EMAIL].", masked
