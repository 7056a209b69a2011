"""What the server counts, for Prometheus, under TensorFlow Serving's names."""

import prometheus_client

_LATENCY_BUCKETS = tuple(10.0 * 1.8**exponent for exponent in range(25))


class Metrics:
    """Counters of one server.

    Example:
        >>> metrics = Metrics()
        >>> metrics.answered("attention_glimpse", "Predict", "OK", seconds=0.003)
    """

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._requests = prometheus_client.Counter(
            ":tensorflow:serving:request_count",
            "Requests, by model and status.",
            ("model_name", "status"),
            registry=self.registry,
        )
        self._latency = prometheus_client.Histogram(
            ":tensorflow:serving:request_latency",
            "Microseconds from a request to its answer.",
            ("model_name", "API"),
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.batch_size = prometheus_client.Histogram(
            ":tensorflow:serving:batching_session:processed_batch_size",
            "Examples that were answered together.",
            ("model_name",),
            buckets=tuple(2.0**exponent for exponent in range(11)),
            registry=self.registry,
        )
        self.load_seconds = prometheus_client.Histogram(
            ":tensorflow:serving:model_load_latency",
            "Seconds to load and warm up a version.",
            ("model_name",),
            registry=self.registry,
        )
        self.loads = prometheus_client.Counter(
            ":tensorflow:serving:model_load_count",
            "Versions loaded, by model and status.",
            ("model_name", "status"),
            registry=self.registry,
        )

    def answered(self, model: str, call: str, status: str, seconds: float) -> None:
        """Counts a request.

        Args:
            model: The model's name.
            call: `Predict`, `Classify`, ...
            status: The status code's name.
            seconds: How long it took.
        """
        self._requests.labels(model, status).inc()
        self._latency.labels(model, call).observe(seconds * 1e6)

    def text(self) -> bytes:
        """Returns all counters in Prometheus' text format."""
        return prometheus_client.generate_latest(self.registry)
