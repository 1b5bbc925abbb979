# Installs what composer.json requires, and keeps it for the next build. bash, not sh. Uses $kept, and fact of platform.php.

install_packages() {
  local vendor=${fact[vendor]} when=${fact[kept]} stack whole=''
  export COMPOSER_HOME=$HOME/.composer COMPOSER_CACHE_DIR=$kept/composer COMPOSER_NO_INTERACTION=1 COMPOSER_NO_AUDIT=1
  export COMPOSER_MEMORY_LIMIT=${COMPOSER_MEMORY_LIMIT:--1} COMPOSER_PROCESS_TIMEOUT=${COMPOSER_PROCESS_TIMEOUT:-0}
  mkdir -p "$COMPOSER_HOME"
  if [ -n "${COMPOSER_GITHUB_OAUTH_TOKEN:-}" ]; then
    composer config -g github-oauth.github.com "$COMPOSER_GITHUB_OAUTH_TOKEN" >/dev/null 2>&1
  fi
  if [ -e "$vendor/composer/installed.json" ] || [ -e "$vendor/autoload.php" ]; then
    warn "Your Composer vendor directory is in the repository: what composer.lock does not say is changed in it." \
      "Usually it is ignored: \`git rm -r --cached vendor\`, and vendor/ in .gitignore."
  fi
  # What the app itself has there is none of the packages; a .gitkeep is nothing.
  if [ ! -f composer.lock ] || [ -n "$(find "$vendor" -mindepth 1 -maxdepth 1 ! -name '.*' -print -quit 2>/dev/null)" ]; then
    when=never
  fi
  stack="$STACK ${fact[version]} ${fact[composer]}"
  [ "$when" = never ] || whole=$(whole_app)
  if [ "$when" != never ] && [ "$(cat "$kept/for" 2>/dev/null)" = "$stack" ] && [ -d "$kept/vendor" ]; then
    if [ "$(cat "$kept/whole" 2>/dev/null)" = "$whole" ]; then
      take_kept
      if [ "$when" = always ]; then
        say "Using the packages and the autoloader of the last build: nothing of the app has changed"
        return
      fi
    elif [ "$when" = always ]; then
      take_kept
    fi
  fi
  say "Installing dependencies with Composer ${fact[composer]}"
  if [ -f composer.lock ]; then
    detail <<<'Loading composer repositories with package information'
  fi
  if ! composer install --no-dev --prefer-dist --optimize-autoloader --no-interaction --no-ansi --no-progress 2>&1 | detail; then
    fail "Composer could not install what composer.json requires: its last lines above say why."
  fi
  rm -rf "$kept/vendor" "$kept/for" "$kept/whole"
  if [ "$when" != never ] && [ -d "$vendor" ]; then
    cp -a --reflink=auto "$vendor" "$kept/vendor"
    find "$kept/vendor" -mindepth 1 -maxdepth 1 -name '.*' -exec rm -rf {} + # a .gitkeep is the app's
    echo "$stack" >"$kept/for"
    echo "$whole" >"$kept/whole"
  fi
}

take_kept() {
  detail <<<'The packages of the last build are there'
  mkdir -p "$vendor"
  cp -a --reflink=auto "$kept/vendor/." "$vendor/"
}

# What the autoloader and all that runs while packages are installed may go by.
whole_app() {
  {
    env | grep '^COMPOSER' | LC_ALL=C sort || true
    find . -path ./.git -prune -o \( -type f -o -type l \) -printf '%p %y %l\0' | LC_ALL=C sort -z
    find . -path ./.git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 --no-run-if-empty sha256sum
  } | sha256sum | cut -d ' ' -f 1
}
