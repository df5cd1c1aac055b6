"""The documentation site, built as `make docs` builds it."""

from __future__ import annotations

import ast
import re

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from tools.docs_site import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    # Strict: a warning, such as a link that leads nowhere, is an error.
    build(load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(folder)))
    return folder


def test_links_between_files_become_links_between_pages(site):
    home = (site / "index.html").read_text("utf-8")
    assert 'href="data.html"' in home and 'href="contributing.html"' in home
    shown = re.search(r'href="(source/number_zoo/weights/[\w.]+json\.html)"', home)[1]
    assert "street_numbers" in (site / shown).read_text("utf-8")
    results = (site / "source/docs/results.html").read_text("utf-8")
    assert "1_mnist.json" in results
    assert "<svg" in (site / "architecture.html").read_text("utf-8"), "no Mermaid diagram"


def test_pages_load_nothing_from_other_hosts(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 25
    loaded = re.compile(
        r'<(?:script|img|iframe)[^>]+src="https?:|<link[^>]+href="https?:[^>]+stylesheet'
    )
    assert [page.name for page in pages if loaded.search(page.read_text("utf-8"))] == []


@pytest.mark.parametrize("package", ["datasets", "evaluation", "models", "number_zoo"])
def test_every_public_name_has_an_entry(site, package):
    # Parsed, as importing `models` takes seconds: `__all__`, or what is imported when used.
    module = ast.parse((ROOT / package / "__init__.py").read_text("utf-8"))
    values = [node.value for node in module.body if isinstance(node, ast.Assign)]
    names = set(ast.literal_eval(next(v for v in values if isinstance(v, ast.List | ast.Dict))))
    page = (site / f"reference/{package}.html").read_text("utf-8")
    entries = {name.rpartition(".")[2] for name in re.findall(r'<h3 id="([\w.]+)"', page)}
    assert len(names) > 2 and names <= entries
