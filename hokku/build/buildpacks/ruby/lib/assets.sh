# Rails' asset pipeline. bash, not sh; runs in the app with its environment.
# https://devcenter.heroku.com/articles/rails-asset-pipeline

# `precompile_assets CACHE`: runs assets:precompile, when there is such a task and its work is not in the repository. Sets
# own_assets where the task may be more than Rails' own: then it may fetch what changes elsewhere.
precompile_assets() {
  local kept=$1 tasks manifest directory dummy=''
  locks rake || return 0
  compgen -G '[Rr]akefile*' >/dev/null || return 0
  manifest=$(compgen -G 'public/assets/.sprockets-manifest-*.json' || compgen -G 'public/assets/manifest*.json' ||
    compgen -G 'public/assets/manifest.yml' || compgen -G 'public/assets/.manifest.json' || true)
  if [ -n "$manifest" ]; then
    say "Detected manifest file, assuming assets were compiled locally"
    return 0
  fi
  [ -e tmp/local_secret.txt ] || dummy=tmp/local_secret.txt
  export SECRET_KEY_BASE_DUMMY=1 DATABASE_URL=${DATABASE_URL:-postgres://user:pass@127.0.0.1/dbname}
  if ! tasks=$(bundle exec rake -P --trace 2>"$kept.said"); then
    detail <"$kept.said"
    rm -f "$kept.said"
    if locks railties; then
      fail "Could not detect rake tasks." "Ensure that \`bundle exec rake -P\` runs against your app: the lines above say why it does not here." \
        "Gems that it needs in production must not be in the groups ${BUNDLE_WITHOUT:-}."
    fi
    warn "Could not detect rake tasks: no assets are compiled."
    own_assets=true
    return 0
  fi
  rm -f "$kept.said"
  grep -q -x 'rake assets:precompile' <<<"$tasks" || return 0
  if ! locks railties ||
    locks 'jsbundling-rails|cssbundling-rails|asset_sync|cloudinary|shakapacker|webpacker|vite_ruby|vite_rails' ||
    grep -q -r -s -E 'precompile|enhance' [Rr]akefile* lib/tasks rakelib; then
    own_assets=true
  fi
  say "Preparing app for Rails asset pipeline"
  for directory in public/assets tmp/cache/assets; do
    if [ -d "$kept/$directory" ]; then
      mkdir -p "$directory"
      cp -a --update "$kept/$directory/." "$directory/"
    fi
  done
  detail <<<'Running: rake assets:precompile'
  if ! bundle exec rake assets:precompile 2>&1 | detail; then
    fail "Precompiling assets failed." "The task \`assets:precompile\` must run without a database and without your secrets: its lines above say why it does not."
  fi
  if grep -q -x 'rake assets:clean' <<<"$tasks"; then
    detail <<<'Running: rake assets:clean'
    bundle exec rake assets:clean 2>&1 | detail || warn "assets:clean failed: old assets stay in the slug."
  fi
  for directory in public/assets tmp/cache/assets; do
    rm -rf "${kept:?}/$directory"
    if [ -d "$directory" ]; then
      mkdir -p "$kept/$directory"
      cp -a "$directory/." "$kept/$directory/"
    fi
  done
  [ -z "$dummy" ] || rm -f "$dummy" # Rails writes one for SECRET_KEY_BASE_DUMMY; it would be another one in each slug
  rm -rf tmp/cache/assets # only the next build reads it
}
