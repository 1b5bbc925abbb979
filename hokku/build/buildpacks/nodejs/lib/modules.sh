# An app's modules: which package manager, installing, keeping them for the next build, scripts, pruning.

choose_manager() {
  local found=()
  if [ -f package-lock.json ]; then found+=(npm); fi
  if [ -f pnpm-lock.yaml ]; then found+=(pnpm); fi
  if [ -f yarn.lock ]; then found+=(Yarn); fi
  if [ ${#found[@]} -gt 1 ]; then
    fail "Error: Multiple lockfiles found." \
      "Several package managers (${found[*]}) have written lockfiles, and only one can install what the app needs:" \
      "npm writes package-lock.json, pnpm pnpm-lock.yaml, Yarn yarn.lock. Remove the others with git rm, and push again."
  fi
  if [ ${#found[@]} = 1 ] && [ -f npm-shrinkwrap.json ]; then
    fail "Error: Multiple lockfiles found." "npm-shrinkwrap.json is there beside the lockfile of ${found[0]}. Remove one of them."
  fi
  manager=${found[0]:-npm}
  manager=${manager,,}
  case ${fact[manager]} in
    '' | "$manager") ;;
    npm | yarn | pnpm)
      fail "packageManager in package.json says ${fact[manager]}, and its lockfile is not there." \
        "Commit the lockfile of ${fact[manager]} and no other one, or remove packageManager."
      ;;
    *) fail "packageManager in package.json says ${fact[manager]:0:40}; npm, yarn and pnpm are known here." ;;
  esac
  if [ "$manager" = yarn ] && grep -q '^__metadata:' yarn.lock; then berry=true; fi
  if [ "$berry" = true ] && [ -n "${YARN_PRODUCTION:-}" ]; then
    fail "Yarn 2 and later do not know YARN_PRODUCTION, and stop." \
      "Remove it: heroku config:unset YARN_PRODUCTION. YARN2_SKIP_PRUNING=true keeps devDependencies."
  fi
}

locked() { [ "$manager" != npm ] || [ -f package-lock.json ] || [ -f npm-shrinkwrap.json ]; }

# Whether the lockfile tells all that is installed: no module lies in the app's own tree.
told_by_lock() {
  locked && [ "${NODE_MODULES_CACHE:-true}" != false ] && [ "${fact[local]}" = false ] && [ "$checked_in" = false ] &&
    ! grep -q '^packages:' pnpm-workspace.yaml 2>/dev/null
}

# Whether the modules of one build may be all of the next one's: nothing of the app's own is in them, or made with them.
keepable() { told_by_lock && [ "${fact[lifecycle]}" = false ] && [ "$plug" = false ]; }

# What the modules go by. Modules that run scripts when they are installed may read any file of the app, so these count,
# but for scripts that are known.
modules_key() {
  {
    echo "$STACK $(image_packages) $node_version $manager $manager_version"
    env | grep -i -E '^(npm_config|yarn|pnpm|node_env)' | grep -v -i -E '_(cache|folder|store_dir)=' | LC_ALL=C sort || true
    cat package.json package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml .npmrc .yarnrc .yarnrc.yml \
      pnpm-workspace.yaml .pnpmfile.cjs 2>/dev/null || true
    if [ "$manager" != npm ] || ! js undisturbed package-lock.json npm-shrinkwrap.json 2>/dev/null; then
      find . \( -path ./node_modules -o -path ./.git -o -path ./.heroku -o -path ./.profile.d \) -prune -o \
        -type f -print0 | LC_ALL=C sort -z | xargs -0 --no-run-if-empty sha256sum
    fi
  } | sha256sum | cut -d ' ' -f 1
}

# Whether Node.js is told to run something else first, which may be a file or a package of the app.
preloads() { [[ " ${NODE_OPTIONS:-}" =~ \ (-r|--require|--import|--loader|--experimental-loader)([=\ ]|$) ]]; }

install_modules() {
  say "Installing dependencies"
  put_modules_in
  case $manager in
    npm) if js fixed package-lock.json npm-shrinkwrap.json 2>/dev/null; then fixed=true; fi ;;
    *) if js fixed_in node_modules 2>/dev/null; then fixed=true; fi ;;
  esac
}

