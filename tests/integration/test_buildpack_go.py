"""heroku/go: which Go, which packages, which web process."""

from __future__ import annotations

import pytest

from hokku.build import declared
from tests.integration.toolchain_stand import Stand

GO = r"""case "$1" in
env) echo go1.24.4 ;;
list) [[ $* == *Target* ]] && { for p in $MAINS; do echo "$GOBIN/${p##*/}"; done; true; } || printf '%s\n' $MAINS ;;
install) shift; echo "$*" >>"$HOME/calls"; mkdir -p "$GOBIN"; echo fmt; echo "example.com/hello" ;;
esac"""
MODULE = {"go.mod": "module example.com/hello\n\ngo 1.21\n", "main.go": "package main\n"}


def stand(tmp_path, files=None, **more: str) -> Stand:
    return Stand(tmp_path, "go", MODULE | (files or {}), {"go": GO})


def test_a_module_is_a_go_app_and_sources_alone_are_none(tmp_path):
    made = stand(tmp_path)
    assert made.detect() == made.detect()
    assert made.detect().said == "Go\n"
    (made.app / "go.mod").unlink()
    assert made.detect().status == 1


@pytest.mark.parametrize(
    ("text", "config", "asked", "where"),
    [
        ("go 1.99\n", {}, "1.99", "go.mod"),
        ("go 1.24.5\n", {}, "1.24.5", "go.mod"),
        ("go 1.20\n// +heroku goVersion go1.98\n", {}, "1.98", "+heroku goVersion in go.mod"),
        ("go 1.20\n", {"GOVERSION": "go1.97"}, "1.97", "the config var GOVERSION"),
    ],
)
def test_a_newer_go_than_the_stacks_is_refused_with_what_there_is(tmp_path, text, config, asked, where):
    made = stand(tmp_path, {"go.mod": f"module example.com/hello\n\n{text}"})
    ran = made.compile(config)
    assert ran.status == 1
    assert f" !     Go {asked} (from {where}) is not on the stack debian-13, which has Go 1.24.4." in ran.said
    assert "1.19 on debian-12, 1.24 on debian-13" in ran.said


@pytest.mark.parametrize("version", ["1.24", "1.24.4", "1.9", "1.21.0"])
def test_what_asks_for_the_stacks_go_or_an_older_one_is_built(tmp_path, version):
    made = stand(tmp_path, {"go.mod": f"module example.com/hello\n\ngo {version}\n"})
    ran = made.compile(MAINS="example.com/hello")
    assert ran.status == 0, ran.said
    assert made.calls() == ["-v -tags heroku -modcacherw example.com/hello"]
    assert "       example.com/hello\n" in ran.said
    assert "       fmt\n" not in ran.said, "the standard library's packages are not told"


def test_the_only_program_is_the_web_process_unless_a_procfile_says_so(tmp_path):
    made = stand(tmp_path)
    assert made.compile(MAINS="example.com/hello").status == 0
    assert made.repeatable
    assert declared.parse(made.release()).default_process_types == {"web": "bin/hello"}
    (made.app / "Procfile").write_text("web: hello\n")
    assert declared.parse(made.release()).default_process_types == {}


def test_of_several_programs_none_is_taken_for_the_web_process(tmp_path):
    made = stand(tmp_path)
    ran = made.compile(MAINS="example.com/hello/cmd/a example.com/hello/cmd/b")
    assert ran.status == 0, ran.said
    assert " !     a b\n" in ran.said
    assert declared.parse(made.release()).default_process_types == {}


def test_a_module_without_a_program_is_refused(tmp_path):
    ran = stand(tmp_path).compile()
    assert ran.status == 1
    assert "There is no main package in the module" in ran.said


@pytest.mark.parametrize(
    ("directive", "config", "wanted"),
    [
        ("// +heroku install ./cmd/a ./cmd/b\n", {}, "./cmd/a ./cmd/b"),
        ("// +heroku install ./cmd/a\n", {"GO_INSTALL_PACKAGE_SPEC": "./cmd/c"}, "./cmd/c"),
        ("", {"GO_INSTALL_PACKAGE_SPEC": "./$(touch${IFS}x);y"}, "./$(touch${IFS}x);y"),
    ],
)
def test_packages_are_named_in_go_mod_or_by_a_config_var(tmp_path, directive, config, wanted):
    made = stand(tmp_path, {"go.mod": MODULE["go.mod"] + directive})
    ran = made.compile(config)
    assert ran.status == 0, ran.said
    assert made.calls() == [f"-v -tags heroku -modcacherw {wanted}"]
    assert not (made.app / "x").exists()


def test_vendored_modules_linker_symbols_and_hooks_are_used(tmp_path):
    made = stand(tmp_path, {
        "vendor/modules.txt": "", "bin/go-pre-compile": "#!/bin/bash\necho before >>$HOME/calls\n",
        "bin/go-post-compile": "#!/bin/bash\necho after >>$HOME/calls\n",
    })  # fmt: skip
    ran = made.compile({"GO_LINKER_SYMBOL": "main.commit"}, MAINS="example.com/hello", SOURCE_VERSION="abc")
    assert ran.status == 0, ran.said
    assert made.calls() == [
        "before", "-v -tags heroku -modcacherw -mod=vendor -ldflags -X 'main.commit=abc' example.com/hello", "after",
    ]  # fmt: skip
    assert not made.repeatable, "its hooks run in every build, and it has the commit in it"


def test_compiled_packages_are_kept_for_the_image_that_they_were_compiled_on(tmp_path):
    made = stand(tmp_path)
    for packages, kept in (("libc 1", False), ("libc 1", True), ("libc 2", False)):
        (tmp_path / "status").write_text(packages)
        ran = made.compile(MAINS="example.com/hello", HOKKU_PACKAGES=str(tmp_path / "status"))
        assert ran.status == 0, ran.said
        assert ("The compiled packages and modules of the last build are there" in ran.said) is kept
        (made.cache / "go/build/00").touch()


def test_a_hook_that_fails_ends_the_build(tmp_path):
    ran = stand(tmp_path, {"bin/go-pre-compile": "#!/bin/bash\nexit 3\n"}).compile(MAINS="example.com/hello")
    assert ran.status == 1
    assert "bin/go-pre-compile failed" in ran.said
