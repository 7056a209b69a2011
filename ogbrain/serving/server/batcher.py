"""Answers requests that come in together in one run of the model."""

import asyncio
import collections
import concurrent.futures
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ogbrain.serving.request_error import Code, RequestError
from ogbrain.serving.saved_model import SavedModel
from ogbrain.serving.server.metrics import Metrics

Arrays = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class _Waiting:
    inputs: Arrays
    size: int
    answer: asyncio.Future


class Batcher:
    """Runs a model's requests, those of one signature and shape together while all threads are busy.

    An idle server answers at once; nobody waits for a batch to fill, unless `batch_timeout_micros` says so. A batch
    that fails is run again one request at a time, so that a bad request spoils no other.

    Args:
        model: The model.
        name: Its name, for the metrics.
        numbers: `max_batch_size`, `batch_timeout_micros`, `num_batch_threads`, `max_enqueued_batches`.
        pool: Threads to run in.
        metrics: Where batch sizes are counted.

    Example:
        >>> outputs = await batcher.run("serving_default", {"image_bytes": pictures})
    """

    def __init__(
        self,
        model: SavedModel,
        name: str,
        numbers: Mapping[str, int],
        pool: concurrent.futures.Executor,
        metrics: Metrics,
    ):
        self._model, self._name, self._numbers, self._pool, self._metrics = model, name, numbers, pool, metrics
        self._queues: dict[tuple, collections.deque[_Waiting]] = {}
        self._running = 0
        self._waiting = 0
        self._tasks: set[asyncio.Task] = set()

    async def run(self, signature_name: str, inputs: Arrays, outputs: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """Answers a request that fits its signature.

        Raises:
            RequestError: The model cannot answer, or too many requests wait.
        """
        signature = self._model.signatures[signature_name]
        size = len(next(iter(inputs.values()))) if signature.batched else 0
        if self._waiting >= self._numbers["max_enqueued_batches"]:
            raise RequestError("too many requests are waiting; try again", Code.UNAVAILABLE)
        # Only what is alike can be put together; what cannot be is its own kind.
        shapes = tuple(sorted((name, array.shape[1:]) for name, array in inputs.items())) if size else object()
        key = (signature_name, tuple(outputs), shapes)
        request = _Waiting(inputs, size, asyncio.get_running_loop().create_future())
        queue = self._queues.setdefault(key, collections.deque())
        queue.append(request)
        self._waiting += 1
        timeout = self._numbers["batch_timeout_micros"]
        if timeout > 0 and size and sum(waiting.size for waiting in queue) < self._numbers["max_batch_size"]:
            asyncio.get_running_loop().call_later(timeout / 1e6, self._start)
        else:
            self._start()
        return await request.answer

    def _start(self) -> None:
        while self._queues and self._running < self._numbers["num_batch_threads"]:
            key = next(iter(self._queues))
            queue, total = self._queues[key], 0
            batch: list[_Waiting] = []
            while queue and (not batch or total + queue[0].size <= self._numbers["max_batch_size"]):
                batch.append(queue.popleft())
                total += batch[-1].size
            # The other kinds have their turn first.
            del self._queues[key]
            if queue:
                self._queues[key] = queue
            self._waiting -= len(batch)
            self._running += 1
            task = asyncio.get_running_loop().create_task(self._answer(key[0], key[1], batch, total))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, signature: str, outputs: Sequence[str], batch: list[_Waiting], total: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._pool, self._run, signature, outputs, batch)
            self._metrics.batch_size.labels(self._name).observe(max(total, 1))
            for waiting, answer in zip(batch, answers, strict=True):
                if waiting.answer.done():  # the client has gone
                    continue
                if isinstance(answer, BaseException):
                    waiting.answer.set_exception(answer)
                else:
                    waiting.answer.set_result(answer)
        finally:
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(RequestError("the server is stopping", Code.UNAVAILABLE))
            self._running -= 1
            self._start()

    def _run(
        self, signature: str, outputs: Sequence[str], batch: list[_Waiting]
    ) -> list[dict[str, np.ndarray] | Exception]:
        if len(batch) > 1:
            try:
                joined = {name: np.concatenate([waiting.inputs[name] for waiting in batch]) for name in batch[0].inputs}
                answer = self._model.run(signature, joined, outputs)
                ends = np.cumsum([waiting.size for waiting in batch])
                if all(len(array) == ends[-1] for array in answer.values()):
                    parts = {name: np.split(array, ends[:-1]) for name, array in answer.items()}
                    return [{name: part[index] for name, part in parts.items()} for index in range(len(batch))]
            except RequestError:
                pass  # whose fault it is shows one by one
        return [self._run_one(signature, outputs, waiting) for waiting in batch]

    def _run_one(self, signature: str, outputs: Sequence[str], waiting: _Waiting) -> dict[str, np.ndarray] | Exception:
        try:
            return self._model.run(signature, waiting.inputs, outputs)
        except RequestError as error:
            return error
        except Exception as error:
            return RequestError(f"{type(error).__name__}: {error}", Code.INTERNAL)
