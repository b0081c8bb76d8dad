"""From a trained network to a bundle that is served."""

import cutis.torch_setup  # noqa: F401  (before timm)
