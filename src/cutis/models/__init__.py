"""Networks: timm backbones with a head, and how their pretrained weights are allowed to move."""

import cutis.torch_setup  # noqa: F401  (before timm)
