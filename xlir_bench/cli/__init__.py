"""The command line: ``xlir-bench run | show | compare | measures | tasks | data``."""
