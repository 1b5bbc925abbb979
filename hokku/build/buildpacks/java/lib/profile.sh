# shellcheck shell=bash
# Java in a dyno: which one, and how much memory it takes of the dyno's.
# https://devcenter.heroku.com/articles/java-support#environment
JAVA_HOME=${JAVA_HOME:-$(compgen -G '/usr/lib/jvm/java-@MAJOR@-openjdk-*' | head -n 1)}
export JAVA_HOME PATH="$JAVA_HOME/bin:$PATH"

# Heroku's figures: 300 of 512, 671 of 1024, and 80 % of more.
hokku_java_options() {
  local memory=$1
  if [ "$memory" -le 512 ]; then
    echo "-Xmx$((memory * 300 / 512))m -Xss512k -XX:CICompilerCount=2"
  elif [ "$memory" -le 1024 ]; then
    echo "-Xmx$((memory * 671 / 1024))m -XX:CICompilerCount=2"
  else
    echo "-Xmx$((memory * 80 / 100))m"
  fi
}

# Config vars come last, so that they count.
hokku_options="$(hokku_java_options "$(dyno_memory)") -Dfile.encoding=UTF-8"
export JAVA_TOOL_OPTIONS="$hokku_options${JAVA_TOOL_OPTIONS:+ $JAVA_TOOL_OPTIONS}"
export JAVA_OPTS="${JAVA_OPTS:-$hokku_options}"

# DATABASE_URL as JDBC and Spring want it. https://devcenter.heroku.com/articles/connecting-to-relational-databases-on-heroku-with-java
if [[ -z ${JDBC_DATABASE_URL:-} && ${DATABASE_URL:-} =~ ^(postgres|postgresql|mysql)://([^:@/]+):([^@/]*)@([^/?]+)/([^?]+)(\?(.*))?$ ]]; then
  hokku_kind=${BASH_REMATCH[1]/#postgres/postgresql}
  hokku_kind=${hokku_kind/postgresqlql/postgresql}
  export JDBC_DATABASE_USERNAME=${BASH_REMATCH[2]} JDBC_DATABASE_PASSWORD=${BASH_REMATCH[3]}
  export JDBC_DATABASE_URL="jdbc:$hokku_kind://${BASH_REMATCH[4]}/${BASH_REMATCH[5]}?user=${BASH_REMATCH[2]}&password=${BASH_REMATCH[3]}${BASH_REMATCH[7]:+&${BASH_REMATCH[7]}}"
  export SPRING_DATASOURCE_URL=${SPRING_DATASOURCE_URL:-$JDBC_DATABASE_URL}
  export SPRING_DATASOURCE_USERNAME=${SPRING_DATASOURCE_USERNAME:-$JDBC_DATABASE_USERNAME}
  export SPRING_DATASOURCE_PASSWORD=${SPRING_DATASOURCE_PASSWORD:-$JDBC_DATABASE_PASSWORD}
fi
unset -f dyno_memory hokku_java_options
unset hokku_options hokku_kind
