"""heroku/ruby: which Ruby, which Bundler, what is installed, which process types."""

from __future__ import annotations

import pytest

from hokku.build import declared
from tests.integration.toolchain_stand import Stand

RUBY = r"""case "$*" in
*RUBY_VERSION*) printf 3.3.8 ;;
*ruby_version*) printf 3.3.0 ;;
*Bundler::VERSION*) printf 2.6.7 ;;
esac"""
BUNDLE = r"""echo "bundle $* without $BUNDLE_WITHOUT version ${BUNDLER_VERSION:-}" >>"$HOME/calls"
case "$*" in
install*--local*) [ -z "${NOT_LOCAL:-}" ] || exit 1; mkdir -p vendor/bundle/ruby/3.3.0/gems/one ;;
install*) mkdir -p vendor/bundle/ruby/3.3.0/gems/one ;;
*'rake -P'*) [ -z "${NO_TASKS:-}" ] || { echo "cannot load such file"; exit 1; } >&2; echo 'rake assets:precompile' ;;
*assets:precompile*) [ -z "${BREAK:-}" ] || { echo aborted; exit 1; }
  ! grep -q railties Gemfile.lock || [ "${#SECRET_KEY_BASE}" = 128 ] || { echo "Missing secret_key_base"; exit 1; }
  mkdir -p public/assets tmp; date +%N >public/assets/app.css; date >>tmp/local_secret.txt ;;
esac"""
GEM = 'echo "gem $*" >>"$HOME/calls"; exit 1'
LOCK = "GEM\n  remote: https://rubygems.org/\n  specs:\n{specs}\nPLATFORMS\n  ruby\n\nBUNDLED WITH\n   {bundler}\n"


def lock(*gems: str, bundler: str = "2.6.7") -> str:
    return LOCK.format(specs="".join(f"    {gem} (1.0)\n" for gem in gems), bundler=bundler)


def stand(tmp_path, files=None) -> Stand:
    app = {"Gemfile": "source 'https://rubygems.org'\n", "Gemfile.lock": lock()} | (files or {})
    return Stand(tmp_path, "ruby", app, {"ruby": RUBY, "bundle": BUNDLE, "gem": GEM})


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "Ruby\n"),
        ({"config.ru": ""}, "Ruby/Rack\n"),
        ({"config.ru": "", "Gemfile.lock": lock("railties")}, "Ruby/Rails\n"),
    ],
)
def test_a_gemfile_makes_a_ruby_app_of_its_kind(tmp_path, files, said):
    made = stand(tmp_path, files)
    assert (made.detect().status, made.detect().said) == (0, said)
    (made.app / "Gemfile").unlink()
    assert made.detect().status == 1


def test_a_gemfile_without_a_lock_is_refused(tmp_path):
    made = stand(tmp_path)
    (made.app / "Gemfile.lock").unlink()
    ran = made.compile()
    assert ran.status == 1
    assert " !     Gemfile.lock required. Please check it in." in ran.said


@pytest.mark.parametrize(
    ("files", "asked", "where"),
    [
        ({"Gemfile": 'ruby "3.1.2"\n'}, "3.1.2", "Gemfile"),
        ({"Gemfile": 'ruby "~> 3.1.0"\n'}, "~> 3.1.0", "Gemfile"),
        ({"Gemfile": 'ruby ">= 3.1", "< 3.3"\n'}, ">= 3.1,< 3.3", "Gemfile"),
        ({"Gemfile": 'ruby "3.3.1"\n'}, "3.3.1", "Gemfile"),
        ({"Gemfile": 'ruby file: ".ruby-version"\n', ".ruby-version": "ruby-3.4.1\n"}, "3.4.1", ".ruby-version"),
        ({".ruby-version": "2.7\n"}, "2.7", ".ruby-version"),
        ({"Gemfile.lock": "RUBY VERSION\n   ruby 3.2.4p170\n"}, "3.2.4", "Gemfile.lock"),
    ],
)
def test_a_ruby_that_the_stack_does_not_have_is_refused_with_what_there_is(tmp_path, files, asked, where):
    ran = stand(tmp_path, files).compile()
    assert ran.status == 1
    assert f" !     Ruby {asked} (from {where}) is not on the stack debian-13, which has Ruby 3.3.8." in ran.said
    assert "3.1 on debian-12, 3.3 on debian-13" in ran.said
    assert "~> 3.3.0" in ran.said


