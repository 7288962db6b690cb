"""How many examples Hypothesis tries, relative to the profile's number."""

from hypothesis import settings


def examples(share: float) -> settings:
    """Return the settings of a test that is worth so much of the profile's number of examples."""
    return settings(max_examples=max(round(settings().max_examples * share), 1))
