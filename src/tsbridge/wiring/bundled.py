"""The rulebooks and rosters that come with the product, and the files that the settings name instead."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from tsbridge.settings.model import Settings


def starter_path(settings: Settings) -> Path:
    """The rulebook that an empty database gets: the one of the settings, else the bundled one."""
    if settings.rulebook is not None:
        return settings.rulebook
    return bundled("incident-desk.yaml")


def example_roster(settings: Settings) -> Path:
    """The roster of the settings, else the bundled example."""
    return settings.roster or bundled("incident-desk-roster.yaml")


def bundled(name: str) -> Path:
    """A file of `rulebooks/`, in an installation or a checkout."""
    installed = Path(str(files("tsbridge"))) / "_bundled" / "rulebooks"
    folder = installed if installed.is_dir() else Path(__file__).resolve().parents[3] / "rulebooks"
    return folder / name
