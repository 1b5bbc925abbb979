# Hokku: `make up` brings a whole platform up on this computer, `make test` is what CI runs, `make down` removes it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
BIN := .venv/bin
LAB := $(BIN)/python -m lab
export PYTHONDONTWRITEBYTECODE := 1
export PYLXD_WARNINGS := none

LAB_PACKAGES := btrfs-progs ca-certificates curl dnsmasq-base e2fsprogs git iproute2 iptables kmod lxcfs lxd \
	mmdebstrap nftables openssh-client procps python3-venv rsync util-linux zstd
TEST_PACKAGES := gcc haproxy libc6-dev openssh-server postgresql redis-server rsyslog rsyslog-openssl rsyslog-relp \
	shellcheck wrk

INVENTORY ?= inventory/lab

# How many acceptance tests run at once: most of them wait most of the time.
AT_ONCE ?= 3

# Scenarios of molecule/, one for each role and one for the whole site: those of `make test`, and those that take minutes.
ROLES_FAST := base rsyslog pki database
ROLES_SLOW := logplex router log_shipper lxd_member control git_receiver stack_image site
ROLES ?= $(ROLES_FAST) $(ROLES_SLOW)

.PHONY: help venv packages test-packages heroku-cli up deploy single status env down docs \
	test test-all lint test-unit test-integration test-fuzz test-acceptance test-acceptance-all test-faults bench \
	test-sanity test-core-2.18 test-molecule test-molecule-fast

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z0-9.-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

packages:
	@$(call install,$(LAB_PACKAGES))

test-packages:
	@$(call install,$(TEST_PACKAGES))

