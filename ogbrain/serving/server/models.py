"""All models of an export folder."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

from ogbrain.errors import UserError, nearest, one_line
from ogbrain.serving import server_configs
from ogbrain.serving.request_error import Code, RequestError
from ogbrain.serving.server.metrics import Metrics
from ogbrain.serving.server.model import Model

LOG = logging.getLogger("ogbrain.serving")


class Models:
    """Serves the models of a folder and follows its changes.

    Args:
        export_dir: The folder; its `models.config` gives version policies and labels, if there is one.
        poll_seconds: How often to look for new versions.

    Raises:
        UserError: `models.config` or `batching.config` cannot be read.
    """

    def __init__(self, export_dir: Path, poll_seconds: float = 1.0):
        self.export_dir, self._poll_seconds = export_dir, poll_seconds
        self.metrics = Metrics()
        self._batching = server_configs.read_batching(export_dir)
        server_configs.read_models(export_dir)
        self._models: dict[str, Model] = {}
        self._polling: asyncio.Task | None = None

    async def start(self) -> None:
        """Loads what there is, then follows the folder."""
        await self.refresh()
        self._polling = asyncio.create_task(self._poll())

    async def close(self) -> None:
        """Stops following the folder and unloads everything."""
        if self._polling:
            self._polling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._polling
        for model in self._models.values():
            await model.close()

    async def refresh(self) -> None:
        """Looks at the folder once."""
        configs = {
            config.name: config for config in server_configs.read_models(self.export_dir).model_config_list.config
        }
        folders = {name: self.export_dir / name for name in server_configs.model_names(self.export_dir)}
        # A base path is the container's; its last part is the folder here.
        folders |= {name: self.export_dir / Path(config.base_path).name for name, config in configs.items()}
        for name, folder in folders.items():
            if name not in self._models:
                self._models[name] = Model(name, folder, self._batching, self.metrics)
            if name in configs:
                self._models[name].configure(configs[name])
        for model in list(self._models.values()):
            await model.refresh()

    @property
    def healthy(self) -> bool:
        """Whether there are models and each has a version to answer with."""
        return bool(self._models) and all(model.available for model in self._models.values())

    @property
    def names(self) -> list[str]:
        """The names of all models."""
        return sorted(self._models)

    def model(self, name: str) -> Model:
        """Returns a model by name.

        Raises:
            RequestError: There is no such model.
        """
        if name not in self._models:
            near = nearest(name, self._models)
            hint = f"did you mean {near!r}? " if near else ""
            raise RequestError(
                f"unknown model {name!r}; {hint}Known: {', '.join(self.names) or 'none'}", Code.NOT_FOUND
            )
        return self._models[name]

    @contextlib.contextmanager
    def counted(self, name: str, call: str) -> Iterator[None]:
        """Counts a request and turns whatever goes wrong into a `RequestError`."""
        started, status = time.monotonic(), "OK"
        try:
            yield
        except RequestError as error:
            status = error.code.name
            raise
        except asyncio.CancelledError:
            status = "CANCELLED"
            raise
        except Exception as error:
            status = "INTERNAL"
            LOG.exception("a request failed")
            raise RequestError(one_line(error), Code.INTERNAL) from error
        finally:
            # What clients make up must not grow the table.
            self.metrics.answered(name if name in self._models else "unknown", call, status, time.monotonic() - started)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self.refresh()
            except (UserError, OSError) as error:
                LOG.error("%s", one_line(error))
