"""The citizen's page: one's own score, why it is so, what would change it, and what one can do about it."""
