"""Papers beside the floor: the page's numbers again from annotations, by hand, and as the page says them."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from conftest import benchmark_module
from wsbench.geometry.iou import pairwise_iou
from wsbench.reports.floors import papers_by_name, read_file
from wsbench_plugins.datasets.nih import _tables

ROOT = Path(__file__).parents[1]
NUMBERS = ROOT / "leaderboards" / "floors.yaml"
PAGE = ROOT / "docs" / "papers_beside_the_floor.md"
MEAN, EIGHT = "the mean box of the class", "8 fixed boxes a class"
TWO_MEANS = "2 mean boxes, left and right of the middle"


floors, floor_page = benchmark_module("floors"), benchmark_module("floor_page")
floor_annotations, floor_boxes, floor_masks = (
    benchmark_module(f"floor_{name}") for name in ("annotations", "boxes", "masks")
)
compute = cache(floors.compute)
COMMITTED = read_file(NUMBERS)


@pytest.fixture
def data(real_data: Callable[[str], Path]) -> Path:
    """The folder of real annotations."""
    return real_data("nih-metadata").parent


def number(found: list, measure: str, boxes: str, images: str = "", chosen_on: str = "") -> float:
    """The one value of a measure for some boxes; of several the first."""
    return next(
        floor.value
        for floor in found
        if (floor.measure, floor.boxes) == (measure, boxes)
        and floor.images.startswith(images)
        and floor.chosen_on.startswith(chosen_on)
    )


# What was committed.


def test_the_page_is_what_its_numbers_say() -> None:
    text = floor_page.render(COMMITTED, papers_by_name(ROOT / "leaderboards"))
    assert PAGE.read_text(encoding="utf-8") == text
    assert "$" not in text


def test_numbers_counted_independently_on_the_same_annotations() -> None:
    """By other code, before this one was written: TBX11K's to four digits; EVA-X's with 8 random halves."""
    assert number(COMMITTED, "miou", TWO_MEANS) == pytest.approx(0.3798, abs=5e-5)
    by_measure = {floor.measure: floor for floor in COMMITTED if floor.other_cuts}
    expected = {"evax_hit25": (32.6, 1.1), "evax_hit50": (13.3, 1.3), "evax_miou": (21.5, 0.7)}
    whole = {"evax_hit25": 3.9, "evax_hit50": 0.1, "evax_miou": 7.4}
    for measure, (mean, spread) in expected.items():
        assert 100 * by_measure[measure].other_cuts[0] == pytest.approx(mean, abs=spread)
        assert 100 * by_measure[measure].value == pytest.approx(mean, abs=2 * spread)
        found = number(COMMITTED, measure, "the whole image")
        assert 100 * found == pytest.approx(whole[measure], abs=0.05)


def test_the_first_table_shows_which_rules_a_blind_box_wins() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text(encoding="utf-8").split("How to read it")[0].splitlines()
        if line.startswith("| ") and not line.startswith(("| paper", "| :"))
    ]
    assert len(rows) == len(floor_page.LINES)
    for _, _, best, blind, ratio, _ in rows:
        if ratio != "-":
            expected = float(blind) / float(best.split(" ")[0])
            assert float(ratio.strip("*")) == pytest.approx(expected, rel=0.02, abs=0.006)
            assert ratio.startswith("**") == (float(blind) > float(best.split(" ")[0]))
    bold = {row[0] for row in rows if row[4].startswith("**")}
    assert bold == {"KD-Grad-CAM", "EVA-X", "CLARiTY"}


def test_the_words_of_the_page_hold() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    papers = papers_by_name(ROOT / "leaderboards")
    (regions,) = [table for table in papers["tbva_gan"].tables if "region_iou" in table.columns]
    for iou, dice in regions.rows.values():
        assert abs(dice - 2 * iou / (1 + iou)) < 0.002
    by_hand = number(COMMITTED, "miou", "2 boxes placed by hand over the upper lungs")
    (printed,) = [table for table in papers["kd_gradcam"].tables if "miou" in table.columns]
    assert by_hand > max(row[0] for row in printed.rows.values())
    assert "higher mIoU than 5 of the 7 networks" in text
    assert "above 1 of the 6 published rows" in text


def test_every_rule_named_on_the_page_is_a_metric() -> None:
    named = set(re.findall(r"wsbench describe ([\w@.]+)`", PAGE.read_text(encoding="utf-8")))
    assert {floor.measure.partition("@")[0] for floor in COMMITTED} - {"evax_hit50", "evax_miou"} == {
        name.partition("@")[0] for name in named
    }
    assert named <= set(floor_boxes.METRICS)


# Again from the real annotations.


def test_the_real_annotations_give_the_committed_numbers(data: Path) -> None:
    found = [floor_page.rounded(floor) for floor in compute(data)]
    assert len(found) == len(COMMITTED)
    words = ("paper", "measure", "images", "boxes", "chosen_on")
    for ours, theirs in zip(found, COMMITTED, strict=True):
        assert [getattr(ours, name) for name in words] == [getattr(theirs, name) for name in words]
        for name in ("value", "interval", "in_training", "other_cuts"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=2e-6), (ours, name)


def test_two_mean_boxes_slowly(data: Path) -> None:
    """Algorithms 2 and 3 of the paper in plain Python, from the file itself."""
    images = json.loads((data / "tbx11k-boxes.json").read_text())["images"].values()
    corners = [
        (image["split"], [(x, y, x + w, y + h) for _, x, y, w, h in image["boxes"]]) for image in images
    ]
    training = [box for split, inside in corners if split == "train" for box in inside]
    sides = [[box for box in training if ((box[0] + box[2]) / 2 < 256) == left] for left in (True, False)]
    fixed = [tuple(sum(column) / len(side) for column in zip(*side, strict=True)) for side in sides]
    means = []
    for split, inside in corners:
        if split == "val" and inside:
            ious = sorted((iou(a, b) for a in inside for b in fixed), reverse=True)[: len(inside)]
            means.append(sum(ious) / len(inside))
    assert len(means) == 200
    assert number(COMMITTED, "miou", TWO_MEANS) == pytest.approx(sum(means) / len(means), abs=1e-6)


def iou(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (first, second)]
    return shared / (sum(areas) - shared)


def test_mean_boxes_under_eva_xs_rule_slowly(data: Path) -> None:
    """Its rule with masks and nothing of ours: maps and threshold of one half, scored on the other."""
    folder = data / "nih-metadata"
    with gzip.open(folder / "Data_Entry_2017_v2020.csv.gz", "rt") as file:
        patient = {line.split(",")[0]: line.split(",")[3] for line in file}
    with gzip.open(folder / "BBox_List_2017.csv.gz", "rt") as file:
        rows = [line.split(",") for line in list(file)[1:]]
    finding = np.array([row[1] for row in rows])
    half = np.array([int(hashlib.md5(patient[row[0]].encode()).hexdigest(), 16) % 2 for row in rows])
    truth = np.zeros((len(rows), 224, 224), dtype=bool)
    for mask, (_, _, *corner) in zip(truth, rows, strict=True):
        x, y, w, h = (int(int(float(value)) / 1024.0 * 224) for value in corner[:4])
        mask[y : y + h, x : x + w] = True
    cuts = [step / 100 for step in range(1, 61)]
    overlaps = np.zeros((2, len(rows), 60))  # of every box with the maps of either half
    for source in (0, 1):
        for name in set(finding):
            mean = truth[(half == source) & (finding == name)].mean(axis=0, dtype=np.float32)
            mean /= mean.max()
            sizes = np.array([(mean > cut).sum() for cut in cuts])
            for row in np.flatnonzero(finding == name):
                inside = mean[truth[row]]
                shared = np.array([(inside > cut).sum() for cut in cuts])
                overlaps[source, row] = shared / (sizes + truth[row].sum() - shared)
    scored = np.zeros(len(rows))
    for source in (0, 1):
        own = overlaps[source][half == source]
        cut = ((own > 0.25).mean(axis=0) + (own > 0.5).mean(axis=0)).argmax()
        scored[half != source] = overlaps[source][half != source, cut]
    expected = (scored > 0.25).mean(), (scored > 0.5).mean(), scored.mean()
    for measure, value in zip(floor_masks.MEASURES, expected, strict=True):
        assert number(COMMITTED, measure, MEAN) == pytest.approx(value, abs=1e-6)


def test_eight_fixed_boxes_under_claritys_rule_slowly(data: Path) -> None:
    """The share of found boxes by class, box by box; predicted everywhere, no box is left out."""
    nih = floor_annotations.read_nih(data)
    boxes, label = nih.truth.truth.xyxy / 1024, nih.truth.truth.label
    half = nih.half[nih.truth.truth.image]
    shares = []
    for one in range(8):
        hits = []
        for here in (0, 1):
            others = boxes[(label == one) & (half != here)]
            table, chosen = pairwise_iou(others, others), []
            for _ in range(8):
                best = table[:, chosen].max(axis=1, initial=0.0)
                gains = [np.maximum(best, column).mean() for column in table.T]
                chosen.append(int(np.argmax(gains)))
            mine = boxes[(label == one) & (half == here)]
            hits += (pairwise_iou(mine, others[chosen]).max(axis=1) > 0.5).tolist()
        shares.append(np.mean(hits))
    assert number(COMMITTED, "iou_accuracy@0.5", EIGHT) == pytest.approx(np.mean(shares), abs=1e-6)
    table = floor_boxes.placed(nih, floor_boxes.crossed(nih)[0])
    assert floor_boxes.value(table, "iou_accuracy_kept") == 1.0


# By hand, without data.

LEFT, RIGHT = [50, 100, 100, 100], [350, 100, 100, 100]


def write_tbx11k(folder: Path) -> None:
    """Every training image has two boxes; of four tested ones two have both, one the left, and one,
    obsolete, the right one."""
    images = {f"tb/train{n}.png": ("train", [[1, *LEFT], [1, *RIGHT]]) for n in range(12)}
    images |= {f"tb/val{n}.png": ("val", [[1, *LEFT], [1, *RIGHT]]) for n in range(2)}
    images |= {"tb/val2.png": ("val", [[1, *LEFT]]), "tb/val3.png": ("val", [[2, *RIGHT]])}
    images |= {"tb/none.png": ("train", [])}
    content = {name: {"split": split, "boxes": boxes} for name, (split, boxes) in images.items()}
    (folder / "tbx11k-boxes.json").write_text(json.dumps({"images": content}))


def write_nih(folder: Path, boxes: Callable[[int, int], Iterator[tuple[str, list[float]]]]) -> None:
    """Forty patients of one image each; ``boxes(patient, half)`` gives findings with x, y, width, height."""
    entries, listed = [_tables.ENTRY_HEADER], [_tables.BOX_HEADER]
    for patient in range(1, 41):
        half = int(hashlib.md5(str(patient).encode()).hexdigest(), 16) % 2
        inside = list(boxes(patient, half))
        findings = "|".join(sorted({name for name, _ in inside}))
        entries.append(f"{patient:08d}_000.png,{findings},0,{patient},50,F,PA,2500,2048,0.1,0.1")
        listed += [f"{patient:08d}_000.png,{name},{','.join(map(str, box))},,," for name, box in inside]
    (folder / "nih-metadata").mkdir()
    for name, lines in ((_tables.ENTRIES[0], entries), (_tables.BOXES, listed)):
        path = folder / "nih-metadata" / f"{name}.gz"
        path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))


def apart(patient: int, half: int) -> Iterator[tuple[str, list[float]]]:
    """Pneumonia always in one place, the heart in another one in each half of the patients."""
    yield "Pneumonia", [512, 512, 256, 256]
    yield "Cardiomegaly", [600, 64, 128, 128] if half else [64, 64, 128, 128]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(floors, "NEGATIVES", 60)  # all 1,600 take seconds
    write_tbx11k(tmp_path)
    write_nih(tmp_path, apart)
    return tmp_path


def test_by_hand(small: Path) -> None:
    found = floors.compute(small)
    # Both boxes stand where they are annotated; the left one alone finds one of two, one, and none.
    assert number(found, "miou", TWO_MEANS) == pytest.approx(1.0)
    assert number(found, "miou", "1 fixed box") == pytest.approx((0.5 + 0.5 + 1.0 + 0.0) / 4)
    # Three images have active tuberculosis alone; on one of them half of what is marked is in vain.
    assert number(found, "region_iou", TWO_MEANS) == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert number(found, "region_dice", TWO_MEANS) == pytest.approx((1 + 1 + 2 / 3) / 3)
    # 60 images without tuberculosis charge for what costs little on four with it.
    assert number(found, "ap50", TWO_MEANS, "the 4") > 0.5
    assert number(found, "ap50", TWO_MEANS, "all 64") < 0.25
    # What was chosen on the scored half would find all; the other half's heart is elsewhere.
    for measure in (*floors.CLARITY[:5], *floor_masks.MEASURES):
        boxes = MEAN if measure.startswith("evax") else EIGHT
        assert number(found, measure, boxes) == pytest.approx(0.5), measure
    assert number(found, "rsna", "1 fixed box") == pytest.approx(1.0)
    whole = number(found, "evax_miou", "the whole image")
    assert whole == pytest.approx((56**2 + 28**2) / 2 / 224**2)


def test_a_class_without_its_box_is_unknown_and_not_absent(tmp_path: Path) -> None:
    write_nih(tmp_path, lambda patient, half: iter([("Pneumonia", [512, 512, 256, 256])]))
    path = tmp_path / "nih-metadata" / f"{_tables.ENTRIES[0]}.gz"
    text = gzip.decompress(path.read_bytes()).decode().replace("Pneumonia,0,1,", "Pneumonia|Nodule,0,1,")
    text = text.replace("Pneumonia,0,2,", "Nodule|Pneumonia,0,2,")
    path.write_bytes(gzip.compress(text.encode()))
    boxes = tmp_path / "nih-metadata" / f"{_tables.BOXES}.gz"
    more = gzip.decompress(boxes.read_bytes()).decode() + "00000002_000.png,Nodule,5,5,9,9,,,\n"
    boxes.write_bytes(gzip.compress(more.encode()))
    nih = floor_annotations.read_nih(tmp_path)
    assert nih.truth.classes == ("Nodule", "Pneumonia")
    assert nih.truth.known[:3, 0].tolist() == [False, True, True]
    table = floor_boxes.placed(nih, floor_boxes.everywhere(nih, floor_boxes.unlearnt()[0]))
    assert len(table.predicted) == 2 * 40 - 1


def test_boxes_of_a_half_on_one_image_score_as_on_their_own(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)

    def anywhere(patient: int, half: int) -> Iterator[tuple[str, list[float]]]:
        for name in ("Cardiomegaly", "Mass", "Pneumonia"):
            x, y = generator.uniform(200, 500, 2)
            yield name, [x, y, *generator.uniform(100, 400, 2)]

    write_nih(tmp_path, anywhere)
    nih = floor_annotations.read_nih(tmp_path)
    maps = floor_masks.of_other_half(nih)
    for measure in floor_masks.MEASURES:
        own, together = (
            floor_boxes.value(floor_masks.with_maps(images, maps), measure)
            for images in (nih, floor_masks.gathered(nih))
        )
        assert own == pytest.approx(together, abs=1e-12)
        assert 0 < own < 1
    cut = floor_masks.cut_on_other_half(nih)
    assert set(np.unique(cut)) == {0.0, 1.0}


def test_halves_are_of_patients_and_change_with_the_salt() -> None:
    patients = [str(number) for number in range(200)]
    first = floor_annotations.halves(patients)
    assert 70 < first.sum() < 130
    assert np.array_equal(first, floor_annotations.halves(patients))
    assert 70 < (first != floor_annotations.halves(patients, "cut 1: ")).sum() < 130


def test_the_command_writes_numbers_and_page(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(floors, "NUMBERS", tmp_path / "floors.yaml")
    monkeypatch.setattr(floors, "PAGE", tmp_path / "page.md")
    assert floors.main([str(small)]) == 0
    page = (tmp_path / "page.md").read_text()
    assert "| KD-Grad-CAM | mIOU | 0.265 (student, seed 1234) | 1.000 | **3.77** |" in page
    written = read_file(tmp_path / "floors.yaml")
    assert number(written, "rsna", "1 fixed box") == 1.0
    (tmp_path / "page.md").unlink()
    assert floors.main(["--page"]) == 0
    assert (tmp_path / "page.md").read_text() == page
    assert "wrote" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "tbx11k-boxes.json").unlink(), r"tbx11k-boxes\.json: cannot be read"),
        (
            lambda folder: (folder / "tbx11k-boxes.json").write_text("{}"),
            r"tbx11k-boxes\.json: cannot be read",
        ),
        (
            lambda folder: (folder / "nih-metadata" / "BBox_List_2017.csv.gz").write_bytes(b"no archive"),
            r"BBox_List_2017\.csv\.gz: cannot be read",
        ),
        (
            lambda folder: (folder / "nih-metadata" / "BBox_List_2017.csv.gz").write_bytes(
                gzip.compress(f"{_tables.BOX_HEADER}\n00000001_000.png,Hernia,1,1,5,5,,,\n".encode())
            ),
            r"00000001_000\.png has a box of 'Hernia', which its labels",
        ),
    ],
)
def test_a_fault_is_one_line(
    damage: Callable[[Path], object], words: str, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(small)
    assert floors.main([str(small)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(rf"error: .*{words}", line)


def test_without_a_data_folder_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WSBENCH_REAL_DATA", raising=False)
    assert floors.main([]) == 2
    assert capsys.readouterr().err == "error: no data folder: name it, or set WSBENCH_REAL_DATA\n"
