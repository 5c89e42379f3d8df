"""The rules of the house that a program can check: layout, dependencies, who imports whom, and what the README says."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import types
import typing
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

import lmloupe
import lmloupe.errors
from ui.pages import PAGES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
LOCAL = {"deploy", "lmloupe", "ui", "pages", "tests", "scripts", "benchmarks", "streamlit_app"}
RUN_LINE = "pip install -r requirements.txt && streamlit run streamlit_app.py"
TEST_LINE = "pip install -r requirements-dev.txt && python -m pytest"


def python_files(*folders: str) -> list[Path]:
    """Every Python file in these folders; fails where there is none, so that no rule holds of nothing."""
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert files, folders
    return files


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} has a relative import"
            yield node.module


def importers(packages: set[str], *folders: str) -> list[str]:
    """Which files of the folders import one of the packages, anywhere in them."""
    return [
        f"{path.relative_to(ROOT).as_posix()} imports {name}"
        for path in python_files(*folders)
        for name in imported_modules(path)
        if name.split(".")[0] in packages
    ]


def project_files() -> list[Path]:
    """The files of the project: git's list, or without git whatever lies in folders that are not made by tools."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "-c", f"safe.directory={ROOT.as_posix()}", "ls-files", "-coz", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, encoding="utf-8").stdout
        paths = [ROOT / name for name in listed.split("\0") if name]
    else:
        made = re.compile(r"__pycache__|.*\.egg-info|venv|node_modules|build|dist|\.(?!ci$|streamlit$|github$).*")
        paths = [
            path
            for path in ROOT.rglob("*")
            if not any(made.fullmatch(part) for part in path.relative_to(ROOT).parts[:-1])
        ]
    return [path for path in paths if path.is_file()]


def canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def requirements(name: str) -> list[str]:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def direct_dependencies(name: str) -> set[str]:
    names = [re.match(r"[A-Za-z0-9._-]+", line) for line in requirements(name) if not line.startswith("-")]
    return {canonical(found.group()) for found in names if found}


# Layout


def test_inspect_is_a_source_root_and_not_a_package() -> None:
    assert (ROOT / "inspect").is_dir()
    assert not list((ROOT / "inspect").glob("__init__.*"))


def test_the_standard_librarys_inspect_is_imported_in_the_repository() -> None:
    # The folder of the repository comes first on the path with `python -c` and `python -m`.
    code = (
        "import inspect, os; print(os.path.samefile(os.path.dirname(inspect.__file__), os.path.dirname(os.__file__)))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "True"
    command = [sys.executable, "-m", "streamlit", "version"]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert metadata.version("streamlit") in out.stdout


# Dependencies


def test_requirements_are_pinned_exactly() -> None:
    lines = requirements("requirements.txt")
    assert lines[-1] == "-e ."
    loose = [line for line in lines[:-1] if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line)]
    assert [re.split(r"[<>=]", line)[0] for line in loose] == ["pip"]


def test_dev_requirements_add_to_the_others() -> None:
    server, cluster, *others = requirements("requirements-dev.txt")
    assert (server, cluster) == ("-r requirements-server.txt", "-r requirements-cluster.txt")
    assert requirements("requirements-server.txt")[0] == "-r requirements.txt"
    assert requirements("requirements-cluster.txt")[0] == "-r requirements.txt"
    assert [line for line in others if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line)] == []
    assert direct_dependencies("requirements-dev.txt") & direct_dependencies("requirements.txt") == set()


def test_javascript_tools_are_pinned_and_their_lock_names_no_registry() -> None:
    tools = json.loads((ROOT / "package.json").read_text("utf-8"))["devDependencies"]
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    assert {name: lock[f"node_modules/{name}"]["version"] for name in tools} == tools
    assert lock[""]["devDependencies"] == tools
    assert [name for name, package in lock.items() if "resolved" in package] == []


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-server.txt", "requirements-cluster.txt", "requirements-dev.txt"]
)
def test_installed_versions_are_the_pinned_ones(name: str) -> None:
    pinned = dict(line.split("==") for line in requirements(name) if "==" in line)
    # A build for one kind of device says so after a plus sign.
    installed = {project: metadata.version(project.partition("[")[0]).split("+")[0] for project in pinned}
    assert installed == pinned


