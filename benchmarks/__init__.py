"""Benchmarks: ours beside a named baseline, interleaved in the same run, on the real code path."""
