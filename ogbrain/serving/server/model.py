"""A model and those of its versions that are served."""

import asyncio
import concurrent.futures
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from ogbrain.errors import one_line
from ogbrain.serving.request_error import Code, RequestError
from ogbrain.serving.server.batcher import Batcher
from ogbrain.serving.server.metrics import Metrics
from ogbrain.serving.server.version import State, Version, fingerprint
from ogbrain.serving.server_configs import versions

LOG = logging.getLogger("ogbrain.serving")


class Model:
    """Loads a model's new versions, serves them, unloads old ones.

    A version takes requests once it is loaded and warmed up; only then the one that it replaces is let go, when its
    last request is answered. A version that cannot be loaded never serves; its status says why.

    Args:
        name: The model's name.
        folder: The folder with its versions.
        batching: The numbers of `batching.config`.
        metrics: Where loads are counted.
    """

    def __init__(self, name: str, folder: Path, batching: Mapping[str, int], metrics: Metrics):
        self.name, self.folder = name, folder
        self.labels: dict[str, int] = {}
        self._policy: Any = None
        self._batching, self._metrics = batching, metrics
        self._pool = concurrent.futures.ThreadPoolExecutor(batching["num_batch_threads"], thread_name_prefix=name)
        self.versions: dict[int, Version] = {}

    def configure(self, config: Any) -> None:
        """Takes version policy and labels from an entry of `models.config`."""
        self._policy = config.model_version_policy if config.HasField("model_version_policy") else None
        self.labels = dict(config.version_labels)

    @property
    def available(self) -> list[int]:
        """The numbers of the versions that are served."""
        return sorted(number for number, version in self.versions.items() if version.state == State.AVAILABLE)

    async def refresh(self) -> None:
        """Loads what is new in the folder and to be served, unloads what is not any more."""
        wanted = self._wanted()
        for number in wanted:
            known = self.versions.get(number)
            folder = self.folder / str(number)
            retry = known is not None and known.state == State.END and known.fingerprint != fingerprint(folder)
            if known is None or retry:
                await self._load(Version(number, folder))
        available = self.available
        # What serves is let go only for what serves in its stead.
        kept = {number for number in wanted if number in available} or set(available[-1:])
        if not self._on_disk():
            kept = set()
        for number in available:
            if number not in kept:
                await self._unload(self.versions[number])
        gone = [
            n for n, v in self.versions.items() if v.state == State.END and n not in wanted and not v.folder.is_dir()
        ]
        for number in gone:
            del self.versions[number]

    @contextlib.asynccontextmanager
    async def use(self, number: int | None = None, label: str = "") -> AsyncIterator[Version]:
        """Gives a version to answer a request with: the one of a number or a label, else the latest.

        Raises:
            RequestError: It is not served.
        """
        if label:
            if label not in self.labels:
                known = ", ".join(sorted(self.labels)) or "none"
                raise RequestError(
                    f"model {self.name!r} has no version label {label!r}. Known: {known}", Code.NOT_FOUND
                )
            number = self.labels[label]
        available = self.available
        if number is None and available:
            number = available[-1]
        if number not in available:
            raise self._not_served(number)
        version = self.versions[number]
        version.users += 1
        try:
            yield version
        finally:
            version.users -= 1

    async def close(self) -> None:
        """Unloads all versions when their requests are answered."""
        for number in self.available:
            await self._unload(self.versions[number])
        self._pool.shutdown()

    def _not_served(self, number: int | None) -> RequestError:
        served = f"Served: {', '.join(map(str, self.available)) or 'none'}"
        version = self.versions.get(number) if number is not None else None
        if version and version.error:
            return RequestError(
                f"model {self.name!r} version {number} cannot be served: {version.error}", Code.NOT_FOUND
            )
        if number is None:
            return RequestError(f"model {self.name!r}: no version is served yet", Code.UNAVAILABLE)
        return RequestError(f"model {self.name!r} has no version {number}. {served}", Code.NOT_FOUND)

    def _on_disk(self) -> list[int]:
        try:
            return versions(self.folder)
        except OSError:
            return self.available  # a folder that cannot be read for a moment takes no model away

    def _wanted(self) -> list[int]:
        there = self._on_disk()
        policy = self._policy
        if policy is not None and policy.HasField("all"):
            return there
        if policy is not None and policy.HasField("specific"):
            return [number for number in there if number in policy.specific.versions]
        count = (policy.latest.num_versions if policy is not None and policy.HasField("latest") else 0) or 1
        return there[-count:]

    async def _load(self, version: Version) -> None:
        before = self.versions.get(version.number)
        if before is not None and before.state == State.AVAILABLE:
            return
        self.versions[version.number] = version
        version.state = State.LOADING
        started = time.monotonic()
        try:
            model = await asyncio.to_thread(version.load)
        except Exception as error:
            failure = error if isinstance(error, RequestError) else RequestError(one_line(error), Code.INTERNAL)
            version.fail(failure)
            self._metrics.loads.labels(self.name, failure.code.name).inc()
            LOG.error("%s version %d: cannot be served: %s", self.name, version.number, failure)
            return
        version.model = model
        version.batcher = Batcher(model, self.name, self._batching, self._pool, self._metrics)
        version.state = State.AVAILABLE
        seconds = time.monotonic() - started
        self._metrics.loads.labels(self.name, "OK").inc()
        self._metrics.load_seconds.labels(self.name).observe(seconds)
        LOG.info("%s version %d: loaded and warmed up in %.1f s", self.name, version.number, seconds)

    async def _unload(self, version: Version) -> None:
        version.state = State.UNLOADING
        while version.users:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(version.close)
        LOG.info("%s version %d: unloaded", self.name, version.number)
