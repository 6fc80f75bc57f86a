#!/usr/bin/env python3
"""Holds the sources to the rules of the house; prints every breach and exits 1 if there is one.

- A room comes only through the doors of rooms that the plan lets it use (scripts/house.py); programs
  do not include each other; a header called *_private.h stays in its room. Tests may look anywhere.
- Files do not call each other in circles, headers do not include each other in one; the knots that
  are kept are named in the plan, and a knot that is none any more is to be struck out of it.
- A room has at most 30 .c files and a README.md of 10 to 25 lines; every C file lies in a room, and
  docs/architecture.md shows the plan as it is. C files that a README or docs/ names exist.
- Includes of our own files are written from the root, and some rooms are pure.
- A file has at most 500 lines, a function at most 60, a C file opens with a comment on what it is.
- Nothing names a path of somebody's machine or the host of a package registry, and nothing says that
  it is unfinished.

Usage: scripts/check-floors.py [ROOT]
"""
import ast
import os
import re
import sys

import circles
import house

FILE_LINES = 500
FUNCTION_LINES = 60
ROOM_FILES = 30
README_LINES = range(10, 26)
PICTURE = "docs/architecture.md"
NAMED = re.compile(r"`([\w./-]+\.[ch])`")

SKIPPED = {".git", "build", "data", "node_modules", "coverage", "__pycache__", "dist"}
UNREAD = re.compile(r"^(tests/(golden|fuzz/corpus)/|samples/captures/)")
COUNTED = re.compile(r"\.(c|h|py|sh|ts|tsx)$|^Makefile$")
GENERATED = re.compile(r"(^|/)generated/|\.d\.ts$")

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)
FORBIDDEN = [
    (re.compile(r"/(work|farm|home|root)/[a-z.]"), "a path of one machine"),
    (re.compile(r"\.\./+shared\b"), "a path outside the project"),
    (re.compile(r"https?://[^/\s\"'<>]*(registry|npm|pypi|crates|mirror|deb\.)[^/\s]*", re.I),
     "a package-registry host"),
    (re.compile(r"\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b"), "a mark of unfinished work"),
]


def project_files():
    for directory, names, files in os.walk("."):
        names[:] = sorted(n for n in names if n not in SKIPPED)
        for name in sorted(n for n in files if n not in SKIPPED):  # .git of a worktree is one
            path = os.path.join(directory, name)[2:]
            if not UNREAD.match(path):
                yield path


def read_text(path):
    """None for what is no text."""
    with open(path, "rb") as file:
        data = file.read()
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def check_own_include(path, name):
    room, target = house.room_of(path), house.room_of(name)
    if not os.path.exists(name):
        yield f'"{name}" is not a file seen from the root'
    elif room is None or target in (room, None):
        return  # tests look everywhere
    elif name.endswith("_private.h"):
        yield f"{name} is private to {target}"
    elif target not in house.ROOMS[room].uses:
        yield f"{room} must not include {name}"
    elif not house.ROOMS[target].lets_in(os.path.basename(name), room):
        yield f"{name} is no door of {target}"


def check_includes(path, text):
    pure = house.PURE.get(house.room_of(path), ())
    for bracket, name in INCLUDE.findall(text):
        if bracket == '"':
            yield from check_own_include(path, name)
        elif name in pure:
            yield f"{house.room_of(path)} must not include <{name}>"


def check_place(path):
    if house.room_of(path) is None and not path.startswith("tests/"):
        yield "lies in no room of scripts/house.py"


def check_c_functions(text):
    """Bodies between braces in the first column, which is how the formatter writes them."""
    start, head = None, ""
    for number, line in enumerate(text.split("\n"), 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start is not None:
            if number - start + 1 > FUNCTION_LINES + 2:
                yield f"line {start}: {number - start - 1} lines of function: {head[:60]}"
            start = None
        elif start is None and line[:1].isalpha() and "(" in line:
            head = line


def check_python_functions(path, text):
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"line {node.lineno}: {lines} lines of function: {node.name}"


def check_named(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        for name in NAMED.findall(line):
            if not any(os.path.exists(os.path.join(folder, name))
                       for folder in (".", os.path.dirname(path) or ".")):
                yield f"line {number}: names {name}, which is not there"


def check_file(path, text):
    lines = text.count("\n")
    if COUNTED.search(path) and not GENERATED.search(path) and lines > FILE_LINES:
        yield f"{lines} lines, at most {FILE_LINES}"
    if path.endswith((".c", ".h")):
        if not text.startswith("/*"):
            yield "must open with a comment that says what it is"
        yield from check_place(path)
        yield from check_includes(path, text)
        yield from check_c_functions(text)
    if path.endswith(".md"):
        yield from check_named(path, text)
    if path.endswith(".py"):
        yield from check_python_functions(path, text)
    for number, line in enumerate(text.split("\n"), 1):
        for pattern, what in FORBIDDEN:
            if pattern.search(line):
                yield f"line {number}: names {what}: {line.strip()[:80]}"


def check_rooms(sources):
    """Each room as a whole, of those that are there."""
    files = {}
    for path in sources:
        if path.endswith(".c") and house.room_of(path):
            files.setdefault(house.room_of(path), []).append(path)
    for room, paths in sorted(files.items()):
        readme = os.path.join(room, "README.md")
        if len(paths) > ROOM_FILES:
            yield f"{room}: {len(paths)} .c files, at most {ROOM_FILES}"
        if room in house.UNTOLD:
            continue
        lines = read_text(readme).count("\n") if os.path.exists(readme) else 0
        if lines not in README_LINES:
            yield f"{readme}: {lines} lines, expected {README_LINES[0]} to {README_LINES[-1]}"


def check_circles(sources):
    headers = {path: text for path, text in sources.items() if path.endswith(".h")}
    found = circles.rings(circles.includes(headers)) + circles.rings(circles.calls(sources))
    for ring in found:
        if not any(ring <= set(knot.split()) for knot in house.KNOTS):
            yield f"files in a circle: {' '.join(sorted(ring))}"
    for knot in house.KNOTS:
        tied = set().union(*(ring for ring in found if ring <= set(knot.split())), set())
        loose = [path for path in knot.split() if path in sources and path not in tied]
        if loose:
            yield f"no knot any more, strike it out of scripts/house.py: {' '.join(loose)}"


def check_picture():
    text = read_text(PICTURE) if os.path.exists(PICTURE) else None
    if text and house.picture() not in text:
        yield f"{PICTURE} does not show the plan; scripts/house.py prints the picture"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(here))
    texts = {path: text for path in project_files() if (text := read_text(path)) is not None}
    sources = {path: text for path, text in texts.items()
               if path.endswith((".c", ".h")) and house.room_of(path)}
    found = [f"{path}: {breach}" for path, text in texts.items() for breach in check_file(path, text)]
    found += [*check_rooms(sources), *check_circles(sources), *check_picture()]
    for breach in found:
        print(breach)
    if found:
        print(f"{len(found)} breaches in {len(texts)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
