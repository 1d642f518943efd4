"""Two rows against each other: by hand, as the parts of a variance, and as the command prints it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import box, found, refused, table
from wsbench.contract import records
from wsbench.contract.plugins import find
from wsbench.runs import replay
from wsbench.runs.rescoring import dataset_of
from wsbench.runs.scoring_inputs import draws_of, truths_of
from wsbench.scoring import compared, compared_networks
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.compared_networks import Network, Pair
from wsbench.scoring.inputs import RolePredictions
from wsbench.scoring.protocols import Protocol, table_of
from wsbench.scoring.significance import DEFAULT_PRIOR, Estimate, Prior, noise_of, p_of, p_value
from wsbench.types import Prediction
from wsbench.utils.progress import Silent

GENERATOR = np.random.default_rng(0)
IMAGES, THRESHOLDS = GENERATOR.normal(0, 0.03, 4000), GENERATOR.normal(0, 0.02, 4000)


def test_without_seeds_the_interval_is_the_normal_laws() -> None:
    first = Estimate(np.array([0.6]), 0.6 + IMAGES, deterministic=True)
    second = Estimate(np.array([0.5]), np.full(4000, 0.5), deterministic=True)
    result = compared.difference("cond_ap25", first, second, DEFAULT_PRIOR)
    error = IMAGES.std(ddof=1)
    assert result.difference == pytest.approx(0.1)
    assert result.interval == pytest.approx((0.1 - 1.959964 * error, 0.1 + 1.959964 * error), abs=1e-6)
    same = compared.difference("cond_ap25", second, second, DEFAULT_PRIOR)
    assert (same.difference, same.interval, same.p) == (0.0, (0.0, 0.0), pytest.approx(1.0))


@pytest.mark.parametrize("trainings", [(), ("a", "b", "c")])
def test_the_interval_holds_what_the_test_does_not_tell_apart(trainings: tuple[str, ...]) -> None:
    first = Estimate(np.array([0.6, 0.7, 0.5]), 0.6 + IMAGES, trainings=trainings)
    second = Estimate(np.array([0.4, 0.5, 0.35]), 0.4167 + THRESHOLDS, trainings=trainings)
    result = compared.difference("cond_ap25", first, second, DEFAULT_PRIOR)
    assert result.p == p_of(first, second, DEFAULT_PRIOR)
    assert result.paired == bool(trainings)
    for end in result.interval:
        reach = end - result.difference
        assert p_value(reach, *noise_of(first, second, DEFAULT_PRIOR)) == pytest.approx(0.05)


def test_the_parts_of_the_variance_add_up() -> None:
    """A row whose draws are the sum of an effect of the images and one of the thresholds, and their product,
    against one that has neither. Seeds 0.1 apart: variance 0.005, moderated (2.78 * 0.072 ** 2 + 0.005) /
    3.78 = 0.005136, of the mean of two half of it; the deterministic row has none."""
    product = IMAGES * THRESHOLDS * 40
    first = Estimate(np.array([0.55, 0.65]), 0.6 + IMAGES + THRESHOLDS + product)
    second = Estimate(np.array([0.5]), np.full(4000, 0.5), deterministic=True)
    parts = compared.noise(first, second, DEFAULT_PRIOR, images=IMAGES, thresholds=THRESHOLDS)
    assert parts.seeds == pytest.approx((2.78 * 0.072**2 + 0.005) / 3.78 / 2)
    assert parts.images == pytest.approx(0.0009, rel=0.1)
    assert parts.thresholds == pytest.approx(0.0004, rel=0.1)
    assert parts.interaction == pytest.approx((0.03 * 0.02 * 40) ** 2, rel=0.15)
    assert parts.total == pytest.approx(parts.seeds + first.draws.var(ddof=1))


def test_mcnemar_by_hand() -> None:
    """Eight images that only the first hits and one that only the second does: 2 * (1 + 9) / 2 ** 9."""
    first = np.array([1] * 8 + [0] + [1] * 5 + [0] * 3, dtype=bool)
    second = np.array([0] * 8 + [1] + [1] * 5 + [0] * 3, dtype=bool)
    result = compared.mcnemar("both", first, second)
    assert (result.first, result.second, result.p) == (8, 1, pytest.approx(20 / 512))
    assert compared.mcnemar("same", first, first).p == 1.0


def network(hit: str, seed: int = 0) -> Network:
    """On as many images, each with a lesion that grows from image to image, ``x`` where it is hit."""
    truth = [[box(0, 0, 10 + row, 20)] for row in range(len(hit))]
    scored = table(truth, [[found(0, 0, 10 + r, 20)] if of == "x" else [] for r, of in enumerate(hit)])
    test = RolePredictions(scored.names, Prediction(scored.scores))
    return Network(seed, scored, Protocol(test, ("tb",), scored.sizes, (0.5,)))


def test_best_boxes_seed_by_seed_and_by_majority() -> None:
    rows = [network("xxx...", 0), network("xx.x..", 1), network("x.....", 2)]
    others = [network("......", 5), network("x...x.", 6)]
    paired = compared_networks.best_boxes(rows, others)
    assert [(one.who, one.first, one.second) for one in paired] == [
        ("seeds 0 and 5", 3, 0),
        ("seeds 1 and 6", 2, 1),
        ("majority of seeds", 2, 0),  # "xx....", and of two seeds no image has more than a half
    ]
    against_one = compared_networks.best_boxes(others[1:], rows)
    assert [(one.who, one.first, one.second) for one in against_one] == [
        ("seeds 6 and 0", 1, 2),
        ("seeds 6 and 1", 1, 2),
        ("seeds 6 and 2", 1, 0),
        ("majority of seeds", 1, 1),
    ]


def test_lesions_by_size() -> None:
    first = [network("xxx......"), network("xxxx.....", 1)]
    second = [network("......xxx")]
    like = [Estimate(np.array([0.5, 0.5]), np.zeros(1)), Estimate(np.array([0.5]), np.zeros(1), True)]
    draws = Resamples.draw(range(9), 50, seed=0)
    result = compared_networks.by_size(Pair((first, second), like, DEFAULT_PRIOR), draws)
    assert [(one.name, one.count) for one in result] == [
        ("all lesions", 9),
        ("smallest third", 3),
        ("middle third", 3),
        ("largest third", 3),
    ]
    assert [(one.first, one.second) for one in result] == [
        pytest.approx(both) for both in ((3.5 / 9, 3 / 9), (1, 0), (0.5 / 3, 0), (0, 1))
    ]
    assert result[1].interval[0] < 1 < result[1].interval[1]  # all hit, or none, is not known for sure


def test_classes_are_those_that_the_metric_has_a_value_of() -> None:
    """Class a is hit by the first row alone, b by the second alone, and c has no lesion."""
    truth = [[box(0, 0, 20, 20, "a")] for _ in range(6)] + [[box(0, 0, 20, 20, "b")] for _ in range(4)]
    rows = []
    for hit in "ab":
        boxes = [[found(0, 0, 20, 20, 0.5, hit)] if of[0].label == hit else [] for of in truth]
        scored = table(truth, boxes, classes=("a", "b", "c"))
        test = RolePredictions(scored.names, Prediction(scored.scores))
        rows.append([Network(0, scored, Protocol(test, scored.classes, scored.sizes, (0.5,) * 3))])
    like = [Estimate(np.array([0.5]), np.zeros(1))] * 2
    draws, metric = Resamples.draw(range(10), 50, seed=0), find().metrics["cond_ap25"]
    result = compared_networks.by_class(Pair((rows[0], rows[1]), like, DEFAULT_PRIOR), metric, draws)
    assert [(one.name, one.count, one.first, one.second) for one in result] == [
        ("a", 6, pytest.approx(1), 0),
        ("b", 4, 0, pytest.approx(1)),
    ]
    single_class = Pair(([network("x.")], [network(".x")]), like, DEFAULT_PRIOR)
    assert compared_networks.by_class(single_class, metric, Resamples.once(2)) == []


def test_the_verdict_says_which_is_better_and_what_would_help() -> None:
    main = compared.Difference("cond_ap25", 0.4, 0.6, (-0.3, -0.1), 0.0004, paired=False)
    parts = compared.Noise(seeds=0.003, images=0.0005, thresholds=0.0003, interaction=0.0002)
    assert compared.verdict(main, ("net", "other"), parts) == (
        "other is better than net by 0.200 cond_ap25 (95 %: 0.100 to 0.300; p < 0.001). "
        "Of its variance 75% is seeds: more seeds would make it more certain."
    )
    unsure = replace(main, interval=(-0.5, 0.1), p=0.19)
    assert compared.verdict(unsure, ("net", "other"), None) == (
        "No difference is shown: other has 0.200 cond_ap25 more than net (95 %: -0.100 to 0.500; p = 0.190)."
    )


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((4, 3, 2, 1), "40% is seeds (that of a single seed is taken from other rows): more seeds would"),
        ((3, 4, 2, 1), "40% is test images: more test images would"),
        ((2, 3, 4, 1), "40% is thresholds: more images to choose thresholds on would"),
    ],
)
def test_the_largest_part_of_the_noise_is_named(parts: tuple[float, ...], words: str) -> None:
    main = compared.Difference("auc", 0.6, 0.6, (-0.1, 0.1), 1.0, paired=False)
    line = compared.verdict(main, ("net", "other"), compared.Noise(*parts), single=True)
    assert line == (
        "No difference is shown: net has 0.000 auc more than other (95 %: -0.100 to 0.100; p = 1.000). "
        f"Of its variance {words} make it more certain."
    )
    alone = compared.verdict(main, ("net", "other"), compared.Noise(*parts))
    assert alone == line.replace(" (that of a single seed is taken from other rows)", "")


@pytest.mark.parametrize(("p", "words"), [(0.001, "p = 0.001"), (0.00099, "p < 0.001"), (0.049, "p = 0.049")])
def test_a_small_p_is_a_bound_alone(p: float, words: str) -> None:
    main = compared.Difference("auc", 0.7, 0.6, (0.05, 0.15), p, paired=False)
    line = "net is better than other by 0.100 auc (95 %: 0.050 to 0.150; "
    assert compared.verdict(main, ("net", "other"), None) == f"{line}{words})."
    assert compared.verdict(main, ("net", "other"), compared.Noise(0, 0, 0, 0)) == f"{line}{words})."


def test_seeds_of_both_rows_are_in_the_noise() -> None:
    """Deviations 0.1 and 0.2 of two and four seeds, moderated by a prior of 4 degrees and variance 0.01."""
    first = Estimate(np.array([0.5, 0.5 + 0.1 * np.sqrt(2)]), 0.5 + IMAGES)
    second = Estimate(0.4 + 0.2 * np.array([1, -1, 1, -1]) * np.sqrt(3 / 4), np.full(4000, 0.4))
    prior = Prior(4.0, 0.01)
    parts = compared.noise(first, second, prior, images=IMAGES, thresholds=np.zeros(4000))
    of_first, of_second = (4 * 0.01 + 0.01) / 5, (4 * 0.01 + 3 * 0.04) / 7
    assert parts.seeds == pytest.approx(of_first / 2 + of_second / 4)


DATA = ["-d", "phantom", "-D", "images=320"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All image-blind rows on a small phantom, also as a leaderboard's."""
    from wsbench.cli import main

    folder = tmp_path_factory.mktemp("compared")
    paths = ["--runs", str(folder / "runs"), "--leaderboards", str(folder / "boards")]
    with pytest.raises(SystemExit) as end:
        main(["run", "-m", "two_lungs", *DATA, *paths, "--submit", "-q"])
    assert end.value.code == 0
    return folder


