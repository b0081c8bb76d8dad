"""The tables that cross seams: `Manifest` and `Predictions`, each a value and a file."""
