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
// alike yes      what runs when they are installed, or as "compile", makes the same of the same: no script of the app's own
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

function plugins(array $installed): array
{
    $types = ['composer-plugin', 'composer-installer'];
    return array_column(array_filter($installed, fn ($package) => in_array($package['type'] ?? '', $types, true)), 'name');
}

function kept(array $json, array $installed, string $vendor, string $bin): string
{
    foreach ($installed as $package) {
        if (in_array('path', [$package['dist']['type'] ?? '', $package['source']['type'] ?? ''], true)) {
            return 'never';
        }
    }
    $runs = isset($json['scripts']) || plugins($installed);
    return $runs || !str_starts_with("$bin/", "$vendor/") ? 'unchanged' : 'always';
}

// What Composer runs scripts at; without composer.lock, these two as well.
const UPDATES = ['pre-update-cmd', 'post-update-cmd'];
const EVENTS = ['command', 'compile', 'init', 'post-autoload-dump', 'post-file-download', 'post-install-cmd', 'post-package-install',
    'pre-autoload-dump', 'pre-command-run', 'pre-file-download', 'pre-install-cmd', 'pre-operations-exec', 'pre-package-install',
    'pre-pool-create'];
// What Laravel and Symfony write into an app's scripts.
const FRAMEWORKS = '/^(Illuminate\\\\Foundation\\\\ComposerScripts::\w+|Composer\\\\Config::disableProcessTimeout'
    . '|@php artisan (package:discover|(config|event|route|view):(cache|clear)|optimize|filament:upgrade)( --[a-z-]+)*'
    . '|(cache:clear|assets:install|importmap:install)( [\w%.\/-]+)*)$/';
const PLUGINS = ['composer/installers', 'drupal/core-composer-scaffold', 'drupal/core-project-message', 'php-http/discovery',
    'phpstan/extension-installer', 'symfony/flex', 'symfony/runtime'];

function alike(array $scripts, array $plugins, array $events): bool
{
    $others = array_diff_key($scripts, array_flip($events));
    foreach (array_intersect_key($scripts, array_flip($events)) as $commands) {
        foreach ((array) $commands as $name => $command) {
            // A map is Symfony's: the console's command, and that it is one.
            $said = is_string($name) && $command === 'symfony-cmd' ? $name : (is_string($command) ? $command : '');
            $name = str_starts_with($said, '@') ? substr($said, 1) : '';
            if (isset($others[$name]) ? !alike($others, [], [$name]) : !preg_match(FRAMEWORKS, $said)) {
                return false;
            }
        }
    }
    return !array_diff($plugins, PLUGINS);
}

$json = document('composer.json') ?? [];
$lock = document('composer.lock') ?? [];
$scripts = is_array($json['scripts'] ?? null) ? $json['scripts'] : [];
$events = is_file('composer.lock') ? EVENTS : [...EVENTS, ...UPDATES];
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
    ['alike', alike($scripts, plugins($installed), $events) ? 'yes' : 'no'],
    ['vendor', $vendor],
    ['bin', $bin],
    ['kept', kept($json, $installed, $vendor, $bin)],
    ...missing($json, $installed),
];
foreach ($lines as $fields) {
    echo implode("\t", preg_replace('/[\x00-\x1f\x7f]/', ' ', $fields)), "\n";
}
