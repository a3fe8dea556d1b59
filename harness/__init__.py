"""The engine of `eras`. It knows no technique by name."""