put_modules_in() {
  if keepable && [ "$(cat "$kept/key" 2>/dev/null)" = "$key" ] && get_back "$kept/modules.tar" node_modules; then
    detail <<<"Using the modules of the last build: what they go by is the same"
    return
  fi
  rm -f "$kept"/modules.* "$kept/key"
  get_downloads_back
  case $manager in
    npm) install_with_npm ;;
    yarn) install_with_yarn ;;
    pnpm)
      run "Installing node modules (pnpm-lock.yaml)" pnpm install --prod=false --frozen-lockfile
      ;;
  esac
  if keepable && [ -d node_modules ]; then
    put_by node_modules "$kept/modules.tar"
    echo "$key" >"$kept/key"
  fi
}

# What a package manager has downloaded is needed where it installs, or prunes by itself.
get_downloads_back() {
  if [ "$unpacked" = false ]; then
    get_back "$kept/downloads.tar" "$downloads" || mkdir -p "$downloads"
    unpacked=true
  fi
}

put_downloads_by() {
  if [ "$unpacked" = true ]; then
    # A cache that grows past the limit would be dropped whole.
    if [ "$(du -sm "$downloads" | cut -f 1)" -gt 300 ]; then rm -rf "${downloads:?}"/*; fi
    put_by "$downloads" "$kept/downloads.tar"
  fi
  rm -rf "$downloads"
}

install_with_npm() {
  local which=--include=dev
  if [ "${NPM_CONFIG_PRODUCTION:-}" = true ]; then which=--omit=dev; fi
  if [ "${manager_version%%.*}" -lt 7 ]; then which=--production=${NPM_CONFIG_PRODUCTION:-false}; fi
  if [ "$checked_in" = true ]; then
    detail <<<"Prebuild detected (node_modules already exists)"
    run "Rebuilding any native modules" npm rebuild
    run "Installing any new modules (package.json)" npm install "$which"
  elif locked; then
    run "Installing node modules (npm ci)" npm ci "$which" --prefer-offline
  else
    warn "There is no package-lock.json: each build may get other versions. Commit the one that npm install writes."
    run "Installing node modules (package.json)" npm install "$which" --no-package-lock
  fi
}

install_with_yarn() {
  if [ "$checked_in" = true ]; then
    warn "node_modules checked into source control: it is removed, as yarn.lock says what is installed."
    rm -rf node_modules
  fi
  if [ "$plug" = true ]; then
    mkdir -p "$YARN_CACHE_FOLDER"
    cp -a --update --reflink=auto "$downloads/plug/." "$YARN_CACHE_FOLDER/" 2>/dev/null || true # Yarn compares checksums
    run "Installing packages (yarn install --immutable)" yarn install --immutable
    rm -rf "$downloads/plug"
    cp -a --reflink=auto "$YARN_CACHE_FOLDER" "$downloads/plug"
  elif [ "$berry" = true ]; then
    run "Installing node modules (yarn install --immutable)" yarn install --immutable
  else
    run "Installing node modules (yarn.lock)" yarn install --production="${YARN_PRODUCTION:-false}" --frozen-lockfile \
      --ignore-engines --prefer-offline --non-interactive
  fi
}

# `run TITLE COMMAND…` runs a package manager: nobody answers it, and what dynos run first is not there yet.
run() {
  local options=${NODE_OPTIONS:-}
  if preloads; then options=''; fi
  detail <<<"$1"
  if ! CI=${CI:-true} NODE_OPTIONS=$options "${@:2}" 2>&1 | detail; then
    fail "Error: Unable to install dependencies using ${2}." "See the log output above for more information."
  fi
}

has_script() { [[ ${fact[scripts]} == *" $1 "* ]]; }

# `script NAME STEP [FLAGS]` runs a script of package.json.
script() {
  local words=("$manager" run "$1") flags=()
  if [ -n "${3:-}" ]; then
    read -r -a flags <<<"$3"
    if [ "$manager" = npm ]; then words+=(--); fi
    words+=("${flags[@]}")
  fi
  say "$2"
  detail <<<"Running $1"
  if ! NODE_OPTIONS=${NODE_OPTIONS-"--max_old_space_size=$(($(dyno_memory) * 4 / 5))"} "${words[@]}" 2>&1 | detail; then
    fail "Error: The script $1 of package.json failed." "See the log output above for more information."
  fi
}

build_scripts() {
  if has_script heroku-postbuild; then
    if has_script build; then detail <<<'Detected both "build" and "heroku-postbuild" scripts: the latter runs'; fi
    script heroku-postbuild Build
  elif has_script build; then
    script build Build "${NODE_BUILD_FLAGS:-}"
  fi
}

prune() {
  local why=''
  say "Pruning devDependencies"
  if [ "$NODE_ENV" != production ]; then
    why="NODE_ENV is '$NODE_ENV'"
  elif [ "$manager" = npm ] && [ -n "${NPM_CONFIG_PRODUCTION:-}" ]; then
    why="NPM_CONFIG_PRODUCTION is '$NPM_CONFIG_PRODUCTION'"
  elif [ "$manager" = yarn ] && [ -n "${YARN_PRODUCTION:-}" ]; then
    why="YARN_PRODUCTION is '$YARN_PRODUCTION'"
  elif [ "$berry" = true ] && [ "${YARN2_SKIP_PRUNING:-}" = true ]; then
    why="YARN2_SKIP_PRUNING is 'true'"
  elif [ "$manager" = pnpm ] && [ "${PNPM_SKIP_PRUNING:-}" = true ]; then
    why="PNPM_SKIP_PRUNING is 'true'"
  elif [ "${fact[dev]}" = false ] && [ "${fact[local]}" = false ]; then
    why="there are none"
  fi
  if [ -n "$why" ]; then
    detail <<<"Skipping because $why"
    return
  fi
  if [ "$manager" != npm ]; then get_downloads_back; fi
  case $manager in
    npm)
      prune_with_npm
      ;;
    yarn)
      if [ "$berry" = true ]; then
        run "yarn workspaces focus --all --production" yarn workspaces focus --all --production
        if [ "$plug" = true ]; then drop_archives; fi
      else
        run "yarn install --production" yarn install --production=true --frozen-lockfile --ignore-engines --ignore-scripts \
          --prefer-offline --non-interactive
      fi
      ;;
    pnpm)
      if grep -q '^packages:' pnpm-workspace.yaml 2>/dev/null; then
        run "pnpm install --prod" pnpm install --prod --frozen-lockfile --ignore-scripts
      else
        run "pnpm prune --prod" pnpm prune --prod --ignore-scripts
      fi
      ;;
  esac
}

# Yarn leaves the archives of what it pruned: dynos need those that .pnp.cjs names.
drop_archives() {
  find "$YARN_CACHE_FOLDER" -maxdepth 1 -name '*.zip' -printf '%f\n' | LC_ALL=C sort >"$scratch/archives"
  { grep -ohE '[^/"]+\.zip' .pnp.cjs .pnp.data.json 2>/dev/null || true; } | LC_ALL=C sort -u |
    LC_ALL=C comm -23 "$scratch/archives" - | (cd "$YARN_CACHE_FOLDER" && xargs -d '\n' --no-run-if-empty rm -f --)
}

# What npm took away from the kept modules once, it would take away again: the list of that is kept with them.
prune_with_npm() {
  local lock words=(npm prune --omit=dev --ignore-scripts)
  if keepable && [ -f "$kept/modules.pruned" ] && [ "$(cat "$kept/key" 2>/dev/null)" = "$key" ]; then
    detail <<<"Removing what the last build removed"
    xargs -0 --no-run-if-empty rm -rf -- <"$kept/modules.pruned"
    cp "$kept/modules.lock" node_modules/.package-lock.json 2>/dev/null || true
    return
  fi
  if [ "${manager_version%%.*}" -lt 7 ]; then words=(npm prune --production); fi
  list_modules >"$scratch/before"
  # npm would write the lockfile anew, in its own form: what is pushed stays as it is.
  for lock in package-lock.json npm-shrinkwrap.json; do cp "$lock" "$scratch/" 2>/dev/null || true; done
  run "npm prune" "${words[@]}"
  for lock in package-lock.json npm-shrinkwrap.json; do cp "$scratch/$lock" . 2>/dev/null || true; done
  list_modules >"$scratch/after"
  if keepable && [ -f "$kept/modules.tar" ]; then
    comm -z -23 "$scratch/before" "$scratch/after" >"$kept/modules.pruned"
    cp node_modules/.package-lock.json "$kept/modules.lock" 2>/dev/null || true
  fi
}

list_modules() { find node_modules -mindepth 1 -print0 2>/dev/null | LC_ALL=C sort -z; }
