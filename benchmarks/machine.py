"""What a figure was measured on."""

import hashlib
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import confluent_kafka
import psutil

from benchmarks.deployment import Deployment
from ops.parts import HOST, OPS_FOLDER, Kafka

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("confluent-kafka", "faust-streaming", "aiokafka", "hiredis", "numba", "numpy", "orjson", "redis", "uvloop")
_SOURCES = ("schemas", "scoring", "sinks", "stream", "gateway", "city", "benchmarks")


def machine(deployment: Deployment) -> dict[str, Any]:
    """Describe hardware, programs, packages and sources."""
    with deployment.store() as client:
        info: Any = client.info("server")
    return {
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "os": platform.platform(),
        "python": platform.python_version(),
        "kafka": _kafka_version(deployment),
        "kafka_threads": deployment.kafka_threads(),
        "redis": info["redis_version"],
        "librdkafka": confluent_kafka.libversion()[0],
        "packages": {name: version(name) for name in _PACKAGES},
        "commit": _commit(),
        "sources_sha256": _sources_digest(),
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def processor_times() -> tuple[float, float]:
    """Return the seconds that the host has given to others although we wanted them, and all seconds of the cores."""
    times = psutil.cpu_times()
    return float(getattr(times, "steal", 0.0)), float(sum(times))


def stolen_since(before: tuple[float, float]) -> float:
    """Return the share of the cores' time that was stolen since `processor_times` were these."""
    stolen, whole = (now - then for now, then in zip(processor_times(), before, strict=True))
    return stolen / whole if whole else 0.0


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    model = re.search(r"model name\s*:\s*(.+)", text)
    return model[1] if model else platform.machine()


def _kafka_version(deployment: Deployment) -> str:
    """Return the version that `ops.real` starts; a broker does not tell its own."""
    if not deployment.kafka["bootstrap.servers"].startswith((f"{HOST}:{Kafka.port_default}", "localhost")):
        return "unknown"
    stated = re.search(r"<kafka.version>(.+)</kafka.version>", (OPS_FOLDER / "kafka" / "pom.xml").read_text())
    return stated[1] if stated else "unknown"


def _commit() -> str:
    """Return the commit that is checked out, read from git's own files."""
    git = _ROOT / ".git"
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        reference = head.removeprefix("ref: ")
        if (git / reference).exists():
            return (git / reference).read_text().strip()
        packed = re.search(rf"^([0-9a-f]+) {re.escape(reference)}$", (git / "packed-refs").read_text(), re.MULTILINE)
    except OSError:
        return "unknown"
    return packed[1] if packed else "unknown"


def _sources_digest() -> str:
    """Return a digest of the measured sources: two results with the same one come from the same code."""
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(_ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]
