# Packages of the npm registry, verified, in the cache: node, npm, yarn and pnpm themselves. Uses $kept, $stack_node_path, $npm.

registry=${NPM_CONFIG_REGISTRY:-${npm_config_registry:-https://registry.npmjs.org}}
registry=${registry%/}
used=()

js() { NODE_OPTIONS='' "$stack_node_path" "$here/lib/pack.js" "$@"; }

download() {
  curl --silent --show-error --fail --location --connect-timeout 10 --max-time 300 --retry 3 --retry-connrefused \
    --proto '=https,http' --header "Accept: ${3:-*/*}" --output "$2" "$1" 2>&1 | detail
}

# `locate NAME RANGE [NODE]` finds the newest version in the range, for that version of Node, and sets version, tarball
# and hash; newest, where a later one would go over it. 4 when there is none.
locate() {
  local answer file status=0
  file=$scratch/${1//\//_}.json
  if [ ! -f "$file" ] && ! download "$registry/${1/\//%2f}" "$file" application/vnd.npm.install-v1+json; then
    fail "The registry $(safe_registry) could not be asked for $1." "Push again, if it was the network."
  fi
  answer=$(js resolve "$file" "$2" "$npm" "${3:-}" 2>/dev/null) || status=$?
  if [ $status != 0 ]; then
    return 4
  fi
  IFS=$'\t' read -r version tarball hash <<<"$answer"
  if [ "$2" != "$version" ]; then newest=true; fi
}

# `get NAME` puts what was located into the cache, unless it is there, and sets got to the directory.
get() {
  local file=$scratch/package.tgz name=${1//\//_}
  got=$kept/tools/$name-$version
  used+=("$name-$version")
  if [ -f "$got/complete" ]; then
    return
  fi
  rm -rf "$got"
  mkdir -p "$got"
  if ! download "$tarball" "$file"; then
    fail "$1 $version could not be fetched from the registry $(safe_registry)." "Push again, if it was the network."
  fi
  if ! js integrity "$file" "$hash"; then
    fail "$1 $version from the registry $(safe_registry) is not what its checksum says." "It is not used. Push again later."
  fi
  tar -xzf "$file" -C "$got" --strip-components=1 --no-same-owner
  rm "$file"
  : >"$got/complete"
}

# The pinned npm is located without asking what there is, when the cache has it.
get_pinned() {
  version=$2
  if [ ! -f "$kept/tools/$1-$version/complete" ]; then
    locate "$1" "$version" || fail "The registry $(safe_registry) has no $1 $version." "Set NPM_CONFIG_REGISTRY to one that has."
  fi
  get "$1"
}

# Without the user and password that a URL may carry.
safe_registry() { sed -E 's#//[^/@]*@#//#' <<<"$registry"; }

# What no build needs any more.
tidy_tools() {
  local path
  for path in "$kept/tools"/*; do
    case " ${used[*]} " in
      *" ${path##*/} "*) ;;
      *) rm -rf "$path" ;;
    esac
  done
}
