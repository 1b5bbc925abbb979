<?php

// What an app asks of PHP itself, and what there is: `php platform.php`, in the app's directory. A line each, fields by tabs:
// version V      the PHP that runs this
// composer V     the Composer of the stack
// packages yes   composer.json requires packages, which takes a composer.lock
// script yes     composer.json has a script "compile"
// vendor DIR     where Composer puts the packages
// bin DIR        where it puts their programs
// kept WHEN      for which builds the packages of this one are good: "always", as Composer brings them up to date;
//                "unchanged", as something that runs when they are installed may read any file; "never", as some lie in the
//                app's own tree
// php CONSTRAINT WHO   asked for, and not there
// ext NAME WHO         asked for, and not there
// A composer.json or composer.lock that is no JSON exits 3.

require '/usr/share/php/Composer/autoload.php';

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

function kept(array $json, array $installed, string $vendor, string $bin): string
{
    foreach ($installed as $package) {
        if (in_array('path', [$package['dist']['type'] ?? '', $package['source']['type'] ?? ''], true)) {
            return 'never';
        }
    }
    $types = array_map(fn ($package) => $package['type'] ?? 'library', $installed);
    $runs = isset($json['scripts']) || array_intersect(['composer-plugin', 'composer-installer'], $types);
    return $runs || !str_starts_with("$bin/", "$vendor/") ? 'unchanged' : 'always';
}

$json = document('composer.json') ?? [];
$lock = document('composer.lock') ?? [];
$installed = $lock['packages'] ?? [];
$config = $json['config'] ?? [];
$vendor = rtrim(getenv('COMPOSER_VENDOR_DIR') ?: $config['vendor-dir'] ?? 'vendor', '/');
$bin = getenv('COMPOSER_BIN_DIR') ?: $config['bin-dir'] ?? '{$vendor-dir}/bin';
$bin = rtrim(str_replace('{$vendor-dir}', $vendor, $bin), '/');
$required = array_keys(($json['require'] ?? []) + ($json['require-dev'] ?? []));

$lines = [
    ['version', PHP_VERSION],
    ['composer', Composer\Composer::VERSION],
    ['packages', array_filter($required, fn ($name) => str_contains($name, '/')) ? 'yes' : 'no'],
    ['script', isset($json['scripts']['compile']) ? 'yes' : 'no'],
    ['vendor', $vendor],
    ['bin', $bin],
    ['kept', kept($json, $installed, $vendor, $bin)],
    ...missing($json, $installed),
];
foreach ($lines as $fields) {
    echo implode("\t", preg_replace('/[\x00-\x1f\x7f]/', ' ', $fields)), "\n";
}
