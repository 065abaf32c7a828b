"""What axe-core finds in a page that is open: the rules of WCAG 2.2 AA, and what its authors hold for good practice.

The script is read from an installed package of which nothing else is used; it brings a browser of its own, which is not installed.
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from tests.web.browser import Phone

SCRIPT: Final = Path(str(distribution("axe-playwright-python").locate_file("axe_playwright_python/axe.min.js")))
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
RUN: Final = f"""axe.run(document, {{runOnly: {list(TAGS)}, resultTypes: ['violations']}}).then(found => found.violations.flatMap(
  one => one.nodes.map(node => `${{one.impact}} ${{one.id}}: ${{node.html.slice(0, 160)}}`)))"""


def violations(phone: Phone) -> list[str]:
    """One line for each element that breaks a rule: how bad, which rule, the element."""
    if not phone.see("!!window.axe"):
        phone.see(SCRIPT.read_text(encoding="utf-8") + "; 0")
    found = phone.see(RUN, awaits=True)
    if not isinstance(found, list):
        raise RuntimeError("axe said nothing")
    return [str(one) for one in found]
