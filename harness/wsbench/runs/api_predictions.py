"""The predictions that `wsbench.evaluate` is called with, as a file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from wsbench.errors import WsbenchError
from wsbench.files.user_files import expanded

Predictions = str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]]


@contextmanager
def as_file(predictions: Predictions) -> Iterator[Path]:
    """The file of predictions; those that are none yet are written as one, so that both are read alike."""
    if isinstance(predictions, str | Path):
        yield expanded(predictions)
        return
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(predictions, Mapping):
            path = Path(folder) / "predictions.npz"
            arrays = {key: np.asarray(values) for key, values in predictions.items()}
            np.savez(path, **arrays)  # type: ignore[arg-type] # one might be named allow_pickle
        else:
            path = Path(folder) / "predictions.json"
            path.write_text(json.dumps(list(predictions), default=_plain))
        try:
            yield path
        except WsbenchError as error:  # the file is ours: its name says nothing to who handed arrays
            raise WsbenchError(str(error).replace(str(path), "predictions")) from None


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as JSON has them."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise WsbenchError(f"predictions: {type(value).__name__} is no number, text or list; convert it")
