'use strict'
// The worker process: does a little work now and then, and says so, until SIGTERM.
const dyno = process.env.DYNO || 'worker'
let rounds = 0

function work () {
  rounds += 1
  console.log(`${dyno} did round ${rounds}`)
}

work()
const timer = setInterval(work, 10_000)
process.on('SIGTERM', () => {
  clearInterval(timer)
  console.log(`${dyno} stops after round ${rounds}`)
})
