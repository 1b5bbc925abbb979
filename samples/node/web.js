'use strict'
// The web process: says which app, release and dyno answered; at SIGTERM it finishes the requests that are under way.
const express = require('express')

const app = express()
app.disable('x-powered-by')

app.get('/', (request, response) => {
  const name = process.env.HEROKU_APP_NAME || 'an app'
  const release = process.env.HEROKU_RELEASE_VERSION || 'v0'
  const dyno = process.env.DYNO || 'this computer'
  response.type('text/plain').send(`Hello from ${name} ${release} on ${dyno}\n`)
})

const server = app.listen(process.env.PORT || 5000)
server.keepAliveTimeout = 75_000 // longer than the router keeps a connection
process.on('SIGTERM', () => server.close(() => process.exit(0)))
