# Which Python is asked for, and whether the stack has it. Sets has, series, asked, where. https://devcenter.heroku.com/articles/python-runtimes

choose_python() {
  has=$("$python" -c 'import platform; print(platform.python_version())')
  series=${has%.*}
  asked=''
  where=''
  read_asked
  if [ -n "$asked" ] && ! [[ $asked =~ ^3(\.[0-9]+){0,2}$ ]]; then
    fail "$where has no Python version that is understood: $(printf %s "${asked:0:40}" | tr -c '[:print:]' '?')." \
      "Write a series, like $series, or an exact version, like $has, and nothing else."
  fi
  if [ -z "$asked" ]; then
    say "Using Python $has of the stack ${STACK:-}"
    detail <<<"No .python-version asks for another. To keep this series, write $series into that file."
  elif [[ $asked == "$series" || $asked == "$has" || $asked == 3 ]]; then
    say "Using Python $has as $where asks"
  elif [[ $asked == "$series".* ]]; then
    say "Using Python $has of the stack ${STACK:-}, which is close to $asked of $where"
  else
    fail "Python $asked (from $where) is not on the stack ${STACK:-}, which has Python $has." \
      "The stacks have Python $(stack_versions python)." \
      "Choose another stack with heroku stack:set, or write $series into $where."
  fi
}

# As on Heroku, runtime.txt goes over .python-version, and that over Pipfile.lock.
read_asked() {
  if [ -f runtime.txt ]; then
    where=runtime.txt
    asked=$(version_lines runtime.txt)
    asked=${asked#python-}
    warn "The runtime.txt file is deprecated: write ${asked:0:10} into a file .python-version instead, and remove it."
  elif [ -f .python-version ]; then
    where=.python-version
    asked=$(version_lines .python-version)
    if [ -z "$asked" ]; then
      fail "No Python version stands in the file .python-version." "Write one, like $series, or remove the file."
    fi
  elif [ -f Pipfile.lock ]; then
    where=Pipfile.lock
    asked=$(python3 -I -c '
import json
asked = json.load(open("Pipfile.lock"))["_meta"].get("requires", {})
print(asked.get("python_full_version") or asked.get("python_version") or "")' 2>/dev/null) || {
      fail "Pipfile.lock is not what pipenv writes." "Run pipenv lock, commit the file, and push again."
    }
  fi
}

# What stands in a file, without comments, empty lines and spaces; several versions are one that is not understood.
version_lines() { grep -v -E '^[[:space:]]*(#|$)' "$1" | tr -d ' \t\r' | paste -s -d , || true; }
