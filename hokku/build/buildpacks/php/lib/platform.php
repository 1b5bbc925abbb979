<?php

// What an app asks of PHP itself: `php platform.php ACTION`, in the app's directory. ACTION is one of
// packages  exits 0 when composer.json requires packages, which takes a composer.lock
// script    exits 0 when composer.json has a script "compile"
// paths     exits 0 when composer.lock has packages that lie in the app's own tree
// bin       prints the directory of the packages' programs
// check     prints "php<TAB>CONSTRAINT<TAB>WHO" and "ext<TAB>NAME<TAB>WHO" for what is not there; exits 1 if there is any
// An unreadable composer.json exits 3.

require '/usr/share/php/Composer/Semver/autoload.php';

use Composer\Semver\Semver;

function document(string $file): ?array
{
    if (!is_file($file)) {
        return null;
    }
    $content = json_decode(file_get_contents($file), true);
    if (!is_array($content)) {
        fwrite(STDERR, "$file: " . json_last_error_msg() . "\n");
        exit(3);
    }
    return $content;
}

$json = document('composer.json') ?? [];
$lock = document('composer.lock') ?? [];
$installed = $lock['packages'] ?? [];

function missing(array $json, array $installed): array
{
    $provided = [];
    $wanted = [[$json['require'] ?? [], 'composer.json']];
    foreach ($installed as $package) {
        $provided += ($package['provide'] ?? []) + ($package['replace'] ?? []);
        $wanted[] = [$package['require'] ?? [], $package['name'] ?? 'composer.lock'];
    }
    $found = [];
    foreach ($wanted as [$requirements, $who]) {
        foreach ($requirements as $name => $constraint) {
            $name = strtolower($name);
            $extension = str_starts_with($name, 'ext-') ? substr($name, 4) : null;
            if ($name === 'php' && !Semver::satisfies(PHP_VERSION, $constraint)) {
                $found["php $constraint"] = ['php', $constraint, $who];
            } elseif ($extension !== null && !isset($provided[$name]) && !loaded($extension)) {
                $found[$name] = ['ext', $extension, $who];
            }
        }
    }
    return array_values($found);
}

// Composer writes ext-zend-opcache for "Zend OPcache".
function loaded(string $extension): bool
{
    $names = array_map(fn ($name) => str_replace(' ', '-', strtolower($name)), get_loaded_extensions());
    return in_array($extension, $names, true) || ($extension === 'opcache' && in_array('zend-opcache', $names, true));
}

switch ($argv[1]) {
    case 'packages':
        $names = array_keys(($json['require'] ?? []) + ($json['require-dev'] ?? []));
        exit(array_filter($names, fn ($name) => str_contains($name, '/')) ? 0 : 1);
    case 'script':
        exit(isset($json['scripts']['compile']) ? 0 : 1);
    case 'paths':
        exit(array_filter($installed, fn ($package) => ($package['dist']['type'] ?? '') === 'path') ? 0 : 1);
    case 'bin':
        echo rtrim($json['config']['bin-dir'] ?? rtrim($json['config']['vendor-dir'] ?? 'vendor', '/') . '/bin', '/');
        exit(0);
    case 'check':
        $found = missing($json, $installed);
        foreach ($found as $fields) {
            echo implode("\t", $fields), "\n";
        }
        exit($found ? 1 : 0);
    default:
        exit(2);
}
