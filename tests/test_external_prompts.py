"""Answers and heatmaps of several prompts: how they are read, joined and counted, and their spread."""

from __future__ import annotations

import csv
import json
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import wsbench
from conftest import METRICS, refused
from external_examples import small_phantom
from wsbench.contract import plugins, records
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.predictions import external
from wsbench.predictions.external import ExternalPredictions, Prompts
from wsbench.predictions.prompts import PromptMap, fuse, keep, read_prompts
from wsbench.reports.prompts import spread_of
from wsbench.reports.rows import Row
from wsbench.reports.tabular.form import read_csv
from wsbench.runs import prompts as prompt_runs
from wsbench.types import ScoredBox

TWO = Prompts({"tb": ["tuberculosis", "cavity"]})
COMMAND = ("evaluate", "-d", "phantom", "-D", "images=80", "-q", "--no-references", "--predictions")


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return small_phantom()


def rows_of(
    loaded: Loaded, role: str = "test", prompts: Sequence[str] = ("tuberculosis", "cavity")
) -> list[dict]:
    """For each prompt, the truth of a role in pixels, and no box where there is none."""
    rows: list[dict] = []
    for prompt in prompts:
        for sample in loaded.samples_of(role):
            answer = {"image": sample.name, "prompt": prompt}
            boxes = [[b.x0, b.y0, b.x1, b.y1] for b in sample.boxes]
            rows += [{**answer, "box": box} for box in boxes] or [{**answer, "box": None}]
    return rows