@pytest.mark.parametrize(
    "files",
    [
        {"Gemfile": 'ruby "~> 3.3"\n'},
        {"Gemfile": "ruby '>= 3.1', '< 4'\n"},
        {"Gemfile": 'ruby "3.3.8"\n'},
        {"Gemfile": 'ruby ">= 3.0" # or "2.7"\n'},
        {".ruby-version": "3.3.1\n"},
        {"Gemfile.lock": lock() + "RUBY VERSION\n   ruby 3.3.5p100\n"},
        {"Gemfile.lock": lock() + "RUBY VERSION\n   ruby 3.3.5p100\n", ".ruby-version": "2.7\n"},
    ],
)
def test_a_ruby_of_the_stacks_series_is_used(tmp_path, files):
    ran = stand(tmp_path, files).compile()
    assert ran.status == 0, ran.said
    assert "-----> Using Ruby 3.3.8 of the stack debian-13" in ran.said


def test_the_gems_of_the_last_build_are_taken_while_the_lock_is_the_same(tmp_path):
    made = stand(tmp_path)
    assert made.compile().status == 0
    assert made.calls()[0] == "bundle install without development:test version 2.6.7"
    (made.home / "calls").unlink()
    again = made.compile()
    assert again.status == 0, again.said
    assert "vendor/bundle is in the repository" in again.said, "the app of this test still has it"
    assert "Using the gems of the last build" in again.said
    assert made.calls() == []
    assert made.repeatable
    assert (made.app / "vendor/bundle/ruby/3.3.0/gems/one").is_dir()
    (made.app / "Gemfile.lock").write_text(lock("rack"))
    assert made.compile().status == 0
    assert made.calls()[0].startswith("bundle install ")


def test_gems_are_kept_for_the_image_that_they_were_compiled_on(tmp_path):
    made = stand(tmp_path)
    for packages, words in (("libyaml 1", ""), ("libyaml 1", "Using the gems of"), ("libyaml 2", "Installing dep")):
        (tmp_path / "status").write_text(packages)
        ran = made.compile(HOKKU_PACKAGES=str(tmp_path / "status"))
        assert ran.status == 0, ran.said
        assert words in ran.said
    assert "The gems of the last build are there" not in ran.said


def test_other_groups_are_left_out_when_the_config_var_says_so(tmp_path):
    made = stand(tmp_path)
    assert made.compile({"BUNDLE_WITHOUT": "test"}).status == 0
    assert made.calls()[0] == "bundle install without test version 2.6.7"


@pytest.mark.parametrize(("broken", "calls"), [("", ["install --local"]), ("yes", ["install --local", "install"])])
def test_vendored_gems_are_enough_when_they_are_all_there(tmp_path, broken, calls):
    made = stand(tmp_path, {"vendor/cache/one-1.0.gem": ""})
    ran = made.compile(NOT_LOCAL=broken)
    assert ran.status == 0, ran.said
    assert [c.split(" without")[0].removeprefix("bundle ") for c in made.calls()[:-1]] == calls


def test_another_bundler_is_tried_for_and_else_the_stacks_is_used(tmp_path):
    made = stand(tmp_path, {"Gemfile.lock": lock(bundler="2.7.1")})
    ran = made.compile()
    assert ran.status == 0, ran.said
    assert made.calls()[0].startswith("gem install bundler --version 2.7.1 ")
    assert "Using Bundler 2.6.7 of the stack: 2.7.1 of Gemfile.lock (BUNDLED WITH) cannot be had" in ran.said
    assert "BUNDLER_VERSION:-2.6.7}" in (made.app / ".profile.d/ruby.sh").read_text()


