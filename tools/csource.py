# SPDX-License-Identifier: Apache-2.0
"""What the checks of `make lint` share: the C files of the project, and their text without comments."""

import pathlib
import re

COMMENT_OR_STRING = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.DOTALL | re.VERBOSE
)


def files(*patterns):
    """The files of these patterns, in order of name."""
    return sorted({path for pattern in patterns for path in pathlib.Path().glob(pattern) if path.is_file()})


C_FILES = [f"{top}/**/*.[ch]" for top in ("lib", "cmd", "tests", "bench")]
SCRIPTS = ["scripts/*", "tools/*", "bench/*", "tests/**/*.py", ".ci/run"]


def code_only(text):
    """The text with comments and the insides of strings blanked, every line where it was."""

    def blank(match):
        found = match.group()
        if found.startswith(("/*", "//")):
            return re.sub(r"[^\n]", " ", found)
        return found[0] + " " * (len(found) - 2) + found[-1]

    return COMMENT_OR_STRING.sub(blank, text)


def report(complaints, what):
    """Prints the complaints; the exit status of a check."""
    for complaint in complaints:
        print(complaint)
    print(f"{what}: {len(complaints)} found" if complaints else f"{what}: fine")
    return 1 if complaints else 0
