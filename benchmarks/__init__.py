"""Measurements, each beside a peer in the same run: `bazel run //benchmarks:NAME -- --json=FILE`."""
