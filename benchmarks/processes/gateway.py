"""The HTTP lookup service as `jasmine gateway` starts it, on any free port, without a line in the log a request."""

import argparse

from gateway.serve import serve
from scoring.pack import load_pack
from stream.logs import configure
from stream.settings import load_settings


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    settings = load_settings()
    configure("warning", "json")
    # What is measured is reading; the access log would measure Kafka's client beside it.
    serve(settings.redis_url, load_pack(settings.pack), settings.gateway_host, port, reads=None, access_log=False)


if __name__ == "__main__":
    main()
