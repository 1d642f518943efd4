"""What can be asked of TBX11K's images: their classes, and which images take part."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.predictions import external
from wsbench.runs.plan import load_dataset
from wsbench.types import Box
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets.tbx11k._tasks import TASKS

FOUND = plugins.find()
VAL = "annotations/json/TBX11K_val.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small phantom as an official TBX11K folder. One image of val has no box any more."""
    spec = FOUND.datasets["phantom"]
    phantom = spec.load(spec.settings(images=70, size=64), Source(None, Path(), Silent()))
    folder = tmp_path_factory.mktemp("made") / "TBX11K"
    FOUND.datasets["tbx11k"].write(phantom, folder, Silent())
    coco = json.loads((folder / VAL).read_text())
    bare = coco["annotations"][-1]["image_id"]
    coco["annotations"] = [box for box in coco["annotations"] if box["image_id"] != bare]
    (folder / VAL).write_text(json.dumps(coco))
    return folder


def loaded(root: Path, **settings: str) -> Loaded:
    return load_dataset(FOUND, "tbx11k", settings, Silent(), root=root)


def kinds_of(root: Path) -> dict[str, set[int]]:
    """The categories of every image's boxes, read without wsbench."""
    kinds: dict[str, set[int]] = {}
    for split in ("train", "val"):
        coco = json.loads((root / "annotations" / "json" / f"TBX11K_{split}.json").read_text())
        name_of = {image["id"]: image["file_name"] for image in coco["images"]}
        kinds |= {name: set() for name in name_of.values()}
        for box in coco["annotations"]:
            kinds[name_of[box["image_id"]]].add(box["category_id"])
    return kinds


@pytest.mark.parametrize("both", ["keep", "drop"])
@pytest.mark.parametrize("task", list(TASKS))
def test_a_task_has_its_images_labels_and_boxes(task: str, both: str, made: Path) -> None:
    kinds = kinds_of(made)
    assert {1} in kinds.values() and {2} in kinds.values()
    data = loaded(made, task=task, both=both)
    labels = {sample.name: set(sample.labels) for sample in data.samples}
    expected = {}
    for name, of_image in kinds.items():
        group = name.partition("/")[0]
        unknown = group == "tb" and not of_image and task != "tb"
        sick = group == "sick" and task == "healthy_active"
        latent = of_image == {2} and task == "healthy_active"
        if unknown or sick or latent or (of_image == {1, 2} and both == "drop"):
            continue
        if task == "tb":
            expected[name] = {"tb"} if group == "tb" else set()
        elif task == "active_latent":
            expected[name] = {{1: "active", 2: "latent"}[kind] for kind in of_image}
        else:
            expected[name] = {"active"} if 1 in of_image else set()
    assert labels == expected
    assert data.dataset.unused.keys() == kinds.keys() - expected.keys()
    for sample in data.samples:
        used = {"active": "active", "obsolete": {"tb": "tb", "active_latent": "latent"}.get(task)}
        for box in sample.boxes:
            assert box.label == ("tb" if task == "tb" else used[box.kind])
        assert bool(sample.boxes) == bool(sample.labels) or (task == "tb" and not kinds[sample.name])
    # The whole copy is still a copy of as many images of the release.
    assert data.missing == loaded(made).missing


def test_the_default_is_the_dataset_as_it_was(made: Path) -> None:
    """The same images, labels, boxes and roles, as a hash of them says; other tasks are other data."""
    default = loaded(made)
    assert default.settings.model_dump() == {"task": "tb", "both": "keep"}
    assert default.dataset.classes == ("tb",) and not default.dataset.unused
    others = [loaded(made, task=task).fingerprint for task in TASKS]
    assert others[0] == default.fingerprint
    assert len(set(others)) == len(TASKS)


def test_an_unknown_task_names_the_known_ones(made: Path) -> None:
    with pytest.raises(WsbenchError, match=r"tbx11k: option task=latent is not valid: .*'healthy_active'"):
        loaded(made, task="latent")


def test_kinds_that_nobody_knows_are_not_taken_for_negatives() -> None:
    boxes = [Box("", 0, 0, 9, 9, "uncertain")]
    for name, task in TASKS.items():
        assert task.uses("tb", {"uncertain"}, keeps_both=True) == (name == "tb")
        assert task.uses("tb", {"active", "uncertain"}, keeps_both=True)
        assert len(task.boxes(boxes)) == (name == "tb")
        assert task.official_classes[3] == ("tb" if name == "tb" else None)
        assert task.official_classes["ObsoletePulmonaryTuberculosis"] == task.official_classes[2]


def test_results_of_all_images_are_scored_on_those_of_a_task(made: Path, tmp_path: Path) -> None:
    """A program that has predicted every image, by official ids, needs no other file for a task."""
    coco = json.loads((made / VAL).read_text())
    results = [
        {"image_id": image["id"], "category_id": category, "bbox": [9, 9, 20, 20], "score": 0.5}
        for image in coco["images"]
        for category in (1, 2, 3)
    ]
    (tmp_path / "r.json").write_text(json.dumps(results))
    counts, contents = {}, set()
    for task in TASKS:
        data = loaded(made, task=task)
        read = external.read_predictions(tmp_path / "r.json", "program", data)
        boxes = read.parts["test"].boxes
        assert boxes is not None
        assert len(boxes) == len(data.roles.members["test"])
        counts[task] = Counter(box.label for of_image in boxes for box in of_image)
        contents.add(read.content)
    images = {task: len(loaded(made, task=task).roles.members["test"]) for task in TASKS}
    assert counts == {
        "tb": {"tb": 3 * images["tb"]},
        "active_latent": {"active": images["active_latent"], "latent": images["active_latent"]},
        "healthy_active": {"active": images["healthy_active"]},
        "others_active": {"active": images["others_active"]},
    }
    assert len(contents) == len(TASKS)  # so that no record takes the place of another


@pytest.mark.parametrize(
    ("task", "train", "val"), [("healthy_active", 3473, 957), ("others_active", 6576, 1793)]
)
def test_mednets_tasks_have_as_many_images_as_its_split_files(
    task: str, train: int, val: int, real_data: Callable[[str], Path]
) -> None:
    """mednet's tests say 2,767 + 706 images to train and validate and 957 to test, and 5,241 + 1,335 and
    1,793. Counted from the annotations of the release, images with both kinds dropped."""
    images = json.loads((real_data("") / "tbx11k-boxes.json").read_text())["images"]
    kind = {1: "active", 2: "obsolete"}
    counts: Counter[str] = Counter()
    for image in images.values():
        kinds = {kind[box[0]] for box in image["boxes"]}
        counts[image["split"]] += TASKS[task].uses("tb", kinds, keeps_both=False)
    for group in ("health", "sick"):
        for split, of_group in (("train", 3000), ("val", 800)):
            counts[split] += of_group * TASKS[task].uses(group, set(), keeps_both=False)
    assert counts == {"train": train, "val": val}
    assert (train, val) in ((2767 + 706, 957), (5241 + 1335, 1793))


def test_the_real_subset_by_tasks(real_tbx11k: Path) -> None:
    """Counts taken from its JSON without wsbench."""
    kinds = kinds_of(real_tbx11k)
    active = sum(1 in of_image for of_image in kinds.values())
    latent = sum(2 in of_image for of_image in kinds.values())
    data = loaded(real_tbx11k, task="active_latent")
    labels = Counter(name for sample in data.samples for name in sample.labels)
    assert labels == {"active": active, "latent": latent}
    assert set(data.dataset.unused) == {"tb/tb1199.png"}
    assert sum(len(sample.boxes) for sample in data.samples) == 128
