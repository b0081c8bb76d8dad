"""What a manifest says of its rows holds for no rows, too."""

import numpy as np
import pandas as pd

from cutis.tables.manifest import Manifest
from cutis.taxonomy import load_taxonomy


def test_an_image_without_a_lesion_is_a_cluster_of_its_own_and_no_rows_have_none():
    frame = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "path": ["/a.jpg", "/b.jpg", "/c.jpg"],
            "diagnosis": ["nevus", "nevus", "melanoma"],
            "lesion_id": ["x", "x", ""],
        }
    )
    manifest = Manifest(frame, load_taxonomy())
    first, second, third = manifest.clusters()
    assert first == second != third
    assert manifest.rows(np.zeros(3, dtype=bool)).clusters().shape == (0,)
