"""What a person reads of an evaluation: charts that are whole, a card that says what shipped."""

import re

import pytest
from countersign_ml import plots
from countersign_ml.model_card import _fine_tuning


def curve(most: int) -> str:
    numbers, rise = [most // 8, most // 4, most // 2, most, 2 * most, 4 * most], [0.3, 0.4, 0.5, 0.6, 0.7, 0.75]
    title = f"Learning curve: expected beyond {most} images"
    return plots.curve(numbers, rise, rise, rise, 4, title, "training images", "accuracy out of fold")


@pytest.mark.parametrize("most", [67, 1438, 80_000])
def test_a_learning_curve_has_whole_numbers_of_images_and_a_title_that_fits(most: int):
    svg = curve(most)
    ticks = re.findall(r'text-anchor="middle">([^<]+)</text>', svg)[:6]
    assert all(tick.isdecimal() for tick in ticks) and ticks[-1] == str(4 * most)
    width = int(re.findall(r'viewBox="0 0 (\d+)', svg)[0])
    # Semibold at 14 px a letter is at most 8 px wide on average.
    assert 12 + 8 * len(re.findall("<title>([^<]+)", svg)[0]) < width


def test_what_a_learning_curve_expects_is_told_from_what_was_measured():
    solid, dashed = re.findall(r'<polyline class="([^"]+)" points="([^"]+)"', curve(100))
    assert (solid[0], dashed[0]) == ("line", "line ahead")
    assert len(solid[1].split()) == 4 and len(dashed[1].split()) == 3
    assert solid[1].split()[-1] == dashed[1].split()[0]


@pytest.mark.parametrize(("shipped", "kept"), [(True, "so it was kept"), (False, "so the probe was kept")])
def test_the_card_says_what_fine_tuning_brought(shipped: bool, kept: str):
    found = {"difference": {"value": -0.07, "low": -0.1418, "high": -0.0143}, "n": 100, "shipped": shipped}
    assert "by -7.0 points [-14.2, -1.4] over the probe on 100 held-out images" in _fine_tuning(found)[0]
    assert kept in _fine_tuning(found)[0]


def test_the_card_says_why_nothing_was_fine_tuned():
    assert _fine_tuning({"leftOut": "60 minutes are allowed"}) == ["Not fine-tuned: 60 minutes are allowed."]
    assert _fine_tuning(None) == []
