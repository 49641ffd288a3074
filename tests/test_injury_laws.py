"""Death is a law on a dose: bounded, monotone, never undone, equal inside and outside unless told otherwise."""

import numpy as np
import pytest

from oxablate.physics.injury.budget import killed_volume
from oxablate.physics.injury.closures import ExposureLaw, NoInjury, ThiolLossLaw
from oxablate.physics.injury.step import Doses, InjuryState, injure
from oxablate.quantities.refusal import BadInput

SHAPE = (4, 3, 2)
RNG = np.random.default_rng(5)


def doses(left=None, exposure=None, front=None, swept=None) -> Doses:
    start = np.full(SHAPE, 8.0)
    zero = np.zeros(SHAPE)
    given = [start if left is None else left, start, *(zero if a is None else a for a in (exposure, front, swept))]
    return Doses(*given)


def killed_by(law, given, tumour=None, times=1) -> np.ndarray:
    state = InjuryState.fresh(SHAPE, law)
    for _ in range(times):
        injure(law, state, given, np.ones(SHAPE, bool) if tumour is None else tumour, 2.0)
    return state.killed


LAWS = [NoInjury(), ThiolLossLaw("thiols", 0.7, 4.0, 1.0), ExposureLaw(30.0, 1.5, 3.0, 1.0)]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_no_dose_kills_nothing(law):
    assert not killed_by(law, doses(), times=3).any()


def test_half_the_cells_die_at_the_lethal_loss_and_all_at_complete_loss():
    law = ThiolLossLaw("thiols", 0.7, 4.0, 1.0)
    assert killed_by(law, doses(left=np.full(SHAPE, 0.3 * 8.0))) == pytest.approx(0.5, rel=1e-12)
    assert np.all(killed_by(law, doses(left=np.zeros(SHAPE))) == 1.0)


def test_the_swept_part_dies_of_its_own_dose_and_the_rest_of_the_mean_of_the_rest():
    law = ThiolLossLaw("thiols", 0.7, 4.0, 1.0)
    f = np.full(SHAPE, 0.25)
    assert killed_by(law, doses(left=8.0 * (1 - f), swept=f)) == pytest.approx(0.25, rel=1e-12)
    assert killed_by(law, doses(left=0.3 * 8.0 * (1 - f), swept=f)) == pytest.approx(0.25 + 0.75 * 0.5, rel=1e-12)


def test_exposure_counts_concentration_to_its_power_over_time():
    law = ExposureLaw(lethal_dose=5.0**1.5 * 2.0, toxic_power=1.5, steepness=3.0, selectivity=1.0)
    assert killed_by(law, doses(exposure=np.full(SHAPE, 5.0 * 2.0))) == pytest.approx(0.5, rel=1e-12)
    behind = doses(front=np.full(SHAPE, 5.0 * 2.0), swept=np.full(SHAPE, 0.5))
    assert killed_by(law, behind, times=3) == pytest.approx(0.25, rel=1e-12)


@pytest.mark.parametrize("law", LAWS[1:], ids=lambda law: type(law).__name__)
def test_death_grows_with_dose_stays_in_bounds_and_is_not_undone(law):
    left = np.sort(RNG.uniform(0, 8, SHAPE).ravel())[::-1].reshape(SHAPE)
    given = doses(left=np.ascontiguousarray(left), exposure=(8.0 - left) * 20, swept=np.full(SHAPE, 0.1))
    state = InjuryState.fresh(SHAPE, law)
    injure(law, state, given, np.ones(SHAPE, bool), 2.0)
    first = state.killed.copy()
    assert np.all(np.diff(first.ravel()) >= 0) and first.min() >= 0 and first.max() <= 1 and np.ptp(first) > 0.1
    injure(law, state, doses(), np.ones(SHAPE, bool), 2.0)
    assert np.array_equal(state.killed, first)


@pytest.mark.parametrize("kind", [ThiolLossLaw, ExposureLaw])
def test_selectivity_spares_normal_tissue_only_and_its_null_value_is_one(kind):
    tumour = np.zeros(SHAPE, bool)
    tumour[:2] = True
    given = doses(left=np.full(SHAPE, 3.0), exposure=np.full(SHAPE, 20.0))

    def law(selectivity):
        return kind("thiols", 0.7, 4.0, selectivity) if kind is ThiolLossLaw else kind(30.0, 1.0, 4.0, selectivity)

    plain, spared = killed_by(law(1.0), given, tumour), killed_by(law(3.0), given, tumour)
    assert np.ptp(plain) == 0
    assert np.array_equal(plain[tumour], spared[tumour]) and np.all(spared[~tumour] < plain[~tumour])


def test_volumes_are_counted_inside_and_outside():
    tumour = np.zeros(SHAPE, bool)
    tumour[0] = True
    counted = killed_volume(np.full(SHAPE, 0.5), tumour, 2e-9)
    assert (counted.inside, counted.outside) == pytest.approx((6 * 1e-9, 18 * 1e-9), rel=1e-12)


def test_what_cannot_be_is_refused():
    with pytest.raises(BadInput, match="lethal_fraction"):
        ThiolLossLaw("thiols", 1.0, 4.0, 1.0)
    with pytest.raises(BadInput, match="toxic_power"):
        ExposureLaw(1.0, 0.0, 4.0, 1.0)
    with pytest.raises(BadInput, match="swept"):
        killed_by(LAWS[1], doses(swept=np.zeros((1, 1, 1))))
    with pytest.raises(BadInput, match="knows no law"):
        injure("thiols", InjuryState.fresh(SHAPE, None), doses(), np.ones(SHAPE, bool), 1.0)
