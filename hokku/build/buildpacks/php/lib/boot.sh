# What heroku-php-apache2 and -nginx do once they know what they were asked for. bash, not sh.

# Everything below here is of this one start: sockets, rendered configuration, and two pipes for the lines that programs write
# into files, because a dyno's stderr may be a socket, which cannot be opened again by name.
boot() {
  run=$(mktemp -d "${TMPDIR:-/tmp}/heroku-php.XXXXXX")
  trap 'rm -rf "$run"' EXIT
  mkfifo "$run/log" "$run/access"
  # Open for both directions, so that neither side ever meets an end.
  cat <>"$run/log" >&2 &
  readers=$!
  cat <>"$run/access" &
  readers="$readers $!"
  local file
  for file in "${logs[@]}"; do
    mkdir -p "$(dirname "$file")"
    tail -q -n 0 -F "$file" --pid=$$ >&2 2>/dev/null &
    readers="$readers $!"
  done
  if [ -n "${WEB_CONCURRENCY_SET_BY:-}" ]; then unset WEB_CONCURRENCY; fi # another buildpack counted its own processes
  export WEB_CONCURRENCY=${WEB_CONCURRENCY:-$(concurrency)}
  trap 'stop' TERM INT
  start_fpm
  start_server
  echo "$name: PHP-FPM with $WEB_CONCURRENCY processes and $server on port $port, document root $documents"
  watch
}

# How many PHP processes the dyno's memory has room for: Heroku divides it by PHP's memory_limit.
concurrency() {
  local memory limit
  memory=$(($(dyno_memory) * 1048576))
  limit=$(sed -n -E 's/^[[:space:]]*(php_(admin_)?value\[)?memory_limit\]?[[:space:]]*=[[:space:]]*"?([0-9]+[KMGkmg]?)"?.*/\3/p' \
    "$documents/.user.ini" ${pool:+"$pool"} 2>/dev/null | tail -n 1)
  limit=$(numfmt --from=iec "$(tr kmg KMG <<<"${limit:-128M}")" 2>/dev/null || echo 134217728)
  [ "$limit" -gt 0 ] || limit=134217728
  echo $((memory / limit > 0 ? memory / limit : 1))
}

# `render FILE INCLUDE`: the template with this start's values. INCLUDE is a line.
render() {
  local text
  text=$(cat "$conf/$1")
  text=${text//@RUN@/"$run"}
  text=${text//@PORT@/"$port"}
  text=${text//@ROOT@/"$documents"}
  text=${text//@MODULES@/"${modules:-}"}
  printf '%s\n' "${text//@INCLUDE@/"$2"}" >"$run/$1"
}

absolute() { [ -z "$1" ] || readlink -f -- "$1"; }

start_fpm() {
  local fpm options=() waited=0
  fpm=$(compgen -G '/usr/sbin/php-fpm[0-9]*' | sort -V | tail -n 1)
  [ -n "$fpm" ] || wrong "PHP-FPM is not on this stack: the app must run on one that has PHP."
  pool=$(absolute "$pool")
  [ -z "$ini" ] || options=(-c "$(absolute "$ini")")
  render php-fpm.conf "${pool:+include = $pool}"
  [ "$verbose" = false ] || echo "$name: $fpm ${options[*]}" >&2
  set -m # a process group of its own, by which the workers are found when their master was killed
  "$fpm" --nodaemonize --fpm-config "$run/php-fpm.conf" "${options[@]}" &
  fpm_pid=$!
  set +m
  until [ -S "$run/php-fpm.sock" ]; do
    sleep 0.05
    waited=$((waited + 1))
    if [ $waited -gt 400 ] || ! alive "$fpm_pid"; then
      end_with "PHP-FPM did not start: the lines above say why."
    fi
  done
}

start_server() {
  site=$(absolute "$site")
  set -m
  "start_$server"
  server_pid=$!
  set +m
}

start_apache2() {
  local module
  modules=$(
    for module in mpm_event authn_core authz_core authz_host authz_user authn_file auth_basic access_compat alias autoindex \
      deflate dir env expires filter headers log_config mime proxy proxy_fcgi remoteip reqtimeout rewrite setenvif unixd brotli; do
      if [ -f "/usr/lib/apache2/modules/mod_$module.so" ]; then
        echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
      fi
    done
  )
  render apache2.conf "${site:+Include \"$site\"}"
  [ "$verbose" = false ] || echo "$name: /usr/sbin/apache2 -f $run/apache2.conf" >&2
  /usr/sbin/apache2 -f "$run/apache2.conf" -DFOREGROUND &
}

start_nginx() {
  render nginx.conf "${site:+include \"$site\";}"
  [ "$verbose" = false ] || echo "$name: /usr/sbin/nginx -c $run/nginx.conf" >&2
  /usr/sbin/nginx -e stderr -p "$run" -c "$run/nginx.conf" &
}

alive() { kill -0 "$1" 2>/dev/null; }

# Until one of the two ends, or a signal comes. Either without the other is no web process.
watch() {
  while alive "$fpm_pid" && alive "$server_pid"; do
    wait -n "$fpm_pid" "$server_pid" || true
  done
  if alive "$server_pid"; then
    end_with "PHP-FPM ended, so $server is stopped."
  fi
  end_with "$server ended, so PHP-FPM is stopped."
}

# SIGTERM: what is under way is finished; the platform kills what takes more than 30 s.
stop() {
  trap '' TERM INT
  case $server in
    apache2) kill -WINCH "$server_pid" 2>/dev/null ;;
    nginx) kill -QUIT "$server_pid" 2>/dev/null ;;
  esac
  wait "$server_pid"
  kill -QUIT "$fpm_pid" 2>/dev/null
  wait "$fpm_pid"
  finish
  exit 0
}

end_with() {
  sleep 0.2 # for the last lines of the one that ended
  echo "$name: $1" >&2
  [ -z "${server_pid:-}" ] || kill -TERM -- "-$server_pid" 2>/dev/null
  [ -z "${fpm_pid:-}" ] || kill -TERM -- "-$fpm_pid" 2>/dev/null
  wait ${server_pid:+"$server_pid"} ${fpm_pid:+"$fpm_pid"}
  # Apache's workers do not listen to SIGTERM once their master is gone.
  kill -KILL ${server_pid:+"-$server_pid"} ${fpm_pid:+"-$fpm_pid"} 2>/dev/null
  finish
  exit 1
}

finish() {
  # shellcheck disable=SC2086
  kill $readers 2>/dev/null
}
