/* Part of dyno-init.c: a command that is executed in a dyno from outside, for a client at the other end of a terminal.
 */
#ifndef DYNO_ENTER_H
#define DYNO_ENTER_H

/* Runs until the child ended, or the pipe `lifeline` says that nobody waits for it any more: then it is hung up on, and
 * killed two seconds later. What it left running in its session goes with it. */
static int keep(pid_t child, int lifeline, int signals)
{
    int status = 0;
    long long kill_at = -1;
    while (!reap(child, &status)) {
        struct pollfd fds[2] = {{.fd = signals, .events = POLLIN},
                                {.fd = kill_at < 0 ? lifeline : -1, .events = POLLIN}};
        poll(fds, 2, kill_at < 0 ? -1 : 100);
        stop_asked(signals);
        if (kill_at < 0 && fds[1].revents) {
            kill(-child, SIGHUP);
            kill_at = now_ms() + 2000;
        } else if (kill_at >= 0 && now_ms() >= kill_at) {
            kill(-child, SIGKILL);
        }
    }
    kill(-child, SIGKILL);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Without a terminal there are three: this process, whose end tells the second one that nobody waits any more; the
 * second one, which holds nothing of the output open; and the command in a session of its own. */
static int enter_pipes(const char *program, char *const argv[], char *const env[], int signals)
{
    int lifeline[2], status;
    if (pipe2(lifeline, O_CLOEXEC) < 0)
        return 126;
    pid_t keeper = fork();
    if (keeper == 0) {
        close(lifeline[1]);
        pid_t child = fork();
        if (child == 0) {
            become_dyno(0, 1);
            if (chdir(at_root("/app")) == 0)
                execve(program, argv, env);
            dprintf(2, "cannot run %s: %s\n", program, strerror(errno));
            _exit(127);
        }
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int i = 0; i < 3; i++)
            dup2(null, i);
        _exit(child < 0 ? 126 : keep(child, lifeline[0], signals));
    }
    close(lifeline[0]);
    for (int i = 0; i < 3; i++)
        close(i);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM); /* is everybody's in the container, and the command's to answer */
    sigprocmask(SIG_SETMASK, &set, NULL);
    while (keeper > 0 && waitpid(keeper, &status, 0) < 0 && errno == EINTR)
        ;
    return keeper > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

/* Whether the process has the terminal as its input or output. */
static bool holds(int pid, const struct stat *terminal)
{
    char path[64];
    struct stat about;
    for (int fd = 0; fd < 3; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
        if (stat(path, &about) == 0 && about.st_dev == terminal->st_dev && about.st_ino == terminal->st_ino)
            return true;
    }
    return false;
}

/* Sends the signal to those that hold the terminal, SIGHUP once to each; how many hold it. */
static int signal_holders(const struct stat *terminal, int number)
{
    static int told[256];
    static size_t count;
    int holders = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *each; all && (each = readdir(all));) {
        int pid = atoi(each->d_name), process = pid > 0 && pid != getpid() ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
        if (process >= 0 && holds(pid, terminal)) {
            size_t at = 0;
            while (at < count && told[at] != pid)
                at++;
            if (number != SIGHUP || (at == count && count < sizeof told / sizeof *told)) {
                syscall(SYS_pidfd_send_signal, process, number, NULL, 0);
                syscall(SYS_pidfd_send_signal, process, SIGCONT, NULL, 0); /* what is stopped hears of it only then */
            }
            if (at == count && count < sizeof told / sizeof *told)
                told[count++] = pid;
            holders++;
        }
        if (process >= 0)
            close(process);
    }
    if (all)
        closedir(all);
    return holders;
}

/* Takes the terminal away from those that hold it when its session is over, as they would keep the client waiting: SIGHUP,
 * and SIGKILL two seconds later. What has let go of it (nohup, daemons) goes on. One look may miss who is just born. */
static void free_terminal(const struct stat *terminal)
{
    long long kill_at = now_ms() + 2000, give_up_at = kill_at + 500;
    for (int looks = 0; looks < 3 && now_ms() < give_up_at; usleep(10000))
        looks = signal_holders(terminal, now_ms() < kill_at ? SIGHUP : SIGKILL) ? 0 : looks + 1;
}

/* Leaves a process behind, not a child of this one, that waits for the end of this one, and then frees its terminal. Until
 * then it has the terminal open: nobody else can get one of that number. */
static void watch_terminal(void)
{
    struct stat terminal;
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0), status;
    pid_t middle = self < 0 || fstat(0, &terminal) < 0 ? -1 : fork();
    if (middle == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
        close_range(1, (unsigned)self - 1, 0);
        close_range((unsigned)self + 1, ~0U, 0);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL); /* ends with its container */
        poll(&(struct pollfd){.fd = self, .events = POLLIN}, 1, -1);
        free_terminal(&terminal);
        _exit(0);
    }
    if (middle > 0)
        waitpid(middle, &status, 0);
}

/* Runs the command of the session HOKKU_SESSION: the root-only file /var/lib/hokku/session-ID, NUL-separated, holds
 * command=… and then what goes over the environment of the release. It is gone once it was read. */
static int enter(int signals)
{
    const char *id = getenv("HOKKU_SESSION"), *program = at_root("/usr/lib/hokku/dyno-start");
    char *path;
    if (!id || !*id || strspn(id, "0123456789abcdef-") != strlen(id)
        || asprintf(&path, "/var/lib/hokku/session-%s", id) < 0) {
        dprintf(2, "dyno-init: HOKKU_SESSION must be the id of a session\n");
        return 2;
    }
    const char *file = at_root(path);
    char **session = entries(file, 0);
    size_t count = 0;
    unlink(file);
    while (session && session[count])
        count++;
    char **env = entries(at_root("/etc/hokku/dyno.env"), count + 8);
    char *command = session ? value_of(session, "command") : NULL;
    if (!env || !command || session[0] + strlen("command=") != command) {
        dprintf(2, "dyno-init: cannot read the session %s\n", id);
        return 126;
    }
    for (size_t i = 1; i < count; i++) {
        char *equals = strchr(session[i], '=');
        *equals = '\0';
        set(env, session[i], equals + 1, true);
    }
    set_own(env);
    char *argv[] = {"dyno-start", command, NULL};
    if (!isatty(0))
        return enter_pipes(program, argv, env, signals);
    watch_terminal();
#ifndef HOKKU_TEST
    fchown(0, DYNO_ID, DYNO_ID); /* tmux, gpg and others open their terminal again by its name */
#endif
    become_dyno(0, 1);
    if (chdir(at_root("/app")) == 0)
        execve(program, argv, env);
    dprintf(2, "cannot run %s: %s\n", program, strerror(errno));
    return 127;
}

#endif
