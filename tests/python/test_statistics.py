"""Numbers that a person can check."""

import numpy as np
import pytest
from countersign_ml import calibration, metrics, neighbours, probe, slices
from countersign_ml.dataset import from_document
from countersign_ml.embedding_map import places
from countersign_ml.learning_curve import learning_curve
from countersign_ml.paired_score import grouped, tango


def test_wilson_of_8_in_10():
    # Wilson 1927, by hand: centre (8 + 1.92) / (10 + 3.84), z = 1.96
    found = metrics.wilson(8, 10)
    assert found["value"] == 0.8
    assert found["low"] == pytest.approx(0.4902, abs=1e-3)
    assert found["high"] == pytest.approx(0.9433, abs=1e-3)


def test_nothing_seen_is_any_share():
    assert metrics.wilson(0, 0) == {"value": 0.0, "low": 0.0, "high": 1.0}


def test_an_interval_over_groups_is_wider_than_one_that_counts_duplicates_as_news():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 5)
    hit = np.repeat(rng.random(60) < 0.8, 5)
    grouped, naive = metrics.share(hit, groups), metrics.share(hit, np.arange(300))
    assert grouped["high"] - grouped["low"] > 1.5 * (naive["high"] - naive["low"])


def test_groups_that_are_all_right_still_leave_doubt():
    found = metrics.share(np.ones(40, dtype=bool), np.repeat(np.arange(10), 4))
    assert found["high"] == 1 and found["low"] == pytest.approx(metrics.wilson(10, 10)["low"])


def test_a_paired_difference_counts_only_what_differs():
    ours = np.array([True] * 90 + [False] * 10)
    theirs = np.array([True] * 80 + [False] * 10 + [True] * 5 + [False] * 5)
    found = metrics.paired(ours, theirs, np.arange(100))
    assert found["difference"]["value"] == pytest.approx(0.05)
    assert found["discordant"] == 15
    assert found["difference"]["low"] < 0.05 < found["difference"]["high"]


def test_models_that_agree_everywhere_differ_by_at_most_what_n_images_can_hide():
    hit = np.ones(300, dtype=bool)
    found = metrics.paired(hit, hit, np.arange(300))["difference"]
    # The score test's own limit without a discordant pair: z^2 / (n + z^2).
    limit = 1.959964**2 / (300 + 1.959964**2)
    assert (found["low"], found["high"]) == (pytest.approx(-limit), pytest.approx(limit))


def test_the_score_interval_ends_where_the_likelihood_says_so():
    """At both ends the score statistic, with its variance from a likelihood maximised by brute force, is 1.96."""
    ours, theirs, n = 12, 2, 50
    for difference in tango(ours, theirs, n, 0.95):
        q = np.linspace(1e-6, 1 - 1e-6, 400_001)
        p = q + difference
        rest = 1 - p - q
        with np.errstate(invalid="ignore", divide="ignore"):
            likelihood = ours * np.log(p) + theirs * np.log(q) + (n - ours - theirs) * np.log(rest)
        q = q[np.nanargmax(np.where((p > 0) & (rest > 0), likelihood, np.nan))]
        spread = np.sqrt(n * (2 * q + difference - difference**2))
        assert abs(ours - theirs - n * difference) / spread == pytest.approx(1.96, abs=0.01)


@pytest.mark.parametrize(("ours", "theirs"), [(0.01, 0.01), (0.03, 0.01), (0.06, 0.02), (0.1, 0.1)])
def test_the_paired_interval_holds_the_truth_as_often_as_it_says_with_few_discordant_images(ours, theirs):
    n, rng = 120, np.random.default_rng(4)
    counts = rng.multinomial(n, [ours, theirs, 1 - ours - theirs], size=3000)
    limits = {(a, b): tango(a, b, n, 0.95) for a, b in {(int(a), int(b)) for a, b, _ in counts}}
    held = [limits[int(a), int(b)][0] <= ours - theirs <= limits[int(a), int(b)][1] for a, b, _ in counts]
    # Nominal .95; 3,000 draws leave .008 of doubt, and the method may be a point short.
    assert np.mean(held) >= 0.93