@pytest.mark.parametrize(
    ("folders", "files"),
    [
        (("inspect",), ("requirements.txt", "requirements-cluster.txt")),
        (("pages",), ("requirements.txt",)),
        (("ui",), ("requirements.txt", "requirements-server.txt")),
        (("deploy",), ("requirements.txt",)),
        (("scripts", "benchmarks"), ("requirements.txt", "requirements-cluster.txt", "requirements-dev.txt")),
        (
            ("tests",),
            ("requirements.txt", "requirements-server.txt", "requirements-cluster.txt", "requirements-dev.txt"),
        ),
    ],
)
def test_whatever_is_imported_is_a_direct_dependency(folders: tuple[str, ...], files: tuple[str, ...]) -> None:
    known = set().union(*(direct_dependencies(name) for name in files))
    providers = metadata.packages_distributions()
    for path in python_files(*folders):
        for module in imported_modules(path):
            package = module.split(".")[0]
            if package in sys.stdlib_module_names or package in LOCAL or (path.parent / f"{package}.py").is_file():
                continue
            found = {canonical(name) for name in providers.get(package, [package])}
            assert found & known, f"{path.relative_to(ROOT)} imports {package}, which {files} do not name"


def test_the_packages_metadata_asks_for_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = [name for names in project["optional-dependencies"].values() for name in names]
    assert {canonical(name) for name in project["dependencies"] + optional} <= direct_dependencies("requirements.txt")
    assert project["license"] == "Apache-2.0"
    assert project["version"] == lmloupe.__version__
    assert f"## {lmloupe.__version__} - " in (ROOT / "CHANGELOG.md").read_text("utf-8")


# Who imports whom


def test_the_library_draws_nothing() -> None:
    assert importers({"streamlit", "pandas", "plotly", "altair", "ui", "pages"}, "inspect") == []


def test_pages_and_ui_run_no_model_themselves() -> None:
    assert importers({"torch", "transformers", "bitsandbytes", "accelerate"}, "pages", "ui") == []


def test_ui_knows_no_page() -> None:
    assert importers({"pages", "streamlit_app"}, "ui") == []


def test_pages_and_ui_use_the_librarys_public_names_only() -> None:
    for path in [*python_files("pages", "ui"), ROOT / "streamlit_app.py"]:
        from_library = set()
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                found = [alias for alias in node.names if alias.name.split(".")[0] == "lmloupe"]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lmloupe":
                found = node.names
            else:
                continue
            paths = [getattr(node, "module", ""), *(alias.name for alias in found)]
            private = [part for dotted in paths if found for part in dotted.split(".") if part.startswith("_")]
            assert private == [], path
            from_library |= {(alias.asname or alias.name).split(".")[0] for alias in found}
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in from_library:
                assert not node.attr.startswith("_"), f"{path}: {node.value.id}.{node.attr}"


def test_no_markup_goes_unescaped() -> None:
    for path in [*python_files("inspect", "ui", "pages", "scripts", "benchmarks"), ROOT / "streamlit_app.py"]:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.keyword) and node.arg == "unsafe_allow_html":
                allowed = not (isinstance(node.value, ast.Constant) and node.value.value is False)
                assert not allowed, f"{path.relative_to(ROOT)}, line {node.value.lineno}"


# The library's face


def test_the_public_names_are_those_that_type_checkers_read() -> None:
    stub = tree(ROOT / "inspect" / "lmloupe" / "__init__.pyi")
    given = [a for node in stub.body if isinstance(node, ast.ImportFrom) and node.level for a in node.names]
    # PEP 484: a stub passes on what it imports as itself, and nothing else.
    assert [alias.name for alias in given if alias.asname != alias.name] == []
    assert sorted(alias.name for alias in given) == sorted(lmloupe.__all__)
    assert set(lmloupe.errors.__all__) <= set(lmloupe.__all__)
    assert [name for name in dir(lmloupe) if isinstance(getattr(lmloupe, name), types.ModuleType)] == []


def test_errors_are_named_as_callers_name_them() -> None:
    assert {
        f"{error.__module__}.{error.__qualname__}" for error in map(lmloupe.errors.__dict__.get, lmloupe.errors.__all__)
    } == {f"lmloupe.{name}" for name in lmloupe.errors.__all__}


def test_the_contract_is_there() -> None:
    promised = {
        "embedded_tokenizers",
        "load_tokenizer",
        "encode",
        "decode",
        "render_chat",
        "load_engine",
        "Sampling",
        "sampling_stages",
        "Engine",
        "Encoding",
        "Token",
        "Step",
        "Stage",
        "LoupeError",
    }
    assert promised - set(lmloupe.__all__) == set()


