<?php

// The worker process: does a little work now and then, and says so, until SIGTERM.

$stop = false;
pcntl_async_signals(true);
pcntl_signal(SIGTERM, function () use (&$stop) {
    $stop = true;
});
$dyno = getenv('DYNO') ?: 'worker';
for ($round = 1; !$stop; $round++) {
    echo "$dyno did round $round\n";
    sleep(10); // a signal ends it
}
$round--;
echo "$dyno stops after round $round\n";