def test_the_paired_interval_over_groups_holds_the_truth_and_one_that_counts_copies_as_news_does_not():
    rng, ours, theirs = np.random.default_rng(5), 0.06, 0.02
    groups = np.repeat(np.arange(60), 4)
    held, naive = [], []
    for _ in range(1000):
        difference = np.repeat(rng.choice([1, -1, 0], 60, p=[ours, theirs, 1 - ours - theirs]), 4)
        low, high = grouped(difference, groups, 0.95)
        held.append(low <= ours - theirs <= high)
        low, high = grouped(difference, np.arange(240), 0.95)
        naive.append(low <= ours - theirs <= high)
    assert np.mean(held) >= 0.93 and np.mean(naive) < 0.9


def test_mcnemar_is_the_binomial_of_the_discordant():
    ours = np.array([True] * 5 + [True] * 10)
    theirs = np.array([False] * 5 + [True] * 10)
    assert metrics.mcnemar(ours, theirs) == pytest.approx(2 * 0.5**5)


def test_calibration_error_of_ten_sure_answers_of_which_seven_are_right():
    error, bins = metrics.calibration_error(np.full(10, 0.95), np.array([1] * 7 + [0] * 3, dtype=bool))
    assert error == pytest.approx(0.25)
    assert bins == [{"confidence": pytest.approx(0.95), "accuracy": pytest.approx(0.7), "n": 10}]


def test_risk_falls_as_the_unsure_are_left_out():
    coverage, risk = metrics.risk_coverage(np.array([0.9, 0.8, 0.6]), np.array([True, True, False]))
    assert coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert risk.tolist() == pytest.approx([0, 0, 1 / 3])


def test_the_temperature_undoes_a_stretch():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(4000, 4)) * 2
    p = probe.softmax(logits)
    label = np.array([rng.choice(4, p=row) for row in p])
    assert calibration.temperature(3 * logits, np.eye(4)[label]) == pytest.approx(3, rel=0.1)


def test_people_who_err_do_not_make_a_model_doubt_itself():
    """One answer each, right 80 % of the time: what is known of a label is the likelihood of that answer."""
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(6000, 4)) * 2
    truth = np.array([rng.choice(4, p=row) for row in probe.softmax(logits)])
    said = np.where(rng.random(6000) < 0.8, truth, (truth + rng.integers(1, 4, 6000)) % 4)
    likelihood = np.full((6000, 4), 0.2 / 3)
    likelihood[np.arange(6000), said] = 0.8
    assert calibration.temperature(3 * logits, likelihood) == pytest.approx(3, rel=0.1)
    sure = probe.softmax(3 * logits / calibration.temperature(3 * logits, likelihood))
    assert metrics.calibration_error(sure.max(axis=1), sure.argmax(axis=1) == truth)[0] < 0.03


def test_rows_that_count_twice_are_as_good_as_two_rows():
    logits, soft = np.array([[2.0, 0], [0, 1]]), np.array([[0.9, 0.1], [0.3, 0.7]])
    twice = calibration.answer_loss(logits, soft * [[2], [1]])
    assert 2 * twice == pytest.approx(3 * calibration.answer_loss(logits[[0, 0, 1]], soft[[0, 0, 1]]))


def test_the_abstain_threshold_keeps_the_error_at_the_target():
    logits = np.array([[4.0, 0], [3, 0], [2, 0], [1, 0]])
    hard = np.array([0, 0, 0, 1])
    threshold = calibration.abstain_threshold(logits, hard, 1.0, 0.1)
    kept = probe.softmax(logits).max(axis=1) >= threshold
    assert kept.tolist() == [True, True, True, False]


def test_nothing_is_withheld_where_all_answers_are_good_enough():
    assert calibration.abstain_threshold(np.array([[4.0, 0]] * 4), np.zeros(4, dtype=int), 1.0, 0.05) == 0


def test_at_most_half_is_withheld():
    logits = np.array([[4.0, 0], [3, 0], [2, 0], [1, 0]])
    threshold = calibration.abstain_threshold(logits, np.ones(4, dtype=int), 1.0, 0.05)
    assert (probe.softmax(logits).max(axis=1) >= threshold).sum() == 2


