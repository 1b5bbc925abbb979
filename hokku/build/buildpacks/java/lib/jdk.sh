# Which Java an app asks for, and where the stack has it. bash, not sh.

jvms=${HOKKU_JVMS:-/usr/lib/jvm} # elsewhere in tests only

# The major versions of which the stack has a JDK, oldest first.
majors_there() {
  local home
  for home in "$jvms"/java-*-openjdk-*; do
    if [ ! -L "$home" ] && [ -x "$home/bin/javac" ]; then
      home=${home##*/java-}
      echo "${home%%-*}"
    fi
  done | sort -n
}

# What system.properties says of NAME, or nothing.
property() {
  [ -f system.properties ] || return 0
  sed -n -E "s/^[[:space:]]*${1//./\\.}[[:space:]]*[=:][[:space:]]*([^[:space:]]+).*/\1/p" system.properties | tail -n 1 | tr -d '\r'
}

# `choose_jdk` sets `major` and exports JAVA_HOME. Without a word from the app it is the newest version with long-term support
# (17, 21, 25) of the stack. An old way to say 8 is 1.8; vendors' names before the version make no difference.
choose_jdk() {
  local asked there version
  asked=$(property java.runtime.version)
  there=$(majors_there)
  [ -n "$there" ] || fail "There is no JDK on the stack ${STACK:-}: Java apps are not built on it."
  if [ -z "$asked" ]; then
    major=$(grep -x -E '17|21|25' <<<"$there" | tail -n 1)
    major=${major:-$(tail -n 1 <<<"$there")}
    say "Using OpenJDK $major of the stack ${STACK:-}: the newest there with long-term support"
    detail <<<'system.properties chooses another: java.runtime.version=21'
  else
    version=${asked##*-}
    major=${version#1.}
    major=${major%%.*}
    if ! grep -q -x -F -- "$major" <<<"$there"; then
      not_on_stack OpenJDK java "$asked" system.properties "$(paste -s -d ' ' <<<"$there" | sed 's/ / and /g')" \
        "Or write java.runtime.version=$(tail -n 1 <<<"$there") into system.properties."
    fi
    say "Using OpenJDK $major as system.properties asks"
    if [[ $version == *.*.* ]]; then
      detail <<<"The stack's security updates decide which $major it is."
    fi
  fi
  JAVA_HOME=$(compgen -G "$jvms/java-$major-openjdk-*" | head -n 1)
  export JAVA_HOME PATH=$JAVA_HOME/bin:$PATH
}