def run_of(folder: Path, name: str) -> str:
    (found_,) = (folder / "runs" / "phantom" / name).glob("seed*")
    return str(found_)


def test_two_runs_are_compared(command, runs: Path) -> None:
    code, out, _ = command("compare", run_of(runs, "two_lungs"), run_of(runs, "prior_boxes"), "-q")
    assert code == 0
    lines = out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0] == "A  two_lungs †; seed 0"
    both = [records.load(Path(run_of(runs, name)) / "record.json") for name in ("two_lungs", "prior_boxes")]
    cond = next(line.split() for line in lines if line.startswith("cond_ap25 "))
    values = [record.value("cond_ap25") for record in both]
    assert cond[1:4] == [*(f"{value:.3f}" for value in values), f"{values[0] - values[1]:+.3f}"]
    for title in ("sources of the noise of A - B", "best box of images", "share of lesions hit"):
        (place,) = [place for place, line in enumerate(lines) if line.startswith(title)]
        assert lines[place - 1] == "", "a title stands apart from the table before it"
    assert "than two_lungs" in " ".join(lines) or "than prior_boxes" in " ".join(lines)


def test_rows_are_named_as_on_their_page(command, runs: Path) -> None:
    boards = ["--leaderboards", str(runs / "boards"), "-q"]
    code, out, _ = command("compare", "two_lungs †", "prior_boxes", *boards)
    assert code == 0
    _, of_runs, _ = command("compare", run_of(runs, "two_lungs"), run_of(runs, "prior_boxes"), *boards)
    assert out == of_runs
    record = next((runs / "boards" / "records" / "phantom").glob("two_lungs*.json.xz"))
    _, of_record, _ = command("compare", str(record), f"{runs}/runs/phantom/prior_b*/seed*", *boards)
    assert out == of_record


