"""Files of typefaces for rendering: packages of Fontsource, each under an open licence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from shlex import quote

PACKAGES = Path(__file__).with_name("fontsource")
"""Folder whose package.json lists the packages, one for each family: OFL 1.1 or Apache 2.0."""

# About every fifth in alphabetical order is in test, which so has typefaces that training has not.
_TEST = """
    aldrich architects-daughter bad-script black-ops-one carme chewy courier-prime cutive-mono
    federo geo gudea indie-flower kristi limelight marck-script norican orbitron
    pathway-gothic-one pirata-one quantico reenie-beanie russo-one satisfy share-tech-mono
    sniglet strait tenor-sans unifrakturmaguntia voltaire yeseva-one
"""


def families(split: str) -> list[str]:
    """The families of "train" or "test". All have every ASCII character, and digits as clear as a
    sign's."""
    packages = json.loads((PACKAGES / "package.json").read_text())["dependencies"]
    names, test = [package.removeprefix("@fontsource/") for package in packages], _TEST.split()
    return test if split == "test" else [name for name in names if name not in test]


_WEIGHTS = {"400": "Regular", "700": "Bold", "900": "Black"}
_HEAVY_NAMES = """
    alfa-slab-one anton archivo-black bangers bebas-neue bevan black-ops-one boogaloo bowlby-one
    bungee carter-one caveat-brush chango chewy concert-one contrail-one creepster francois-one
    fugaz-one galindo gravitas-one holtwood-one-sc knewave league-gothic lemon lilita-one lobster
    luckiest-guy patua-one paytone-one permanent-marker racing-sans-one rammetto-one righteous
    rubik-mono-one russo-one rye saira-stencil-one sancreek sigmar-one slackey sonsie-one
    staatliches titan-one ultra viga
"""
_HEAVY = frozenset(_HEAVY_NAMES.split())
"""Families whose only weight, called 400, is a heavy one."""


def copy_fonts(split: str, folder: Path) -> None:
    """Copy the upright faces of a split to a folder, as FAMILY-WEIGHT.woff.

    Args:
        split: "train" or "test".
        folder: existing folder to write to.

    Raises:
        FileNotFoundError: if a package is not installed; the message has the command.
    """
    for family in families(split):
        files = PACKAGES / "node_modules/@fontsource" / family / "files"
        fonts = {
            weight: path
            for number, weight in _WEIGHTS.items()
            if (path := files / f"{family}-latin-{number}-normal.woff").exists()
        }
        if not fonts:
            raise FileNotFoundError(
                f"There are no fonts of the typeface {family!r} in {files}. Install those of all "
                f"typefaces (12 MB; npm comes with Node.js) with: "
                f"npm ci --prefix {quote(str(PACKAGES))}"
            )
        for weight, path in fonts.items():
            weight = "Black" if family in _HEAVY else weight
            shutil.copy(path, folder / f"{family}-{weight}.woff")
