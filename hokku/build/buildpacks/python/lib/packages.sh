# What installs an app's packages, and doing so into $venv. Sets manager and key.

UV=0.12.5
POETRY=2.4.1
PIPENV=2026.7.1

choose_manager() {
  local found=() shown=()
  if [ -f Pipfile.lock ]; then
    found+=(pipenv) shown+=("Pipfile.lock (Pipenv)")
  elif [ -f Pipfile ]; then
    fail "Error: No 'Pipfile.lock' found!" \
      "A Pipfile alone does not say which versions are meant." \
      "Run pipenv lock, commit Pipfile.lock, and push again."
  fi
  if [ -f requirements.txt ]; then found+=(pip) shown+=("requirements.txt (pip)"); fi
  if [ -f poetry.lock ]; then found+=(poetry) shown+=("poetry.lock (Poetry)"); fi
  if [ -f uv.lock ]; then found+=(uv) shown+=("uv.lock (uv)"); fi
  if [ ${#found[@]} -gt 1 ]; then
    fail "Error: Multiple Python package manager files were found." \
      "Exactly one should be there, and these are:" "${shown[@]}" \
      "Decide which package manager installs this app, remove the other files, and push again."
  fi
  manager=${found[0]:-}
  if [ -n "$manager" ]; then
    return
  fi
  if { [ -f pyproject.toml ] && grep -q '^\[build-system\]\|^\[project\]' pyproject.toml; } || [ -f setup.py ]; then
    manager=project
  fi
}

# Sets key to what makes the packages of one build good for the next; to nothing when they are installed anew each time,
# as what comes from the app's own tree or a branch may change under the same files.
packages_key() {
  key=''
  if [ "$manager" != project ]; then
    key=$("$python" -I "$here/lib/packages_key.py" "$manager" "$has" $UV $POETRY $PIPENV) || key=''
  fi
}

# A package manager from PyPI, in the cache and never in the slug: `tool NAME VERSION` sets $tool.
tool() {
  tool=$fetched/tools/$1-$2-$has
  if "$tool/bin/python" -c '' 2>/dev/null && [ -f "$tool/complete" ]; then
    say "Using cached $1 $2"
    return
  fi
  say "Installing $1 $2"
  rm -rf "$fetched/tools"
  mkdir -p "$fetched/tools"
  "$python" -m venv --without-pip "$tool"
  if ! "$python" -m pip --python "$tool/bin/python" install --quiet --no-warn-script-location "$1==$2" 2>&1 | detail; then
    fail "$1 $2 could not be installed from PyPI: its last lines above say why. Push again, if it was the network."
  fi
  : >"$tool/complete"
}

install_packages() {
  case $manager in
    pip) install_with pip "pip install -r requirements.txt" "$python" -m pip --python "$venv/bin/python" install --no-compile --no-warn-script-location \
      --requirement requirements.txt ;;
    project) install_with pip "pip install ." "$python" -m pip --python "$venv/bin/python" install --no-compile --no-warn-script-location . ;;
    pipenv)
      tool pipenv $PIPENV
      export PIPENV_VERBOSITY=-1 PIPENV_NOSPIN=1 PIPENV_CACHE_DIR=$fetched/pipenv PIPENV_YES=1
      unset PIPENV_IGNORE_VIRTUALENVS PIPENV_PYTHON PIPENV_PIPFILE
      install_with Pipenv "pipenv install --deploy" "$tool/bin/python" -m pipenv install --deploy
      ;;
    poetry)
      tool poetry $POETRY
      # The stack's certificates count, and not those that come with poetry.
      export REQUESTS_CA_BUNDLE=${REQUESTS_CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}
      export POETRY_CACHE_DIR=$fetched/poetry POETRY_VIRTUALENVS_CREATE=false
      install_with Poetry "poetry sync --only main" "$tool/bin/python" -m poetry sync --only main --no-ansi --no-interaction
      ;;
    uv)
      tool uv $UV
      export UV_CACHE_DIR=$fetched/uv UV_PROJECT_ENVIRONMENT=$venv UV_PYTHON=$venv/bin/python
      export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true} UV_PYTHON_DOWNLOADS=never UV_NO_MANAGED_PYTHON=1 UV_LINK_MODE=copy
      install_with uv "uv sync --locked --no-default-groups" "$tool/bin/uv" sync --locked --no-default-groups --no-progress
      ;;
  esac
}

# `install_with TITLE SHOWN COMMAND…`
install_with() {
  say "Installing dependencies using '$2'"
  # The packages go into the environment that is active; only the app's variables steer how.
  if ! VIRTUAL_ENV=$venv PATH="$venv/bin:$PATH" "${@:3}" 2>&1 | detail; then
    fail "Error: Unable to install dependencies using $1." "See the log output above for more information."
  fi
}
