import numpy as np
import pytest
from countersign_ml import kernel_probe, probe
from sklearn.model_selection import KFold


def rings(n: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Points on an inner and an outer ring: no straight line parts them."""
    rng = np.random.default_rng(3)
    label = np.arange(n) % 2
    angle, radius = rng.uniform(0, 2 * np.pi, n), 1 + 2 * label + rng.normal(0, 0.15, n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), label


def folds(n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(KFold(5, shuffle=True, random_state=0).split(np.zeros(n)))


def test_wrong_labels_that_no_straight_line_finds_come_first():
    points, label = rings()
    said = label.copy()
    wrong = np.arange(0, 240, 17)
    said[wrong] = 1 - said[wrong]
    soft = np.eye(2)[said]
    found = kernel_probe.out_of_fold(points, soft, folds(240), 0)
    confidence = found.probabilities[np.arange(240), said]
    assert set(np.argsort(confidence)[: len(wrong)]) == set(wrong)
    assert np.allclose(found.probabilities.sum(axis=1), 1)
    straight = probe.softmax(probe.cross_validate(points, soft, folds(240)).out_of_fold)
    missed = set(np.argsort(straight[np.arange(240), said])[: len(wrong)])
    assert len(missed & set(wrong)) < len(wrong) / 2
    assert kernel_probe.surer(found, straight, soft)[0] == "curved probe"


def test_an_image_has_no_say_in_what_is_thought_of_it():
    rng = np.random.default_rng(1)
    points, soft = rng.normal(size=(200, 6)), np.eye(2)[rng.integers(0, 2, 200)]
    found = kernel_probe.out_of_fold(points, soft, folds(200), 0)
    # Labels by chance can't be foretold: a fit that had seen its image would.
    assert found.log_loss > 0.98 * np.log(2)
    model = np.where(soft == 1, 0.8, 0.2)
    assert kernel_probe.surer(found, model, soft)[0] == "model"
    assert kernel_probe.surer(None, np.full((200, 2), 0.5), soft)[0] == "model"


def test_landmarks_stand_for_all_images(monkeypatch: pytest.MonkeyPatch):
    points, label = rings()
    soft = np.eye(2)[label]
    all_of_them = kernel_probe.out_of_fold(points, soft, folds(240), 0)
    assert np.array_equal(
        kernel_probe.out_of_fold(points, soft, folds(240), 0).probabilities, all_of_them.probabilities
    )
    monkeypatch.setattr(kernel_probe, "LANDMARKS", 60)
    some = kernel_probe.out_of_fold(points, soft, folds(240), 0)
    assert (some.probabilities.argmax(axis=1) == all_of_them.probabilities.argmax(axis=1)).mean() > 0.98


def test_embeddings_that_are_all_the_same_say_the_shares():
    soft = np.eye(2)[np.array([0] * 30 + [1] * 10)]
    found = kernel_probe.out_of_fold(np.ones((40, 4)), soft, folds(40), 0)
    assert np.isfinite(found.probabilities).all()
    assert found.probabilities[:, 0] == pytest.approx(0.75, abs=0.1)
