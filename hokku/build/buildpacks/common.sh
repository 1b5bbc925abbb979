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

# Config vars may steer a build (PIP_INDEX_URL, NPM_CONFIG_…), and must not break the buildpack itself.
# `export_env DIRECTORY` exports the files of the buildpack API's ENV_DIR.
export_env() {
  local file name
  for file in "$1"/*; do
    name=${file##*/}
    case $name in
      '*' | PATH | HOME | IFS | PWD | BASH* | SHELL* | LD_* | CPATH | LIBRARY_PATH | GIT_DIR | JAVA_OPTS | \
        PYTHONHOME | PYTHONPATH | PYTHONSAFEPATH | PIP_PREFIX | PIP_TARGET | PIP_USER | PIP_PYTHON | \
        NODE_OPTIONS | RUBYOPT | RUBYLIB | GEM_HOME | GEM_PATH | BUNDLE_PATH | GOPATH | GOROOT) ;;
      [A-Za-z_]*) export "$name=$(cat "$file")" ;;
    esac
  done
}
