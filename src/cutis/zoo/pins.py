"""SHA-256 of every file of every model in the zoo; the first model is the default.

Written by `scripts/zoo.py`. A bundle's own SHA256SUMS find damage; these also find a bundle that
somebody changed together with its sums.
"""

PINS: dict[str, dict[str, str]] = {}