def test_a_bundler_that_the_last_build_got_is_used_without_asking_for_it_again(tmp_path):
    got = GEM.replace("exit 1", 'mkdir -p "vendor/bundle/ruby/3.3.0/gems/bundler-2.7.1"')
    files = {"Gemfile": "", "Gemfile.lock": lock(bundler="2.7.1")}
    made = Stand(tmp_path, "ruby", files, {"ruby": RUBY, "bundle": BUNDLE, "gem": got})
    assert made.compile().status == 0
    (made.home / "calls").unlink()
    for gemfile in ("", "# another\n"):
        (made.app / "Gemfile").write_text(gemfile)
        again = made.compile()
        assert again.status == 0, again.said
        assert "Using Bundler 2.7.1, as Gemfile.lock says" in again.said
    assert not [call for call in made.calls() if call.startswith("gem install")]


RAILS = {"Gemfile.lock": lock("railties", "rake"), "Rakefile": "", "config.ru": ""}


def test_rails_has_its_assets_compiled_and_its_process_types(tmp_path):
    made = stand(tmp_path, RAILS)
    ran = made.compile()
    assert ran.status == 0, ran.said
    assert "       Running: rake assets:precompile" in ran.said
    assert made.repeatable
    assert (made.cache / "ruby/assets/public/assets/app.css").exists()
    assert not (made.app / "tmp/local_secret.txt").exists(), "Rails writes it for SECRET_KEY_BASE_DUMMY"
    said = declared.parse(made.release())
    assert list(said.default_process_types) == ["rake", "console", "web"]
    assert said.default_process_types["web"].startswith("bundle exec rails server ")
    assert len(said.config_vars["SECRET_KEY_BASE"]) == 128
    assert made.compile().status == 0
    assert declared.parse(made.release()) == said, "sessions outlive a deployment"


@pytest.mark.parametrize(
    "files",
    [
        {"Gemfile.lock": lock("rake")},
        {"Gemfile.lock": lock("railties", "rake", "jsbundling-rails")},
        {"rakelib/more.rake": 'task("assets:precompile") { fetch }'},
        {"lib/tasks/more.rake": 'Rake::Task["assets:precompile"].enhance { fetch }'},
    ],
)
def test_a_precompilation_that_may_be_more_than_rails_own_runs_in_every_build(tmp_path, files):
    made = stand(tmp_path, RAILS | files)
    ran = made.compile()
    assert ran.status == 0, ran.said
    assert not made.repeatable


@pytest.mark.parametrize(
    ("more", "words"),
    [({"BREAK": "1"}, "Precompiling assets failed."), ({"NO_TASKS": "1"}, "Could not detect rake tasks.")],
)
def test_assets_that_do_not_compile_end_the_build(tmp_path, more, words):
    ran = stand(tmp_path, RAILS).compile(**more)
    assert ran.status == 1
    assert f" !     {words}" in ran.said


def test_assets_that_were_compiled_already_are_left_alone(tmp_path):
    made = stand(tmp_path, RAILS | {"public/assets/.sprockets-manifest-1.json": "{}"})
    ran = made.compile(BREAK="1")
    assert ran.status == 0, ran.said
    assert "Detected manifest file" in ran.said


def test_rack_has_a_web_process_and_a_procfile_goes_over_it(tmp_path):
    made = stand(tmp_path, {"config.ru": ""})
    assert declared.parse(made.release()).default_process_types == {
        "console": "bundle exec irb", "web": "bundle exec rackup config.ru -p ${PORT:-5000} -o 0.0.0.0",
    }  # fmt: skip
    (made.app / "Procfile").write_text("web: bundle exec puma\n")
    assert "web" not in declared.parse(made.release()).default_process_types
