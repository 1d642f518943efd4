"""The rules of the house: who may import whom, what is public, what the README promises."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import wsbench
from wsbench import hookspecs

ROOT = Path(__file__).parents[1]
HARNESS = sorted((ROOT / "harness" / "wsbench").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins" / "wsbench_plugins").rglob("*.py"))
HEAVY = ("torch", "torchvision", "lightning", "captum", "pandas", "numpy", "scipy", "sklearn", "cv2", "PIL")


def imports(path: Path) -> list[tuple[str, list[str]]]:
    """``(module, names)`` of every import of a file, wherever it stands in it."""
    found: list[tuple[str, list[str]]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(("." * node.level + (node.module or ""), [alias.name for alias in node.names]))
    return found


def uses_of(path: Path, name: str) -> set[str]:
    """The attributes of module ``name`` that a file uses."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }


@pytest.mark.parametrize("path", HARNESS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_harness_imports_no_plugin(path: Path) -> None:
    assert not [module for module, _ in imports(path) if module.startswith("wsbench_plugins")]


def test_the_harness_names_no_plugin() -> None:
    from wsbench import plugins

    found = plugins.find()
    names = [*found.methods, *found.datasets]
    for path in HARNESS:
        strings = {
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not strings & set(names), path


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_plugins_import_public_names_only(path: Path) -> None:
    for module, names in imports(path):
        assert not module.startswith("wsbench."), f"imports {module}"
        if module == "wsbench":
            assert set(names) <= set(wsbench.__all__)
    assert uses_of(path, "wsbench") <= set(wsbench.__all__)


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_imports_no_other_plugin(path: Path) -> None:
    parts = path.relative_to(ROOT / "plugins").parts
    own = ".".join(parts[:3]).removesuffix(".py")
    for module, _ in imports(path):
        assert not module.startswith("wsbench_plugins") or module.startswith(own), f"imports {module}"
        assert not module.startswith(".."), f"imports {module}"


def test_every_public_name_exists_and_is_the_one_it_says() -> None:
    for name in wsbench.__all__:
        value = getattr(wsbench, name)
        assert value is not None
        if hasattr(value, "__module__") and name != "hookimpl":
            assert value.__module__.startswith("wsbench."), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        wsbench.nothing  # noqa: B018


def test_type_checkers_see_the_same_public_names() -> None:
    (block,) = [
        node
        for node in ast.parse(Path(wsbench.__file__).read_text(encoding="utf-8")).body
        if isinstance(node, ast.If)
    ]
    seen = {
        (alias.name, node.module.removeprefix("wsbench."))
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(wsbench._HOME.items())


@pytest.mark.parametrize("command", [["--help"], ["list"], ["run", "--help"], ["describe", "kd_student"]])
def test_light_commands_import_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys\nfrom wsbench.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('HEAVY', *sorted({set(HEAVY)!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "HEAVY"


def test_public_docstrings() -> None:
    """Every public function, class and method of both packages says what it is."""
    missing = []
    for path in [*HARNESS, *PLUGINS]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not ast.get_docstring(tree):
            missing.append(f"{path.name}")
        missing += [f"{path.name}:{name}" for name in undocumented(tree.body, inherits=False)]
    assert missing == []


def undocumented(body: list[ast.stmt], *, inherits: bool) -> list[str]:
    """Names without a docstring; an overridden method inherits its base's."""
    names = []
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        hook = isinstance(node, ast.FunctionDef) and node.name.startswith("wsbench_")
        if not ast.get_docstring(node) and not inherits and not hook:
            names.append(node.name)
        if isinstance(node, ast.ClassDef):
            names += undocumented(node.body, inherits=bool(node.bases))
    return names


def test_no_file_is_larger_than_one_idea() -> None:
    for path in [*HARNESS, *PLUGINS]:
        lines = path.read_text(encoding="utf-8").count("\n")
        assert lines <= 320, f"{path.relative_to(ROOT)} has {lines} lines"


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_commands_and_options_in_the_readme_exist() -> None:
    from typer.main import get_command

    from wsbench.cli import app

    root = get_command(app)
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```", readme(), flags=re.DOTALL | re.MULTILINE))
    lines = re.findall(r"^(?:.* && )?(?:\S*/)?wsbench ([a-z].*)$", blocks, flags=re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        words = line.split("#")[0].split()
        command = root.commands[words[0]]
        if hasattr(command, "commands"):
            command = command.commands[words[1]]
        known = {
            option for parameter in command.params for option in parameter.opts + parameter.secondary_opts
        }
        for word in words:
            assert not word.startswith("-") or word.partition("=")[0] in known, f"{word} in: wsbench {line}"


def test_the_readmes_method_runs_in_twenty_lines(tmp_path: Path) -> None:
    from wsbench import plugins, testing

    (code,) = re.findall(r"```python\n(.*?)```", readme(), flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    (tmp_path / "brightest.py").write_text(code)
    found = plugins.find([tmp_path / "brightest.py"])
    assert found.broken == []
    testing.check_method(found.methods["brightest"], tmp_path / "runs")


def test_hooks_in_the_docs_exist() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("wsbench_")}
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"\bwsbench_(?!plugins\b)[a-z_]+", text))
        assert named <= hooks, page
    documented = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert all(hook in documented for hook in hooks)


@pytest.mark.parametrize(
    ("document", "board", "protocol"),
    [
        ("README.md", "phantom.md", 1),
        ("docs/clarity.md", "phantom14.md", 1),
        ("docs/tbva_gan.md", "phantom.md", 1),
        ("docs/tbva_gan.md", "phantom.md", 2),
        ("docs/saliency_cnn.md", "phantom.md", 1),
    ],
)
def test_numbers_in_documents_are_the_leaderboards(document: str, board: str, protocol: int) -> None:
    """Every cell of the document's first or second table stands in the same row of the dataset's page, under
    its first or second protocol."""
    text, page = ((ROOT / path).read_text(encoding="utf-8") for path in (document, f"leaderboards/{board}"))
    header, _, *rows = first_table("| method |".join(["", *text.split("| method |")[protocol:]]))
    theirs, _, *others = first_table(page.split("## Protocol")[protocol])
    by_method = {row[0]: dict(zip(theirs, row, strict=True)) for row in others}
    assert len(rows) >= 4
    for row in rows:
        for heading, cell in zip(header, row, strict=True):
            assert by_method[row[0]][heading] == cell, (row[0], heading)


def first_table(text: str, start: str = "| method |") -> list[list[str]]:
    """Header, rule and rows of the first table that starts so."""
    lines = text[text.index(start) :].splitlines()
    return [cells(line) for line in itertools.takewhile(lambda line: line.startswith("| "), lines)]


CAMS = {
    "ResNet18": {"layer": "network.layer3"},
    "XCiT": {
        "backbone": "timm/xcit_nano_12_p8_224",
        "layer": "network.blocks.10",
        "learning_rate": "0.0005",
        "randaugment_operations": "0",
        "warmup": "1",
    },
}
"""What the document's columns are, in settings; of its rows and cells the defaults are left out."""


@pytest.mark.parametrize("measure", ["ap25", "map_gain"])
def test_numbers_of_every_cam_are_the_leaderboards(measure: str) -> None:
    page = (ROOT / "leaderboards" / "phantom.md").read_text(encoding="utf-8")
    theirs, _, *others = first_table(page.split("## Protocol")[1])
    by_method = {row[0]: dict(zip(theirs, row, strict=True)) for row in others}
    text = (ROOT / "docs" / "cam.md").read_text(encoding="utf-8")
    header, _, *rows = first_table(text, f"| {measure} |")
    assert len(rows) == 5
    for cam, *found in rows:
        for heading, cell in zip(header[1:], found, strict=True):
            backbone, where = heading.split(", ")
            changed = {**CAMS[backbone], "cam": cam.strip("`"), "cells": where}
            named = (f"{name}={value}" for name, value in sorted(changed.items()))
            words = " ".join(word for word in named if word not in ("cam=gradcam", "cells=stretched"))
            assert by_method[f"cam (quick) {words}"][measure] == cell, (cam, heading)


def test_maps_on_the_phantom_depend_on_what_was_learnt_as_their_document_says() -> None:
    page = (ROOT / "leaderboards" / "phantom.md").read_text(encoding="utf-8")
    header, _, *rows = first_table(page.split("## Saliency sanity checks")[1])
    found = [dict(zip(header, row, strict=True)) for row in rows]
    by_method = {
        what: {row["method"]: float(row["Spearman"]) for row in found if row["random"] == what}
        for what in ("all parameters", "nothing, another image")
    }
    learnt, another = by_method.values()
    assert len(learnt) == 12
    assert all(learnt[method] < another[method] for method in another)
    (empty,) = [row for row in found if int(row["undefined"].split(" ")[0]) > 0]
    assert empty["method"] == "cam (quick) cells=centred layer=network.layer3"
    assert f"empty in {empty['undefined']} images" in (ROOT / "docs" / "sanity.md").read_text(
        encoding="utf-8"
    )


def test_what_translation_did_is_what_its_records_say() -> None:
    """Means over seeds of facts of the select role, in TBVA-GAN's document."""
    from wsbench import leaderboard
    from wsbench.rows import ranked

    text = (ROOT / "docs" / "tbva_gan.md").read_text(encoding="utf-8")
    found = {row.label("uniform"): row for row in ranked(leaderboard.read(ROOT / "leaderboards")["phantom"])}
    header, _, *rows = first_table(text, "| translation |")
    assert len(rows) >= 5
    for name, *values in rows:
        facts = [record.method["facts"] for record in found[name].records]
        for heading, value in zip(header[1:], values, strict=True):
            fact = heading.strip("`")
            mean = sum(one[fact] for one in facts) / len(facts)
            assert f"{mean:.{len(value.partition('.')[2])}f}" == value, (name, heading)


def test_numbers_in_claritys_words_are_its_rows() -> None:
    """Of three decimals, outside tables: each is the mean of some metric of some row of CLARiTY's."""
    text, page = ((ROOT / path).read_text() for path in ("docs/clarity.md", "leaderboards/phantom14.md"))
    section = text[text.index("## On `phantom14`") : text.index("## What the quick preset took")]
    words = "\n".join(line for line in section.splitlines() if not line.startswith("|"))
    rows = [cells(line) for line in page.splitlines() if line.startswith("| clarity (quick)")]
    means = {cell.split(" ")[0] for row in rows for cell in row}
    said = re.findall(r"\b0\.\d{3}\b", words)
    assert len(said) >= 4
    assert set(said) <= means


def test_the_auc_in_the_readmes_words_is_the_students() -> None:
    (row,) = [cells(line) for line in readme().splitlines() if line.startswith("| kd_student")]
    (words,) = re.findall(r"AUC of (\d\.\d+)", readme())
    assert row[-1].split(" ")[0] == words


def test_the_rows_whose_map_gain_is_above_0_are_those_the_readme_names() -> None:
    header, _, *rows = first_table(readme())
    gains = {row[0]: row[header.index("map_gain")].split(" ± ") for row in rows}
    beyond_noise = {
        name: float(mean) > float(spread) for name, (mean, spread) in gains.items() if float(mean) > 0
    }
    assert beyond_noise == {
        "tbva_gan (quick)": True,
        "saliency_cnn (quick)": False,
        "cam (quick) cam=gradcam++ cells=centred layer=network.layer3": False,
    }
    assert (
        "Above 0 are\n  TBVA-GAN and, within noise, the saliency-map CNN and centred Grad-CAM++." in readme()
    )


def test_what_centring_does_is_what_the_readmes_rows_say() -> None:
    header, _, *rows = first_table(readme())
    ap25 = {row[0]: row[header.index("ap25")].split(" ")[0] for row in rows}
    stretched, centred = (
        ap25[f"cam (quick) cam=gradcam++ {cells}layer=network.layer3"] for cells in ("", "cells=centred ")
    )
    assert f"an `ap25` of {stretched} to {centred} (" in readme()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def test_ci_runs_the_readmes_test_command() -> None:
    commands = re.findall(r"```bash\n(.*?)```", readme(), flags=re.DOTALL)
    run, tests = (command.strip() for command in commands[:2])
    assert "--method kd_student --dataset phantom" in run
    for file in (".ci/run", ".github/workflows/ci.yml"):
        assert tests in (ROOT / file).read_text(encoding="utf-8"), f"{file} does not call: {tests}"
