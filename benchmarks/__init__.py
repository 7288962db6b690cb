"""What Jasmine costs, beside the limits of what it stands on: ``python -m benchmarks``."""
