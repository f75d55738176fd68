"""Ranks of the relevant passages to scores; nothing here sees a similarity.

Importing this package makes ir_measures know our measures: ``ir_measures.parse_measure("TLR@20")``.
"""

from xlir_bench.measures.register import register

register()
