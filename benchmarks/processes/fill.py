"""Fills the empty store with the standings of a city, and lets a worker go on at given offsets."""

import argparse
import json

from benchmarks.child import say
from benchmarks.filling import fill
from scoring.announced import Announced
from scoring.pack import load_pack
from sinks.keys import next_key
from sinks.store import Store
from stream.clients import redis_client
from stream.settings import load_settings


def main() -> None:
    """Fill it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, required=True)
    parser.add_argument("--ends", type=json.loads, required=True, help="where to read on, by partition, as JSON")
    options = parser.parse_args()
    client = redis_client(load_settings())
    facts = fill(Store(client), Announced.of(load_pack()), options.subjects)
    client.mset({next_key(int(partition)): offset for partition, offset in options.ends.items()})
    say("done", facts=facts)


if __name__ == "__main__":
    main()
