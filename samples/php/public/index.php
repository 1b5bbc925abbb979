<?php

// The web process: says which app, release and dyno answered.

require __DIR__ . '/../vendor/autoload.php';

header('Content-Type: text/plain; charset=utf-8');
echo Hello\Greeting::line();
