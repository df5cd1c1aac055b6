"""Draw the project's packages and the imports between them as a Mermaid diagram.

python -m tools.package_graph                    # print the diagram and its table
python -m tools.package_graph --write            # replace them in docs/architecture.md
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from artifacts.files import replace_between

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = (
    "<!-- package graph: python -m tools.package_graph --write -->",
    "<!-- end of package graph -->",
)
LEFT_OUT = {"tests", "notebooks", "docs"}


@dataclass(frozen=True)
class PackageGraph:
    """Packages and top-level modules of the project.

    Attributes:
        lines: number of source lines of each package.
        imports: for each package, the packages that its files import.
    """

    lines: dict[str, int]
    imports: dict[str, frozenset[str]]

    def direct_imports(self) -> dict[str, frozenset[str]]:
        """Imports without those that another import implies (the transitive reduction)."""
        reach: dict[str, set[str]] = {}
        for package in TopologicalSorter(self.imports).static_order():
            reach[package] = set().union(
                *({other} | reach[other] for other in self.imports[package])
            )
        return {
            package: frozenset(
                other for other in others if not any(other in reach[between] for between in others)
            )
            for package, others in self.imports.items()
        }

    def markdown(self) -> str:
        """The diagram of direct imports, and a table of lines and imports, top packages first."""
        arrows = [
            f"    {package.replace('.py', '')} --> {other.replace('.py', '')}"
            for package, others in self.direct_imports().items()
            for other in sorted(others)
        ]
        rows = [
            f"| `{package}` | {self.lines[package]:,} | "
            f"{', '.join(sorted(self.imports[package])) or '–'} |"
            for package in reversed([*TopologicalSorter(self.imports).static_order()])
        ]
        head = ["| package | lines | imports |", "| --- | ---: | --- |"]
        total = f"| all | {sum(self.lines.values()):,} | |"
        return "\n".join(["```mermaid", "flowchart TD", *arrows, "```", "", *head, *rows, total])


def read_graph(root: Path = ROOT) -> PackageGraph:
    """Read the package graph from the source files below a folder.

    Args:
        root: folder of a checkout; imports inside functions are included.
    """
    files: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*.py")):
        first = path.relative_to(root).parts[0]
        if not first.startswith(".") and first.removesuffix(".py") not in LEFT_OUT:
            files.setdefault(first, []).append(path)
    names = {package.removesuffix(".py"): package for package in files}
    return PackageGraph(
        lines={
            package: sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)
            for package, paths in files.items()
        },
        imports={
            package: frozenset(
                names[module]
                for path in paths
                for module in _imported(ast.parse(path.read_text(encoding="utf-8")))
                if module in names and names[module] != package
            )
            for package, paths in files.items()
        },
    )


def _imported(tree: ast.AST) -> Iterable[str]:
    """First parts of the names of all imported modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.split(".")[0]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.package_graph", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--write", action="store_true", help=f"replace the graph in {PAGE.name}")
    options = parser.parse_args(arguments)
    graph = read_graph()
    if not options.write:
        print(graph.markdown())
        return
    replace_between(PAGE, BEGIN, END, graph.markdown())


if __name__ == "__main__":
    main()
