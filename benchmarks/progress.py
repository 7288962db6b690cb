"""What is under way, on standard error: standard output stays free for answers."""

import sys
import time

_BEGAN_S = time.monotonic()


def tell(line: str) -> None:
    """Say one line, with the seconds since the start."""
    sys.stderr.write(f"{time.monotonic() - _BEGAN_S:6.1f} s  {line}\n")
    sys.stderr.flush()
