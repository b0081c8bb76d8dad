"""What happens to pictures before training: sources, duplicates, quality, splits; no torch here."""
