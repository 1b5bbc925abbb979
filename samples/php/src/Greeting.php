<?php

namespace Hello;

/** One line from the dyno's environment. */
final class Greeting
{
    public static function line(): string
    {
        $app = getenv('HEROKU_APP_NAME') ?: 'an app';
        $release = getenv('HEROKU_RELEASE_VERSION') ?: 'v0';
        $dyno = getenv('DYNO') ?: 'this computer';
        return "Hello from $app $release on $dyno\n";
    }
}