venv: packages ## Debian's packages and the project's Python environment
	@wanted=$$(sha256sum pyproject.toml | cut -d' ' -f1); \
	if [ "$$(cat .venv/.installed 2>/dev/null || true)" != "$$wanted" ]; then \
		echo "Installing the project's Python packages into .venv …"; began=$$SECONDS; \
		[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv; \
		$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[server,dev]'; \
		echo "$$wanted" > .venv/.installed; \
		echo "Installing the project's Python packages: done in $$((SECONDS - began)) s"; \
	fi
	@install -d -m 0700 .cache .cache/facts

heroku-cli: venv
	@$(call install_clis,v11 v8)

up: venv ## the lab's machines, the platform on them, and a first app; heals what is broken
	@began=$$SECONDS; \
	$(LAB) up; machines=$$((SECONDS - began)); \
	$(MAKE) deploy; deployed=$$((SECONDS - began)); \
	$(LAB) first-push; \
	echo "make up: machines $$machines s, site.yml $$((deployed - machines)) s," \
		"first app $$((SECONDS - began - deployed)) s, together $$((SECONDS - began)) s"

deploy: venv ## run the site playbook on the inventory (INVENTORY=inventory/lab)
	@$(BIN)/ansible-playbook -i $(INVENTORY) playbooks/site.yml

single: venv ## every role on one machine of the lab (inventory/single)
	@$(LAB) create single1
	@$(MAKE) deploy INVENTORY=inventory/single

status: ## what runs
	@$(or $(wildcard $(BIN)/python),python3) -m lab status

env: ## exports for a shell: eval "$(make env)"
	@$(or $(wildcard $(BIN)/python),python3) -m lab env

down: ## remove every trace of the lab
	@$(or $(wildcard $(BIN)/python),python3) -m lab down

test: venv ## everything CI runs
	@$(call phases,lint test-unit test-sanity test-integration test-molecule-fast test-acceptance)

test-all: venv ## what CI runs, and the promises under faults
	@$(call phases,lint test-unit test-sanity test-core-2.18 test-integration test-fuzz test-molecule test-acceptance-all test-faults)

lint: venv test-packages ## linters
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/yamllint --strict .
	@shellcheck --external-sources --check-sourced --source-path=SCRIPTDIR hokku/build/buildpacks/*/lib/profile.sh \
		$$(grep -rlE --exclude='*.j2' '^#!/bin/(ba)?sh' .ci hokku lab/image_files roles)
	@$(BIN)/ansible-lint --offline -q

test-unit: venv test-packages ## tests that need no server
	@$(BIN)/pytest tests/unit

test-integration: venv test-packages heroku-cli ## tests against real servers on this computer
	@$(BIN)/pytest tests/integration --numprocesses 2 --dist loadfile

test-sanity: venv ## the collection under ansible-test: sanity and units
	@.ci/ansible-test .venv modules style pylint units

test-core-2.18: venv ## modules, playbooks and ansible-test with the oldest ansible-core that is supported
	@$(call install_core,2.18)
	@began=$$SECONDS; for playbook in playbooks/*.yml playbooks/ops/*.yml; do \
		.cache/core-2.18/bin/ansible-playbook -i inventory/example --syntax-check "$$playbook" > /dev/null; \
	done; echo "core 2.18, syntax of the playbooks: passed in $$((SECONDS - began)) s"
	@.cache/core-2.18/bin/python -m pytest -q tests/unit/plugins
	@.ci/ansible-test .cache/core-2.18 modules units

test-molecule: venv test-packages ## each role on machines of its own (ROLES="base pki …")
	@$(call scenarios,$(ROLES))

test-molecule-fast: venv test-packages
	@$(call scenarios,$(ROLES_FAST))

docs: venv ## write the generated pages anew: role READMEs, docs/reference
	@$(BIN)/python -m docs.generate

test-fuzz: venv test-packages ## the API under many more requests that nobody thought of
	@HOKKU_FUZZ=150 $(BIN)/pytest tests/integration/test_api_fuzz.py

test-acceptance: venv heroku-cli ## the lab's platform as its users meet it
	@$(call have_lab)
	@$(call acceptance,not long and)

test-acceptance-all: venv heroku-cli ## the same, with both versions of the CLI for every command
	@$(call have_lab)
	@$(call acceptance)

test-faults: venv ## what is promised, with real faults under real load
	@$(call have_lab)
	@$(BIN)/pytest tests/faults

bench: venv test-packages ## measure, and write docs/benchmarks.md
	@$(call have_lab)
	@$(BIN)/python -m tests.bench

# Install those of the packages $(1) that are missing.
define install
missing=(); \
for package in $(1); do \
	[ "$$(dpkg-query -W -f '$${db:Status-Status}' "$$package" 2>/dev/null || true)" = installed ] || missing+=("$$package"); \
done; \
if [ "$${#missing[@]}" -gt 0 ]; then \
	[ "$$(id -u)" = 0 ] || { echo "Missing Debian packages: $${missing[*]}. Run the same command as root." >&2; exit 1; }; \
	echo "Installing Debian packages: $${missing[*]} …"; began=$$SECONDS; \
	export DEBIAN_FRONTEND=noninteractive; \
	log=$$(mktemp); \
	{ apt-get -q update && apt-get -q -y install --no-install-recommends -o Dpkg::Use-Pty=0 "$${missing[@]}"; } \
		> "$$log" 2>&1 || { tail -n 20 "$$log" >&2; rm "$$log"; exit 1; }; \
	rm "$$log"; \
	echo "Installing Debian packages: done in $$((SECONDS - began)) s"; \
fi
endef

# Install the versions $(1) of the official CLI, as their locks say, into .cache/heroku_cli.
define install_clis
for version in $(1); do \
	lock=tests/acceptance/heroku_cli/$$version; to=.cache/heroku_cli/$$version; \
	wanted=$$(cat $$lock/package.json $$lock/package-lock.json | sha256sum | cut -d' ' -f1); \
	if [ "$$(cat $$to/.installed 2>/dev/null || true)" != "$$wanted" ]; then \
		echo "Installing the official Heroku CLI $$version into $$to …"; began=$$SECONDS; \
		rm -rf $$to; install -D -t $$to $$lock/package.json $$lock/package-lock.json; \
		PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix $$to ci --ignore-scripts --no-audit --no-fund --loglevel=error; \
		find $$to -name '*.map' -type f -delete; \
		echo "$$wanted" > $$to/.installed; \
		echo "Installing the official Heroku CLI $$version: done in $$((SECONDS - began)) s"; \
	fi; \
done
endef

# The acceptance tests that `$(1)` chooses: those that may, a few at once, and then the others.
define acceptance
status=0; \
$(BIN)/pytest tests/acceptance -m '$(1) not alone' --numprocesses $(AT_ONCE) --dist loadfile || status=1; \
$(BIN)/pytest tests/acceptance -m '$(1) alone' || status=1; \
exit $$status
endef

# Have ansible-core $(1) in an environment of its own, .cache/core-$(1).
define install_core
[ -x .cache/core-$(1)/bin/ansible-playbook ] || { \
	echo "Installing ansible-core $(1) into .cache/core-$(1) …"; began=$$SECONDS; \
	$(PYTHON) -m venv .cache/core-$(1); \
	.cache/core-$(1)/bin/pip install --quiet --disable-pip-version-check 'ansible-core~=$(1).0' pytest pyyaml; \
	echo "Installing ansible-core $(1): done in $$((SECONDS - began)) s"; }
endef

# Run the scenarios $(1) one after the other, on the lab's daemon; what each did is kept in .cache/molecule/NAME.log.
define scenarios
$(LAB) ready || { echo "The lab is not up; it is brought up first."; $(MAKE) up; }; \
export PATH="$(CURDIR)/$(BIN):$$PATH" NO_COLOR=1; install -d .cache/molecule; \
for scenario in $(1); do \
	began=$$SECONDS; \
	molecule test --scenario-name "$$scenario" > .cache/molecule/$$scenario.log 2>&1 || { \
		tail -n 60 .cache/molecule/$$scenario.log >&2; \
		echo "molecule $$scenario: FAILED in $$((SECONDS - began)) s; the whole of it: .cache/molecule/$$scenario.log" >&2; \
		exit 1; }; \
	echo "molecule $$scenario: passed in $$((SECONDS - began)) s"; \
done
endef

# Make the phases $(1) one after the other; their times are told before the last one ends with its own.
define phases
told=""; \
for phase in $(1); do \
	printf '\n== %s\n' "$$phase"; \
	if [ "$$phase" = "$(lastword $(1))" ]; then printf 'Phases so far:%s\n' "$$told"; fi; \
	began=$$SECONDS; \
	$(MAKE) "$$phase"; \
	told="$$told $$phase $$((SECONDS - began)) s,"; \
	if [ "$$phase" != "$(lastword $(1))" ]; then echo "== $$phase: $$((SECONDS - began)) s"; fi; \
done
endef

define have_lab
$(LAB) ready || { echo "The lab is not up; it is brought up first."; $(MAKE) up; }
endef
