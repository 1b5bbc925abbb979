# What the platform's buildpacks have in common; each has a copy beside its bin/: `. "$here/common.sh"`. bash, not sh.

say() { echo "-----> $*"; }

# A filter: the lines of a command, indented.
detail() { sed -u 's/^/       /'; }

# Each argument is a line that the user should read; the build goes on.
warn() { printf ' !     %s\n' "$@"; }

# Each argument is a line: what is wrong, and what to do. The build ends.
fail() {
  warn "$@"
  exit 1
}

# `stack_versions LANGUAGE` prints which versions there are, for an error: the one table of them.
stack_versions() {
  case $1 in
    python) echo '3.11 on debian-12, 3.13 on debian-13, 3.14 on debian-14' ;;
    nodejs) echo '18 on debian-12, 20 on debian-13, 24 on debian-14' ;;
    ruby) echo '3.1 on debian-12, 3.3 on debian-13 and debian-14' ;;
    php) echo '8.2 on debian-12, 8.4 on debian-13 and debian-14' ;;
    java) echo '17 on debian-12, 21 and 25 on debian-13 and debian-14' ;;
    go) echo '1.19 on debian-12, 1.24 on debian-13, 1.27 on debian-14' ;;
  esac
}

# Config vars may steer a build (PIP_INDEX_URL, NPM_CONFIG_…), and must not break the buildpack itself.
# `export_env DIRECTORY` exports the files of the buildpack API's ENV_DIR, but those named like a variable that the
# buildpack has set before, or bash itself.
export_env() {
  local env_file env_name env_flags
  for env_file in "$1"/*; do
    env_name=${env_file##*/}
    case $env_name in
      '*' | PATH | HOME | IFS | PWD | OLDPWD | BASH* | SHELL* | LD_* | CPATH | LIBRARY_PATH | GIT_DIR | JAVA_OPTS | \
        CDPATH | GLOBIGNORE | POSIXLY_CORRECT | TMPDIR | ENV | STACK | SOURCE_VERSION | REQUEST_ID | \
        BUILD_DIR | CACHE_DIR | ENV_DIR | \
        PYTHONHOME | PYTHONPATH | PYTHONSAFEPATH | PIP_PREFIX | PIP_TARGET | PIP_USER | PIP_PYTHON | VIRTUAL_ENV | \
        NPM_CONFIG_PREFIX | npm_config_prefix | \
        RUBYOPT | RUBYLIB | GEM_HOME | GEM_PATH | BUNDLE_PATH | GOPATH | GOROOT) ;;
      [A-Za-z_]*)
        env_flags=$(declare -p "$env_name" 2>/dev/null | cut -d ' ' -f 2) || true
        case $env_flags in
          '' | -x) export "$env_name=$(cat "$env_file")" ;;
        esac
        ;;
    esac
  done
}

# `not_on_stack TITLE LANGUAGE ASKED WHERE HAS LINE…`: the error for a version that the stack does not have; LINEs are remedies.
not_on_stack() {
  fail "$1 ${3:0:40} (from $4) is not on the stack ${STACK:-}, which has $1 $5." \
    "The stacks have $1 $(stack_versions "$2"): \`heroku stack:set\` chooses one." "${@:6}"
}

# Whether version A is B or later: `at_least A B`.
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# Prints what tells one image of a stack from another with other packages: what was compiled for one need not run on the other.
image_packages() { sha256sum <"${HOKKU_PACKAGES:-/var/lib/dpkg/status}" | cut -d ' ' -f 1; } # elsewhere in tests only

# `for_this_image DIRECTORY…` empties those of the cache that builds on an image with other packages left.
for_this_image() {
  local image directory
  image=$(image_packages)
  for directory in "$@"; do
    if [ "$(cat "$directory/.image" 2>/dev/null)" != "$image" ]; then
      rm -rf "$directory"
      mkdir -p "$directory"
      echo "$image" >"$directory/.image"
    fi
  done
}

# Trees of many files are in the cache as one archive each: it is fetched for every build, and a build unpacks what it needs.
# `put_by DIRECTORY ARCHIVE` and `get_back ARCHIVE DIRECTORY`; the latter fails where there is no such archive, or a broken one.
put_by() { tar --create --format=gnu --file="$2" --directory="$1" .; }
get_back() {
  rm -rf "$2"
  mkdir -p "$2"
  tar --extract --file="$1" --directory="$2" 2>/dev/null || { rm -rf "$2" && return 1; }
}

# Prints the MiB that the dyno may use: what the platform says, else the container's limit, or what the computer has.
dyno_memory() {
  local total limit
  if [[ ${DYNO_RAM:-} =~ ^[1-9][0-9]*$ ]]; then
    echo "$DYNO_RAM"
    return
  fi
  total=$(sed -n -E 's/^MemTotal: +([0-9]+) kB/\1/p' /proc/meminfo 2>/dev/null || true)
  total=$((${total:-524288} / 1024))
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || true)
  if [[ $limit =~ ^[0-9]+$ ]] && [ $((limit / 1048576)) -lt "$total" ]; then
    total=$((limit / 1048576))
  fi
  echo "$total"
}

# `for_dynos FILE` prints a script of the buildpack as dynos source it: with dyno_memory, as they have nothing else of this.
for_dynos() {
  declare -f dyno_memory
  cat "$1"
}

# Says that the same would come of the same source, config vars, image and cache: no script ran that may fetch what changes
# elsewhere, and what was fetched is pinned. A build of the same is not done again then.
repeatable() { : >"$here/repeatable"; }

# The same, but for what a registry said is the newest in a range: that is taken to be so for the day.
repeatable_today() { echo day >"$here/repeatable"; }

# `hand_on LINE…`: what buildpacks after this one source.
hand_on() { printf '%s\n' "$@" >"$here/export"; }