@pytest.mark.parametrize("name", lmloupe.__all__)
def test_every_public_name_resolves_and_says_what_it_is(name: str) -> None:
    value = getattr(lmloupe, name)
    if typing.get_origin(value) is typing.Literal or isinstance(value, tuple):
        return  # its values are its documentation
    assert value.__module__.split(".")[0] == "lmloupe"
    # Without a docstring a dataclass gets its signature, a protocol nothing.
    text = value.__doc__ or ""
    assert len(text) > 20
    assert not text.startswith(f"{name}(")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        lmloupe.no_such_name  # noqa: B018


def test_every_module_of_the_library_names_what_is_public() -> None:
    for path in python_files("inspect"):
        if path.name == "__init__.py" or path.name.startswith("_"):
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT / "inspect").with_suffix("").parts))
        assert [name for name in module.__all__ if not hasattr(module, name)] == [], path.name


# The README


def marked_command(name: str) -> str:
    found = re.search(rf"^<!-- ci: {name} -->\n```\w*\n(.*?)\n```$", README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no code block after <!-- ci: {name} -->"
    return found.group(1)


def test_the_two_lines() -> None:
    assert marked_command("run") == RUN_LINE
    assert marked_command("test") == TEST_LINE
    for name in shlex.split(RUN_LINE + " " + TEST_LINE):
        if name.endswith((".txt", ".py")):
            assert (ROOT / name).is_file(), name


@pytest.mark.skipif(os.name == "nt", reason="a bash script, for Debian")
def test_ci_runs_the_readmes_line() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    found = re.search(r"^readme_command\(\) \{.*?^\}$", script, re.MULTILINE | re.DOTALL)
    assert found
    command = ["bash", "-euo", "pipefail", "-c", f"{found.group()}\nreadme_command test"]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, encoding="utf-8").stdout
    assert out.strip() == TEST_LINE
    missing = subprocess.run([*command[:-1], f"{found.group()}\nreadme_command none"], cwd=ROOT, capture_output=True)
    assert missing.returncode != 0
    # ... and nothing but it: the command that was read is the one that is run, and no other line calls pytest.
    assert "command=$(readme_command test)" in script
    assert 'bash -euo pipefail -c "$command"' in script
    assert [line for line in script.splitlines() if "pytest" in line or "pip install" in line] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_linked_files_exist(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    assert linked or name == "CHANGELOG.md"
    assert [target for target in linked if not (ROOT / target).is_file()] == []


def test_every_page_of_the_app_is_in_the_readme() -> None:
    assert [page.title for page in PAGES if f"**{page.title}**" not in README] == []


def readme_blocks() -> list[typing.Any]:
    blocks = []
    for i, code in enumerate(re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)):
        needs_model = "load_engine" in code
        blocks.append(pytest.param(code, id=f"block{i}", marks=[pytest.mark.model] if needs_model else []))
    return blocks


@pytest.mark.parametrize("code", readme_blocks())
def test_readme_python_prints_what_its_comments_say(
    code: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "load_engine" in code:
        import torch

        request.getfixturevalue("embedded_model_folder")
        # The numbers in the README are float32's, the dtype of the CPU.
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    said = re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE)
    assert len(said) == code.count("print(") > 0
    capsys.readouterr()
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - our own README
    assert capsys.readouterr().out.splitlines() == said


# What no file says

HOSTS = ("pypi" + ".org", "pypi." + "python", "python" + "hosted", "npmjs" + ".org", "download.pytorch" + ".org")
MACHINE_PATH = re.compile(r"(?<![\w./:~-])/(?:work|root|tmp/scratch)(?![\w.-])")


def texts() -> Iterator[tuple[str, str]]:
    for path in project_files():
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
        except UnicodeDecodeError:
            assert path.suffix in {".gz", ".png", ".ico", ".woff2"}, f"{path} is neither text nor a known binary"


def test_no_file_names_a_package_registrys_host_or_a_path_of_one_machine() -> None:
    named = []
    seen = 0
    for name, text in texts():
        seen += 1
        for number, line in enumerate(text.splitlines(), 1):
            if any(host in line.lower() for host in HOSTS) or MACHINE_PATH.search(line):
                named.append(f"{name}:{number}: {line[:160]}")
    assert seen > 50
    assert named == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("cd /" + "work/main", True),
        ("'/" + "root'", True),
        ("/" + "tmp/scratch/x", True),
        ("frame/" + "work/x", False),
        ("https://example.com/" + "work/", False),
        ("/" + "workspace", False),
        ("/" + "tmp/x", False),
    ],
)
def test_what_counts_as_a_path_of_one_machine(line: str, found: bool) -> None:
    assert bool(MACHINE_PATH.search(line)) is found
