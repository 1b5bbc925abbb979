"""`python3 -I pinned.py`: ends with 0 if Maven makes the same of the current folder whenever it is asked, else with 1.

It does where every version that a pom.xml names is one version for ever, and every plugin that runs is one that reads
nothing but the project and its libraries. The project's own modules may be snapshots: they are built from the source.
https://maven.apache.org/pom.html
"""

from __future__ import annotations

import os
import re
import sys
import xml.etree.ElementTree as XML
from collections.abc import Iterable, Iterator
from pathlib import Path

APACHE = "org.apache.maven.plugins"
GROUPS = {
    APACHE, "io.micronaut.maven", "io.quarkus", "io.quarkus.platform", "net.alchim31.maven", "org.jacoco",
    "org.jetbrains.kotlin", "org.springframework.boot",
}  # fmt: skip
# Of these, those that run what the app says, or fetch from elsewhere.
UNKNOWN = {f"maven-{name}-plugin" for name in ("antrun", "invoker", "release", "scm", "scripting")}
UNKNOWN_GOALS = {"get", "launcher", "run", "script"}
PARENTS = {"io.micronaut.platform", "io.quarkus", "org.springframework.boot"}
# Maven itself has a version of each: https://maven.apache.org/ref/current/maven-core/default-bindings.html
HAVE_VERSIONS = {
    f"maven-{name}-plugin"
    for name in ("assembly", "clean", "compiler", "dependency", "deploy", "ear", "ejb", "install", "jar", "resources",
                 "site", "surefire", "war")
}  # fmt: skip
FRAMEWORKS_HAVE = {f"maven-{name}-plugin" for name in ("enforcer", "failsafe", "javadoc", "shade", "source")}
MOVES = re.compile(r"SNAPSHOT|(^|:)\s*(LATEST|RELEASE)\s*(:|$)")  # what a name like this leads to changes
# In options: a version, or another project than the root's.
MEANS_ANOTHER = re.compile(r"SNAPSHOT|LATEST|RELEASE|[\[(]|(^|\s)(-f|--file)")


def main() -> bool:
    """Whether it is so. Raises ValueError, LookupError, OSError or SyntaxError for a pom.xml that cannot be read."""
    goals, own_options = os.environ.get("MAVEN_CUSTOM_GOALS", ""), Path(".mvn/maven.config")
    options = [goals, os.environ.get("MAVEN_CUSTOM_OPTS", ""), own_options.read_text() if own_options.exists() else ""]
    if Path(".mvn/extensions.xml").exists() or "MAVEN_SETTINGS_URL" in os.environ:
        return False
    if ":" in goals or any(MEANS_ANOTHER.search(text) for text in options):  # a goal of a plugin
        return False
    poms = list(_reactor(Path("pom.xml"), set()))
    own = {_name(pom) for pom in poms}
    managed = {_name(plugin) for plugin in _each(poms, "plugin") if _version(plugin)}
    framework = any(_text(parent, "groupId") in PARENTS for parent in _each(poms, "parent"))
    return (
        not any(True for _ in _each(poms, "extension"))
        and all(_stays(element, own) for pom in poms for element in pom.iter())
        and all(_text(parent, "groupId") in PARENTS or _name(parent) in own for parent in _each(poms, "parent"))
        and all(_known(plugin, managed, framework) for plugin in _each(poms, "plugin"))
    )


def _reactor(path: Path, seen: set[Path]) -> Iterator[XML.Element]:
    """The project, and the modules that are built with it."""
    path = (path / "pom.xml" if path.is_dir() else path).resolve()
    if path in seen:
        return
    seen.add(path)
    root = XML.parse(path).getroot()
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
    yield root
    for module in _each([root], "module"):
        yield from _reactor(path.parent / (module.text or "").strip(), seen)


def _each(poms: Iterable[XML.Element], tag: str) -> Iterator[XML.Element]:
    return (element for pom in poms for element in pom.iter(tag))


def _text(element: XML.Element | None, tag: str) -> str:
    return (element.findtext(tag) or "").strip() if element is not None else ""


def _name(element: XML.Element) -> tuple[str, str]:
    """Group and artifact. A project has its group from its parent where it names none, and a plugin Apache's."""
    group = _text(element, "groupId") or _text(element.find("parent"), "groupId")
    return group or (APACHE if element.tag == "plugin" else ""), _text(element, "artifactId")


def _version(element: XML.Element) -> str:
    return _text(element, "version")


def _stays(element: XML.Element, own: set[tuple[str, str]]) -> bool:
    """Whether what stands right under the element leads to one version for ever, or to the project's own."""
    for child in element:
        text = (child.text or "").strip()
        if child.tag == "version" and _name(element) in own:
            continue
        ranged = child.tag == "version" or element.tag == "properties"
        if MOVES.search(text) or (ranged and text[:1] in ("[", "(")):
            return False
    return True


def _known(plugin: XML.Element, managed: set[tuple[str, str]], framework: bool) -> bool:
    """`managed`: plugins that some pom.xml gives a version; frameworks' parents give their own and some of Apache's."""
    name = _name(plugin)
    if UNKNOWN_GOALS & {(goal.text or "").strip() for goal in plugin.iter("goal")}:
        return False
    if plugin.find("executions") is None and _text(plugin, "extensions") != "true" and name[0] != APACHE:
        return name[0] in GROUPS or _version(plugin) != "" or name in managed  # it runs only where it is called
    versioned = name in managed or name[1] in HAVE_VERSIONS
    if framework and not versioned:
        versioned = name[0] in PARENTS or name[1] in FRAMEWORKS_HAVE
    return versioned and name[0] in GROUPS and name[1] not in UNKNOWN


if __name__ == "__main__":
    try:
        sys.exit(0 if main() else 1)
    except (ValueError, LookupError, OSError, RuntimeError, SyntaxError):  # Maven says what is wrong with it
        sys.exit(1)
