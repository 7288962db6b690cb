"""`jasmine demo`."""


def demo() -> None:
    """Run."""
