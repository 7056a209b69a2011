"""One version of a model, from loading to unloading."""

import enum
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ogbrain.serving import request_log
from ogbrain.serving import signature as signature_lib
from ogbrain.serving.check_version import replay
from ogbrain.serving.graph_ops import refuse_ops
from ogbrain.serving.request_error import Code, RequestError
from ogbrain.serving.saved_model import SavedModel, known_ops
from ogbrain.serving.server.batcher import Batcher


class State(enum.IntEnum):
    """States of a version, with the numbers of `ModelVersionStatus`."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


class Version:
    """A version's state, its loaded model and how many requests use it.

    Args:
        number: The version's number.
        folder: Its folder.
    """

    def __init__(self, number: int, folder: Path):
        self.number, self.folder = number, folder
        self.state = State.START
        self.error: RequestError | None = None
        self.fingerprint = fingerprint(folder)
        self.model: SavedModel | None = None
        self.batcher: Batcher | None = None
        self.users = 0

    def load(self) -> SavedModel:
        """Loads the version and answers its warm-up requests; slow, and for another thread than the server's.

        Raises:
            RequestError: It cannot be served.
        """
        model = SavedModel(self.folder)
        try:
            refuse_ops(model.meta_graph.graph_def, known_ops())
            if not model.signatures:
                raise RequestError(f"{self.folder}: has no signatures", Code.FAILED_PRECONDITION)
            for log in request_log.read(self.folder / request_log.WARMUP)[:1000]:
                replay(model, log)
        except BaseException:
            model.close()
            raise
        return model

    @property
    def loaded(self) -> SavedModel:
        """The model of a version that is served."""
        if self.model is None:
            raise RequestError(f"version {self.number} is not loaded", Code.UNAVAILABLE)
        return self.model

    async def answer(
        self, signature_name: str, inputs: Mapping[str, np.ndarray], outputs: Collection[str] = ()
    ) -> dict[str, np.ndarray]:
        """Answers a request.

        Args:
            signature_name: The signature, `serving_default` if empty.
            inputs: The inputs by name.
            outputs: The outputs that are wanted; all if empty.

        Raises:
            RequestError: The request does not fit, or the model cannot answer it.
        """
        signature = signature_lib.find(self.loaded.signatures, signature_name)
        signature.check(inputs)
        if self.batcher is None:
            raise RequestError(f"version {self.number} is not loaded", Code.UNAVAILABLE)
        return await self.batcher.run(signature.name, inputs, signature.chosen(outputs))

    def fail(self, error: RequestError) -> None:
        """Ends the version, for a reason that its status then gives."""
        self.state, self.error = State.END, error

    def close(self) -> None:
        """Frees the model; nobody may use it any more."""
        model, self.model = self.model, None
        if model:
            model.close()
        self.state = State.END


def fingerprint(folder: Path) -> tuple[Any, ...]:
    """Returns what changes when a version's files do, so that one that was half copied gets another try."""
    try:
        return tuple(
            sorted((str(f.relative_to(folder)), f.stat().st_size, f.stat().st_mtime_ns) for f in folder.rglob("*"))
        )
    except OSError:
        return ()
