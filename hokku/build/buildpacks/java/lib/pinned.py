"""`python3 -I pinned.py`: ends with 0 if Maven makes the same of the current folder whenever it is asked, else with 1.

It does where every version that a pom.xml names is one version for ever, and every plugin that runs is one that reads
nothing but the project and its libraries. The projects of the tree itself may be snapshots: they are built from it.
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
    APACHE, "io.micronaut.maven", "io.quarkus", "io.quarkus.platform", "net.alchim31.maven", "org.codehaus.gmavenplus",
    "org.jacoco", "org.jetbrains.kotlin", "org.springframework.boot",
}  # fmt: skip
# Of Apache's own, those that run what the app says, or fetch from elsewhere.
UNKNOWN = {f"maven-{name}-plugin" for name in ("antrun", "invoker", "release", "scm", "scripting")}
PARENTS = {"io.micronaut.platform", "io.quarkus", "org.springframework.boot"}
# Maven itself, or the stack's, has a version of each: https://maven.apache.org/ref/current/maven-core/default-bindings.html
HAVE_VERSIONS = {
    f"maven-{name}-plugin"
    for name in ("assembly", "clean", "compiler", "dependency", "deploy", "ear", "ejb", "install", "jar", "resources",
                 "site", "surefire", "war")
}  # fmt: skip


def main() -> bool:
    """Whether it is so. A pom.xml that is no XML is for Maven to speak of."""
    if Path(".mvn/extensions.xml").exists() or "MAVEN_SETTINGS_URL" in os.environ:
        return False
    if ":" in os.environ.get("MAVEN_CUSTOM_GOALS", ""):  # a plugin by its name
        return False
    poms = [_without_namespaces(XML.parse(path).getroot()) for path in _poms()]
    own = {_name(pom) for pom in poms}
    managed = {_name(plugin) for pom in poms for plugin in pom.iter("plugin") if plugin.find("version") is not None}
    framework = any(_text(parent, "groupId") in PARENTS for parent in _each(poms, "parent"))
    return (
        all(_fixed(_version(one)) for one in _each(poms, "dependency", "parent", "plugin") if _name(one) not in own)
        and all(_fixed(one.text or "") for properties in _each(poms, "properties") for one in properties)
        and all(_text(parent, "groupId") in PARENTS or _name(parent) in own for parent in _each(poms, "parent"))
        and all(_known(plugin, managed, framework) for plugin in _each(poms, "plugin"))
        and not any(True for _ in _each(poms, "extension"))
    )


def _poms() -> Iterator[Path]:
    for directory, inner, files in os.walk("."):
        inner[:] = [name for name in inner if name not in ("target", "node_modules", "src") and name[0] != "."]
        if "pom.xml" in files:
            yield Path(directory, "pom.xml")


def _without_namespaces(root: XML.Element) -> XML.Element:
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
    return root


def _each(poms: Iterable[XML.Element], *tags: str) -> Iterator[XML.Element]:
    return (element for pom in poms for element in pom.iter() if element.tag in tags)


def _text(element: XML.Element | None, tag: str) -> str:
    return (element.findtext(tag) or "").strip() if element is not None else ""


def _name(element: XML.Element) -> tuple[str, str]:
    """Group and artifact. A project has its group from its parent where it names none, and a plugin Apache's."""
    group = _text(element, "groupId") or _text(element.find("parent"), "groupId")
    return group or (APACHE if element.tag == "plugin" else ""), _text(element, "artifactId")


def _version(element: XML.Element) -> str:
    return _text(element, "version")


def _fixed(version: str) -> bool:
    return not re.search(r"SNAPSHOT|^\s*[\[(]|^\s*(LATEST|RELEASE)\s*$", version)


def _known(plugin: XML.Element, managed: set[tuple[str, str]], framework: bool) -> bool:
    """`managed` are the plugins that some pom.xml gives a version; a framework's parent gives its own and Apache's."""
    name = _name(plugin)
    if plugin.find("executions") is None and _text(plugin, "extensions") != "true" and name[0] != APACHE:
        return name[0] in GROUPS or _version(plugin) != "" or name in managed  # it runs only where it is called
    versioned = name in managed or framework or name[1] in HAVE_VERSIONS
    return versioned and name[0] in GROUPS and name[1] not in UNKNOWN


if __name__ == "__main__":
    try:
        sys.exit(0 if main() else 1)
    except XML.ParseError:
        sys.exit(1)
