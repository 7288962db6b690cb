"""What others build on: look up a standing, publish events, and ask over HTTP."""
