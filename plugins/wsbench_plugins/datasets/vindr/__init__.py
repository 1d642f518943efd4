"""VinDr-CXR: 18,000 films, three readers on each training film, five readers' consensus on each test film.

The layout is that of PhysioNet's version 1.0.0 (https://doi.org/10.13026/3akn-b287; Nguyen et al., Scientific
Data 9, 429, 2022): ``train/ID.dicom``, ``test/ID.dicom``, and under ``annotations`` the tables
``annotations_train.csv``, ``annotations_test.csv`` (``image_id``, ``class_name``, ``x_min``, ``y_min``,
``x_max``, ``y_max`` in pixels of the original image, and ``rad_id`` in the training table) and
``image_labels_train.csv``, ``image_labels_test.csv`` (a column of 0 and 1 for every class). The VinBigData
challenge on Kaggle has the same training films and 14 of the 22 findings, all in ``train.csv``, and no table
of its test films. Films may be PNG or JPEG files, if they keep their size.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

import wsbench

from ._dataset import VinDr
from ._names import CHALLENGE, DISEASES, FINDINGS, TEST, TRAIN

CITATION = (
    "Nguyen, Lam, Le, Pham et al.: VinDr-CXR: An open dataset of chest X-rays with radiologist's "
    "annotations, Scientific Data 9, 429, 2022"
)
RELEASE = "VinDr-CXR"


class ChallengeSettings(wsbench.Settings):
    """How the readings of a training film become one truth.

    By default a finding is true if two of the three readers found it, and its box is the mean of theirs. The
    truth of test films is the consensus of five readers, which a finding of a single reader seldom is, so a
    majority is the closest that three independent readings come to it. ``agree=1`` keeps what any reader
    found (as most entries of the challenge did), ``agree=3`` what all found.
    """

    agree: int = Field(2, ge=1, le=3, description="readers that must have found what is true")
    iou: float = Field(
        0.25, gt=0, le=1, description="overlap from which boxes of two readers are of one finding"
    )


class VinDrSettings(ChallengeSettings):
    """How the readings of a training film become one truth, and what the classes are; see
    `ChallengeSettings`."""

    diseases: bool = Field(False, description="also the five diseases of whole images, which have no boxes")


def load(settings: VinDrSettings, source: wsbench.Source) -> VinDr:
    """Load the release.

    Raises:
        WsbenchError: the folder is not the release's, or one of its tables is damaged.
    """
    assert source.root is not None
    classes = FINDINGS + (DISEASES if settings.diseases else ())
    return VinDr(source.root, (TRAIN, TEST), classes, settings.agree, settings.iou, source)


def load_challenge(settings: ChallengeSettings, source: wsbench.Source) -> VinDr:
    """Load the challenge's training films.

    Raises:
        WsbenchError: the folder is not the challenge's, or ``train.csv`` is damaged.
    """
    assert source.root is not None
    return VinDr(source.root, (TRAIN,), CHALLENGE, settings.agree, settings.iou, source)


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official files, with made readers; see `_layout.write`."""
    from . import _layout

    _layout.write(dataset, folder, progress)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="vindr",
            summary="VinDr-CXR: 22 findings, three readers on training films, consensus on test films",
            settings=VinDrSettings,
            load=load,
            citation=CITATION,
            write=write,
            releases=(RELEASE,),
        ),
        wsbench.DatasetSpec(
            name="vinbigdata",
            summary="the VinBigData challenge: 14 findings by three readers on VinDr-CXR's training films",
            settings=ChallengeSettings,
            load=load_challenge,
            citation=CITATION,
            releases=(RELEASE,),
        ),
    ]
