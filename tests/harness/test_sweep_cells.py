"""The cells of a sweep: lists multiply, parts are added and left out, and every name is checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsbench.contract.plugins import find
from wsbench.errors import WsbenchError
from wsbench.runs.plan import make_plan
from wsbench.settings import parse_options
from wsbench.studies.sweeps.cells import cells_of, is_baseline, number_of, swept, word_of
from wsbench.studies.sweeps.form import changed, form_of, read
from wsbench.utils.words import split_values

BASE = {"methods": "student", "datasets": "xrays"}


def _settings(**values: object) -> list[tuple[dict[str, str], int]]:
    return [(cell.settings, cell.seed) for cell in cells_of(form_of({**BASE, **values}, "s.yaml"), "s.yaml")]


def test_lists_multiply_and_seeds_come_first() -> None:
    """All settings are seen with the first seed before the second one begins."""
    cells = _settings(options={"a": [1, 2], "b": 0.5}, data_options={"size": [64, 128]}, seeds=[3, 0])
    fixed = {"method": "student", "dataset": "xrays", "b": "0.5"}
    expected = [
        ({**fixed, "a": a, "data.size": size}, seed)
        for seed in (3, 0)
        for a in ("1", "2")
        for size in ("64", "128")
    ]
    assert cells == expected


def test_a_list_in_a_list_is_a_single_value_of_the_method() -> None:
    (first, _), (second, _) = _settings(options={"sizes": [[1, 2], [3]]})
    assert (first["sizes"], second["sizes"]) == ("[1, 2]", "[3]")
    (cell, *_) = cells_of(form_of({**BASE, "options": {"sizes": [[1, 2]]}}, "s"), "s")
    words = cell.words()
    assert parse_options([words[words.index("--option") + 1]]) == {"sizes": [1, 2]}


def test_on_the_command_line_brackets_hold_a_value_together() -> None:
    assert split_values("1, 2,[3,4],{a: [5,6], b: 7}") == ["1", "2", "[3,4]", "{a: [5,6], b: 7}"]


def test_values_are_written_as_options_take_them() -> None:
    assert [word_of(value) for value in (True, False, 0.5, 3, "x")] == ["true", "false", "0.5", "3", "x"]
    assert word_of({"epochs": 2}) == '{"epochs": 2}'


def test_include_adds_a_matrix_that_takes_the_rest_from_the_file() -> None:
    cells = _settings(
        options={"a": [1, 2]},
        seeds=[0, 1],
        include=[{"methods": "teacher", "options": {"a": None, "c": 7}}, {"options": {"a": 9}, "seeds": 5}],
    )
    common = {"method": "student", "dataset": "xrays"}
    teacher = {"method": "teacher", "dataset": "xrays", "c": "7"}
    expected = [({**common, "a": a}, seed) for seed in (0, 1) for a in ("1", "2")]
    expected += [(teacher, 0), (teacher, 1), ({**common, "a": "9"}, 5)]
    assert sorted(cells, key=str) == sorted(expected, key=str)


def test_what_is_included_twice_is_one_cell() -> None:
    assert len(_settings(options={"a": [1, 2]}, include=[{"options": {"a": [2, 3]}}])) == 3


def test_exclude_leaves_out_cells_that_have_all_its_values() -> None:
    cells = _settings(
        options={"a": [1, 2, 3], "b": ["x", "y"]}, seeds=[0, 1], exclude=[{"a": [1, 3], "b": "x", "seed": 1}]
    )
    left_out = [(a, "x", 1) for a in ("1", "3")]
    everything = [(a, b, seed) for seed in (0, 1) for a in ("1", "2", "3") for b in ("x", "y")]
    kept = [(settings["a"], settings["b"], seed) for settings, seed in cells]
    assert kept == [cell for cell in everything if cell not in left_out]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "student"}, "s.yaml: method: Extra inputs are not permitted; did you mean 'methods'?"),
        ({"include": [{"option": {}}]}, "did you mean 'options'?"),
        ({"options": {"alpha": [1, 2]}, "exclude": [{"alhpa": 1}]}, "did you mean 'alpha'?"),
        ({"exclude": [{"dataset": "xrays"}]}, "s.yaml: exclude leaves no cell"),
        ({"options": {"a": [1]}, "baseline": {"a": 4}}, "s.yaml: baseline: no cell has a=4"),
        ({"seeds": [0.5]}, "s.yaml: seeds.0"),
        ({"datasets": []}, "s.yaml: datasets"),
        ({"threads": 0}, "s.yaml: threads"),
    ],
)
def test_a_mistake_in_a_file_is_named_in_a_line(values: dict, message: str) -> None:
    with pytest.raises(WsbenchError) as error:
        _settings(**values)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("methods: student\ndatasets: xrays\nseeds: [0, 1, 2]\noptions: {a: [1, 2]}\n")
    form = read(path)
    assert (form.seeds, form.options) == ((0, 1, 2), {"a": [1, 2]})
    path.write_text("- student\n")
    with pytest.raises(WsbenchError, match=r"study\.yaml"):
        read(path)


def test_the_command_line_replaces_keys_and_settings_name_by_name() -> None:
    form = form_of({**BASE, "seeds": [0, 1], "options": {"a": [1, 2], "b": 3}}, "s")
    replaced = changed(form, form_of({"seeds": [7], "options": {"b": 4, "epochs": 1}}, "changes"))
    assert (replaced.seeds, replaced.options) == ((7,), {"a": [1, 2], "b": 4, "epochs": 1})
    assert replaced.methods == form.methods
    assert changed(form, form_of({}, "changes")) == form


def test_the_command_line_replaces_settings_of_include_but_those_left_to_the_method() -> None:
    include = [{"methods": "teacher", "options": {"a": None, "b": 9, "epochs": 6}}]
    form = form_of({**BASE, "options": {"a": [1, 2], "b": 3}, "include": include}, "s")
    replaced = changed(form, form_of({"options": {"a": 5, "epochs": 1}}, "changes"))
    assert [cell.options for cell in cells_of(replaced, "s")] == [
        {"a": "5", "b": "3", "epochs": "1"},
        {"b": "9", "epochs": "1"},
    ]


def test_only_settings_in_which_cells_differ_are_swept() -> None:
    form = form_of({**BASE, "options": {"a": [1, 2], "b": 3}, "include": [{"methods": "teacher"}]}, "s")
    assert swept(cells_of(form, "s")) == ["method", "a"]


def test_numbers_are_told_from_names() -> None:
    words = ["1", "-0.5", "1e-4", ".5", "2.", "x1", "[1]", "nan", "inf", "", None]
    assert [number_of(word) for word in words] == [1.0, -0.5, 1e-4, 0.5, 2.0, *[None] * 6]


STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_of_the_repository_can_be_planned(path: Path) -> None:
    """All its methods, presets and settings exist, and one row is its baseline."""
    form, plugins = read(path), find()
    cells = cells_of(form, path.name)
    for cell in cells:
        make_plan(
            plugins.method(cell.method),
            cell.preset,
            parse_options([f"{name}={value}" for name, value in cell.options.items()]),
            dataset=plugins.dataset(cell.dataset),
            seed=cell.seed,
            device="cpu",
            runs=Path(),
        )
    baseline = {str(cell.settings) for cell in cells if is_baseline(cell, form.baseline)}
    assert len(baseline) == bool(form.baseline)
