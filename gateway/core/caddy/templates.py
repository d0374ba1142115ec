"""Fills templates of Caddyfiles in, and writes them as `caddy fmt` does."""


def indented(text: str) -> str:
    """Four spaces become a tab, as `caddy fmt` has it."""
    lines = (line.rstrip() for line in text.strip("\n").split("\n"))
    return "".join("\t" * (_indent(line) // 4) + line.lstrip(" ") + "\n" for line in lines)


def filled(template: str, **parts: str) -> str:
    """Each `<part name>` on a line of its own becomes that part's lines, as deep as it stood itself."""
    for name, part in parts.items():
        mark = f"<{name.replace('_', ' ')}>"
        lines = []
        for line in template.split("\n"):
            if line.strip() == mark:
                lines += [" " * _indent(line) + inner for inner in part.strip("\n").split("\n") if inner]
            else:
                lines.append(line.replace(mark, part))
        template = "\n".join(lines)
    return template


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
