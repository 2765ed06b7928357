"""Rare classes count for more where that is worth it, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from countersign_ml import imbalance, probe
from countersign_ml.contract import BadInput


def drawn(common: int, rare: int, apart: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    hard = np.repeat([0, 1], [common, rare])
    rows = rng.normal(0, 1, (len(hard), 6))
    rows[hard == 1, 0] += apart
    order = rng.permutation(len(hard))
    folds = [(np.setdiff1d(order, part), part) for part in np.array_split(order, 4)]
    return rows, np.eye(2)[hard], hard, folds


def balanced(rows, soft, hard, folds, setting="auto"):
    plain = probe.cross_validate(rows, soft, folds)
    return imbalance.balance(setting, rows, soft, hard, folds, plain)


def test_weights_undo_the_counts_and_leave_the_whole_as_heavy_as_it_was():
    soft = np.eye(2)[[0] * 90 + [1] * 10]
    weights = imbalance.class_weights(soft, 1.0)
    assert weights * soft.sum(axis=0) == pytest.approx([50, 50])
    assert imbalance.class_weights(soft, 0.0) == pytest.approx([1, 1])


def test_a_class_without_images_weighs_nothing():
    assert imbalance.class_weights(np.eye(3)[[0, 0, 1]], 1.0)[2] == 0


def test_as_many_images_of_each_class_try_nothing():
    found = balanced(*drawn(60, 50, 2.0))
    assert found.power == 0 and [row["power"] for row in found.tried] == [0.0]


def test_where_accuracy_would_pay_too_much_the_plain_fit_stays():
    # Hard to tell apart: whoever finds the rare ones calls many of the common ones rare.
    found = balanced(*drawn(380, 20, 1.0))
    assert found.power == 0 and len(found.tried) == 3
    assert found.tried[2]["gain"] > found.tried[2]["error"]
    assert found.tried[2]["accuracy"] < found.tried[0]["accuracy"] - imbalance.ACCURACY_PRICE


def test_rare_images_that_a_plain_fit_gives_away_are_won_back():
    rows, soft, hard, folds = drawn(380, 20, 6.0)
    plain = probe.cross_validate(rows, soft, folds)
    weak = probe.CrossValidation(0.001, plain.log_loss, imbalance._out_of_fold(rows, soft, folds, 0.001, 0.0))
    found = imbalance.balance("auto", rows, soft, hard, folds, weak)
    assert found.power > 0
    assert found.tried[-1]["balancedAccuracy"] > found.tried[0]["balancedAccuracy"] + 0.05
    assert np.array_equal(found.out_of_fold, imbalance._out_of_fold(rows, soft, folds, 0.001, found.power))


def test_what_was_asked_for_is_done():
    assert balanced(*drawn(90, 30, 1.0), setting="balanced").power == 1
    assert balanced(*drawn(90, 30, 1.0), setting="none").power == 0
    with pytest.raises(BadInput, match="classWeights"):
        balanced(*drawn(30, 30, 1.0), setting="heavy")
