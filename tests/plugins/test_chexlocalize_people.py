"""CheXlocalize's human benchmark: its published evaluation a second time, and its files with faults."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pycocotools import mask as coco

from conftest import METRICS, refused
from made_layouts import loaded, windows_text
from wsbench.errors import WsbenchError
from wsbench.runs.marks_study import study
from wsbench_plugins.datasets.chexlocalize._tables import CLASSES

OTHER = {"Lung Opacity": "Airspace Opacity"}
IMAGES = 260
SMALL = ("-D", f"images={IMAGES}", "-D", "size=64", "-q")
FILES = "made/CheXlocalize"
MASKS, POINTS, TRUTH = "hb_segmentations_test.json", "hb_salient_pt_test.json", "gt_segmentations_test.json"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantom in the layout, made once."""
    from wsbench.cli import main

    root = tmp_path_factory.mktemp("chexlocalize") / "made"
    words = ("data", "make", "phantom14", str(root), "--layout", "chexlocalize", *SMALL, "-D", "masks=true")
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    return root


@pytest.fixture
def root(written: Path) -> Path:
    shutil.copytree(written, "made")
    return Path("made")


def read(root: Path, name: str) -> dict:
    return json.loads((root / "CheXlocalize" / name).read_text("utf-8-sig"))


def decoded(runs: dict) -> np.ndarray:
    with warnings.catch_warnings(action="ignore"):
        return coco.decode(runs).astype(bool)


def by_pandas(root: Path) -> dict[str, pd.DataFrame]:
    """What `get_ious` (both conventions) and `get_hb_hitrates` of eval.py say of every image and finding."""
    truth, drawn, points = (read(root, name) for name in (TRUTH, MASKS, POINTS))
    names = sorted(truth)
    frames = {name: pd.DataFrame(np.nan, names, CLASSES) for name in ("miou", "all", "dice", "hit")}
    for name in names:
        for label in CLASSES:
            word = OTHER.get(label, label)
            if word not in truth[name]:
                continue
            there = decoded(truth[name][word])
            theirs = decoded(drawn[name][word]) if name in drawn else np.zeros_like(there)
            iou = (there & theirs).sum() / (there | theirs).sum()
            frames["all"].loc[name, label] = iou
            frames["dice"].loc[name, label] = 2 * (there & theirs).sum() / (there.sum() + theirs.sum())
            frames["miou"].loc[name, label] = iou if theirs.any() else np.nan
            pairs = points.get(name, {}).get(word, [])
            frames["hit"].loc[name, label] = float(any(there[int(pair[1]), int(pair[0])] for pair in pairs))
    return frames


def ends_by_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    """`bootstrap_metric` and `compute_cis` of eval.py with its default seed."""
    np.random.seed(0)
    means = []
    for _ in range(1000):
        rows = np.random.choice(len(frame), size=len(frame), replace=True)
        means.append(frame.iloc[rows].mean())
    drawn = pd.DataFrame(means)
    ordered = {label: drawn[label].sort_values().to_numpy() for label in frame}
    return pd.DataFrame(
        {label: [values[24].round(3), values[974].round(3)] for label, values in ordered.items()},
        index=["lower", "upper"],
    )


NAMES = {
    "mask_iou": "all",
    "mask_dice": "dice",
    "chexlocalize_miou": "miou",
    "chexlocalize_hit_rate": "hit",
}


def test_numbers_are_those_of_the_published_evaluation(root: Path) -> None:
    result, frames = study(loaded("chexlocalize", root), METRICS), by_pandas(root)
    assert result["images"] == "test"
    assert result["counts"]["findings"] == frames["all"].count().to_dict()
    assert result["counts"]["images"] == len(frames["all"]) > 12
    compared = 0
    for name, frame_name in NAMES.items():
        means = frames[frame_name].mean()
        ours = result["radiologist"][name]
        assert ours["value"] == pytest.approx(means.mean(), abs=1e-12)
        for label in CLASSES:
            expected = None if np.isnan(means[label]) else pytest.approx(means[label], abs=1e-12)
            assert ours["per_class"][label] == expected
            compared += expected is not None
    assert compared > 15
    blank = frames["miou"].isna() & frames["all"].notna()
    share = blank.sum() / frames["all"].count()
    assert result["radiologist"]["mask_blank"]["value"] == pytest.approx(share.mean(), abs=1e-12)
    assert 0 < share.mean() < 1  # some findings were missed


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_intervals_are_those_of_the_published_evaluation(root: Path) -> None:
    result, frames = study(loaded("chexlocalize", root), METRICS), by_pandas(root)
    for name in ("chexlocalize_miou", "chexlocalize_hit_rate"):
        expected = ends_by_pandas(frames[NAMES[name]])
        for end in ("lower", "upper"):
            ours = result["radiologist"][f"{name}_{end}"]["per_class"]
            for label in CLASSES:
                value = expected.loc[end, label]
                assert ours[label] == (None if np.isnan(value) else pytest.approx(value, abs=1e-9)), label


