"""Tables and pages of many models: what is shown, what is refused, what is checked."""
