"""Settings that every unit test shares."""

from hypothesis import settings

# Derandomised: the same examples on every machine. No deadline: numba compiles on first use.
settings.register_profile(
    "unit", derandomize=True, deadline=None, database=None, max_examples=40, print_blob=False
)
settings.load_profile("unit")
