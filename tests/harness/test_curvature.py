"""``wsbench hessian``: numbers beside formulas of logistic regression, what is kept, what is refused."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wsbench
from conftest import refused
from wsbench.contract import plugins
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError
from wsbench.studies.curvature import measuring, parts, pictures, tables
from wsbench.utils import progress
from wsbench.utils.progress import Silent

DATA = {"images": 60, "size": 64}
METHODS = """
from pathlib import Path
import numpy as np, torch, wsbench
from torch import nn
from torch.nn import functional

class Settings(wsbench.Settings):
    weight: float = 1.0

class Linear(wsbench.Method):
    "Logistic regression of 16 pixels."
    factor = 1

    def fit(self, fit, select, run):
        (run.folder / "weight.txt").write_text(str(self.settings.weight))

    def restore(self, run):
        with Path("restored.txt").open("a") as file:
            file.write(run.method + chr(10))
        weight = float((run.folder / "weight.txt").read_text())
        self.network = nn.Linear(16, 1)
        with torch.no_grad():
            self.network.weight.copy_(torch.linspace(-weight, weight, 16)[None])
            self.network.bias.zero_()

    def inputs(self, images):
        return torch.from_numpy(images.pixels(4, 4)[:].reshape(len(images), 16)).float() / 255

    def predict(self, images):
        with torch.inference_mode():
            scores = self.network(self.inputs(images)).sigmoid().numpy()
        return wsbench.Prediction(scores, np.ones((len(images), 1, 4, 4)))

    def training_loss(self, upstream):
        def batch(images):
            return self.inputs(images), torch.from_numpy(images.labels).float()
        def cross_entropy(inputs, labels):
            return functional.binary_cross_entropy_with_logits(self.network(inputs), labels)
        def own(inputs, labels):
            return self.factor * cross_entropy(inputs, labels)
        return wsbench.torch.NetworkLoss(self.network, batch, own, cross_entropy)

class Doubled(Linear):
    factor = 2

class Pupil(Linear):
    "Built on another method."
    def training_loss(self, upstream):
        assert isinstance(upstream["teacher"], Linear)
        return super().training_loss(upstream)

class Lossless(Linear):
    def training_loss(self, upstream):
        return None

@wsbench.hookimpl
def wsbench_methods():
    teacher = {"teacher": wsbench.Requirement("linear", {})}
    return [
        wsbench.MethodSpec("linear", "", Settings, Linear),
        wsbench.MethodSpec("doubled", "", Settings, Doubled),
        wsbench.MethodSpec("lossless", "", Settings, Lossless),
        wsbench.MethodSpec("pupil", "", Settings, Pupil, requires=lambda settings: teacher),
    ]
