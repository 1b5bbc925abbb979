"""Stack images: when they are made anew, which one an app runs on, and which ones may go."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from ansible_collections.hokku.platform.plugins.module_utils import _stack as recipe
from ansible_collections.hokku.platform.plugins.module_utils._lxd import LxdError
from ansible_collections.hokku.platform.plugins.modules import stack_image, stack_image_info

from hokku.build import compile
from hokku.manifold import images, names, template
from hokku.manifold.lxd import Image, Instance
from hokku.settings import Settings

DEFAULTS = yaml.safe_load((Path(__file__).parents[2] / "roles/stack_image/defaults/main.yml").read_text())
ALIASES = ("hokku/debian-13", "hokku/debian-13-build")
NOW = 2_000_000_000.0


def params(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    (tmp_path / "init").mkdir(exist_ok=True)
    for name in ("dyno-init.c", "dyno-log.h", "dyno-start"):
        (tmp_path / "init" / name).write_text(name)
    return {
        "name": "debian-13", "suite": "trixie", "packages": ["git", "ruby"], "build_packages": ["gcc"],
        "mirror": "http://deb.example/debian", "security_mirror": "http://deb.example/security", "updates": True,
        "nameserver": "10.99.0.1", "init_dir": str(tmp_path / "init"), "ca_dir": str(tmp_path / "none"), **changes,
    }  # fmt: skip


def digest(of: dict[str, Any]) -> str:
    return recipe.digest(of, recipe.tree(of))


def listed(role: str, alias: str | None, inputs: str = "abc", made: float = NOW, **changes: str) -> dict[str, Any]:
    """An image as `lxc image list --format json` has it."""
    about = recipe.metadata({"name": "debian-13"}, role, inputs, made)["properties"] | changes
    return {"fingerprint": role * 3, "aliases": [{"name": alias}] if alias else [], "properties": about}


def test_images_are_made_anew_when_any_input_changes(tmp_path: Path) -> None:
    before = params(tmp_path)
    changes: list[dict[str, Any]] = [
        {"packages": ["git"]}, {"build_packages": ["gcc", "g++"]}, {"suite": "forky"}, {"name": "debian-14"},
        {"updates": False}, {"nameserver": "10.98.0.1"}, {"security_mirror": "http://other.example/"},
    ]  # fmt: skip
    digests = {digest(before | change) for change in changes}
    assert digest(before) not in digests
    assert len(digests) == len(changes)
    assert digest(before | {"packages": ["ruby", "git"]}) == digest(before)
    was = digest(before)
    (tmp_path / "init" / "dyno-init.c").write_text("newer")
    assert digest(before) != was


def test_the_sources_of_dyno_init_stay_out_of_what_is_packed(tmp_path: Path) -> None:
    files = recipe.tree(params(tmp_path))
    assert {name for name in files if name.startswith("usr/lib/hokku/")} == {
        "usr/lib/hokku/dyno-start", "usr/lib/hokku/src/dyno-init.c", "usr/lib/hokku/src/dyno-log.h",
    }  # fmt: skip
    assert "./usr/lib/hokku/src" in recipe.NOT_PACKED


def test_a_release_brings_its_security_updates_and_testing_brings_its_own(tmp_path: Path) -> None:
    assert recipe.sources(params(tmp_path)) == [
        "deb http://deb.example/debian trixie main",
        "deb http://deb.example/debian trixie-updates main",
        "deb http://deb.example/security trixie-security main",
    ]
    assert recipe.sources(params(tmp_path, updates=False)) == ["deb http://deb.example/debian trixie main"]


def test_the_archive_is_reached_as_the_host_reaches_it() -> None:
    dump = 'APT "";\nAcquire::http "";\nAcquire::http::Proxy "http://proxy:3128";\nAcquire::https::Proxy "";\n'
    dump += 'Acquire::Check-Valid-Until "false";\nAcquire::Retries "3";\n'
    assert recipe.apt_options(dump) == [
        'Acquire::http::Proxy "http://proxy:3128";', 'Acquire::Check-Valid-Until "false";',
    ]  # fmt: skip
    assert "./etc/apt/apt.conf.d/99mmdebstrap" in recipe.NOT_PACKED  # a proxy's password is not the tenants' to read


def test_a_version_says_when_and_of_what() -> None:
    assert recipe.version(0, "0123456789abcdef") == "19700101T000000Z-01234567"


@pytest.mark.parametrize(
    ("run", "build", "oldest"),
    [
        ({"alias": None}, {}, 0.0),
        ({}, {"alias": "other"}, 0.0),
        ({"inputs": "abd"}, {"inputs": "abd"}, 0.0),
        ({}, {"made": NOW + 1}, 0.0),
        ({}, {}, NOW + 1),
    ],
    ids=["no run image", "no build image", "other inputs", "two versions", "too old"],
)
def test_both_images_must_be_there_of_one_version_and_young_enough(run: dict, build: dict, oldest: float) -> None:
    def pair(run: dict[str, Any], build: dict[str, Any]) -> list[dict[str, Any]]:
        return [listed("run", **{"alias": ALIASES[0]} | run), listed("build", **{"alias": ALIASES[1]} | build)]

    assert recipe.current(pair({}, {}), ALIASES, "abc", NOW) == pair({}, {})
    assert recipe.current(pair(run, build), ALIASES, "abc", oldest) is None


def test_an_image_of_before_versions_is_made_anew() -> None:
    old = listed("run", ALIASES[0]), listed("build", ALIASES[1])
    for image in old:
        del image["properties"]["hokku.version"]
    assert recipe.current(old, ALIASES, "abc", 0.0) is None


class Lxd:
    """Answers what it was told to, and nothing else; `target` is what the alias shows."""

    url = "/1.0/images/aliases/hokku%2Fdebian-13"

    def __init__(self, target: str | None) -> None:
        self.target, self.seen = target, [target]

    def find(self, url: str) -> dict[str, str] | None:
        assert url == self.url
        return None if self.target is None else {"name": ALIASES[0], "description": "a note", "target": self.target}

    def request(self, method: str, url: str, body: dict[str, str]) -> None:
        known = {
            ("POST", "/1.0/images/aliases"): {"name": ALIASES[0], "description": "", "target": "new"},
            ("PUT", self.url): {"description": "a note", "target": "new"},
        }
        assert body == known[method, url]
        assert (method == "POST") == (self.target is None)
        self.target = body["target"]
        self.seen.append(self.target)


@pytest.mark.parametrize("before", [None, "old", "new"])
def test_an_alias_is_moved_in_one_step_and_never_away(before: str | None) -> None:
    lxd = Lxd(before)
    recipe.point(lxd, ALIASES[0], "new")
    assert lxd.seen == ([before] if before == "new" else [before, "new"])


def test_the_module_moves_aliases_by_that_step_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Module:
        params: ClassVar[dict[str, str]] = {"name": "debian-13"}

        def run_command(self, argv: list[str]) -> None:
            raise AssertionError(f"{argv} is not one step")

        def fail_json(self, msg: str, **told: object) -> None:
            raise SystemExit(msg)

    lxd = Lxd("old")
    monkeypatch.setattr(stack_image, "Lxd", lambda: lxd)
    stack_image.Stack(Module()).name(ALIASES[0], "new")
    assert lxd.seen == ["old", "new"]

    def away(url: str) -> None:
        raise LxdError("LXD on this host does not answer")

    lxd.find = away
    with pytest.raises(SystemExit, match="Stack debian-13: naming its image hokku/debian-13 failed: LXD on this host"):
        stack_image.Stack(Module()).name(ALIASES[0], "new")


def test_every_stack_has_a_java_of_its_release_to_run_and_to_build_with() -> None:
    for stack in DEFAULTS["stack_image_default_stacks"]:
        runs = DEFAULTS["stack_image_release_packages"][stack["suite"]]
        builds = DEFAULTS["stack_image_release_build_packages"][stack["suite"]]
        assert [name.replace("-jre-", "-jdk-") for name in runs] == builds


def test_the_platforms_defaults_and_the_roles_name_the_same_stacks() -> None:
    chosen = Settings()
    assert [stack.name for stack in chosen.stacks] == [s["name"] for s in DEFAULTS["stack_image_default_stacks"]]
    assert chosen.stack(chosen.default_stack).image == "hokku/debian-13"
    assert chosen.stack(chosen.default_stack).build_image == "hokku/debian-13-build"


OLD = Image("old", frozenset(), {"hokku.stack": "debian-13", "hokku.made": "1"})
NEW = Image("new", frozenset({"hokku/debian-13"}), {"hokku.stack": "debian-13", "hokku.made": "2"})


def test_a_release_stays_on_its_image_whatever_is_newer() -> None:
    assert images.choose("old", "hokku/debian-13", [NEW, OLD]) == "old"
    assert images.choose("old", None, [NEW, OLD]) == "old"  # also when the stack is not offered any more
    assert images.outdated("old", "hokku/debian-13", [NEW, OLD])
    assert not images.outdated("new", "hokku/debian-13", [NEW, OLD])


def test_what_is_not_pinned_or_lost_its_image_gets_the_newest() -> None:
    assert images.choose(None, "hokku/debian-13", [OLD, NEW]) == "new"
    assert images.choose("lost", "hokku/debian-13", [OLD, NEW]) == "new"


def test_a_stack_without_an_image_is_said() -> None:
    with pytest.raises(images.NoImage, match="hokku/debian-15 is not in the cluster"):
        images.choose(None, "hokku/debian-15", [OLD, NEW])
    with pytest.raises(images.NoImage, match="stack:set"):
        images.choose("lost", None, [OLD, NEW])


def instance(base: str, content: str = "c", app: str = "a") -> Instance:
    config = {template.READY: template.WHOLE, images.MADE_FROM: base}
    about = names.labels("template", app=app, release=uuid.uuid4(), slug=uuid.uuid4(), content=content)
    return Instance(f"t-{base}-{content}-{app}", "Stopped", "h", config | about)


def test_an_image_goes_only_when_nothing_can_need_it() -> None:
    foreign = Image("foreign", frozenset(), {"description": "somebody's own"})
    fresh = Image("fresh", frozenset(), {"hokku.stack": "debian-13", "hokku.made": str(NOW - 10)})
    every = [OLD, NEW, foreign, fresh]
    assert images.unneeded(every, set(), [], NOW) == [OLD]
    assert images.unneeded(every, {"old"}, [], NOW) == []
    assert images.unneeded(every, set(), [instance("old")], NOW) == []
    assert images.unneeded(every, set(), [], NOW + images.JUST_MADE) == [OLD, fresh]


def test_a_template_is_copied_only_from_one_of_the_same_app_content_and_image() -> None:
    others = (instance("old"), instance("new", content="d"), instance("new", app="b"))
    there = {each.name: each for each in (*others, instance("new"))}
    wanted = names.labels("template", app="a", release=uuid.uuid4(), slug=uuid.uuid4(), content="c")
    assert template.sibling(there, wanted, "new") == "t-new-c-a"
    assert template.sibling({each.name: each for each in others}, wanted, "new") is None
    assert template.sibling(there, wanted, "newest") is None


def test_a_build_on_a_stack_that_was_taken_away_says_which_ones_there_are() -> None:
    class Told:
        text = ""

        def bang(self, line: str) -> None:
            self.text += f"{line} "

        say = bang

    order = compile.Order(uuid.uuid4(), uuid.uuid4(), "app", "debian-11", None, None, (), Path("x"), {})
    told = Told()
    with pytest.raises(compile.Rejected, match="there is no stack debian-11"):
        compile._image(order, told, Settings())
    assert "debian-12, debian-13, debian-14 with `heroku stack:set STACK`" in told.text


def test_only_stacks_without_right_images_are_due(tmp_path: Path) -> None:
    here = params(tmp_path, alias=ALIASES[0], build_alias=ALIASES[1], max_age_days=0, fresh=False)
    inputs = digest(here)
    there = [listed("run", ALIASES[0], inputs), listed("build", ALIASES[1], inputs)]
    assert stack_image_info.due([here], there, NOW + 86400) == []
    assert stack_image_info.due([here], there[:1], NOW) == ["debian-13"]
    assert stack_image_info.due([here], [], NOW) == ["debian-13"]
    for change in ({"fresh": True}, {"max_age_days": 1}, {"packages": ["git"]}, {"init_dir": str(tmp_path / "none")}):
        assert stack_image_info.due([here | change], there, NOW + 2 * 86400) == ["debian-13"], change