def write(path: Path, rows: Sequence[dict]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def read(
    path: Path, loaded: Loaded, prompts: Prompts | None = TWO, boxes: str = "pixels:xyxy"
) -> ExternalPredictions:
    return external.read_predictions(path, "vlm", loaded, boxes=boxes, prompts=prompts)


def corners(boxes: Sequence[ScoredBox]) -> list[tuple[float, ...]]:
    return [(box.x0, box.y0, box.x1, box.y1) for box in boxes]


def scored_box(x0: float, x1: float, score: float) -> ScoredBox:
    return ScoredBox("tb", x0, 0, x1, 100, score)


# How boxes are joined, by hand.


def test_boxes_of_prompts_that_overlap_are_one_with_their_weighted_mean() -> None:
    first, second, far = scored_box(0, 100, 0.9), scored_box(20, 120, 0.3), scored_box(300, 400, 0.6)
    # IoU 80 / 120 > 0.55; corners (0.9 * 0 + 0.3 * 20) / 1.2 = 5; scores (0.9 + 0.3) / 2 and 0.6 / 2.
    fused = fuse([[first], [second, far]])
    assert np.allclose(corners(fused), [(5, 0, 105, 100), (300, 0, 400, 100)], rtol=0, atol=1e-12)
    assert [box.score for box in fused] == pytest.approx([0.6, 0.3], abs=1e-12)
    assert keep([[first], [second, far]]) == [first, second, far]


def test_boxes_that_overlap_little_or_are_of_one_prompt_stay_apart() -> None:
    apart = [scored_box(0, 100, 0.8), scored_box(40, 140, 0.8)]  # IoU 60 / 140 < 0.55
    assert corners(fuse([[apart[0]], [apart[1]]])) == corners(apart)
    assert [box.score for box in fuse([[apart[0]], [apart[1]]])] == [0.4, 0.4]
    twice = [scored_box(0, 100, 0.8), scored_box(1, 101, 0.7)]
    assert fuse([twice]) == twice
    assert fuse([[], []]) == []
    assert (
        fuse([[scored_box(0, 100, 0.0)], [scored_box(10, 110, 0.0)]])[0].x0 == 5.0
    )  # no weights, plain mean


def test_a_third_box_is_compared_with_the_fused_one() -> None:
    fused = fuse([[scored_box(0, 100, 0.5)], [scored_box(20, 120, 0.5)], [scored_box(40, 140, 0.5)]])
    # (10, 110) and (40, 140) overlap by 70 / 130, which is less than 0.55.
    assert corners(fused) == [(10, 0, 110, 100), (40, 0, 140, 100)]
    assert [box.score for box in fused] == pytest.approx([1 / 3, 1 / 6])


# Files of answers.


def test_answers_as_json_lines_and_as_csv_are_the_same(loaded: Loaded, tmp_path: Path) -> None:
    rows = [row | {"answer": "the lung"} for row in rows_of(loaded)]
    of_lines = read(write(tmp_path / "a.jsonl", rows), loaded)
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(
            file, ["image", "prompt", "box"], extrasaction="ignore", lineterminator="\r\n"
        )
        writer.writeheader()
        writer.writerows(rows)  # a list becomes the text '[1.0, 2.0, 3.0, 4.0]', and None nothing
    of_table = read(tmp_path / "a.csv", loaded)
    assert of_table.parts["test"].boxes == of_lines.parts["test"].boxes
    truth = [[(b.x0, b.y0, b.x1, b.y1) for b in sample.boxes] for sample in loaded.samples_of("test")]
    found = [sorted(corners(boxes)) for boxes in of_lines.parts["test"].boxes or ()]
    assert all(
        len(a) == len(b) and np.allclose(a, sorted(b), rtol=0, atol=1e-9)
        for a, b in zip(found, truth, strict=True)
    )
    counts = of_lines.facts["prompts"]["answers"]
    boxed = sum(bool(of_image) for of_image in truth)
    assert counts == {
        "total": 2 * len(truth), "with_boxes": 2 * boxed, "without_boxes": 2 * (len(truth) - boxed),
        "unparsed": 0, "partly_parsed": 0,
    }  # fmt: skip


def test_boxes_without_scores_rank_by_their_order_and_tie_between_images(
    loaded: Loaded, tmp_path: Path
) -> None:
    rows = [row for row in rows_of(loaded, prompts=["tb"]) if row["box"] is None]
    names = [sample.name for sample in loaded.samples_of("test") if sample.boxes]
    boxes = [[10, 10, 60, 60], [100, 100, 160, 160], [300, 300, 360, 360]]
    rows += [{"image": name, "class": "tb", "box": box} for name in names for box in boxes]
    rows = [{"class" if key == "prompt" else key: value for key, value in row.items()} for row in rows]
    part = read(write(tmp_path / "a.jsonl", rows), loaded, None).parts["test"]
    per_image = [of_image for of_image in part.boxes or () if of_image]
    assert len(per_image) == len(names)
    assert {tuple(box.score for box in of_image) for of_image in per_image} == {
        (1.0, 1023 / 1024, 1022 / 1024)
    }
    assert sorted(set(part.scores[:, 0])) == [0.0, 1.0]
    many = [{"image": names[0], "class": "tb", "box": [i / 8, 0, 300, 300]} for i in range(600)]
    rows = [row for row in rows if row["image"] != names[0]] + many
    part = read(write(tmp_path / "a.jsonl", rows), loaded, None).parts["test"]
    assert min(box.score for of_image in part.boxes or () for box in of_image) == 0.5


def test_a_class_score_is_the_mean_of_its_prompts_best_boxes(loaded: Loaded, tmp_path: Path) -> None:
    rows = [row | ({"score": 0.8} if row["box"] else {}) for row in rows_of(loaded, prompts=["tuberculosis"])]
    rows += [{"image": sample.name, "prompt": "cavity"} for sample in loaded.samples_of("test")]
    predicted = read(write(tmp_path / "a.jsonl", rows), loaded)
    assert sorted(set(predicted.parts["test"].scores[:, 0])) == [0.0, 0.4]
    alone = [part["test"].scores[:, 0] for part in predicted.alone]
    assert [sorted(set(scores)) for scores in alone] == [[0.0, 0.8], [0.0]]


def test_an_answer_that_cannot_be_parsed_is_counted_apart(loaded: Loaded, tmp_path: Path) -> None:
    first, second, third = [sample.name for sample in loaded.samples_of("test") if sample.boxes][:3]
    rows = [row for row in rows_of(loaded) if row["image"] not in (first, second, third)]
    for prompt in ("tuberculosis", "cavity"):
        rows += [
            {"image": first, "prompt": prompt, "box": "I am sorry, but at 3 o'clock 4 5 6"},
            {"image": second, "prompt": prompt, "box": [1, 2, 3]},
            {"image": third, "prompt": prompt, "box": "(10, 20), (30, 40)"},
            {"image": third, "prompt": prompt, "box": "10 20"},
        ]
    predicted = read(write(tmp_path / "a.jsonl", rows), loaded)
    counts = predicted.facts["prompts"]["answers"]
    assert (counts["unparsed"], counts["partly_parsed"]) == (4, 2)
    names = list(loaded.roles.members["test"])
    boxes = predicted.parts["test"].boxes or ()
    assert corners(boxes[names.index(third)]) == [(10, 20, 30, 40)]
    assert boxes[names.index(first)] == boxes[names.index(second)] == []


def test_other_roles_are_predicted_where_all_their_images_are_answered(
    loaded: Loaded, tmp_path: Path
) -> None:
    rows = rows_of(loaded) + rows_of(loaded, "select")
    assert set(read(write(tmp_path / "a.jsonl", rows), loaded).parts) == {"test", "select"}
    rows = [row for row in rows if row["image"] != rows[-1]["image"]]
    assert set(read(write(tmp_path / "a.jsonl", rows), loaded).parts) == {"test"}


def test_every_answer_may_say_the_size_that_the_model_saw(loaded: Loaded, tmp_path: Path) -> None:
    rows = [{**row, "width": 1024, "height": 256} for row in rows_of(loaded, prompts=["tb"])]
    for row in rows:
        if row["box"]:
            x0, y0, x1, y1 = row["box"]
            row["box"] = [2 * x0, y0 / 2, 2 * x1, y1 / 2]  # images have 512 x 512 pixels
    predicted = read(write(tmp_path / "a.jsonl", rows), loaded, None, "resized:xyxy")
    for boxes, sample in zip(predicted.parts["test"].boxes or (), loaded.samples_of("test"), strict=True):
        assert np.allclose(
            corners(boxes), [(b.x0, b.y0, b.x1, b.y1) for b in sample.boxes], rtol=0, atol=1e-9
        )
    line = next(number for number, row in enumerate(rows, 1) if row["box"])
    del rows[line - 1]["width"]
    with pytest.raises(
        WsbenchError, match=rf"line {line}: resized:xyxy needs the width and height of the image"
    ):
        read(write(tmp_path / "a.jsonl", rows), loaded, None, "resized:xyxy")


def boxed(rows: list[dict]) -> dict:
    return next(row for row in rows if row["box"])


Change = Callable[[list[dict]], object]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[2].update(prompt="nodule"), "prompt 'nodule' is of no class; name it with"),
        (lambda rows: rows[2].update(image="p1"), r"line 3: image 'p1' is not in phantom; known: "),
        (lambda rows: rows[2].update(boxs=1), r"a\.jsonl, line 3: boxs: .*did you mean 'box'\?"),
        (lambda rows: rows[2].update({"class": "tb"}), "line 3: give either 'prompt' or 'class'"),
        (lambda rows: rows[2].update(box=[[1, 2, 3, 4]]), "line 3: box: has several boxes; write a row"),
        (lambda rows: rows.pop(0), r"1 images of role test have no answer to 'tuberculosis': "),
        (lambda rows: rows.append({**rows[0], "box": None}), "has no box for 'tuberculosis', and another"),
        (lambda rows: boxed(rows).update(score=0.5), "has no score, and other boxes"),
        (lambda rows: [r.update(score=7) for r in rows], r"score on line \d+ must lie in \[0, 1\], found 7"),
        (lambda rows: [r.update(box="none") for r in rows], "no answer could be parsed; write 'box' as four"),
        (lambda rows: boxed(rows).update(box=[9, 9, 1, 1]), r"\[9, 9, 1, 1\] of .* has no"),
        (lambda rows: rows.clear(), "has no answers; write a row for every image and prompt"),
    ],
)  # fmt: skip
def test_faults_of_answers(change: Change, words: str, loaded: Loaded, tmp_path: Path) -> None:
    rows = rows_of(loaded)
    change(rows)
    with pytest.raises(WsbenchError, match=words):
        read(write(tmp_path / "a.jsonl", rows), loaded)


