"""The command line: ``xlir-bench run | tasks | data | measures``."""