"""
WEIGHTS = {"linear": 1.0, "pupil": 1.0, "lossless": 1.0, "doubled": 0.5}
"""By method, what its weights are."""
QUESTION = measuring.Question("own", "fit", 20, "float64", 8)
EFFORT = parts.Effort(
    parts.LargestEigenvalues(3, "value", 1e-9),
    parts.EstimatedTrace(4),
    [parts.DensityRun(number, 6) for number in range(2)],
)
WORDS = (
    "--images",
    "20",
    "--probes",
    "4",
    "--steps",
    "6",
    "--eigenvalues",
    "3",
    "--precision",
    "float64",
    "-q",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin and a run of each method, made once."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "methods.py").write_text(METHODS)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name, weight in WEIGHTS.items():
            wsbench.run(
                name,
                "phantom",
                options={"weight": weight},
                data_options=DATA,
                plugin_files=[folder / "methods.py"],
                references=False,
            )
    return folder


@pytest.fixture
def plugin(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path / "methods.py"


def run(name: str) -> Record:
    (folder,) = Path("runs/phantom", name).glob("seed0-*")
    return wsbench.load_record(folder)


def measured(
    records: Sequence[Record],
    plugin: Path,
    question: measuring.Question = QUESTION,
    names: Sequence[str] = (),
) -> list[measuring.Curvature]:
    folders = [record.folder for record in records if record.folder is not None]
    return measuring.measure(folders, question, EFFORT.parts(names), plugins.find([plugin]), Silent())


def expected(record: Record, question: measuring.Question = QUESTION) -> np.ndarray:
    """The Hessian of logistic regression: the mean over images of ``p (1 - p) x x^T``."""
    loaded = wsbench.load_dataset("phantom", data_options=DATA)
    view = loaded.views.weak(question.names(loaded.roles.members))
    inputs = np.c_[view.pixels(4, 4)[:].reshape(len(view), 16) / 255, np.ones(len(view))]
    weight = record.method["settings"]["weight"]
    p = 1 / (1 + np.exp(-inputs[:, :16] @ np.linspace(-weight, weight, 16)))
    return inputs.T @ (inputs * (p * (1 - p))[:, None]) / len(view)


def test_numbers_are_those_of_the_formula(plugin: Path) -> None:
    """Of two runs, one of which was trained by twice the loss; and of the cross entropy of both."""
    both = [run("linear"), run("doubled")]
    for question in (QUESTION, replace(QUESTION, loss="cross_entropy")):
        for each, factor in zip(measured(both, plugin, question), (1, 2), strict=True):
            matrix = expected(each.record) * (factor if question.loss == "own" else 1)
            values = np.linalg.eigvalsh(matrix)[::-1]
            assert each.results["point"]["parameters"] == 17
            assert np.allclose(each.results["eigenvalues"]["values"], values[:3], rtol=1e-6)
            trace = each.results["trace"]
            assert abs(trace["value"] - np.trace(matrix)) <= 4 * trace["standard_error"] + 1e-9
            assert len(each.quadratures) == 2
            for quadrature in each.quadratures:
                assert quadrature.nodes[-1] == pytest.approx(values[0], rel=1e-6)
            assert not np.allclose(*(quadrature.nodes for quadrature in each.quadratures), rtol=1e-3)


def test_every_run_is_asked_about_the_same_images(plugin: Path) -> None:
    loaded = wsbench.load_dataset("phantom", data_options=DATA)
    members = loaded.roles.members
    names = QUESTION.names(members)
    assert len(set(names)) == 20 and set(names) <= set(members["fit"])
    assert names != tuple(sorted(members["fit"])[:20]), "the first by name may be of one class"
    turned = {role: tuple(reversed(of_role)) for role, of_role in members.items()}
    assert QUESTION.names(turned) == names
    assert replace(QUESTION, images=5).names(members) == names[:5]


def test_what_was_measured_is_not_measured_again(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that was stopped goes on with the part that it was stopped in."""
    record = run("linear")
    Path("restored.txt").unlink()
    first_trace = parts.EstimatedTrace.measure

    def interrupted(*_: object) -> dict:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(parts.EstimatedTrace, "measure", interrupted)
        with pytest.raises(KeyboardInterrupt):
            measured([record], plugin)
    asked = []

    def counted(part: parts.EstimatedTrace, *arguments: object) -> object:
        asked.append(part)
        return first_trace(part, *arguments)

    monkeypatch.setattr(parts.LargestEigenvalues, "measure", interrupted)
    monkeypatch.setattr(parts.EstimatedTrace, "measure", counted)
    (whole,) = measured([record], plugin)
    assert len(asked) == 1
    assert Path("restored.txt").read_text() == "linear\n" * 2
    assert measured([record], plugin)[0].results == whole.results
    assert Path("restored.txt").read_text() == "linear\n" * 2, "nothing was restored again"
    measured([record], plugin, replace(QUESTION, batch_size=3))
    assert len(asked) == 1, "the size of batches changes nothing"
    other = replace(QUESTION, images=10)
    measured([record], plugin, other, ["trace"])
    assert len(asked) == 2
    measured([record], plugin)
    measured([record], plugin, other, ["trace"])
    assert len(asked) == 2, "results of both questions are kept"


def test_a_damaged_result_is_made_anew(plugin: Path) -> None:
    record = run("linear")
    (before,) = measured([record], plugin)
    (mark,) = record.folder.glob("hessian/trace-*/stage.json")
    mark.write_text(mark.read_text().replace('"value": 0', '"value": 1'))
    (after,) = measured([record], plugin)
    assert after.results["trace"]["value"] == before.results["trace"]["value"]


def test_other_weights_have_other_results(plugin: Path) -> None:
    """Also where a run is made anew in the same folder."""
    record = run("linear")
    (before,) = measured([record], plugin, names=["eigenvalues"])
    other = replace(record, training="another key")
    wsbench.contract.records.write(other, record.folder / "record.json")
    (after,) = measured([record], plugin, names=["eigenvalues"])
    assert len(list(record.folder.glob("hessian/eigenvalues-*"))) == 2
    assert after.results["eigenvalues"]["values"] == before.results["eigenvalues"]["values"]


def test_a_method_is_given_what_it_was_built_on(plugin: Path) -> None:
    teacher, pupil = run("linear"), run("pupil")
    of_teacher, of_pupil = measured([teacher, pupil], plugin, names=["eigenvalues"])
    assert of_teacher.results["eigenvalues"]["values"] == of_pupil.results["eigenvalues"]["values"]
    assert set(of_pupil.results) == {"point", "eigenvalues"}
    (teacher.folder / "fit" / "weight.txt").unlink()
    with pytest.raises(WsbenchError, match=r"weight\.txt is missing; rerun the command"):
        measured([pupil], plugin, names=["trace"])


