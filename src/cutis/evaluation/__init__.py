"""Judging predictions against a manifest; the model itself is never needed."""
