"""One module a case: it starts processes, alternates ours and the peers, and returns a result."""
