"""From a manifest and settings to a run folder, through Lightning's Trainer."""

import cutis.torch_setup  # noqa: F401  (before lightning)