def test_what_is_no_file_of_answers_is_refused(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"image": "a"}\n{oops\n')
    with pytest.raises(WsbenchError, match=r"line 1: give either 'prompt' or 'class'"):
        read(tmp_path / "a.jsonl", loaded)
    (tmp_path / "a.jsonl").write_text("\n{oops\n")
    with pytest.raises(WsbenchError, match=r"not JSON Lines \(line 2\)"):
        read(tmp_path / "a.jsonl", loaded)
    (tmp_path / "a.csv").write_text("image,prompt,box\na,b,1,2,3,4\n")
    with pytest.raises(WsbenchError, match=r"line 2: does not have the cells of the heading"):
        read(tmp_path / "a.csv", loaded)


# The prompts of classes.


def test_prompts_of_the_command_line_and_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("tb: [tuberculosis, 'a = b']\nmass: mass\n")
    assert read_prompts(["p.yaml"]) == {"tb": ["tuberculosis", "a = b"], "mass": "mass"}
    assert read_prompts(["tb=[a, b c]", "mass=a mass"]) == {"tb": ["a", "b c"], "mass": "a mass"}
    assert read_prompts([]) is None
    with pytest.raises(WsbenchError, match="class tb is given twice"):
        read_prompts(["p.yaml", "tb=x"])
    (tmp_path / "p.yaml").write_text("- tb\n")
    with pytest.raises(WsbenchError, match=r"p\.yaml: must hold prompts by class"):
        read_prompts(["p.yaml"])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"tb": ["a"], "mas": ["b"]}, "unknown class of --prompts 'mas'; did you mean 'mass'"),
        ({"tb": ["a"]}, "class mass has no prompt"),
        ({"tb": ["a"], "mass": ["a"]}, "'a' stands twice"),
        ({"tb": ["a"], "mass": []}, "class mass needs a text or a list of texts"),
        ({"tb": ["a"], "mass": [1]}, "class mass needs a text or a list of texts"),
    ],
)
def test_faults_of_prompts(values: dict, words: str) -> None:
    with pytest.raises(WsbenchError, match=words):
        PromptMap.of(values, ["tb", "mass"], "fuse")


