"""Files of typefaces for rendering: packages of Fontsource, each under an open licence."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

# About every fifth in alphabetical order is in test, which so has typefaces that training has not.
_TRAIN = """
    abel abril-fatface alfa-slab-one allura anton archivo-black arizonia arvo
    audiowide bangers baumans bebas-neue bevan boogaloo bowlby-one bubblegum-sans bungee
    carter-one caveat-brush cedarville-cursive chango coming-soon concert-one contrail-one
    courgette crafty-girls creepster crete-round damion
    dawning-of-a-new-day economica electrolize forum francois-one fugaz-one galindo
    gloria-hallelujah gochi-hand graduate gravitas-one handlee holtwood-one-sc homemade-apple
    homenaje julius-sans-one just-another-hand kaushan-script knewave la-belle-aurore
    league-gothic lemon lilita-one lobster londrina-solid luckiest-guy marcellus metal-mania
    michroma neucha niconne nothing-you-could-do nova-mono oleo-script oranienbaum
    over-the-rainbow oxanium pacifico passion-one patrick-hand patua-one paytone-one
    permanent-marker playball poiret-one prata press-start-2p questrial racing-sans-one
    rammetto-one rationale righteous rock-salt rubik-mono-one rufina rye sacramento
    saira-stencil-one sancreek schoolbell sedgwick-ave shadows-into-light share-tech sigmar-one
    silkscreen six-caps slackey sonsie-one special-elite staatliches stardos-stencil
    sue-ellen-francisco syncopate tangerine telex titan-one trocchi ultra unica-one varela-round
    vast-shadow vidaloka viga vt323 waiting-for-the-sunrise walter-turncoat yellowtail
"""
_TEST = """
    aldrich architects-daughter bad-script black-ops-one carme chewy courier-prime cutive-mono
    federo geo gudea indie-flower kristi limelight marck-script norican orbitron
    pathway-gothic-one pirata-one quantico reenie-beanie russo-one satisfy share-tech-mono
    sniglet strait tenor-sans unifrakturmaguntia voltaire yeseva-one
"""
FAMILIES = {"train": tuple(_TRAIN.split()), "test": tuple(_TEST.split())}
"""The families of each split. All have every ASCII character, and digits as clear as a sign's."""

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


def urls(split: str) -> list[str]:
    """The addresses of the archives of a split (https://fontsource.org), one for each family."""
    address = "https://registry.npmjs.org/@fontsource/{family}/-/{family}-5.3.0.tgz"
    return [address.format(family=family) for family in FAMILIES[split]]


def download(download_all: Callable, split: str) -> list[Path]:
    """Download the archives of a split; without a network, only the first one is tried.

    Args:
        download_all: the method `download` of TFDS's download manager.
        split: a key of `FAMILIES`.
    """
    first, *others = urls(split)
    return [download_all(first), *download_all(others)]


def extract_fonts(archives: Iterable[Path], folder: Path) -> None:
    """Write the upright faces of archives of Fontsource as FAMILY-WEIGHT.woff.

    Args:
        archives: downloaded files of `urls`.
        folder: existing folder to write to.

    Raises:
        ValueError: if an archive has no face of a known weight; the message names it.
    """
    for path in archives:
        fonts = {}
        with tarfile.open(path) as archive:
            for member in archive:
                name = re.fullmatch(r"package/files/(.+)-latin-(\d+)-normal\.woff", member.name)
                if name and name[2] in _WEIGHTS:
                    family, weight = name[1], _WEIGHTS[name[2]]
                    weight = "Black" if family in _HEAVY else weight
                    fonts[f"{family}-{weight}.woff"] = archive.extractfile(member).read()
        if not fonts:
            raise ValueError(
                f"{path} has no package/files/*-latin-400-normal.woff (or 700 or 900), as archives "
                f"of Fontsource have. Delete it, and it is downloaded again"
            )
        for file, data in fonts.items():
            (folder / file).write_bytes(data)
