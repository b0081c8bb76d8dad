"""Plots for reports and run folders: colour-blind-safe, drawn without pyplot's global state."""
