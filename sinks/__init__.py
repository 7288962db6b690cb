"""What the scorer writes: standings under a fence, due times, the outbox of changes, and dead letters."""
