"""PERF-12: `nexusone up` on an initialised folder: seconds until ready, and memory of all its Python processes at rest."""

import asyncio
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from benchmarks.figures import Figure

NAME = "PERF-12"
STARTS = 3
REST_SECONDS = 5.0
READY_SECONDS_MAX = 60.0
READY_BUDGET_SECONDS = 5.0
MEMORY_BUDGET_MIB = 350.0


async def run() -> list[Figure]:
    """Starts, waits for readiness, measures, stops; the first start initialises and does not count."""
    return await asyncio.to_thread(_run)


def _run() -> list[Figure]:
    data = Path(tempfile.mkdtemp(prefix="nexusone-perf12-"))
    try:
        _start_once(data)
        rounds = [_start_once(data) for _ in range(STARTS)]
    finally:
        shutil.rmtree(data, ignore_errors=True)
    seconds = [ready for ready, _ in rounds]
    memory = [used for _, used in rounds]
    return [
        _figure("PERF-12.ready", seconds, "seconds", READY_BUDGET_SECONDS),
        _figure("PERF-12.memory", memory, "MiB", MEMORY_BUDGET_MIB),
    ]


def _figure(name: str, values: list[float], unit: str, budget: float) -> Figure:
    median = statistics.median(values)
    spread = {"min": round(min(values), 2), "max": round(max(values), 2), "rounds": len(values), "baseline": "the budget"}
    return Figure(name, round(median, 2), budget, round(budget / median, 3), unit, dict(spread))


def _start_once(data: Path) -> tuple[float, float]:
    port = _free_port()
    began = time.perf_counter()
    command = [sys.executable, "-m", "nexusone.apps.cli", "up", "--data", str(data), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})
    try:
        _wait_until_ready(process, port)
        ready = time.perf_counter() - began
        time.sleep(REST_SECONDS)
        return ready, _memory_mib(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.perf_counter() + READY_SECONDS_MAX
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            raise RuntimeError("it ended before it was ready")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.02)
    raise RuntimeError("it was not ready in time")


def _memory_mib(pid: int) -> float:
    # Proportional size: what several processes share is counted once.
    parent = psutil.Process(pid)
    pythons = [parent, *(child for child in parent.children(recursive=True) if "python" in child.name())]
    return sum(process.memory_full_info().pss for process in pythons) / 2**20


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
