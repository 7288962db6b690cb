"""A provider on this machine, for the demo and for tests. Its people do not exist; anybody may sign in as them."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

CLAIM = "identity_number"


@contextmanager
def local_provider(people: Mapping[str, str]) -> Iterator[str]:
    """Serve a provider until the block ends, and yield its issuer.

    Args:
        people: synthetic identity numbers by the name that is signed in with.

    """
    # It still imports a module that Authlib is about to leave to another library.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from oidc_provider_mock import User, run_server_in_thread  # noqa: PLC0415

    # It would write a line a request between whatever its host writes.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    users = [User(sub=name, claims={CLAIM: number}) for name, number in people.items()]
    with run_server_in_thread(user_claims=users) as server:
        yield f"http://localhost:{server.server_port}"
