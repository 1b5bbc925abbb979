/* Part of dyno-init.c: from the output of the application to the rsyslog of the host, without ever making the
 * application wait. Lines stand in a ring of 1 MiB; what does not fit is dropped, counted and told when there is room.
 */
#ifndef DYNO_LOG_H
#define DYNO_LOG_H
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 10000, BUFFER_BYTES = 1 << 20, FRAME_EXTRA = 16, FLUSH_MS = 1000 };

static char buffer[BUFFER_BYTES]; /* ring of frames "LENGTH <14>TEXT" (octet counting, RFC 6587) */
static size_t head, used, sent;   /* sent: bytes of the first frame and those after it that the socket took */
static unsigned long dropped;
static struct timespec dropped_since;
static char line[LINE_MAX_BYTES + 1];
static size_t line_bytes;
static int way = -1; /* the TCP connection to the host's rsyslog */
static bool way_up;
static long long retry_at, backoff = 100;
static int out_pipe[2] = {-1, -1}; /* the output of the application */

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- the buffer ---- */

static void ring_put(const char *bytes, size_t length)
{
    size_t at = (head + used) % BUFFER_BYTES, first = BUFFER_BYTES - at < length ? BUFFER_BYTES - at : length;
    memcpy(buffer + at, bytes, first);
    memcpy(buffer, bytes + first, length - first);
    used += length;
}

static void frame_put(const char *text, size_t length)
{
    char start[FRAME_EXTRA];
    int n = snprintf(start, sizeof start, "%zu <14>", length + 4);
    ring_put(start, (size_t)n);
    ring_put(text, length);
}

/* Tells what was dropped, once there is room again. */
static void report_drops(void)
{
    char text[160], when[32];
    struct tm utc;
    if (!dropped || BUFFER_BYTES - used < sizeof text + FRAME_EXTRA)
        return;
    gmtime_r(&dropped_since.tv_sec, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    int n = snprintf(text, sizeof text, "Error L12 (local buffer overflow): %lu messages dropped since %s.%06ld+00:00.",
                     dropped, when, dropped_since.tv_nsec / 1000);
    dropped = 0;
    frame_put(text, (size_t)n);
}

/* A line goes into the buffer or is counted; after a drop nothing is taken before half of the buffer is free. */
static void log_line(const char *text, size_t length)
{
    if (dropped && used <= BUFFER_BYTES / 2)
        report_drops();
    if (dropped || BUFFER_BYTES - used < length + FRAME_EXTRA) {
        if (!dropped++)
            clock_gettime(CLOCK_REALTIME, &dropped_since);
        return;
    }
    frame_put(text, length);
}

static void say(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    n = n < (int)sizeof text ? n : (int)sizeof text - 1;
    log_line(text, (size_t)n);
    dprintf(STDERR_FILENO, "%s\n", text); /* the console, for an operator */
}

static void end_line(void)
{
    size_t length = line_bytes && line[line_bytes - 1] == '\r' ? line_bytes - 1 : line_bytes;
    log_line(line, length);
    line_bytes = 0;
}

/* Cuts what the application wrote into lines; a line over 10,000 bytes is split, not inside a UTF-8 character. */
static void take(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n') {
            end_line();
        } else if (bytes[i] != '\0') {
            line[line_bytes++] = bytes[i];
            if (line_bytes > LINE_MAX_BYTES) {
                size_t cut = LINE_MAX_BYTES;
                while (cut > LINE_MAX_BYTES - 4 && (line[cut] & 0xC0) == 0x80)
                    cut--;
                log_line(line, cut);
                line_bytes -= cut;
                memmove(line, line + cut, line_bytes);
            }
        }
    }
}

/* True when there may be more; at most 64 KiB at a time, so that signals and the log way have their turn. */
static bool read_output(void)
{
    char bytes[65536];
    ssize_t n = out_pipe[0] < 0 ? 0 : read(out_pipe[0], bytes, sizeof bytes);
    if (n > 0)
        take(bytes, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(out_pipe[0]);
        out_pipe[0] = -1;
    }
    return n > 0;
}

