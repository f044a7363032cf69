"""Installed packages of plugins: a module and a `.dist-info` folder, like pip in site-packages."""

import re
import tomllib
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


def install(folder: Path, *, package: str, version: str, module: str, source: str, entry: str) -> None:
    """Put a module and its metadata into a folder, with an entry point for vidlocal."""
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[vidlocal]\n{entry} = {module}\n")


def install_example(folder: Path) -> None:
    """Install the plugin of docs/plugins.md: its name by the TOML of the page, its source all Python of the page."""
    text = PAGE.read_text("utf-8")
    (project,) = (tomllib.loads(block) for block in blocks(text, "toml"))
    ((entry, module),) = project["project"]["entry-points"]["vidlocal"].items()
    install(
        folder,
        package=project["project"]["name"],
        version=project["project"]["version"],
        module=module,
        source="\n\n".join(blocks(text, "python")),
        entry=entry,
    )


def blocks(text: str, language: str) -> list[str]:
    """Return the code of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
