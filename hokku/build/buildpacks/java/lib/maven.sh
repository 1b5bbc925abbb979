# Builds with Maven. bash, not sh. https://devcenter.heroku.com/articles/deploying-java#maven

# Sets `settings`, the options that name the settings file.
maven_settings() {
  settings=()
  if [ -n "${MAVEN_SETTINGS_PATH:-}" ]; then
    [ -f "$MAVEN_SETTINGS_PATH" ] || fail "The file $MAVEN_SETTINGS_PATH of the config var MAVEN_SETTINGS_PATH is not in the app."
    settings=(-s "$MAVEN_SETTINGS_PATH")
  elif [ -n "${MAVEN_SETTINGS_URL:-}" ]; then
    curl --fail --silent --show-error --location --proto '=https,http' --retry 3 --max-time 30 --output "$HOME/settings.xml" \
      -- "$MAVEN_SETTINGS_URL" 2>/dev/null ||
      fail "The settings of the config var MAVEN_SETTINGS_URL cannot be downloaded: check the URL."
    settings=(-s "$HOME/settings.xml")
  elif [ -f settings.xml ]; then
    settings=(-s settings.xml)
  fi
}

# `build_with_maven KEPT`
build_with_maven() {
  local kept=$1 mvn=mvn options goals version quick
  version=$(property maven.version)
  if [ -f mvnw ] && [ -f .mvn/wrapper/maven-wrapper.properties ] && [ -z "$version" ]; then
    chmod +x mvnw
    mvn=./mvnw
    export MAVEN_USER_HOME=$kept/m2
  else
    say "Using the Maven of the stack ${STACK:-}"
    if [ -n "$version" ]; then
      detail <<<"Maven $version of system.properties is not installed: commit the Maven wrapper (mvnw) to have one of your own."
    fi
  fi
  if [ -d "$kept/m2/repository" ]; then
    detail <<<'The Maven repository of the last build is there'
  fi
  maven_settings
  # Words, as Heroku takes them: no quotes, no variables.
  read -r -a options <<<"${MAVEN_CUSTOM_OPTS:--DskipTests}"
  read -r -a goals <<<"${MAVEN_CUSTOM_GOALS:-clean install}"
  # A build is over before much of what the JVM's second compiler does, or a collector of many threads, is worth it.
  quick='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
  [[ ${MAVEN_JAVA_OPTS:-} != *-XX:+Use*GC* ]] || quick=${quick% *}
  export MAVEN_OPTS="-Xmx1024m $quick ${MAVEN_JAVA_OPTS:-} -Duser.home=$HOME -Dmaven.repo.local=$kept/m2/repository"
  say "Executing Maven"
  detail <<<"\$ $mvn ${options[*]} ${goals[*]}"
  if ! "$mvn" -B -V "${settings[@]}" "${options[@]}" "${goals[@]}" 2>&1 | detail; then
    fail "Failed to build app with Maven: its last lines above say why."
  fi
}
