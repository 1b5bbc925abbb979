# The worker process: does a little work now and then, and says so, until SIGTERM.

require "io/wait"

$stdout.sync = true

term, signalled = IO.pipe
trap("TERM") { signalled.close }
dyno = ENV.fetch("DYNO", "worker")
rounds = 0
loop do
  rounds += 1
  puts "#{dyno} did round #{rounds}"
  break if term.wait_readable(10)
end
puts "#{dyno} stops after round #{rounds}"
