"""The classes and files of VinDr-CXR, as its releases spell them."""

from __future__ import annotations

FINDINGS = (
    "Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly", "Clavicle fracture",
    "Consolidation", "Edema", "Emphysema", "Enlarged PA", "ILD", "Infiltration", "Lung Opacity",
    "Lung cavity", "Lung cyst", "Mediastinal shift", "Nodule/Mass", "Pleural effusion",
    "Pleural thickening", "Pneumothorax", "Pulmonary fibrosis", "Rib fracture", "Other lesion",
)  # fmt: skip
"""The local labels, of which readers draw boxes."""

DISEASES = ("COPD", "Lung tumor", "Pneumonia", "Tuberculosis", "Other diseases")
"""The global labels, which are of the whole image."""

CHALLENGE = tuple(
    name
    for name in FINDINGS
    if name
    not in ("Clavicle fracture", "Edema", "Emphysema", "Enlarged PA", "Lung cavity", "Lung cyst",
            "Mediastinal shift", "Rib fracture")
)  # fmt: skip
"""The fourteen findings of the VinBigData challenge."""

NOTHING = "No finding"

ALSO_WRITTEN = {"other disease": "Other diseases"}
"""In lower case, how the table of the test images' labels writes a class."""

TRAIN, TEST = "train", "test"
ANNOTATIONS = {
    TRAIN: ("annotations/annotations_train.csv", "annotations_train.csv", "train.csv"),
    TEST: ("annotations/annotations_test.csv", "annotations_test.csv"),
}
"""By split, the places of its table of boxes: PhysioNet's folder, the root, and the challenge's name."""

LABELS = {
    TRAIN: ("annotations/image_labels_train.csv", "image_labels_train.csv"),
    TEST: ("annotations/image_labels_test.csv", "image_labels_test.csv"),
}
"""By split, the places of its table of image labels."""

IMAGE, READER, LABEL, CORNERS = "image_id", "rad_id", "class_name", ("x_min", "y_min", "x_max", "y_max")
"""The columns that are read of a table of boxes."""
