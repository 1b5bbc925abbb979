# shellcheck shell=bash
# For the dynos of a Node.js app. https://devcenter.heroku.com/articles/node-concurrency
export PATH="/app/.heroku/node/bin:$PATH:/app/bin:/app/node_modules/.bin"
export NODE_HOME=/app/.heroku/node
export NODE_ENV=${NODE_ENV:-production}

export MEMORY_AVAILABLE=${MEMORY_AVAILABLE:-$(dyno_memory)}
if [ -z "${WEB_MEMORY:-}" ]; then
  if [ "$MEMORY_AVAILABLE" -gt 16384 ]; then export WEB_MEMORY=2048; else export WEB_MEMORY=512; fi
fi
if [ -z "${WEB_CONCURRENCY:-}" ]; then
  WEB_CONCURRENCY=$((MEMORY_AVAILABLE / WEB_MEMORY))
  if [ "$WEB_CONCURRENCY" -lt 1 ] || [ "$WEB_CONCURRENCY" -gt 200 ]; then WEB_CONCURRENCY=1; fi
  export WEB_CONCURRENCY WEB_CONCURRENCY_SET_BY=heroku/nodejs # for another language's server, which counts by itself
fi
if [ "${LOG_CONCURRENCY:-}" = true ]; then
  echo "Detected $MEMORY_AVAILABLE MB available memory, $WEB_MEMORY MB limit per process (WEB_MEMORY)"
  echo "Recommending WEB_CONCURRENCY=$WEB_CONCURRENCY"
fi
unset -f dyno_memory