def test_soft_labels_count_by_their_weight():
    rng = np.random.default_rng(2)
    x = np.vstack([rng.normal(-2, 1, (40, 1)), rng.normal(2, 1, (40, 1))])
    sure = probe.fit(x, np.repeat(np.eye(2), 40, axis=0), 1.0)
    unsure = probe.fit(x, np.repeat([[0.7, 0.3], [0.3, 0.7]], 40, axis=0), 1.0)
    point = np.array([[2.0]])
    assert probe.softmax(sure.logits(point))[0, 1] > 0.95
    assert probe.softmax(unsure.logits(point))[0, 1] == pytest.approx(0.7, abs=0.05)


def test_a_feature_that_never_changes_does_no_harm():
    x = np.array([[0.0, 5], [1, 5], [0, 5], [1, 5]])
    head = probe.fit(x, np.eye(2)[[0, 1, 0, 1]], 1.0)
    assert np.isfinite(head.weight).all()
    assert head.logits(x).argmax(axis=1).tolist() == [0, 1, 0, 1]


def test_an_image_unlike_all_others_is_novel_and_a_duplicate_is_no_neighbour():
    rng = np.random.default_rng(3)
    rows = rng.normal([10, 0, 0], 0.5, (50, 3))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    groups = np.arange(50)
    reference = neighbours.Reference(
        [str(n) for n in range(50)], groups, rows, neighbours.threshold_of_known(rows, groups)
    )
    assert not reference.novelty(rows[0]).beyond
    assert reference.novelty(np.array([0.0, 1, 0])).beyond
    assert reference.nearest(rows[7], 1)[0]["sha256"] == "7"
    doubled = neighbours.threshold_of_known(np.repeat(rows, 6, axis=0), np.repeat(groups, 6))
    assert doubled == pytest.approx(neighbours.threshold_of_known(rows, groups), rel=1) and doubled > 0


def test_the_learning_curve_rises_and_its_promise_holds_what_more_images_then_bring():
    rng = np.random.default_rng(6)
    centres = rng.normal(0, 1, (4, 12))
    hard = rng.integers(0, 4, 1600)
    rows = centres[hard] + rng.normal(0, 1.6, (1600, 12))

    def of(n: int):
        names = [f"{k:064x}" for k in range(n)]
        items = [
            {"sha256": name, "split": "train", "group": name, "label": "abcd"[k], "soft": np.eye(4)[k].tolist()}
            for name, k in zip(names, hard[:n], strict=True)
        ]
        data = from_document({"version": "0" * 64, "classes": list("abcd"), "items": items})
        folds = data.folds(5, 0)
        return learning_curve(rows[:n], data, folds, probe.cross_validate(rows[:n], data.soft, folds), 0)

    few, many = of(400), of(1600)
    assert few is not None and many is not None
    values = [point["value"] for point in few["points"]]
    assert values[0] < values[-1] <= few["expected"][0]["value"] <= few["expected"][1]["value"]
    reached, promised = many["points"][-1], few["expected"][1]
    assert promised["n"] == reached["n"]
    assert promised["low"] <= reached["high"] and reached["low"] <= promised["high"]


def test_images_that_are_alike_lie_together_on_the_map():
    rng = np.random.default_rng(7)
    rows = np.vstack([rng.normal(m, 0.05, (15, 8)) for m in (-1, 1)])
    plane = places(rows)
    assert plane.min() >= 0 and plane.max() <= 1 and np.array_equal(plane, places(rows))
    apart = np.linalg.norm(plane[:15].mean(axis=0) - plane[15:].mean(axis=0))
    assert apart > 2 * plane[:15].std(axis=0).max()


def test_what_is_known_of_images_becomes_slices():
    masks = slices.by_value([{"camera": "A"}, {"camera": "B", "vendor": "alder"}, {}])
    assert {name: mask.tolist() for name, mask in masks.items()} == {
        "camera A": [True, False, False],
        "camera B": [False, True, False],
        "vendor alder": [False, True, False],
    }