@pytest.mark.parametrize(
    ("question", "names", "words"),
    [
        (replace(QUESTION, role="fitt"), (), "unknown role 'fitt'; did you mean 'fit'"),
        (replace(QUESTION, loss="owm"), (), "unknown loss 'owm'; did you mean 'own'"),
        (replace(QUESTION, images=900), (), "--images 900: role fit has .* images; ask for fewer"),
        (replace(QUESTION, precision="float16"), (), "unknown precision 'float16'"),
        (QUESTION, ("traces",), "unknown part 'traces'; did you mean 'trace'"),
    ],
)
def test_a_question_that_cannot_be_answered(
    question: measuring.Question, names: Sequence[str], words: str, plugin: Path
) -> None:
    record = run("linear")
    with pytest.raises(WsbenchError, match=words):
        measured([record], plugin, question, names)


def test_runs_that_cannot_be_asked(plugin: Path) -> None:
    record = run("linear")
    with pytest.raises(WsbenchError, match="lossless has no training loss"):
        measured([run("lossless")], plugin)
    elsewhere = run("doubled")
    other = replace(elsewhere, dataset={**elsewhere.dataset, "fingerprint": "another"})
    wsbench.contract.records.write(other, other.folder / "record.json")
    with pytest.raises(WsbenchError, match="has other data than"):
        measured([record, other], plugin)


def test_the_command_shows_and_writes(plugin: Path, command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    both = [run("linear"), run("doubled")]
    folders = [str(record.folder) for record in both]
    code, out, err = command("hessian", *folders, *WORDS, "--plugin", str(plugin), "--out", "curvature")
    assert (code, err) == (0, "")
    question = replace(QUESTION, batch_size=32)
    one, two = measuring.measure(
        [record.folder for record in both],
        question,
        replace(EFFORT, eigenvalues=parts.LargestEigenvalues(3, "value", 1e-3)).parts(),
        plugins.find([plugin]),
        Silent(),
    )
    (line,) = [line for line in out.splitlines() if line.startswith("eigenvalue 1")]
    first = [each.results["eigenvalues"]["values"][0] for each in (one, two)]
    assert [cell for cell in line.split()[2:] if float(cell) > 1e-3] == [
        tables.number(value) for value in first
    ]
    assert "20 images of role fit, eval mode, no augmentation, float64" in out
    assert "summary.csv, eigenvalues.csv, density.csv, density.png in curvature" in out

    def read(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(Path("curvature", name).read_text(encoding="utf-8").splitlines()))

    summary = read("summary.csv")
    assert [row["method"] for row in summary] == ["linear", "doubled"]
    assert float(summary[0]["trace"]) == one.results["trace"]["value"]
    assert [row["run"] for row in summary] == [record.folder.name for record in both]
    assert [float(row["eigenvalue"]) for row in read("eigenvalues.csv")[:3]] == one.results["eigenvalues"][
        "values"
    ]
    density = [(float(row["eigenvalue"]), float(row["density"])) for row in read("density.csv")]
    assert len(density) == 2 * 1024
    grid, values = zip(*density[:1024], strict=True)
    assert np.trapezoid(values, grid) == pytest.approx(1, abs=0.02)
    with Image.open("curvature/density.png") as picture:
        assert picture.width > picture.height > 100


def test_one_part_alone(plugin: Path, command) -> None:
    record = run("linear")
    words = ("hessian", str(record.folder), *WORDS, "--plugin", str(plugin), "--out", "curvature")
    code, out, _ = command(*words, "--part", "eigenvalues")
    assert code == 0
    assert "trace" not in out.replace("of the trace its standard error", "")
    assert sorted(path.name for path in Path("curvature").iterdir()) == ["eigenvalues.csv", "summary.csv"]
    assert refused(command(*words, "--part", "eigen")).startswith("unknown part 'eigen'; did you mean")
    assert refused(command(*words, "--order", "values")).startswith("unknown order of eigenvalues 'values'")


def test_no_density_is_no_picture(plugin: Path) -> None:
    curvatures = measured([run("linear")], plugin, names=["trace"])
    assert pictures.draw(curvatures, Path("none.png")) == 0
    assert not Path("none.png").exists()


def test_progress_shows_products(plugin: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(measuring, "SECONDS_BETWEEN_LINES", 0.0)
    record = run("linear")
    measuring.measure([record.folder], QUESTION, EFFORT.parts(), plugins.find([plugin]), progress.Lines())
    err = capsys.readouterr().err
    assert "Hessian of linear, seed 0: eigenvalues: 3 products, " in err
    assert "Hessian of linear, seed 0: trace: 12/12" in err
    assert "Hessian of linear, seed 0: density-1: 6 in" in err
