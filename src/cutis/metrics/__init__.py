"""Arrays in, numbers out. Every figure also takes rows of weights, one per bootstrap replicate."""