def test_sets_have_the_next_prompt_of_every_class() -> None:
    prompts = PromptMap.of({"tb": ["a", "b", "c"], "mass": ["d", "e"]}, ["mass", "tb"], "keep")
    assert prompts.sets == [{"mass": "d", "tb": "a"}, {"mass": "e", "tb": "b"}, {"mass": "d", "tb": "c"}]


# Scores and their spread.


def evaluated(path: Path, loaded: Loaded, prompts: Prompts) -> tuple[Record, list[Record]]:
    program = read(path, loaded, prompts)
    record = prompt_runs.evaluate(program, loaded, plugins.find(), path.parent / "runs")
    alone = [
        records.load(file) for file in sorted(path.parent.glob("runs/phantom/vlm.prompt*/*/record.json"))
    ]
    return record, alone


@pytest.fixture(scope="module")
def scored(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, list[Record]]:
    """Two prompts, one of which points too far to the left."""
    folder = tmp_path_factory.mktemp("scored")
    rows = rows_of(loaded)
    for row in rows:
        if row["prompt"] == "cavity" and row["box"]:
            x0, y0, x1, y1 = row["box"]
            row["box"] = [x0 / 3, y0, x1 / 3, y1]
    return evaluated(write(folder / "a.jsonl", rows), loaded, TWO)


def test_each_prompt_is_scored_alone_and_the_record_has_the_range(
    scored: tuple[Record, list[Record]],
) -> None:
    record, alone = scored
    assert [one.method["facts"]["prompts"]["of_class"] for one in alone] == [
        {"tb": "tuberculosis"},
        {"tb": "cavity"},
    ]
    values = [one.value("ap25") for one in alone]
    assert values[0] == 1.0 > values[1]
    spread = records.load(record.folder / "record.json").method["facts"]["prompts"]["spread"]
    for name in ("cond_ap25", "ap25", "auc"):
        of_prompts = [one.value(name) for one in alone]
        assert spread[name]["values"] == of_prompts
        assert (spread[name]["lowest"], spread[name]["highest"]) == (min(of_prompts), max(of_prompts))
        assert spread[name]["sd"] == statistics.stdev(of_prompts)
        assert spread[name]["version"] == METRICS[name].version
        assert spread[name]["per_class"]["tb"]["values"] == of_prompts
    assert alone[0].evaluations["count"] < alone[1].evaluations["count"] < record.evaluations["count"] == 3


def test_one_prompt_has_no_spread_and_no_other_run(loaded: Loaded, tmp_path: Path) -> None:
    rows = rows_of(loaded, prompts=["tuberculosis"])
    record, alone = evaluated(write(tmp_path / "a.jsonl", rows), loaded, Prompts({"tb": "tuberculosis"}))
    assert alone == []
    assert "spread" not in record.method["facts"]["prompts"]
    assert record.value("ap25") == 1.0