def test_without_predictions_only_records_are_compared(command, runs: Path, tmp_path: Path) -> None:
    shutil.copy(Path(run_of(runs, "two_lungs")) / "record.json", tmp_path / "alone.json")
    code, out, _ = command("compare", str(tmp_path / "alone.json"), run_of(runs, "prior_boxes"), "-q")
    assert code == 0
    assert "cond_ap25" in out
    assert "alone.npz cannot be read" in " ".join(out.split())
    assert "McNemar" not in out


def test_what_cannot_be_compared_is_refused_in_a_line(command, runs: Path, tmp_path: Path) -> None:
    run, boards = run_of(runs, "two_lungs"), ["--leaderboards", str(runs / "boards"), "-q"]
    record = records.load(Path(run) / "record.json")
    other = replace(record, key={**record.key, "fingerprint": "other"})
    records.write(other, tmp_path / "other.json")
    records.write(replace(record, key=dict(record.key)), tmp_path / "again.json")
    assert "fingerprint differ; score both" in refused(command("compare", run, str(tmp_path / "other.json")))
    fewer = json.loads((tmp_path / "again.json").read_text())
    uniform = fewer["protocols"]["uniform"]
    uniform["draws"] = {name: drawn[:5] for name, drawn in uniform["draws"].items()}
    (tmp_path / "fewer.json").write_text(json.dumps(fewer))
    refusal = refused(command("compare", run, str(tmp_path / "fewer.json")))
    assert "fewer.json: has 5 draws, " in refusal
    both = f"{run},{run_of(runs, 'prior_boxes')}"
    assert "of another method or other settings" in refused(command("compare", both, run))
    assert "seeds 0, 0: a row has each seed once" in refused(
        command("strata", f"{run},{tmp_path / 'again.json'}")
    )
    assert "did you mean 'two_lungs'?" in refused(command("compare", "two_lung", run, *boards))
    assert "'nothing': no such run or record" in refused(command("compare", f"{run},nothing", run))


