// What needs JSON, versions and checksums: node pack.js facts | undisturbed | fixed | fixed_in | resolve | satisfies | integrity | program. The answer is on stdout.
'use strict'
const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')

const LIFECYCLE = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare', 'postprepare']
const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies']

const read = (file) => JSON.parse(fs.readFileSync(file, 'utf8'))
const strings = (value) => (value && typeof value === 'object' && !Array.isArray(value) ? value : {})
const semver = (npm) => require(path.join(npm, 'node_modules', 'semver'))

// Programs that make the same of the same files; where it says two words, the program does so with the second.
const TOOLS = ['babel', 'browserify', 'copyfiles', 'cp', 'cpx', 'cpy', 'echo', 'esbuild', 'eslint', 'exit', 'husky', 'lessc', 'mkdir',
  'mkdirp', 'mv', 'nest build', 'ng build', 'parcel build', 'patch-package', 'postcss', 'prettier', 'prisma generate',
  'react-scripts build', 'rimraf', 'rm', 'rollup', 'rsbuild build', 'rspack build', 'sass', 'stylus', 'swc', 'tailwindcss', 'terser',
  'true', 'tsc', 'tsc-alias', 'tsup', 'unbuild', 'vite build', 'vue-cli-service build', 'vue-tsc', 'webpack', 'webpack-cli']
// With these among an app's packages, such programs make pages of what servers say.
const PRERENDERS = /^(@sveltejs\/kit|@angular\/(ssr|platform-server)|@(astrojs|builder\.io|react-router)\/.*|@nuxt\/.*|vike|vite-ssg|vite-react-ssg|@sentry\/.*plugin|.*(prerender|-ssg|static-site).*)$/
// What a configuration that is a program may fetch with, or call others.
const FETCHES = /\bfetch\b|\bhttps?['"]|child_process|\bexec|\bspawn|axios|\bgot['"]|undici|node:net|\bnet['"]|WebSocket/
const PROGRAM = /(^|\.)config\.([\w-]+\.)*[cm]?[jt]s$|^(babel|gulpfile|gruntfile|postcss|rollup|vite|webpack)\b.*\.[cm]?[jt]s$|^\.\w+(rc|file)\.[cm]?js$/i
// What such a configuration may be made of: packages that read the app's files, and others of such configurations.
const PARTS = new RegExp('^(node:)?(path|url|process|fs|os|module|util)$|^(@(babel|eslint|rollup|rspack|rsbuild|swc|tailwindcss|' +
  'typescript-eslint|vitejs|vue)/[\\w./-]+|@sveltejs/vite-plugin-svelte|autoprefixer|babel(-[\\w-]+)?|cssnano[\\w-]*|daisyui|' +
  'laravel-(mix|vite-plugin)|vite(st)?(-[\\w-]+)?|esbuild|eslint(-[\\w./-]+)?|globals|flowbite[\\w./-]*|postcss(-[\\w-]+)?|' +
  'prettier(-[\\w-]+)?|purgecss|rollup(-plugin-[\\w-]+)?|sass|svelte|tailwindcss|terser|typescript(-eslint)?|unplugin-[\\w-]+|vue|' +
  'webpack(-[\\w-]+)?|[\\w-]+-(webpack-plugin|loader))(/[\\w./-]+)?$')