def test_the_commands_table_and_words(loaded: Loaded, tmp_path: Path, command: Callable) -> None:
    rows = rows_of(loaded)
    for row in rows:
        if row["prompt"] == "cavity" and row["box"]:
            row["box"] = "not here" if row["box"][0] > 250 else None
    boxed = [sample for sample in loaded.samples_of("test") if sample.boxes]
    rows = [
        row for place, row in enumerate(rows) if row not in rows[:place]
    ]  # one row of an answer without box
    rows = [row for row in rows if not (row["box"] is None and rows.count({**row, "box": "not here"}))]
    write(tmp_path / "a.jsonl", rows)
    words = ["--boxes", "pixels:xyxy", "--prompts", "tb=[tuberculosis, cavity]", "--name", "vlm"]
    code, out, err = command(*COMMAND, "a.jsonl", *words)
    assert code == 0, err
    table = out[out.index("prompts of vlm, protocol uniform") :]
    for label in (r"joined \(fuse\)", "tuberculosis", "cavity", "lowest", "highest", "sd over prompts"):
        assert re.search(rf"^{label} +-?\d\.\d", table, re.MULTILINE), label
    unparsed = len({row["image"] for row in rows if row["box"] == "not here"})
    test = len(loaded.roles.members["test"])
    assert (
        f"answers: {2 * test}; {len(boxed)} with boxes, {2 * test - len(boxed) - unparsed} without a box"
        in out
    )
    assert f", {unparsed} that could not be parsed" in out
    assert "boxes have no scores: they rank by their order in their answer, and images tie" in out
    assert "answered roles: test; " in out
    (folder,) = re.findall(r"^record: (\S+)$", out, re.MULTILINE)
    code, out, _ = command("evaluate", folder, "-q")  # scored again, it still says so
    assert code == 0 and "prompts of vlm" in out


@pytest.mark.parametrize(
    ("name", "words", "line"),
    [
        ("a.jsonl", [], "a.jsonl: say in which format its boxes are with --boxes, such as 0-1000:xyxy"),
        (
            "a.json",
            ["--prompts", "tb=x"],
            "a.json: --prompts is of answers (.jsonl, .csv) and heatmaps (.npz)",
        ),
        (
            "a.jsonl",
            ["--category", "1=tb"],
            "a.jsonl: --category and --images are of COCO results; use --prompts",
        ),
        ("a.jsonl", ["--join", "vote"], "unknown way to join prompts 'vote'; known: fuse, keep"),
    ],
)
def test_options_that_do_not_fit_the_file(
    name: str, words: list[str], line: str, tmp_path: Path, command: Callable
) -> None:
    (tmp_path / name).write_text("[]")
    assert refused(command(*COMMAND, name, *words)) == line


# Heatmaps of prompts.


def test_heatmaps_of_prompts_are_averaged(loaded: Loaded, tmp_path: Path) -> None:
    roles = loaded.roles.members
    names = [name for role in ("select", "calibrate", "test") for name in roles[role]]
    generator = np.random.default_rng(0)
    maps, scores = generator.random((len(names), 2, 8, 8)), generator.random((len(names), 2))
    np.savez(
        tmp_path / "m.npz", names=names, classes=["cavity", "tuberculosis"], scores=scores, heatmaps=maps
    )
    predicted = external.read_predictions(tmp_path / "m.npz", "vlm", loaded, prompts=TWO)
    rows = [names.index(name) for name in roles["test"]]
    part = predicted.parts["test"]
    assert np.allclose(part.scores[:, 0], scores[rows].mean(axis=1), rtol=0, atol=1e-12)
    assert np.allclose(part.heatmaps[:, 0], maps[rows].mean(axis=1), rtol=0, atol=1e-6)
    for alone, column in zip(predicted.alone, (1, 0), strict=True):
        assert np.array_equal(alone["test"].scores, scores[rows][:, [column]])
        assert np.allclose(alone["test"].heatmaps, maps[rows][:, [column]], rtol=0, atol=1e-6)
    assert predicted.facts["prompts"]["join"] == "mean"
    with pytest.raises(WsbenchError, match=r"has nothing for the prompt 'nodule'; take it out of --prompts"):
        prompts = Prompts({"tb": ["tuberculosis", "cavity", "nodule"]})
        external.read_predictions(tmp_path / "m.npz", "vlm", loaded, prompts=prompts)


