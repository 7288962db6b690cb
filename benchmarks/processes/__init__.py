"""What a case starts, each a process of its own: ``python -m benchmarks.processes NAME``."""
