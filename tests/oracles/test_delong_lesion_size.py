"""The 1,295 biopsied lesions of lesion-size-2020: the areas that are known for them."""

import pandas as pd
import pytest

from cutis.metrics.delong import delong_auc, paired_delong


@pytest.mark.real
def test_the_areas_of_the_readers_and_of_the_algorithm(real_data):
    table = pd.read_csv(real_data / "tables" / "lesion-size-2020_metadata.csv")
    melanoma = (table["target"] == 1).to_numpy()
    crowd, algorithm = table["crowd_score"].to_numpy(), table["adae_score"].to_numpy()
    assert melanoma.sum() == 113
    assert delong_auc(melanoma, crowd).auc == pytest.approx(0.703, abs=5e-4)
    assert delong_auc(melanoma, algorithm).auc == pytest.approx(0.810, abs=5e-4)
    gain = paired_delong(melanoma, algorithm, crowd)
    assert 0.05 < gain.low < gain.difference < gain.high < 0.15
