#!/usr/bin/env python3
"""Checks that every relative link of the .md files leads to a file, and its anchor to a heading."""
import functools
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+)\)")
FENCED = re.compile(r"^(```|~~~).*?^\1\s*?$", re.S | re.M)
CODE = re.compile(r"`[^`\n]+`")


def pages():
    """Paths of all .md files that git knows or would add, from the root."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        capture_output=True, text=True, check=False)
    names = listed.stdout.split() if listed.returncode == 0 else []
    return sorted(name for name in set(names) if os.path.exists(os.path.join(ROOT, name)))


def read(path):
    with open(path, encoding="utf-8") as page:
        return page.read()


@functools.lru_cache(maxsize=None)
def anchors(path):
    """The anchors of a page's headings, as GitHub makes them."""
    found = set()
    for heading in re.findall(r"^#+\s+(.*?)\s*$", FENCED.sub("", read(path)), re.M):
        text = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        found.add(text.replace(" ", "-"))
    return found


def faults_of(page, root=ROOT):
    """What is wrong with the links of one page."""
    faults = []
    folder = os.path.dirname(os.path.join(root, page))
    for target in LINK.findall(CODE.sub("", FENCED.sub("", read(os.path.join(root, page))))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = os.path.normpath(os.path.join(folder, path)) if path else os.path.join(root, page)
        if not os.path.exists(file):
            faults.append(f"{page}: {target}: there is no such file")
        elif anchor and file.endswith(".md") and anchor not in anchors(file):
            faults.append(f"{page}: {target}: there is no such heading")
    return faults


def main():
    checked = pages()
    if not checked:
        print("links: no pages found")
        return 1
    faults = [fault for page in checked for fault in faults_of(page)]
    print("\n".join(faults + [f"links: {len(checked)} pages, {len(faults)} links that lead nowhere"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
