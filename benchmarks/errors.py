"""What can go wrong with a benchmark."""


class BenchmarkError(Exception):
    """A case could not be measured; the message says why and what to do. No figure is made of it."""