def test_the_command_shows_radiologists_as_no_method(root: Path, command, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = command("data", "readers", "chexlocalize", "--root", "made", "-q", "--json", "r.json")
    assert code == 0, err
    assert "radiologist (no method)" in out and "People are no method and have no rank" in " ".join(
        out.split()
    )
    assert "class by class" in out and "Pleural Effusion" in out
    mean = by_pandas(root)["miou"].mean().mean()
    assert f"{mean:.3f}" in next(line for line in out.splitlines() if line.startswith("chexlocalize_miou"))
    assert "_lower" not in out  # the mean of lower ends is no lower end
    monkeypatch.setenv("COLUMNS", "80")
    assert "no room" not in command("data", "readers", "chexlocalize", "--root", "made", "-q")[1]
    numbers = json.loads(Path("r.json").read_text())
    assert numbers["radiologist"]["chexlocalize_miou"]["value"] == pytest.approx(mean)
    refusal = command("data", "readers", "chexlocalize", "--root", "made", "-q", "--submit")
    assert (
        refused(refusal) == "chexlocalize is a subset of its release here; its readers enter no leaderboard"
    )


def test_a_method_needs_none_of_these_files(root: Path, command) -> None:
    before = loaded("chexlocalize", root)
    for name in (MASKS, POINTS):
        (root / "CheXlocalize" / name).write_text("damaged")
    after = loaded("chexlocalize", root)
    assert before.fingerprint == after.fingerprint
    line = refused(command("data", "readers", "chexlocalize", "--root", "made", "-q"))
    assert f"{MASKS} is not a file of CheXlocalize's segmentations" in line


def test_either_file_suffices(root: Path, command) -> None:
    whole = study(loaded("chexlocalize", root), METRICS)["radiologist"]
    (root / "CheXlocalize" / MASKS).rename("kept.json")
    points = study(loaded("chexlocalize", root), METRICS)
    assert set(points["radiologist"]) == {name for name in whole if "hit_rate" in name}
    assert points["counts"]["masks"] is None
    assert points["radiologist"]["chexlocalize_hit_rate"] == whole["chexlocalize_hit_rate"]
    Path("kept.json").rename(root / MASKS)  # any folder does
    (root / "CheXlocalize" / POINTS).unlink()
    masks = study(loaded("chexlocalize", root), METRICS)
    assert set(masks["radiologist"]) == {name for name in whole if "hit_rate" not in name}
    assert masks["radiologist"]["mask_iou"] == whole["mask_iou"]
    (root / MASKS).unlink()
    line = refused(command("data", "readers", "chexlocalize", "--root", "made", "-q"))
    assert line == "chexlocalize: no image has two readers that are known apart"


def test_polygons_are_drawn_as_those_of_the_truth(root: Path) -> None:
    """A box of the truth's extent, as a polygon, has the IoU of its pixels."""
    truth = read(root, TRUTH)
    polygons, ious = {}, []
    for name, findings in truth.items():
        polygons[name] = {"img_size": [64, 64]}
        for word, runs in findings.items():
            rows, columns = np.nonzero(decoded(runs))
            x0, y0, x1, y1 = columns.min(), rows.min(), columns.max(), rows.max()
            polygons[name][word] = [[[x0 + 0.2, y0 + 0.2], [x1 + 0.2, y0 + 0.2], [x1, y1], [x0, y1]]]
            polygons[name][word] = [[[float(v) for v in corner] for corner in polygons[name][word][0]]]
            ious.append((word, len(rows) / ((x1 - x0 + 1) * (y1 - y0 + 1))))
    (root / "CheXlocalize" / MASKS).unlink()
    (root / "CheXlocalize" / "hb_annotations_test.json").write_text(json.dumps(polygons))
    ours = study(loaded("chexlocalize", root), METRICS)["radiologist"]["mask_iou"]["per_class"]
    expected = pd.DataFrame(ious).groupby(0)[1].mean()
    for word, mean in expected.items():
        label = "Lung Opacity" if word == "Airspace Opacity" else word
        assert ours[label] == pytest.approx(mean, abs=0.02)


def test_files_as_people_have_them(root: Path) -> None:
    before = study(loaded("chexlocalize", root), METRICS)
    points = read(root, POINTS)
    first = next(iter(points))
    points[first]["img_size"] = [64, 64]
    points["patient99999_study1_view1_frontal"] = points[first]  # not in this copy
    path = root / "CheXlocalize" / POINTS
    path.write_text(json.dumps(points, indent=1))
    windows_text(path)
    assert study(loaded("chexlocalize", root), METRICS) == before


def changed(name: str, change: Callable[[dict], object]) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        content = read(root, name)
        # The last finding of the first image that has one.
        first = next(image for image, findings in content.items() if findings)
        change(content[first])
        (root / "CheXlocalize" / name).write_text(json.dumps(content))

    return apply


def outside(image: dict) -> None:
    image[next(iter(image))] = [[64.0, 3.0]]


def resized(image: dict) -> None:
    image[next(iter(image))] = {"size": [32, 64], "counts": [32 * 64]} | encoded_of(32, 64)


def encoded_of(height: int, width: int) -> dict[str, object]:
    runs = coco.encode(np.asfortranarray(np.ones((height, width), dtype=np.uint8)))
    return {"size": [height, width], "counts": runs["counts"].decode()}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (changed(POINTS, outside), r"outside of 64x64 pixels"),
        (
            changed(POINTS, lambda image: image.update(Oedema=[[1, 1]])),
            "'Oedema' is none of the ten findings",
        ),
        (
            changed(POINTS, lambda image: image.update(Edema=[1, 1])),
            "'Edema' is none of the ten findings with",
        ),
        (changed(POINTS, lambda image: image.update(Edema="1, 1")), "is not a file of CheXlocalize's points"),
        (changed(MASKS, resized), "of 64x32 pixels; the image has 64x64"),
        (changed(MASKS, lambda image: image[next(iter(image))].update(counts="~")), f"{MASKS}: patient"),
        (changed(MASKS, lambda image: image.update(Oedema=encoded_of(64, 64))), "none of the ten findings"),
    ],
)
def test_faults_are_named(root: Path, fault: Callable[[Path], None], words: str) -> None:
    fault(root)
    with pytest.raises(WsbenchError, match=words):
        study(loaded("chexlocalize", root), METRICS)
