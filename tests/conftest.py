"""Hypothesis profiles, chosen by HYPOTHESIS_PROFILE.

`default`; `ci` has the same examples each time, `quick` a fifth as many of such; `thorough` is for a night.
"""

import os

from hypothesis import HealthCheck, settings

# The first example of a run compiles the kernels, which no deadline allows for.
_COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("default", _COMMON, max_examples=50)
settings.register_profile("ci", _COMMON, max_examples=50, derandomize=True, print_blob=True)
settings.register_profile("quick", _COMMON, max_examples=10, derandomize=True, print_blob=True)
settings.register_profile("thorough", _COMMON, max_examples=2_000)
# No test reads the settings of a deployment that this shell may be set up for.
for name in [name for name in os.environ if name.startswith("JASMINE_") and name != "JASMINE_REQUIRE_REAL"]:
    del os.environ[name]

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
