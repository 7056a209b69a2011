"""A development server in a thread, for tests."""

import asyncio
import logging
import threading
from pathlib import Path

import grpc
import httpx

from ogbrain.serving.protocol import model_service_pb2_grpc, prediction_service_pb2_grpc
from ogbrain.serving.server.development_server import DevelopmentServer


class RunningServer:
    """Serves a folder on free ports of the loopback while entered.

    Attributes:
        rest: A client of the REST interface.
        predictions: A stub of the prediction service.
        models: A stub of the model service.
    """

    def __init__(self, folder: Path, poll_seconds: float = 0.1):
        self._folder, self._poll_seconds = folder, poll_seconds

    def __enter__(self) -> "RunningServer":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server", daemon=True)
        self._thread.start()
        self.server = self._call(self._make())
        self.address = f"127.0.0.1:{self.server.port}"
        self.url = f"http://127.0.0.1:{self.server.rest_port}"
        self.channel = grpc.insecure_channel(self.address)
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)
        # It logs every request.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self.rest = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        return self

    def __exit__(self, *_: object) -> None:
        self.rest.close()
        self.channel.close()
        self._call(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _make(self) -> DevelopmentServer:
        server = DevelopmentServer(self._folder, 0, 0, poll_seconds=self._poll_seconds)
        await server.start()
        return server

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
