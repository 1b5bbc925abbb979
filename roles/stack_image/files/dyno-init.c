/* PID 1 of every Hokku container. Environment HOKKU_MODE, set by the platform on the LXD instance, says what it does:
 *   run     start the process type HOKKU_PROCESS as user dyno and forward its output, line by line, to the log way
 *   unpack  unpack the slug that was pushed into the container, and stop
 *   idle    wait to be stopped, reaping what others execute in the container
 *   enter   executed from outside: run the command of the session HOKKU_SESSION as user dyno, in the terminal that stdin
 *           is, which nothing holds for long after it; else with stdout and stderr joined, and ended when whoever executed this is gone
 * The application never waits for the log way: what does not fit into 1 MiB is dropped, counted and told (L12).
 * Built with its headers beside it: gcc -std=c11 -O2 -Wall -Wextra -Werror -o dyno-init dyno-init.c
 * (-DHOKKU_TEST: paths below HOKKU_ROOT, and no change of user)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "dyno-log.h"

enum { DYNO_ID = 1000, HANG_UP_MS = 5000 };

/* `path` itself; in a test build below the folder HOKKU_ROOT. */
static const char *at_root(const char *path)
{
#ifdef HOKKU_TEST
    const char *root = getenv("HOKKU_ROOT");
    char *full = NULL;
    if (root && asprintf(&full, "%s%s", root, path) > 0)
        return full;
#endif
    return path;
}

/* ---- processes ---- */

static int block_signals(void)
{
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    sigemptyset(&set);
    for (size_t i = 0; i < 4; i++)
        sigaddset(&set, (int[]){SIGTERM, SIGINT, SIGPWR, SIGCHLD}[i]);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* True when a signal asked the container to stop since the last call. */
static bool stop_asked(int signals)
{
    struct signalfd_siginfo got;
    bool stop = false;
    while (read(signals, &got, sizeof got) == sizeof got)
        stop = stop || got.ssi_signo != SIGCHLD;
    return stop;
}

/* `number` to all processes of the container; outside of one, to the session of `child` alone. */
static void signal_all(pid_t child, int number)
{
    if (getpid() == 1)
        kill(-1, number);
    else if (child > 0)
        kill(-child, number);
}

/* Reaps everything that ended; true when `child` was among it, with its wait status. Without children: also true. */
static bool reap(pid_t child, int *status)
{
    bool ended = false;
    int each;
    pid_t pid;
    while ((pid = waitpid(-1, &each, WNOHANG)) > 0)
        if (pid == child) {
            *status = each;
            ended = true;
        }
    return ended || (pid < 0 && errno == ECHILD);
}

/* Leave everything of PID 1 behind, but a terminal that stdin is, and become the user dyno. */
static void become_dyno(int input, int output)
{
    sigset_t none;
    sigemptyset(&none);
    if (!isatty(input))
        setsid();
    if (dup2(input, 0) < 0 || (output >= 0 && (dup2(output, 1) < 0 || dup2(output, 2) < 0)))
        _exit(126);
    close_range(3, ~0U, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifndef HOKKU_TEST
    gid_t group = DYNO_ID;
    if (setgroups(1, &group) < 0 || setresgid(group, group, group) < 0 || setresuid(DYNO_ID, DYNO_ID, DYNO_ID) < 0) {
        dprintf(2, "cannot become user dyno: %s\n", strerror(errno));
        _exit(126);
    }
#endif
    umask(022);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static pid_t start(const char *program, char *const argv[], char *const env[], const char *folder, int input)
{
    pid_t child = fork();
    if (child == 0) {
        become_dyno(input, out_pipe[1]);
        if (chdir(folder) == 0)
            execve(program, argv, env);
        dprintf(2, "cannot run %s in %s: %s\n", program, folder, strerror(errno));
        _exit(127);
    }
    return child;
}

/* ---- the files that the platform put into the container ---- */

/* The NUL-separated entries of the file, as a NULL-ended list with `spare` free places; NULL when unreadable. */
static char **entries(const char *path, size_t spare)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) < 0)
        return NULL;
    size_t size = (size_t)about.st_size, got = 0, count = 0;
    char *text = calloc(size + 1, 1);
    for (ssize_t n; text && got < size && (n = read(fd, text + got, size - got)) > 0;)
        got += (size_t)n;
    close(fd);
    for (size_t i = 0; text && i < got; i++)
        count += text[i] == '\0';
    char **list = text ? calloc(count + spare + 2, sizeof *list) : NULL;
    for (size_t at = 0, n = 0; list && at < got; at += strlen(text + at) + 1)
        if (strchr(text + at, '='))
            list[n++] = text + at;
    return list;
}

/* The value of `key` in the list, or NULL. */
static char *value_of(char *const *list, const char *key)
{
    size_t length = strlen(key);
    for (; *list; list++)
        if (strncmp(*list, key, length) == 0 && (*list)[length] == '=')
            return *list + length + 1;
    return NULL;
}

