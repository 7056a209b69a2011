"""Serves exported models: `bazel run //ogbrain:serve -- --export_dir=DIR`."""

import asyncio
import logging

from absl import flags

from ogbrain import command
from ogbrain.errors import UserError
from ogbrain.paths import user_path

_EXPORT_DIR = flags.DEFINE_string("export_dir", "", "The folder of all models, as `export` wrote it.")
_PORT = flags.DEFINE_integer("port", 8500, "The port for gRPC.")
_REST_PORT = flags.DEFINE_integer("rest_port", 8501, "The port for REST.")
_HOST = flags.DEFINE_string("host", "127.0.0.1", "The address that the development server listens on.")
_POLL_SECONDS = flags.DEFINE_float("poll_seconds", 1.0, "How often the development server looks for new versions.")


def main(arguments: list[str]) -> None:
    """Does what the flags say."""
    command.no_arguments(arguments)
    if not _EXPORT_DIR.value:
        raise UserError("--export_dir=DIR, the folder that `export` wrote to, is needed")
    folder = user_path(_EXPORT_DIR.value)
    for name, port in (("port", _PORT.value), ("rest_port", _REST_PORT.value)):
        if not 0 <= port <= 65535:
            raise UserError(f"--{name}={port}: is not allowed; 1 to 65535, or 0 for a free one")
    if not 0 < _POLL_SECONDS.value <= 3600:
        raise UserError(f"--poll_seconds={_POLL_SECONDS.value}: is not allowed; more than 0, at most 3600")
    if not folder.is_dir():
        raise UserError(f"--export_dir={folder}: there is no such folder; the one that `export` wrote to")
    from ogbrain.serving import server_configs
    from ogbrain.serving.server import model_server

    if not server_configs.model_names(folder):
        raise UserError(f"--export_dir={folder}: has no models; DIR/MODEL/VERSION, as `export` writes them")
    binary = model_server.program()
    if binary:
        print(f"starting {binary}", flush=True)
        model_server.become(binary, folder, _PORT.value, _REST_PORT.value)
    from ogbrain.serving.server.development_server import DevelopmentServer, serve_until_stopped

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    print(f"development server, not for production: there is no {model_server.PROGRAM} on the PATH", flush=True)
    server = DevelopmentServer(folder, _PORT.value, _REST_PORT.value, _HOST.value, _POLL_SECONDS.value)

    def ready() -> None:
        for name in server.models.names:
            served = ", ".join(map(str, server.models.model(name).available)) or "none, see the errors above"
            print(f"model {name}: versions served: {served}")
        print(
            f"gRPC: {_HOST.value}:{server.port}   REST: http://{_HOST.value}:{server.rest_port}/v1/models/NAME",
            flush=True,
        )

    asyncio.run(serve_until_stopped(server, ready))
    print("stopped", flush=True)


if __name__ == "__main__":
    command.run(
        main,
        usage="bazel run //ogbrain:serve -- --export_dir=DIR [FLAGS]",
        summary="Serves exported models by gRPC and REST: with TensorFlow Serving if installed, else for development.",
        shown=("export_dir=DIR", "port=N", "rest_port=N", "host=ADDRESS", "poll_seconds=S"),
    )
