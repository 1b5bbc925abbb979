# How a jar that was built or pushed is started as the web process. bash, not sh.

manifest() { unzip -p "$1" META-INF/MANIFEST.MF 2>/dev/null | tr -d '\r'; }

# Whether the jar has an entry that begins so.
holds() { unzip -Z1 "$1" "$2*" >/dev/null 2>&1; }

# `framework_command DIRECTORY`: for what Maven leaves in target, Gradle in build/libs; nothing when no framework is known,
# as then nobody knows which port it listens on. The largest jar is the app.
framework_command() {
  local jar said
  if [ -f "$(dirname "$1/x")/quarkus-app/quarkus-run.jar" ] || [ -f "${1%/libs}/quarkus-app/quarkus-run.jar" ]; then
    echo "java -Dquarkus.http.port=\$PORT \$JAVA_OPTS -jar ${1%/libs}/quarkus-app/quarkus-run.jar"
    return
  fi
  jar=$(find "$1" -maxdepth 1 -type f -name '*.jar' ! -name '*-plain.jar' ! -name '*-sources.jar' ! -name '*-javadoc.jar' \
    ! -name 'original-*' -printf '%s %p\n' 2>/dev/null | sort -rn | head -n 1 | cut -d ' ' -f 2-)
  [ -n "$jar" ] || return 0
  [[ $jar =~ ^[A-Za-z0-9_./+-]+$ ]] || return 0
  said=$(manifest "$jar")
  if grep -q -E '^(Spring-Boot-Version:|Main-Class: org\.springframework\.boot\.)' <<<"$said"; then
    echo "java -Dserver.port=\$PORT \$JAVA_OPTS -jar $jar"
  elif grep -q '^Main-Class:' <<<"$said" && holds "$jar" io/micronaut/runtime/; then
    echo "java -Dmicronaut.server.port=\$PORT \$JAVA_OPTS -jar $jar"
  fi
}

# The jars in the root that `java -jar` can start, one a line.
runnable_jars() {
  local jar
  for jar in *.jar; do
    if [[ $jar =~ ^[A-Za-z0-9_.+-]+$ ]] && manifest "$jar" | grep -q '^Main-Class:'; then
      echo "$jar"
    fi
  done
}
