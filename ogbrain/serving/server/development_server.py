"""The development server: gRPC and REST in one process."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import grpc
import uvicorn

from ogbrain.errors import RunError
from ogbrain.serving.server.grpc_services import add_services
from ogbrain.serving.server.models import Models
from ogbrain.serving.server.rest import build_app

LOG = logging.getLogger("ogbrain.serving")

GRACE_SECONDS = 5.0
"""Time that requests under way have when the server is stopped."""

KEEP_ALIVE_SECONDS = 600
"""How long an idle REST connection stays open."""


class DevelopmentServer:
    """Serves the models of a folder.

    Args:
        export_dir: The folder.
        port: The port for gRPC; 0 takes a free one, which `port` then is.
        rest_port: The port for REST, likewise.
        host: The address to listen on.
        poll_seconds: How often to look for new versions.

    Example:
        >>> server = DevelopmentServer(Path("exports"), port=0, rest_port=0)
        >>> await server.start()
        >>> channel = grpc.insecure_channel(f"127.0.0.1:{server.port}")
        >>> await server.stop()
    """

    def __init__(self, export_dir: Path, port: int, rest_port: int, host: str = "127.0.0.1", poll_seconds: float = 1.0):
        self.port, self.rest_port = port, rest_port
        self._host = host
        self.models = Models(export_dir, poll_seconds)

    async def start(self) -> None:
        """Loads and warms up what there is, then listens.

        Raises:
            RunError: A port cannot be had.
        """
        await self.models.start()
        # Our own limits answer with a line; gRPC's would cut the connection. One server a port, not one more beside it.
        options = (
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
        )
        self._grpc = grpc.aio.server(options=options)
        add_services(self._grpc, self.models)
        try:
            self.port = self._grpc.add_insecure_port(f"{self._host}:{self.port}")
        except RuntimeError as error:
            await self.models.close()
            raise RunError(f"--port={self.port}: cannot be listened on; a free port") from error
        await self._grpc.start()
        config = uvicorn.Config(
            build_app(self.models),
            log_level="error",
            access_log=False,
            lifespan="off",
            # A connection that is closed while a client is about to use it again loses that request.
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(GRACE_SECONDS),
        )
        try:
            listening = socket.create_server((self._host, self.rest_port), backlog=2048)
        except OSError as error:
            await self._grpc.stop(0)
            await self.models.close()
            raise RunError(
                f"--rest_port={self.rest_port}: cannot be listened on ({error.strerror}); a free port"
            ) from error
        self.rest_port = listening.getsockname()[1]
        self._rest = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._rest._serve([listening]))

    async def stop(self) -> None:
        """Answers what is under way, takes nothing more, frees the models."""
        self._rest.should_exit = True
        await self._grpc.stop(GRACE_SECONDS)
        await self._serving
        await self.models.close()


async def serve_until_stopped(server: DevelopmentServer, ready: Callable[[], None]) -> None:
    """Serves until SIGTERM or SIGINT.

    Args:
        server: The server.
        ready: Called when it takes requests.

    Raises:
        RunError: A port cannot be had.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    starting = asyncio.create_task(server.start())
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        return
    try:
        await starting
        ready()
        await stopping
        await server.stop()
    finally:
        stopping.cancel()
