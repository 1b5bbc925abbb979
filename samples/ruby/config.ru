# The web process: says which app, release and dyno answered.

$stdout.sync = true
trap("TERM") { Process.kill("INT", Process.pid) } # at which rackup finishes what is under way, and ends

hello = lambda do |environment|
  found = environment["PATH_INFO"] == "/"
  app = ENV.fetch("HEROKU_APP_NAME", "an app")
  release = ENV.fetch("HEROKU_RELEASE_VERSION", "v0")
  dyno = ENV.fetch("DYNO", "this computer")
  body = found ? "Hello from #{app} #{release} on #{dyno}\n" : "Not found\n"
  [found ? 200 : 404, { "content-type" => "text/plain; charset=utf-8" }, [body]]
end

puts "#{ENV.fetch("DYNO", "this computer")} starts with Ruby #{RUBY_VERSION}"
run hello
