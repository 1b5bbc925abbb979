# Node.js itself and the package manager, into .heroku/node. Sets node_version, npm, manager_version.

# The newest npm of the series that comes with each Node.js.
pinned_npm() {
  local major=${1%%.*}
  if ((major >= 24)); then
    echo 11.21.2
  elif ((major >= 18)); then
    echo 10.9.9
  elif ((major >= 16)); then
    echo 8.19.4
  else
    echo 6.14.18
  fi
}

# Sets node_version: the stack's where that is asked for or nothing is, else one of the registry.
install_node() {
  local status=0 asked=${fact[node]} arch
  get_pinned npm "$(pinned_npm "$stack_node")"
  npm=$got
  node_version=$stack_node
  if [ -n "$asked" ]; then
    js satisfies "$stack_node" "$asked" "$npm" || status=$?
  fi
  if [ $status = 4 ]; then
    fail "engines.node in package.json is no version or range: ${asked:0:60}." "Write one, like \"${stack_node%%.*}.x\"."
  elif [ $status = 0 ]; then
    detail <<<"Using Node.js $stack_node of the stack ${STACK:-}${asked:+, which satisfies $asked}"
    return
  fi
  case $(uname -m) in
    aarch64) arch=arm64 ;;
    *) arch=x64 ;;
  esac
  if ! locate "node-linux-$arch" "$asked"; then
    fail "Node.js ${asked:0:60} (engines.node in package.json) is neither on the stack ${STACK:-}, which has $stack_node," \
      "nor in the registry $(safe_registry). The stacks have Node.js $(stack_versions nodejs)." \
      "Write another version or range into engines.node."
  fi
  node_version=$version
  detail <<<"Using Node.js $node_version of the registry, for $asked"
  get "node-linux-$arch"
  cp --reflink=auto "$got/bin/node" "$home/bin/node"
  chmod 755 "$home/bin/node"
  if ! said=$(NODE_OPTIONS='' "$home/bin/node" --version 2>&1); then
    fail "Node.js $node_version does not run on the stack ${STACK:-}: ${said:0:200}" "Ask for a newer one in engines.node."
  fi
}

# `install_tool NAME PACKAGE RANGE PROGRAM…` puts a package of the registry into .heroku/node; an empty range is the pin.
install_tool() {
  local name=$1 package=$2 range=$3 program path
  if [ "$name" = npm ] && [ -z "$range" ]; then
    get_pinned npm "$(pinned_npm "$node_version")"
  elif ! locate "$package" "$range" "$node_version"; then
    fail "$name ${range:0:60}, as package.json asks, is not in the registry $(safe_registry), or not for Node.js $node_version." \
      "Write another version or range."
  else
    get "$package"
  fi
  detail <<<"Using $name $version${range:+ for $range}"
  mkdir -p "$home/lib/node_modules"
  rm -rf "$home/lib/node_modules/$name"
  cp -a --reflink=auto "$got" "$home/lib/node_modules/$name"
  rm "$home/lib/node_modules/$name/complete"
  for program in "${@:4}"; do
    path=$(js program "$home/lib/node_modules/$name" "$program")
    chmod 755 "$home/lib/node_modules/$name/$path"
    ln -sfn "../lib/node_modules/$name/$path" "$home/bin/$program"
  done
}

# What package.json says of a package manager: packageManager goes over engines.
asked_of() {
  if [ "${fact[manager]}" = "$1" ] && [ -n "${fact[manager_version]}" ]; then
    echo "${fact[manager_version]}"
  else
    echo "${fact[$1]}"
  fi
}

install_manager() {
  local asked
  asked=$(asked_of npm)
  install_tool npm npm "$asked" npm npx
  manager_version=$version
  case $manager in
    yarn)
      asked=$(asked_of yarn)
      if [ "$berry" = true ] && ! grep -q '^yarnPath:' .yarnrc.yml 2>/dev/null; then
        install_tool yarn @yarnpkg/cli-dist "${asked:-$(berry_of_lock)}" yarn
      else # this one hands over to what yarnPath names
        if [ "$berry" = true ]; then asked=''; fi
        install_tool yarn yarn "${asked:-^1.22.0}" yarn
      fi
      manager_version=$version
      ;;
    pnpm)
      asked=$(asked_of pnpm)
      if [ -z "$asked" ]; then
        asked=$(pnpm_of_lock)
        warn "package.json does not say which pnpm: $asked is used, by pnpm-lock.yaml." \
          "Write one into packageManager for builds that do not change by themselves."
      fi
      install_tool pnpm pnpm "$asked" pnpm
      manager_version=$version
      ;;
  esac
}

berry_of_lock() {
  case $(grep -A 3 '^__metadata:' yarn.lock | sed -n 's/^ *version: *//p' | head -n 1) in
    4 | 5) echo '^2' ;;
    6) echo '^3' ;;
    *) echo '^4' ;;
  esac
}

pnpm_of_lock() {
  case $(sed -n "s/^lockfileVersion: *['\"]\{0,1\}\([0-9.]*\).*/\1/p" pnpm-lock.yaml | head -n 1) in
    5*) echo '^7' ;;
    6*) echo '^8' ;;
    *) echo '^10' ;;
  esac
}