const FAR = /font|icons|fetch|download|remote|proxy|sentry|cms/
const NAMED = /(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\(|\brequire\.resolve\s*\()\s*(['"`])([^'"`\n]*)\1/g
const CALLED = /\b(?:import|require)\s*\(\s*(?!['"])/ // by what is not known before
const MOST = 5000 // files among which configurations are looked for
const OWN_VERBS = ['add', 'create', 'dlx', 'exec', 'i', 'import', 'install', 'link', 'node', 'pack', 'publish', 'rebuild', 'up', 'update']
const SETTING = /^(?!(NODE_OPTIONS|NODE_PATH|PATH|HOME|ENV|BASH_ENV|LD_\w*|npm_\w*)=)\w+=\S*$|^NODE_OPTIONS=--max[-_]old[-_]space[-_]size=\d+$/i

/** Whether the scripts of a build call nothing but these: then a build of the same app would make the same. */
function alike (scripts, packages) {
  const judged = new Map()
  const all = (name) => ['pre', '', 'post'].map((when) => when + name).every((one) => {
    if (!judged.has(one)) {
      judged.set(one, false) // of one that calls itself
      judged.set(one, !scripts[one] || (typeof scripts[one] === 'string' && scripts[one].split(/&&|\|\|/).every(tame)))
    }
    return judged.get(one)
  })
  const known = (name) => Object.hasOwn(scripts, name) && all(name)
  const tame = (command) => {
    const said = command.replace(/\{@\}|["']/g, ' ').trim()
    if (!/^[\w@./:=, +-]+$/.test(said)) return false // what else a shell knows
    const words = said.replace(/^cross-env +/, '').split(/ +/)
    while (words.length && words[0].includes('=')) {
      if (!SETTING.test(words.shift())) return false
    }
    const [program, word = '', ...rest] = words
    if (['run-s', 'run-p'].includes(program)) {
      const names = [word, ...rest].filter((one) => !one.startsWith('-'))
      return names.length > 0 && names.every(known)
    }
    if (['npm', 'pnpm', 'yarn'].includes(program)) {
      const [name = '', ...options] = word === 'run' ? rest : [word, ...rest]
      if (word !== 'run' && (program === 'npm' || OWN_VERBS.includes(word))) return false
      const own = options.includes('--') ? options.slice(0, options.indexOf('--')) : options // others may lead elsewhere
      return own.every((one) => one === '--silent') && known(name)
    }
    const configs = words.filter((one, at) => /^(-c|--config)$/.test(words[at - 1])).concat(
      words.filter((one) => one.startsWith('--config=')).map((one) => one.slice(9)))
    if (!configs.every((one) => PROGRAM.test(path.basename(one)))) return false
    return TOOLS.includes(program) || TOOLS.includes(`${program} ${word}`)
  }
  const build = scripts['heroku-postbuild'] ? 'heroku-postbuild' : 'build'
  return [...LIFECYCLE, 'dependencies', 'pnpm:devPreinstall', 'heroku-prebuild', build, 'heroku-cleanup'].every(all) &&
    !packages.some((name) => PRERENDERS.test(name)) && !mayFetch()
}

/** Whether what a configuration names is another one, which is looked at itself, data, or a package that reads the app. */
function isPart (name) {
  if (name.startsWith('.')) return /\.(json|css|scss)$/.test(name) || PROGRAM.test(path.basename(name))
  return PARTS.test(name) && !FAR.test(name)
}

/** Whether a configuration that is a program may fetch something, or cannot be read. */
function mayFetch () {
  const left = ['.']
  let seen = 0
  try {
    while (left.length) {
      const directory = left.pop()
      for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
        if (++seen > MOST) return true
        const where = path.join(directory, entry.name)
        if (entry.isDirectory()) {
          if (entry.name !== 'node_modules' && !entry.name.startsWith('.')) left.push(where)
        } else if (PROGRAM.test(entry.name)) {
          const text = fs.readFileSync(where, 'utf8')
          if (FETCHES.test(text) || CALLED.test(text) || ![...text.matchAll(NAMED)].every(([, , name]) => isPart(name))) return true
        }
      }
    }
  } catch {
    return true
  }
  return false
}

/** One line a fact, NAME<TAB>VALUE, of a package.json. Values are one line without control characters. */
function facts (file) {
  const said = read(file)
  const scripts = strings(said.scripts)
  const engines = strings(said.engines)
  const sources = KINDS.flatMap((kind) => Object.values(strings(said[kind])))
  const [manager, version = ''] = String(said.packageManager ?? '').split('+')[0].split(/(?<=.)@/)
  const found = {
    node: engines.node,
    npm: engines.npm,
    yarn: engines.yarn,
    pnpm: engines.pnpm,
    manager,
    manager_version: version,
    scripts: ['', ...Object.keys(scripts).filter((name) => /^[\w:.-]+$/.test(name) && scripts[name]), ''].join(' '),
    dev: Object.keys(strings(said.devDependencies)).length > 0,
    alike: alike(scripts, KINDS.flatMap((kind) => Object.keys(strings(said[kind])))),
    lifecycle: LIFECYCLE.some((name) => name in scripts) || fs.existsSync('binding.gyp'),
    local: 'workspaces' in said || sources.some((text) => /^(file|link|portal|workspace):|^\.{0,2}\//.test(text))
  }
  for (const [name, value] of Object.entries(found)) {
    console.log(`${name}\t${String(value ?? '').replace(/[\x00-\x1f\x7f]/g, ' ').slice(0, 1000)}`)
  }
}

// Packages whose scripts at installation look at their own folder and at programs that they come with, never at the app.
const KNOWN = ['@parcel/watcher', '@swc/core', 'bcrypt', 'better-sqlite3', 'bufferutil', 'core-js', 'core-js-pure', 'esbuild',
  'fsevents', 'msgpackr-extract', 'sharp', 'sqlite3', 'unrs-resolver', 'utf-8-validate']
const REGISTRY = /^https?:\/\/\S+\/-\/[^/]+\.tgz$/

// Packages whose scripts at installation fetch one version of something, or make something of the app's own files.
const PINNED = ['@prisma/client', '@prisma/engines', 'cypress', 'electron', 'playwright', 'prisma', 'puppeteer']
const FIXED = [...KNOWN, ...PINNED]

/** Ends with 0 if the lockfiles that are there tell, and only known packages of a registry run scripts at installation. */
function undisturbed (...locks) {
  scripted(locks, KNOWN)
}

/** The same, where such scripts may look at the app, too, but fetch nothing that changes elsewhere. */
function fixed (...locks) {
  scripted(locks, FIXED)
}

function scripted (locks, names) {
  for (const lock of locks.filter((file) => fs.existsSync(file))) {
    const { packages, lockfileVersion } = read(lock)
    if (!packages || !(lockfileVersion >= 2)) process.exit(3)
    for (const [where, one] of Object.entries(packages)) {
      const name = one.name ?? where.split('node_modules/').pop()
      const registry = one.resolved === undefined || REGISTRY.test(one.resolved) // npm may be told to leave it out
      const known = names.includes(name) && registry && one.integrity
      if (one.hasInstallScript && !known) process.exit(3)
    }
  }
}

/** Ends with 0 if no package of this node_modules, of its own or pnpm's, runs other scripts at installation than such. */
function fixedIn (modules) {
  const look = (directory) => {
    for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
      const where = path.join(directory, entry.name)
      if (!entry.isDirectory() || entry.name === '.bin') continue
      if (entry.name.startsWith('@')) look(where)
      else if (entry.name === '.pnpm') each(where)
      else judge(where)
    }
  }
  const each = (store) => fs.readdirSync(store).map((name) => path.join(store, name, 'node_modules')).filter(fs.existsSync).forEach(look)
  const judge = (where) => {
    if (fs.existsSync(path.join(where, 'package.json'))) {
      const { name, scripts } = read(path.join(where, 'package.json'))
      const runs = ['preinstall', 'install', 'postinstall'].some((one) => one in strings(scripts))
      if ((runs || fs.existsSync(path.join(where, 'binding.gyp'))) && !FIXED.includes(name)) process.exit(3)
    }
    if (fs.existsSync(path.join(where, 'node_modules'))) look(path.join(where, 'node_modules'))
  }
  look(modules)
}

/** VERSION<TAB>TARBALL<TAB>INTEGRITY of the version in `range` that npm would install: the latest, else the newest; of
 * those that run on node `runs`, if that is given. */
function resolve (metadata, range, npm, runs) {
  const { versions, 'dist-tags': tags } = read(metadata)
  let version = range
  if (!Object.hasOwn(versions, range)) {
    const semantic = semver(npm)
    const fits = (candidate) => {
      const asks = strings(versions[candidate].engines).node
      return !runs || !asks || semantic.satisfies(runs, asks)
    }
    const latest = strings(tags).latest
    const good = Object.hasOwn(versions, latest) && fits(latest) && semantic.satisfies(latest, range)
    version = good ? latest : semantic.maxSatisfying(Object.keys(versions).filter(fits), range)
  }
  if (!version) process.exit(4)
  const { tarball, integrity, shasum } = versions[version].dist
  const hash = integrity || `sha1-${Buffer.from(shasum, 'hex').toString('base64')}`
  console.log([version, tarball, hash].join('\t'))
}

/** Ends with 0 if `version` is in `range`, with 3 if it is not, with 4 if that is no range. */
function satisfies (version, range, npm) {
  const semantic = semver(npm)
  if (semantic.validRange(range) === null) process.exit(4)
  process.exit(semantic.satisfies(version, range) ? 0 : 3)
}

/** Ends with 0 if one of the strongest hashes of `wanted` (Subresource Integrity) is the file's. */
function integrity (file, wanted) {
  const hashes = wanted.trim().split(/\s+/).map((one) => one.split('?')[0].match(/^(sha512|sha384|sha256|sha1)-(.+)$/))
  const known = hashes.filter(Boolean)
  const order = ['sha512', 'sha384', 'sha256', 'sha1']
  const strongest = order.find((name) => known.some((one) => one[1] === name))
  const content = fs.readFileSync(file)
  const good = known.some(([, name, hash]) =>
    name === strongest && crypto.createHash(name).update(content).digest('base64') === hash)
  process.exit(good ? 0 : 3)
}

/** Where in a package its program `name` is. */
function program (directory, name) {
  const { bin } = read(path.join(directory, 'package.json'))
  console.log(path.normalize(typeof bin === 'string' ? bin : bin[name]))
}

const [verb, ...words] = process.argv.slice(2)
const verbs = { facts, undisturbed, fixed, fixed_in: fixedIn, resolve, satisfies, integrity, program }
verbs[verb](...words)
