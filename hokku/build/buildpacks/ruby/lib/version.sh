# Which Ruby an app asks for, and whether one will do. bash, not sh.

# `asked_ruby` sets `asked` (requirements, separated by commas; nothing when none), `where`, and `strict`: whether it is
# the Gemfile that asks, which Bundler takes by the letter.
asked_ruby() {
  local line file
  asked=''
  where=''
  strict=false
  line=$(grep -E '^[[:space:]]*ruby[[:space:](]' Gemfile | head -n 1 || true)
  file=$(sed -n -E "s/.*file:[[:space:]]*['\"]([^'\"]+)['\"].*/\1/p" <<<"$line")
  [ -z "$line" ] || strict=true
  if [ -n "$line" ] && [ -z "$file" ]; then
    where=Gemfile
    line=${line%%#*}
    line=${line%%engine*}
    asked=$(grep -o -E "['\"][^'\"]+['\"]" <<<"$line" | tr -d "'\"" | paste -s -d , || true)
  fi
  if [ -z "$asked" ] && [ -z "$file" ]; then
    where=Gemfile.lock
    asked=$(sed -n -E '/^RUBY VERSION/{n;s/^ +ruby ([0-9.]+[0-9]).*/\1/p}' Gemfile.lock)
  fi
  # On its own, Heroku does not read this file. Who writes it means it.
  if [ -z "$asked" ] && [ -f "${file:-.ruby-version}" ]; then
    where=${file:-.ruby-version}
    asked=$(sed -n -E 's/^(ruby[- ])?([0-9][^[:space:]]*).*/\2/p' "$where" | head -n 1)
  fi
}

# `ruby_will_do VERSION REQUIREMENTS`: whether all hold, as RubyGems understands them; a plain version means its series,
# which the stack's security updates move on.
ruby_will_do() {
  local one operator wanted all
  IFS=, read -r -a all <<<"$2"
  for one in "${all[@]}"; do
    operator=$(sed -E 's/^[[:space:]]*([<>=!~]*).*/\1/' <<<"$one")
    wanted=$(sed -E 's/^[[:space:]<>=!~]*//; s/[[:space:]]+$//; s/(p[0-9]+)$//' <<<"$one")
    case $operator in
      '>=') at_least "$1" "$wanted" || return 1 ;;
      '>') at_least "$1" "$wanted" && [ "$1" != "$wanted" ] || return 1 ;;
      '<=') at_least "$wanted" "$1" || return 1 ;;
      '<') at_least "$wanted" "$1" && [ "$1" != "$wanted" ] || return 1 ;;
      '!=') [ "$1" != "$wanted" ] || return 1 ;;
      '~>') at_least "$1" "$wanted" && [[ $1 == "${wanted%.*}".* ]] || return 1 ;;
      '' | '=') [[ $1 == "$wanted" || $1 == "$wanted".* ]] || [ "${1%.*}" = "${wanted%.*}" ] || return 1 ;;
      *) return 1 ;;
    esac
  done
}
