"""One of these processes, for as long as whoever started it lives."""

import runpy
import sys

from benchmarks.child import follow_parent

if __name__ == "__main__":
    follow_parent()
    runpy.run_module(f"benchmarks.processes.{sys.argv.pop(1)}", run_name="__main__", alter_sys=True)
