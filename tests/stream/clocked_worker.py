"""A worker whose clock goes ahead by as many seconds as a file says."""

import os
import time
from pathlib import Path

import uvloop

from stream.logs import configure
from stream.settings import load_settings
from stream.worker import Worker

_AHEAD = Path(os.environ["AHEAD_S"])


def _clock() -> float:
    return time.time() + float(_AHEAD.read_text())


def main() -> None:
    """Run it."""
    settings = load_settings()
    configure(settings.log_level, settings.log_format)
    uvloop.run(Worker(settings, _clock).run())


if __name__ == "__main__":
    main()
