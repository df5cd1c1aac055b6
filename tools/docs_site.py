"""Hook of MkDocs (mkdocs.yml): adds pages from outside docs/, and supports links as on GitHub.

README.md, CONTRIBUTING.md, the data sets' README.md and the executed notebooks become pages. A link
to any other file of the project leads to a page that shows the file. So a link that works in the
repository works on the site, and `mkdocs build --strict` fails on one that does not.
"""

from __future__ import annotations

import ast
import functools
import posixpath
import re
from pathlib import Path

import griffe
import merm
from jinja2 import DictLoader
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    **{
        path.relative_to(ROOT).as_posix(): f"datasets/{path.parent.name}.md"
        for path in ROOT.glob("datasets/*/README.md")
    },
}
"""Markdown files outside docs/, relative to the project, and their pages."""

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

_TEMPLATE = """
{%- extends "markdown/index.md.j2" %}
{% macro output_block(text) %}
``` {.text .output}
{{ text | strip_ansi | trim }}
```
{% endmacro %}
{% block stream %}{{ output_block(output.text) }}{% endblock stream %}
{% block data_text %}{{ output_block(output.data["text/plain"]) }}{% endblock data_text %}
"""
"""Template of notebooks as Markdown; text outputs have a class that distinguishes them from
code."""

_FILES = {page: source for source, page in PAGES.items()}
_LINK = re.compile(r"(?<=\]\()[^)\s#]+")
_ENTRY = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)
_RETURNS = re.compile(r"(?<=^Returns:\n)(\s+)(?=\S)", re.MULTILINE)
_LANGUAGES = {".py": "python", ".json": "json", ".toml": "toml", ".yml": "yaml"}


def on_config(config: MkDocsConfig) -> None:
    """Add pages that are not in `nav`, and render Mermaid diagrams, which would need a script."""
    sections = {title: pages for entry in config.nav for title, pages in entry.items()}
    docs, listed = Path(config.docs_dir), set(re.findall(r"[\w/]+\.md", str(config.nav)))
    pages = [path.relative_to(docs).as_posix() for path in sorted(docs.rglob("*.md"))]
    for page in (*pages, *PAGES.values(), *(f"notebooks/{path.stem}.md" for path in NOTEBOOKS)):
        if page not in listed:
            folder = Path(page).parts[0].removesuffix(".md")
            section = {"reference": "API", "notebooks": "Tutorials"}.get(folder, "Guides")
            sections[section].append(page)
    fence = {"name": "mermaid", "class": "mermaid", "format": _draw}
    config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [fence]}


def _draw(source: str, *_args, **_options) -> str:
    return f'<div class="diagram">{merm.render_diagram(source)}</div>'


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages from outside docs/, and the targets of links."""

    def add(uri: str, **content) -> None:
        files.append(File.generated(config, uri, **content))

    for source, page in PAGES.items():
        head = (
            "---\nhide: [navigation]\n---\n" if page == "index.md" else ""
        )  # the home page has no neighbours in the navigation
        add(page, content=head + (ROOT / source).read_text("utf-8"))
    exporter = MarkdownExporter(
        extra_loaders=[DictLoader({"site.md.j2": _TEMPLATE})], template_file="site.md.j2"
    )
    for path in NOTEBOOKS:
        markdown, resources = exporter.from_filename(str(path))
        for name, data in resources["outputs"].items():
            add(f"notebooks/{path.stem}/{name}", content=data)
            markdown = markdown.replace(f"]({name})", f"]({path.stem}/{name})")
        add(f"notebooks/{path.stem}.md", content=markdown)
    for file in [*files.documentation_pages()]:
        for link in _LINK.findall(file.content_string):
            path = _linked(link, file.src_uri)
            uri = path and _uri(path)
            if uri and uri not in files.src_uris:
                if uri.endswith(".md"):
                    add(uri, content=_show(path))
                else:
                    add(uri, abs_src_path=str(path))


def on_page_markdown(markdown: str, page: Page, **_arguments) -> str:
    """Change links between files of the project to links between their pages."""
    folder = posixpath.dirname(page.file.src_uri)

    def change(match: re.Match) -> str:
        path = _linked(match[0], page.file.src_uri)
        return posixpath.relpath(_uri(path), folder or ".") if path else match[0]

    markdown = _LINK.sub(change, markdown)
    if folder != "reference":
        return markdown
    package = Path(page.file.src_uri).stem
    listed = {name.rpartition(".")[2] for name in _ENTRY.findall(markdown)}
    if others := [name for name in _modules(package) if name not in listed]:
        markdown += "\n## More\n\n" + "\n".join(f"::: {package}.{name}" for name in others) + "\n"
    return _ENTRY.sub(_entry, markdown)


def _entry(match: re.Match) -> str:
    """An API entry under its public name, independent of the defining module."""
    package, _, name = match[1].partition(".")
    module = _modules(package).get(name)
    options = f"    options: {{heading: {match[1]}, toc_label: {name.rpartition('.')[2]}}}"
    return f"::: {f'{package}.{module}.{name}' if module else match[1]}\n{options}"


@functools.cache
def _modules(package: str) -> dict[str, str]:
    """The module of each name that a package imports when it is first used; nothing is imported."""
    path = ROOT / package / "__init__.py"
    for node in ast.parse(path.read_text("utf-8")).body if path.exists() else ():
        if isinstance(node, ast.Assign) and node.targets[0].id == "_MODULES":
            return ast.literal_eval(node.value)
    return {}


def _linked(link: str, page: str) -> Path | None:
    """The file or folder of the project that a link on a page leads to; None for other links."""
    if ":" in link or page.startswith("source/"):
        return None
    source = _FILES.get(page, page if page.startswith("notebooks/") else f"docs/{page}")
    path = (ROOT / source).parent.joinpath(link).resolve()
    return path if path.exists() and path.is_relative_to(ROOT) else None


def _uri(path: Path) -> str:
    """The page or copy of a file or folder on the site."""
    name = path.relative_to(ROOT).as_posix()
    if name in PAGES:
        return PAGES[name]
    if path.is_dir():
        return f"source/{name}.md"
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    if name.startswith("notebooks/"):
        return str(Path(name).with_suffix(".md"))
    return name if path.suffix in (".png", ".jpg", ".svg") else f"source/{name}.md"


def _show(path: Path) -> str:
    """A page with the text of a file, or a list of the files in a folder."""
    name = path.relative_to(ROOT).as_posix()
    head = f"---\ntitle: {name}\nsearch:\n  exclude: true\n---\n# {name}\n\n"
    if path.is_dir():
        return head + "".join(f"- {file.name}\n" for file in sorted(path.iterdir()))
    language = _LANGUAGES.get(path.suffix, "text")
    return f"{head}`````{language}\n{path.read_text('utf-8')}\n`````\n"


class ReturnTypes(griffe.Extension):
    """Puts the annotated type before the text of "Returns:", which docstrings do not repeat.

    Otherwise, a text with a colon in its first line would be parsed as a type and a description.
    """

    def on_function(self, *, func: griffe.Function, **_arguments) -> None:
        if func.docstring and func.returns:
            lead = rf"\1{func.returns}: "
            func.docstring.value = _RETURNS.sub(lead, func.docstring.value, count=1)
