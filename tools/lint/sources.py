"""Rules for the text of all files: their length, and what they must not name."""

import re

# A longer file is two files.
_MOST_LINES = 400

# Where packages come from is the business of the machine's own settings, so no file names a registry's host. These are
# written in pieces, since this file is one of them.
_HOSTS = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "deb." + "debian.org")
_HOST = re.compile(r"(?<![\w-])(" + "|".join(re.escape(host) for host in _HOSTS) + r")(?![\w-])")

# Folders of the machine that a file was written on. Examples are of "~", "/path/to" and Ada's home.
_MACHINE_PATH = re.compile(r"(?<![\w.~}*-])/(?:root|home/(?!ada/)\w+|work|Users/\w+|opt/dev|tmp/team|mnt)/")


def violations(path: str, text: str) -> list[str]:
    """Checks one file.

    Args:
        path: The file's path in the repository.
        text: What is in it.

    Returns:
        One line for each breach of the rules.
    """
    found = []
    lines = text.splitlines()
    if path.endswith(".py") and len(lines) > _MOST_LINES:
        found.append(f"{path}: {len(lines)} lines: more than {_MOST_LINES}")
    for number, line in enumerate(lines, start=1):
        host, machine_path = _HOST.search(line), _MACHINE_PATH.search(line)
        if host:
            found.append(f"{path}:{number}: names the host {host.group()}")
        if machine_path:
            found.append(f"{path}:{number}: has a path of one machine, {machine_path.group()}")
    return found
