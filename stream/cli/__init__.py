"""The command line: `jasmine`. Each command has --help with an example, --json where it answers, and exit codes."""

from stream.cli.main import main

__all__ = ["main"]
