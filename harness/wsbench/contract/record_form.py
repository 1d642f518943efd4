"""What a record's file must hold: the one model that every record is checked against when it is read.

It names what tables read. What else a record says, such as settings and facts of a method, is any JSON value.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from annotated_types import Len
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from wsbench.contract.protocol import RANKED_BY, RANKED_WITHOUT_BOXES
from wsbench.files.documents import FolderName, Name

Count = Annotated[int, Field(ge=0, le=10**18)]
Measured = Annotated[float, Field(ge=0, le=1e18)]
"""Of a cost: beyond that it is no number of bytes, operations or milliseconds."""

Value = Annotated[float, Field(ge=-1e12, le=1e12)]
"""Of a metric, so that sums and squares of values are finite."""

Bounds = Annotated[list[Annotated[float, Field(ge=-1e100, le=1e100)]], Len(2, 2)]
"""The ends of an interval: those of a quotient whose denominator may be nearly 0 lie far out."""
Facts = dict[str, JsonValue]

Part = TypeVar("Part")
OrEmpty = Annotated[Part | None, BeforeValidator(lambda value: value or None)]
"""A part that is empty where nothing was measured."""


class Form(BaseModel):
    """Base of the parts of a record; keys that no table reads may hold any JSON value.

    Numbers are finite, and text is never taken for a number.
    """

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, frozen=True, defer_build=True)
    __pydantic_extra__: dict[str, JsonValue]


class KeyForm(Form):
    """What two records must share to stand in one table."""

    fingerprint: Name
    protocol: int
    metrics: dict[Name, int]
    dataset: FolderName | None = None
    calibrated_for: Name | None = None
    folds: Count | None = None


class MethodForm(Form):
    """The method of a run."""

    name: FolderName
    preset: Name
    changed: Facts
    settings: Facts
    box_supervision: Name
    reads_image: bool
    reference: str = ""
    deterministic: bool = False
    facts: Facts = {}


class LeftOutForm(Form):
    """The groups that a cross-validation leaves out in turn."""

    attribute: Name
    values: Annotated[list[Name], Len(2)]
    images: list[Count]
    positive: list[dict[Name, Count]]

    @model_validator(mode="after")
    def _counts_every_group(self) -> LeftOutForm:
        if not len(self.values) == len(self.images) == len(self.positive):
            raise ValueError("left_out_by must count the images of every group")
        return self


class DatasetForm(Form):
    """The dataset of a run."""

    name: FolderName
    settings: Facts
    fingerprint: Name
    classes: Annotated[list[Name], Len(1)]
    images: dict[Name, Count]
    boxes: dict[Name, Count]
    subset: dict[Name, Annotated[list[Count], Len(2, 2)]] = {}
    folds: Annotated[int, Field(ge=2, le=1000)] | None = None
    left_out_by: LeftOutForm | None = None
    releases: list[Name] = []
    fit: Literal["all"] | None = None

    @model_validator(mode="after")
    def _counts_its_test_images(self) -> DatasetForm:
        for kind, counts in (("images", self.images), ("boxes", self.boxes)):
            if "test" not in counts:
                raise ValueError(f"{kind} must say how many are of role test")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class is listed twice")
        return self


class MetricForm(Form):
    """A metric with its classes, its 95 % interval and its value in every fold."""

    value: Value | None
    per_class: dict[Name, Value | None] = {}
    interval: Bounds | None = None
    class_intervals: dict[Name, Bounds | None] = {}
    folds: list[Value | None] | None = None
    fold_intervals: list[Bounds | None] | None = None


class GroupForm(Form):
    """The class scores on one collection."""

    images: Count
    positive: dict[Name, Count]
    metrics: dict[Name, MetricForm]


class CollectionsForm(Form):
    """The class scores by collection."""

    groups: Annotated[dict[Name, GroupForm], Len(2)]
    within: MetricForm | None = None
    across: MetricForm | None = None
    share: Annotated[float, Field(ge=0, le=1)] | None = None


class CalibrationForm(Form):
    """What was chosen on the select and calibrate roles; of a cross-validation, fold by fold."""

    operating_points: dict[Name, Value] = {}


class ProtocolForm(Form):
    """The numbers under one protocol."""

    calibration: CalibrationForm
    metrics: dict[Name, MetricForm]
    draws: dict[Name, Annotated[list[Value | None], Len(2)]] = {}
    units: Count | None = None
    floors: dict[Name, dict[Name, Value | None]] = {}
    pooled: dict[Name, Value | None] | None = None
    collections: CollectionsForm | None = None

    @model_validator(mode="after")
    def _ranks_by_shares(self) -> ProtocolForm:
        for name in (RANKED_BY, RANKED_WITHOUT_BOXES):
            metric = self.metrics.get(name)
            values = [*([metric.value] if metric else []), *self.draws.get(name, ())]
            if any(value is not None and not 0 <= value <= 1 for value in values):
                raise ValueError(f"{name} must lie in [0, 1], in every draw as well")
        if len({len(drawn) for drawn in self.draws.values()}) > 1:
            raise ValueError("draws: every metric must have equally many")
        return self


class OwnForm(Form):
    """Metrics on the own test role, beside those of a transfer."""

    metrics: dict[Name, MetricForm]
    draws: dict[Name, Annotated[list[Value | None], Len(2)]] = {}
    units: Count


class EfficiencyForm(Form):
    """What predicting and training cost."""

    device: Name
    hardware: Name
    trained_on: Name
    threads: Count | None = None
    parameters: Count | None = None
    forward_macs: Measured | None = None
    macs: Measured | None = None
    flops: Measured | None = None
    model_bytes: Measured | None = None
    latency_median_ms: Measured | None = None
    latency_p95_ms: Measured | None = None
    images_per_second: Measured | None = None
    inference_bytes: Measured | None = None
    training_bytes: Measured | None = None
    training_seconds: Measured | None = None
    training_images: Count | None = None

    @model_validator(mode="after")
    def _times_its_training(self) -> EfficiencyForm:
        if self.training_images and self.training_seconds is None:
            raise ValueError("training_seconds must stand beside training_images")
        return self


class SimilarityForm(Form):
    """How alike maps are by one measure."""

    value: Value | None


class CheckForm(Form):
    """One condition of a sanity check."""

    check: Name
    what: Name
    spearman: SimilarityForm
    ssim: SimilarityForm
    hog: SimilarityForm
    undefined: Count


class FaithfulnessForm(Form):
    """What becomes of class scores when pixels are removed by maps; by measure, then by map."""

    size: Count
    images: Count
    maps: Count
    cpu_seconds: Measured
    measures: Annotated[dict[Name, dict[Name, SimilarityForm]], Len(1)]


class SanityForm(Form):
    """What `wsbench sanity` measured."""

    images: Count
    maps: Count
    checks: dict[Name, Annotated[list[CheckForm], Len(1)]]
    faithfulness: FaithfulnessForm | None = None


class EvaluationsForm(Form):
    """How many evaluations the test split had seen."""

    log: Name
    count: Count


class TransferForm(Form):
    """What a run was trained on that was tested on another dataset, and its metrics there."""

    trained_on: DatasetForm
    tested_on: Name
    classes: dict[Name, Name]
    untested: list[Name] = []
    untrained: list[Name] = []
    own: OwnForm


class TunedForm(Form):
    """How the settings of a run were chosen."""

    trials: Annotated[int, Field(ge=1, le=10**9)]
    dataset: FolderName
    fingerprint: Name
    objective: Name
    value: Value


class SignForm(Form):
    """A number that tells whether a method has learnt."""

    name: Name
    value: Value | None
    at_least: Value | None = None
    at_most: Value | None = None
    reason: str = ""


class RecordForm(Form):
    """A whole record, of any schema version."""

    model_config = ConfigDict(extra="forbid")

    schema_: int = Field(alias="schema", ge=1)
    key: KeyForm
    method: MethodForm
    dataset: DatasetForm
    seed: Annotated[int, Field(ge=-(2**63), lt=2**64)]
    protocols: Annotated[dict[FolderName, ProtocolForm], Len(1)]
    stages: dict[Name, Facts]
    provenance: Facts
    efficiency: EfficiencyForm | None = None
    training: str = ""
    trained_from: Facts = {}
    planned_seeds: list[int] = []
    sanity: OrEmpty[SanityForm] = None
    evaluations: OrEmpty[EvaluationsForm] = None
    trained_on: list[Name] = []
    transfer: OrEmpty[TransferForm] = None
    tuned: OrEmpty[TunedForm] = None
    learning: list[SignForm] = []

    @model_validator(mode="after")
    def _has_the_protocol_that_ranks(self) -> RecordForm:
        if "uniform" not in self.protocols:
            raise ValueError("protocols must hold 'uniform'")
        return self

    @model_validator(mode="after")
    def _has_every_class_and_fold(self) -> RecordForm:
        folds = self.dataset.folds
        if folds is None:
            for protocol in self.protocols.values():
                if set(protocol.calibration.operating_points) != set(self.dataset.classes):
                    raise ValueError("calibration.operating_points must have one of every class")
            return self
        if self.key.folds != folds:
            raise ValueError(f"key.folds must be {folds}, as dataset.folds is")
        for protocol in self.protocols.values():
            of_folds = [metric.folds for metric in protocol.metrics.values()]
            if protocol.pooled is None or any(values and len(values) != folds for values in of_folds):
                raise ValueError(f"protocols must say what all {folds} folds have reached")
        return self
