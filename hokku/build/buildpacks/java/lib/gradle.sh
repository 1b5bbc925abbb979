# Builds with Gradle's wrapper. bash, not sh. https://devcenter.heroku.com/articles/deploying-gradle-apps-on-heroku

# What Gradle is asked for: GRADLE_TASK, a task called stage, or what the app's framework needs.
gradle_tasks() {
  local files
  files=$(cat build.gradle build.gradle.kts settings.gradle settings.gradle.kts 2>/dev/null || true)
  if [ -n "${GRADLE_TASK:-}" ]; then
    echo "$GRADLE_TASK"
  elif grep -q -E "task[[:space:](]+['\"]?stage\>|(register|create|named)(<[A-Za-z]+>)?\([[:space:]]*['\"]stage['\"]|val stage by" <<<"$files"; then
    echo stage
  elif grep -q -E 'org\.springframework\.boot|io\.micronaut|io\.quarkus' <<<"$files"; then
    echo build -x check
  elif grep -q 'io\.ratpack' <<<"$files"; then
    echo installDist -x test
  else
    echo stage
  fi
}

# `build_with_gradle KEPT`
build_with_gradle() {
  local kept=$1 tasks size
  if [ ! -f gradlew ]; then
    fail "There is no Gradle wrapper (gradlew) in the root of the app, and the stack has no Gradle of its own." \
      "Run \`gradle wrapper\` on your computer, commit gradlew and gradle/wrapper/, and push again."
  fi
  if [ ! -f gradle/wrapper/gradle-wrapper.jar ] || [ ! -f gradle/wrapper/gradle-wrapper.properties ]; then
    fail "The Gradle wrapper is not whole: gradle/wrapper/gradle-wrapper.jar or .properties is missing." \
      "Check that .gitignore does not leave it out (git add --force gradle/wrapper/gradle-wrapper.jar), and push again."
  fi
  chmod +x gradlew
  if [ -d "$kept/gradle" ]; then
    detail <<<'The Gradle caches of the last build are there'
  fi
  export GRADLE_USER_HOME=$kept/gradle GRADLE_OPTS="${GRADLE_OPTS:-} -Dorg.gradle.daemon=false -Dorg.gradle.vfs.watch=false"
  # Gradle's own cache: what was compiled of the same sources, by the same Java and against the same libraries, is not again.
  if ! grep -q -s -E '^[[:space:]]*org\.gradle\.caching[[:space:]]*[=:]' gradle.properties; then
    GRADLE_OPTS+=' -Dorg.gradle.caching=true'
  fi
  read -r -a tasks <<<"$(gradle_tasks)"
  say "Building Gradle app"
  detail <<<"\$ ./gradlew ${tasks[*]}"
  if ! ./gradlew --no-daemon --console=plain "${tasks[@]}" 2>&1 | detail; then
    warn "Failed to build app with Gradle: its last lines above say why."
    if [ "${tasks[*]}" = stage ]; then
      warn "If it has no task 'stage', write one into build.gradle, or name another: heroku config:set GRADLE_TASK=build"
    fi
    exit 1
  fi
  # What Gradle itself calls rubbish stays out of the cache.
  rm -rf "$kept/gradle/daemon" "$kept"/gradle/.tmp "$kept"/gradle/caches/*/tmp
  # A cache that grows past the limit would be dropped whole.
  size=$(du -sm "$kept/gradle/caches/build-cache-1" 2>/dev/null | cut -f 1 || true)
  if [ "${size:-0}" -gt 200 ]; then
    rm -rf "$kept/gradle/caches/build-cache-1"
  fi
}