def test_from_python(loaded: Loaded, tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", rows_of(loaded))
    record = wsbench.evaluate(
        "a.jsonl", "phantom", name="vlm", boxes="pixels:xyxy", prompts=dict(TWO.of_class or {}), join="keep",
        data_options={"images": 80},
    )  # fmt: skip
    assert record.method["facts"]["prompts"]["join"] == "keep"
    assert record.method["facts"]["prompts"]["spread"]["ap25"]["sd"] == 0.0


# The spread, beside the row and on a page.


def spread_files(loaded: Loaded, folder: Path, *shares: float) -> list[str]:
    """Answers to two prompts, the second of which has boxes that are this much narrower; one file a share."""
    names = []
    for number, share in enumerate(shares):
        rows = rows_of(loaded)
        for row in rows:
            if row["prompt"] == "cavity" and row["box"]:
                x0, y0, x1, y1 = row["box"]
                row["box"] = [x0, y0, x0 + share * (x1 - x0), y1]
        names.append(write(folder / f"{number}.jsonl", rows).name)
    return names


def test_the_table_of_rows_has_the_range_of_single_prompts(
    loaded: Loaded, tmp_path: Path, command: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    files = spread_files(loaded, tmp_path, 0.2, 0.9)
    words = ["--boxes", "pixels:xyxy", "--prompts", "tb=[tuberculosis, cavity]", "--name", "vlm"]
    given = [word for file in files for word in ("--predictions", file)]
    code, out, err = command("evaluate", "-d", "phantom", "-D", "images=80", "-q", "--no-references", *given,
                             "--seeds", "0,1", *words)  # fmt: skip
    assert code == 0, err
    uniform, paper = out.split("protocol paper:")[0], out.split("protocol paper:")[1].split("prompts of")[0]
    (line,) = [line for line in uniform.splitlines() if "2 single prompts" in line]
    assert ".00\N{EN DASH}1.00" in line  # of both seeds: one misses all with its second prompt
    assert "single prompts" not in paper
    one = command(*COMMAND, files[0], *words[:2], "--prompts", "tb=[tuberculosis, cavity]", "--name", "b")[1]
    assert "2 single prompts" in one


def test_a_page_shows_the_spread_of_rows_that_have_one(
    tmp_path: Path, command: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsbench.reports.admission.refuse_subset", lambda dataset: None)
    loaded = small_phantom()
    (file,) = spread_files(loaded, tmp_path, 0.2)
    words = [*COMMAND, file, "--boxes", "pixels:xyxy", "--submit"]
    assert command(*words, "--name", "one", "--prompts", "tb=[tuberculosis, cavity]")[0] == 0
    assert command("run", "-m", "two_lungs", "-d", "phantom", "-D", "images=80", "-q", "--no-references",
                   "--submit")[0] == 0  # fmt: skip
    assert command("leaderboard")[0] == 0
    path = Path("leaderboards/tables/phantom/prompts.csv")
    (record,) = Path("leaderboards").glob("records/phantom/one-*.json.xz")
    spread = records.load(record).method["facts"]["prompts"]["spread"]
    (cells,) = read_csv(path.read_text())
    assert "two_lungs" not in cells["row"]
    low, high = spread["cond_ap25"]["lowest"], spread["cond_ap25"]["highest"]
    assert cells["cond_ap25"] == f"{low:.3f} to {high:.3f}" and low < high
    assert cells["cond_ap25 sd"] == f"{spread['cond_ap25']['sd']:.3f}"
    assert cells["prompts"] == "2"
    record.unlink()
    assert command("leaderboard")[0] == 0
    assert not path.exists()
    assert "prompts" not in Path("leaderboards/phantom.md").read_text().split("## Protocol")[1]


@pytest.mark.parametrize(
    ("spread", "words"),
    [
        ({"ap25": {"values": [1.0], "lowest": "low", "highest": 1.0, "sd": None}}, "spread.ap25: lowest"),
        ({"ap25": [1, 2]}, "spread.ap25"),
    ],
)
def test_a_spread_that_is_none_is_named(
    scored: tuple[Record, list[Record]], spread: dict, words: str
) -> None:
    record, _ = scored
    facts = {**record.method["facts"], "prompts": {"spread": spread}}
    row = Row((replace(record, method={**record.method, "facts": facts}),), METRICS)
    with pytest.raises(WsbenchError, match=words):
        spread_of(row)
    other = {**facts, "prompts": ["of another program"]}
    assert spread_of(Row((replace(record, method={**record.method, "facts": other}),), METRICS)) is None
