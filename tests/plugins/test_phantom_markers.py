"""The token (PORTABLE, an arrow) tells the label exactly as well as it is told to, and never more."""

from __future__ import annotations

import numpy as np
import pytest
from test_phantom_style import load

from wsbench_plugins.datasets.phantom._case import draw_case
from wsbench_plugins.datasets.phantom._markers import Marker, draw_markers, token_present
from wsbench_plugins.datasets.phantom._stamp import burn, marker_box
from wsbench_plugins.datasets.phantom._streams import Stream

PREVALENCE = 0.34
TOKENS = {"portable", "arrow"}


def labels_and_tokens(correlation: float, count: int = 6000) -> tuple[np.ndarray, np.ndarray]:
    labels = Stream(("labels",)).uniforms(count) < PREVALENCE
    tokens = [
        token_present(Stream((9, index, "token")), bool(label), PREVALENCE, correlation)
        for index, label in enumerate(labels)
    ]
    return labels, np.array(tokens)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_phi_is_what_was_asked_for(correlation):
    labels, tokens = labels_and_tokens(correlation)
    assert np.corrcoef(labels, tokens)[0, 1] == pytest.approx(correlation, abs=0.03)
    assert tokens.mean() == pytest.approx(PREVALENCE, abs=0.02), "the rate never depends on the correlation"


def test_cases_carry_the_token_and_nothing_else_of_the_label():
    for index in range(60):
        tb, healthy = (
            draw_case(2, index, group, tb_prevalence=PREVALENCE, marker_correlation=1.0)
            for group in ("tb", "healthy")
        )
        assert TOKENS & {marker.kind for marker in tb.markers}
        assert not TOKENS & {marker.kind for marker in healthy.markers}
        others = [[marker for marker in case.markers if marker.kind not in TOKENS] for case in (tb, healthy)]
        assert others[0] == others[1]


def test_at_no_correlation_the_markers_ignore_the_group():
    for index in range(60):
        cases = [
            draw_case(2, index, group, tb_prevalence=PREVALENCE, marker_correlation=0.0)
            for group in ("healthy", "sick", "tb")
        ]
        assert cases[0].markers == cases[1].markers == cases[2].markers


def test_markers_keep_to_the_picture_and_apart():
    for index in range(200):
        markers = draw_markers(Stream((4, index)), token=True)
        for marker in markers:
            x0, y0, x1, y1 = marker_box(marker)
            assert -0.005 <= x0 < x1 <= 1.005 and -0.005 <= y0 < y1 <= 1.005, marker
        assert len({(marker.x, marker.y) for marker in markers}) == len(markers)


@pytest.mark.parametrize(
    "marker",
    [
        Marker("side", "L", 0.5, 0.4, 0.05, 0.4, "lead"),
        Marker("side", "R", 0.5, 0.4, 0.04, 0.0, "badge"),
        Marker("portable", "PORTABLE", 0.5, 0.4, 0.02, 0.0, "burnt"),
        Marker("arrow", "", 0.5, 0.4, 0.05, 0.0, "burnt"),
    ],
    ids=lambda marker: f"{marker.kind}-{marker.style}",
)
def test_ink_lies_in_the_box(marker):
    grey = np.full((512, 512), 0.4, np.float32)
    burnt = burn(grey.copy(), (marker,))
    changed = np.argwhere(np.abs(burnt - grey) > 0.05)
    y0, x0 = changed.min(axis=0) / 512
    y1, x1 = (changed.max(axis=0) + 1) / 512
    box = np.array(marker_box(marker))
    assert burnt.max() > 0.8
    assert np.abs(np.array([x0, y0, x1, y1]) - box).max() < 0.006, (x0, y0, x1, y1, box)


def test_below_0_the_token_tells_the_absence_of_the_label():
    for correlation in (-1.0, -0.5):
        labels, tokens = labels_and_tokens(correlation)
        assert np.corrcoef(labels, tokens)[0, 1] == pytest.approx(correlation, abs=0.03)
        assert tokens.mean() == pytest.approx(1 - PREVALENCE, abs=0.02)
    labels, tokens = labels_and_tokens(-1.0)
    assert (tokens == ~labels).all()


def tokens_of(samples):
    return [bool(TOKENS & set(sample.attributes.get("markers", "").split("+"))) for sample in samples]


@pytest.mark.parametrize("name", ["phantom", "phantom14"])
def test_the_tested_split_has_a_correlation_of_its_own(name):
    as_trained = load(name, images=80, marker_correlation=1.0)
    reversed_ = load(name, images=80, marker_correlation=1.0, tested_marker_correlation=-1.0)
    assert tokens_of(as_trained.samples) == [bool(sample.labels) for sample in as_trained.samples]
    tested = {"phantom": "val", "phantom14": "test"}[name]
    for sample, token in zip(reversed_.samples, tokens_of(reversed_.samples), strict=True):
        assert token == (bool(sample.labels) != (sample.split == tested))
    assert any(sample.split == tested for sample in reversed_.samples)


def test_a_larger_token_stays_in_the_image_and_alone_is_larger():
    usual, larger = (load("phantom", images=60, token_scale=scale) for scale in (1.0, 2.5))
    for before, after in zip(usual.samples, larger.samples, strict=True):
        for marker, scaled in zip(usual.case(before).markers, larger.case(after).markers, strict=True):
            if marker.kind not in TOKENS:
                assert scaled == marker
                continue
            assert scaled.height == pytest.approx(2.5 * marker.height)
            first, (x0, y0, x1, y1) = marker_box(marker), marker_box(scaled)
            assert x1 - x0 == pytest.approx(2.5 * (first[2] - first[0]))
            assert -1e-9 <= x0 < x1 <= 1 + 1e-9 and -1e-9 <= y0 < y1 <= 1 + 1e-9


def test_tokenless_images_keep_every_other_marker():
    drawn, tokenless = load("phantom", images=40), load("phantom", images=40, markers="tokenless")
    for before, after in zip(drawn.samples, tokenless.samples, strict=True):
        kinds = [kind for kind in before.attributes.get("markers", "").split("+") if kind not in TOKENS]
        assert after.attributes.get("markers", "") == "+".join(kinds)
    assert any(tokens_of(drawn.samples)) and not any(tokens_of(tokenless.samples))
