from __future__ import annotations

import numpy as np
import pytest

from leadlight.sensornoise import wavelet

PLANES = [(256, 288), (304, 1040), (96, 34)]


@pytest.mark.parametrize("shape", PLANES)
def test_the_transform_is_orthonormal_and_its_inverse_exact(shape: tuple[int, int]) -> None:
    plane = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    for there, back in (
        (wavelet.along_rows, wavelet.back_along_rows),
        (wavelet.along_columns, wavelet.back_along_columns),
    ):
        bands = there(plane)
        assert np.isclose((bands**2).sum(), (plane**2).sum(), rtol=1e-4)
        assert np.allclose(back(bands), plane, atol=1e-5)


def test_rows_and_columns_are_treated_alike() -> None:
    plane = np.random.default_rng(2).standard_normal((128, 256)).astype(np.float32)
    assert np.allclose(wavelet.along_columns(plane), wavelet.along_rows(plane.T.copy()).T, atol=1e-5)


def test_the_filter_is_daubechies_of_eight_vanishing_moments() -> None:
    low = np.array(wavelet.LOW)
    assert np.isclose(low.sum(), np.sqrt(2))
    for shift in range(1, 8):
        assert abs((low[2 * shift :] * low[: -2 * shift]).sum()) < 1e-12
    high = low[::-1] * (-1.0) ** np.arange(16)
    at = np.arange(16) / 16
    assert all(abs((high * at**power).sum()) < 1e-9 for power in range(8))
    assert abs((high * at**8).sum()) > 1e-6


def test_a_smooth_plane_has_no_high_coefficients_but_at_the_seam() -> None:
    ramp = np.tile(np.arange(256, dtype=np.float32), (64, 1))
    high = wavelet.along_rows(ramp)[:, 128:]
    assert np.abs(high[:, :120]).max() < 1e-2
    assert np.abs(high[:, 121:]).max() > 1
