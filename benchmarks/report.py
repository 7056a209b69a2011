"""What every benchmark prints and writes: our figure beside a peer's, measured in the same run."""

import json
import os
import pathlib
import platform

from absl import flags

flags.DEFINE_bool("quick", False, "A short run that shows whether the benchmark works; its figures are rough.")
flags.DEFINE_string("json", "", "File to write the figures to.")


class Report:
    """The rows of one benchmark.

    Example:
        >>> report = Report("pipelines")
        >>> report.add("images in memory", ours=1_200_000, peer=300_000, unit="examples/s")
        >>> report.finish(flags.FLAGS)
    """

    def __init__(self, name: str):
        """Starts a report and prints its heading.

        Args:
            name: The benchmark's name, as in `//benchmarks:NAME`.
        """
        self._name = name
        self._rows: list[dict[str, object]] = []
        print(f"{name} on {machine()}")
        print(f"{'work':44} {'ours':>14} {'peer':>14} {'ours/peer':>10}  unit", flush=True)

    def add(self, work: str, ours: float, peer: float | None, unit: str, note: str = "") -> float | None:
        """Adds a row and prints it.

        Args:
            work: What was done.
            ours: This project's figure.
            peer: The other's figure for the same work, or None where there is nothing to compare with.
            unit: The unit of both; whether more or less is better follows from it.
            note: What the peer is, or what else a reader must know.

        Returns:
            `ours / peer`, or None without a peer.
        """
        ratio = ours / peer if peer else None
        self._rows.append({"work": work, "ours": ours, "peer": peer, "ratio": ratio, "unit": unit, "note": note})
        peer_text = "-" if peer is None else f"{peer:,.4g}" if peer < 1000 else f"{peer:,.0f}"
        ours_text = f"{ours:,.4g}" if ours < 1000 else f"{ours:,.0f}"
        ratio_text = "-" if ratio is None else f"{ratio:.3f}"
        tail = f"  ({note})" if note else ""
        print(f"{work:44} {ours_text:>14} {peer_text:>14} {ratio_text:>10}  {unit}{tail}", flush=True)
        return ratio

    def finish(self, values: flags.FlagValues = flags.FLAGS) -> None:
        """Writes the rows to the file that `--json` names, if it does.

        Args:
            values: The program's parsed flags.
        """
        if not values.json:
            return
        # `bazel run` starts a program elsewhere; a relative path is meant from where the user stands.
        path = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", ""), values.json)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"name": self._name, "machine": machine(), "quick": values.quick, "rows": self._rows}
        path.write_text(json.dumps(content, indent=1) + "\n")
        print(f"wrote {path}")


def machine() -> str:
    """Returns the processor, the number of cores and the Python version in one line."""
    model = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"
