"""Circles between C files: files that call each other in a ring, and headers that include each other
in one. Read as text: a definition is what the formatter writes in the first column."""
import re

NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
NO_CALL = re.compile(r"(?:\.|->)[A-Za-z_]\w*|\b(?:struct|enum)\s+\w+")  # members and tags
FUNCTION = re.compile(r"^(?!static\b|typedef\b|return\b|else\b)[A-Za-z_][\w \t*]*?\b(\w+)\((?:[^;{}]|\n)*?\)\n\{", re.M)
VARIABLE = re.compile(r"^(?:const )?(?:struct|enum|char|bool|u?int\w*) [\w *]*?\b(\w+)(?:\[\w*\])* = ", re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
WORD = re.compile(r"[A-Za-z_]\w*")


def seen_from(path, sources, known):
    """The headers that a file includes, straight or through others."""
    if path not in known:
        known[path] = set()
        for name in INCLUDE.findall(sources[path]):
            if name in sources:
                known[path] |= {name} | seen_from(name, sources, known)
    return known[path]


def definitions(sources):
    """Name -> the .c file that defines it; None when several do: such a name says nothing."""
    owner = {}
    for path, text in sources.items():
        if path.endswith(".c"):
            for name in set(FUNCTION.findall(text)) | set(VARIABLE.findall(text)):
                owner[name] = None if name in owner else path
    return owner


def calls(sources):
    """{path: text} of .c and .h files -> {path of a .c file: {the one it calls: names}}. A name is a
    call when the file sees a header that has it."""
    bare = {path: NOISE.sub(" ", text) for path, text in sources.items()}
    words = {path: set(WORD.findall(NO_CALL.sub(" ", text))) for path, text in bare.items()}
    owner = definitions(bare)
    edges, known = {}, {}
    for path in bare:
        told = set()
        for header in seen_from(path, sources, known):
            told |= words[header]
        for name in words[path] & told if path.endswith(".c") else ():
            target = owner.get(name)
            if target and target != path:
                edges.setdefault(path, {}).setdefault(target, set()).add(name)
    return edges


def includes(headers):
    """{path: text} of headers -> {path: {included path: its name}}"""
    return {path: {name: {name} for name in INCLUDE.findall(text) if name in headers}
            for path, text in headers.items()}


def rings(edges):
    """The sets of nodes that reach each other (Tarjan's algorithm, without recursion)."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []
    for root in edges:
        work = [(root, iter(edges.get(root, ())))] if root not in index else []
        while work:
            node, targets = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            for target in targets:
                if target not in index:
                    work.append((target, iter(edges.get(target, ()))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    ring = set()
                    while node not in ring:
                        ring.add(stack.pop())
                    on_stack -= ring
                    if len(ring) > 1:
                        found.append(ring)
    return found