def test_strata_of_a_run(command, runs: Path) -> None:
    run = Path(run_of(runs, "two_lungs"))
    code, out, _ = command("strata", str(run), "-q")
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    said = records.load(run / "record.json").protocols["uniform"]["strata"]
    assert f"hit: {said['lesions']['hit']:.3f} of {said['lesions']['count']} lesions" in out
    assert "place: left half  " in out
    assert "worst: " in out or "no stratum lies below" in out


def test_the_thresholds_draws_are_those_of_the_record(runs: Path) -> None:
    """Scored again from predictions: together they are the record's draws, and apart each keeps the other
    still. What no threshold changes has no part of theirs."""
    path = Path(run_of(runs, "two_lungs")) / "record.json"
    record, plugins = records.load(path), find()
    loaded = dataset_of(record, plugins, Silent(), None)
    draws = draws_of(loaded)
    protocol = replay.again(path, record, loaded, draws)
    one = Network(0, table_of(protocol, truths_of(loaded)), protocol)
    auc, cond = plugins.metrics["auc"], plugins.metrics["cond_ap25"]
    said = record.protocols["uniform"]["draws"]
    assert compared_networks.of_images_alone(one, auc, draws.test) == pytest.approx(said["auc"], abs=1e-5)
    assert np.ptp(compared_networks.of_thresholds_alone(one, auc)) == 0.0
    thresholds = compared_networks.of_thresholds_alone(one, cond)
    rules = len(np.unique(protocol.redraws.rule_numbers))
    assert len(np.unique(thresholds)) <= rules
    assert record.value("cond_ap25") in thresholds or rules == 1


def test_strata_that_do_not_follow_from_predictions_are_named(runs: Path) -> None:
    source = next((runs / "boards" / "records" / "phantom").glob("two_lungs*.json.xz"))
    record, plugins = records.load(source), find()
    loaded = dataset_of(record, plugins, Silent(), None)
    assert list(replay.differences(source, record, loaded, plugins.metrics)) == []
    uniform = record.protocols["uniform"]
    groups = [{**group, "hit": 0.99} for group in uniform["strata"]["groups"]]
    forged = {**uniform, "strata": {**uniform["strata"], "groups": groups}}
    record = replace(record, protocols={**record.protocols, "uniform": forged})
    lines = list(replay.differences(source, record, loaded, plugins.metrics))
    assert len(lines) == len(groups) > 0
    assert lines[0].startswith("uniform: strata groups 0 hit is 0.99 in the record")