/* Sets `key` in the list; without `force` an entry that is there stays. Room for new entries is the caller's. */
static void set(char **list, const char *key, const char *value, bool force)
{
    char *there = value_of(list, key), *entry;
    if (!value || (there && !force) || asprintf(&entry, "%s=%s", key, value) < 0)
        return;
    for (; *list && (!there || there != *list + strlen(key) + 1);)
        list++;
    *list = entry;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        say("cannot write %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* What every process of a dyno has in its environment, over what the release gives it; seven entries at most. */
static void set_own(char **env)
{
    set(env, "DYNO", getenv("DYNO"), true);
    set(env, "PORT", getenv("PORT"), true);
    set(env, "DYNO_RAM", getenv("DYNO_RAM"), true);
    set(env, "HEROKU_DYNO_ID", getenv("HEROKU_DYNO_ID"), true);
    set(env, "HOME", at_root("/app"), true);
    set(env, "PATH", "/usr/local/bin:/usr/bin:/bin", false);
    set(env, "LANG", "C.UTF-8", false);
}

#include "dyno-enter.h"

/* ---- the modes ---- */

/* Ends the dyno: the exit file for the manifold, then the last lines. Returns the exit status. */
static int finish(int status, int signal_number)
{
    char json[64];
    if (signal_number)
        snprintf(json, sizeof json, "{\"status\":%d,\"signal\":%d}\n", status, signal_number);
    else
        snprintf(json, sizeof json, "{\"status\":%d,\"signal\":null}\n", status);
    write_file(at_root("/var/lib/hokku/exit"), json);
    flush_logs();
    return status;
}

static int run(int signals)
{
    const char *type = getenv("HOKKU_PROCESS"), *env_file = at_root("/etc/hokku/dyno.env");
    char **env = entries(env_file, 8), **commands = entries(at_root("/etc/hokku/commands"), 0);
    unlink(at_root("/var/lib/hokku/exit"));
    if (!env || !commands) {
        say("cannot read %s: %s", env ? "/etc/hokku/commands" : env_file, strerror(errno));
        return finish(127, 0);
    }
    char *command = type ? value_of(commands, type) : NULL;
    if (!command || !*command) {
        char known[512] = "";
        for (size_t i = 0; commands[i]; i++)
            snprintf(known + strlen(known), sizeof known - strlen(known), "%s%.*s", i ? ", " : "",
                     (int)strcspn(commands[i], "="), commands[i]);
        say("This release has no process type \"%s\": name it in the Procfile and deploy again, or use one of: %s",
            type ? type : "", *known ? known : "(none)");
        return finish(127, 0);
    }
    set_own(env);

    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (pipe2(out_pipe, O_CLOEXEC) < 0 || fcntl(out_pipe[0], F_SETFL, O_NONBLOCK) < 0) {
        say("cannot make a pipe: %s", strerror(errno));
        return finish(126, 0);
    }
    fcntl(out_pipe[1], F_SETPIPE_SZ, 262144); /* refused when the user has many pipes: harmless */
    const char *program = at_root("/usr/lib/hokku/dyno-start");
    pid_t child = start(program, (char *[]){"dyno-start", command, NULL}, env, at_root("/app"), null);
    if (child < 0) {
        say("cannot start a process: %s", strerror(errno));
        return finish(126, 0);
    }
    close(out_pipe[1]);
    out_pipe[1] = -1;

    int status = 0;
    for (;;) {
        if (stop_asked(signals))
            signal_all(child, SIGTERM);
        if (reap(child, &status))
            break;
        turn(signals, -1);
    }
    signal_all(child, SIGKILL);
    return WIFSIGNALED(status) ? finish(128 + WTERMSIG(status), WTERMSIG(status)) : finish(WEXITSTATUS(status), 0);
}

/* Unpacks as user dyno, so that a slug can make nothing that is not dyno's. */
static int unpack(int signals)
{
    const char *slug = at_root("/var/lib/hokku/slug.tar.zst");
    char *env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};
    int input = open(slug, O_RDONLY | O_CLOEXEC), status = 0;
    if (input < 0) {
        say("cannot read the slug %s: %s", slug, strerror(errno));
        return 1;
    }
    pid_t child = start("/usr/bin/tar", (char *[]){"tar", "--zstd", "-xf", "-", NULL}, env, at_root("/app"), input);
    while (child > 0 && !reap(child, &status)) {
        if (stop_asked(signals))
            signal_all(child, SIGTERM);
        poll(&(struct pollfd){.fd = signals, .events = POLLIN}, 1, -1);
    }
    if (child < 0 || status != 0) {
        say("cannot unpack the slug: tar ended with wait status %d", status);
        return 1;
    }
    unlink(slug);
    write_file(at_root("/var/lib/hokku/unpacked"), "");
    return 0;
}

/* Asked to stop, it waits until nothing else runs: what was executed from outside is no child of PID 1. A shell at its
 * prompt does not mind SIGTERM, and gets SIGHUP after a while. How long all that may take, the platform decides. */
static int idle(int signals)
{
    int status;
    while (!stop_asked(signals)) {
        reap(-1, &status);
        poll(&(struct pollfd){.fd = signals, .events = POLLIN}, 1, -1);
    }
    signal_all(0, SIGTERM);
    bool hung_up = false;
    for (long long hang_up = now_ms() + HANG_UP_MS; getpid() == 1 && kill(-1, 0) == 0;) {
        reap(-1, &status);
        if (!hung_up && (hung_up = now_ms() >= hang_up))
            signal_all(0, SIGHUP);
        poll(&(struct pollfd){.fd = signals, .events = POLLIN}, 1, 50);
        stop_asked(signals);
    }
    return 0;
}

int main(void)
{
    const char *mode = getenv("HOKKU_MODE");
    int signals = block_signals();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (mode && strcmp(mode, "run") == 0)
        return run(signals);
    if (mode && strcmp(mode, "unpack") == 0)
        return unpack(signals);
    if (mode && strcmp(mode, "idle") == 0)
        return idle(signals);
    if (mode && strcmp(mode, "enter") == 0)
        return enter(signals);
    say("dyno-init: HOKKU_MODE is \"%s\", it must be run, unpack, idle or enter", mode ? mode : "");
    return 2;
}
