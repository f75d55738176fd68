"""TOML cards: what is measured and who is measured, as data."""