/* ---- the log way ---- */

static void way_lost(void)
{
    if (way >= 0)
        close(way);
    way = -1;
    way_up = false;
    sent = 0; /* a frame that was cut is sent again from its start */
    retry_at = now_ms() + backoff;
    backoff = backoff * 2 > 5000 ? 5000 : backoff * 2;
}

/* Opens the way to HOKKU_LOG, ADDRESS:PORT; the default is the dyno bridge of the host. */
static void way_open(void)
{
    const char *wanted = getenv("HOKKU_LOG"), *colon = wanted ? strrchr(wanted, ':') : NULL;
    char address[INET_ADDRSTRLEN] = "10.99.0.1";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(1514)};
    if (colon && (size_t)(colon - wanted) < sizeof address) {
        memcpy(address, wanted, (size_t)(colon - wanted));
        address[colon - wanted] = '\0';
        to.sin_port = htons((unsigned short)strtoul(colon + 1, NULL, 10));
    }
    way = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (way < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1
        || (connect(way, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS))
        way_lost();
}

/* Takes the frames that were sent wholly out of the buffer. */
static void forget_sent(void)
{
    while (sent > 0) {
        size_t length = 0, digits = 0;
        for (char c; (c = buffer[(head + digits) % BUFFER_BYTES]) != ' '; digits++)
            length = length * 10 + (size_t)(c - '0');
        length += digits + 1;
        if (length > sent)
            return;
        head = (head + length) % BUFFER_BYTES;
        used -= length;
        sent -= length;
    }
}

static void way_send(void)
{
    while (way_up && sent < used) {
        size_t at = (head + sent) % BUFFER_BYTES, length = used - sent;
        length = BUFFER_BYTES - at < length ? BUFFER_BYTES - at : length;
        ssize_t n = send(way, buffer + at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                way_lost();
            return;
        }
        sent += (size_t)n;
        forget_sent();
    }
}

/* Acts on what poll() saw of the way. */
static void way_turn(short seen)
{
    char ignored[256];
    if (seen & (POLLERR | POLLHUP | POLLNVAL)) {
        way_lost();
    } else if (seen & POLLOUT && !way_up) {
        way_up = true;
        backoff = 100;
    }
    if (way_up && seen & POLLIN && recv(way, ignored, sizeof ignored, MSG_DONTWAIT) == 0)
        way_lost(); /* rsyslog says nothing but the end */
    way_send();
}

/* Waits until something happens, at most `limit` ms (-1: for ever), and serves output and log way. */
static void turn(int signals, long long limit)
{
    if (way < 0 && now_ms() >= retry_at)
        way_open();
    if (dropped && used <= BUFFER_BYTES / 2)
        report_drops();
    long long wait = way < 0 ? retry_at - now_ms() : -1;
    wait = limit >= 0 && (wait < 0 || limit < wait) ? limit : wait;
    struct pollfd fds[3] = {{.fd = signals, .events = POLLIN},
                            {.fd = out_pipe[0], .events = POLLIN},
                            {.fd = way, .events = POLLIN | (!way_up || sent < used ? POLLOUT : 0)}};
    if (poll(fds, 3, (int)(wait < -1 ? 0 : wait)) < 0)
        return;
    if (fds[1].revents)
        read_output();
    if (way >= 0)
        way_turn(fds[2].revents);
}

/* The last lines: what the pipe still holds, the unfinished line, and the wait until rsyslog has read it all. */
static void flush_logs(void)
{
    long long deadline = now_ms() + FLUSH_MS, left;
    while (now_ms() < deadline && read_output())
        way_send();
    if (line_bytes)
        end_line();
    report_drops();
    close(out_pipe[0]);
    out_pipe[0] = -1;
    retry_at = 0;
    while (used > 0 && (left = deadline - now_ms()) > 0)
        turn(-1, left < 50 ? left : 50);
    if (way_up && shutdown(way, SHUT_WR) == 0) {
        struct pollfd end = {.fd = way, .events = POLLIN};
        left = deadline - now_ms();
        poll(&end, 1, (int)(left > 0 ? left : 0));
    }
}

#endif
