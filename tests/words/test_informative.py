"""The list of fields that only inform, in the docs and in the code, is one."""

import re
from pathlib import Path

from capital.domain.sizing.words import INFORMATIVE


def test_the_docs_name_every_field_that_only_informs() -> None:
    text = (Path(__file__).parents[2] / "docs/bots.md").read_text()

    listed = text.partition("<!-- informative -->")[2].partition("<!-- end of informative -->")[0]

    assert set(re.findall(r"`(\w+)`", listed)) == INFORMATIVE
