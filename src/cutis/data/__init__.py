"""Pictures on their way to a network: drawn, cached, augmented and sampled."""
