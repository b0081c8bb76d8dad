"""Obuchowski-Rockette with Hillis's degrees of freedom, on the example that the field checks against.

Van Dyke et al. 1993: five readers, cine and spin-echo MRI, 45 aortic dissections and 69 controls. The
numbers are those that OR-DBM MRMC 2.51 (Schartz, Hillis, Pesce and Berbaum, University of Iowa) prints
for trapezoidal areas with jackknifed covariances. It prints the areas and, for each treatment and each
reader, the means of the covariance matrix, so the test builds the matrix that has these means. The
ratings themselves are not kept here; from them `jackknife_covariance` gave every printed digit.
"""

import numpy as np
import pytest

from cutis.evaluation.mrmc import obuchowski_rockette

READERS = ("1", "2", "3", "4", "5")
AREAS = np.array(
    [
        [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
        [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
    ]
)
VARIANCES = (0.00101410, 0.00059047)  # of each treatment, mean over readers
COV1 = (0.00037347, 0.00076016, 0.00035532, 0.00000108, 0.00024304)  # of each reader
COV2 = (0.00048396, 0.00020419)  # of each treatment
COV3 = 0.00023903


@pytest.fixture(scope="module")
def found():
    covariance = np.full((2, 5, 2, 5), COV3)
    for treatment in range(2):
        block = np.where(np.eye(5), VARIANCES[treatment], COV2[treatment])
        covariance[treatment, :, treatment] = block
        for reader in range(5):
            covariance[treatment, reader, 1 - treatment, reader] = COV1[reader]
    return obuchowski_rockette(
        AREAS, covariance.reshape(10, 10), treatments=("1", "2"), readers=READERS
    )


def test_the_error_covariances_are_those_printed(found):
    assert found.covariances.variance == pytest.approx(0.00080229, abs=6e-9)
    assert found.covariances.same_reader == pytest.approx(0.00034661, abs=6e-9)
    assert found.covariances.same_treatment == pytest.approx(0.00034407, abs=6e-9)
    assert found.covariances.neither == pytest.approx(0.00023903, abs=6e-9)


def test_the_treatments_differ_by_f_4_46_on_1_and_15_26_degrees_of_freedom(found):
    assert found.f == pytest.approx(4.46, abs=0.005)
    assert found.numerator_degrees == 1
    assert found.degrees_of_freedom == pytest.approx(15.26, abs=0.005)
    assert found.p == pytest.approx(0.0517, abs=5e-5)


def test_random_readers_give_the_printed_difference(found):
    contrast = found.random_readers["1 - 2"]
    assert contrast.difference == pytest.approx(-0.04380032, abs=5e-9)
    assert contrast.standard_error == pytest.approx(0.02075, abs=5e-6)
    assert (contrast.low, contrast.high) == pytest.approx((-0.08796, 0.00036), abs=5e-6)
    assert contrast.p == pytest.approx(0.0517, abs=5e-5)


def test_fixed_readers_give_the_printed_difference(found):
    contrast = found.fixed_readers["1 - 2"]
    assert contrast.standard_error == pytest.approx(0.01872, abs=5e-6)
    assert (contrast.low, contrast.high) == pytest.approx((-0.08049, -0.00711), abs=5e-6)
    assert contrast.p == pytest.approx(0.0193, abs=5e-5)


def test_single_treatments_have_the_printed_means_and_intervals(found):
    first, second = found.means
    assert first.area == pytest.approx(0.89703704, abs=5e-9)
    assert first.standard_error == pytest.approx(0.03317360, abs=2e-7)
    assert first.degrees_of_freedom == pytest.approx(12.74, abs=0.006)
    assert (first.low, first.high) == pytest.approx((0.82522360, 0.96885048), abs=1e-6)
    assert second.standard_error == pytest.approx(0.02156637, abs=2e-7)
    assert second.degrees_of_freedom == pytest.approx(12.71, abs=0.006)
    assert (second.low, second.high) == pytest.approx((0.89413783, 0.98753689), abs=1e-6)
