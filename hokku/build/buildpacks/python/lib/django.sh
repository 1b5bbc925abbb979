# An app's own hooks, and Django's static files. https://devcenter.heroku.com/articles/django-assets

# `run_hook NAME` runs bin/NAME, in an environment in which the app's packages are.
run_hook() {
  if [ ! -f "bin/$1" ]; then
    return
  fi
  say "Running bin/$1 hook"
  chmod +x "bin/$1"
  if ! in_app "bin/$1" 2>&1 | detail; then
    fail "Error: Failed to run the bin/$1 script." "It ended with an error: its last lines above say why."
  fi
}

# Sets stays to false where the files may go elsewhere than into the slug (a bucket): then they are collected each time.
collect_static() {
  local manage
  if [ "${DISABLE_COLLECTSTATIC:-0}" != 0 ]; then
    say "Skipping Django collectstatic since the env var DISABLE_COLLECTSTATIC is set."
    return
  fi
  if ! in_app python -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("django") is None)' 2>/dev/null; then
    return
  fi
  manage=$(find . -maxdepth 3 -type f -name manage.py -not -path './.*' -printf '%d\t%P\n' | sort -n | head -n 1 | cut -f 2)
  if [ -z "$manage" ]; then
    say "Skipping Django collectstatic since no manage.py file found."
    return
  fi
  say "\$ python $manage collectstatic --noinput"
  if ! in_app python "$manage" collectstatic --noinput --traceback 2>&1 | detail; then
    warn "Error: Unable to generate Django static files." \
      "" \
      "The 'python $manage collectstatic --noinput' Django" \
      "management command to generate static files failed." \
      "" \
      "See the traceback above for details." \
      "" \
      "You may need to update application code to resolve this error." \
      "Or, you can disable collectstatic for this application:" \
      "" \
      "   \$ heroku config:set DISABLE_COLLECTSTATIC=1"
    if [ "${DEBUG_COLLECTSTATIC:-0}" = 1 ]; then
      say "Environment variables of collectstatic, by name:"
      env | cut -d = -f 1 | sort | detail # their values are secrets
    fi
    exit 1
  fi
  if ! in_app python - "$manage" >/dev/null 2>&1 <<'PYTHON'; then stays=false; fi
import os, runpy, sys

manage = os.path.abspath(sys.argv[1])
sys.path.insert(0, os.path.dirname(manage))
sys.argv = [manage, "version"]
try:
    runpy.run_path(manage, run_name="__main__")  # which says where the settings are
except SystemExit as ended:
    if ended.code:
        raise
import django

django.setup()
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import FileSystemStorage

sys.exit(not isinstance(staticfiles_storage, FileSystemStorage))
PYTHON
}

# The app's own PYTHONPATH counts, as in dynos; it is withheld from the buildpack.
in_app() { PATH="$venv/bin:$PATH" PYTHONPATH="$(cat "$env/PYTHONPATH" 2>/dev/null || echo "$build")" PYTHONUNBUFFERED=1 "$@"; }
