/* Traffic for measurements: TCP stream, request/response, UDP packet rate. One process serves, one drives.
 *
 *   traffic serve PORT                      answers any number of drivers, one process each
 *   traffic stream HOST PORT SECONDS        prints: octets received, seconds
 *   traffic reverse HOST PORT SECONDS       the same, data flowing the other way
 *   traffic ask HOST PORT SECONDS           prints: answers, seconds
 *   traffic blast HOST PORT SECONDS OCTETS  prints: datagrams received, seconds, datagrams sent
 *
 * The receiver's count is what is printed: what was sent and lost does not count.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
static char buffer[1 << 18];

struct report {
    uint64_t count;
    double seconds;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static struct sockaddr_in address(const char *host, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (host && !inet_aton(host, &a.sin_addr))
        fail(host);
    return a;
}

static void exactly(int fd, void *data, size_t octets, int writing)
{
    for (char *p = data; octets;) {
        ssize_t n = writing ? write(fd, p, octets) : read(fd, p, octets);
        if (n <= 0)
            fail(writing ? "write" : "read");
        p += n;
        octets -= n;
    }
}

static void push(int fd, double seconds)
{
    for (double end = now() + seconds; now() < end;)
        if (write(fd, buffer, sizeof buffer) <= 0)
            fail("write");
    shutdown(fd, SHUT_WR);
}

static struct report drain(int fd)
{
    struct report r = {0, 0};
    double start = 0;
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0; r.count += n)
        if (!start)
            start = now();
    r.seconds = now() - start;
    return r;
}

/* Count datagrams until none has come for a while. Blocking in recvmmsg costs the receiver least: what is
 * compared is what lies before it. */
static struct report count_datagrams(int udp)
{
    static char room[BATCH][2048];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH] = {0};
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){room[i], sizeof room[i]};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    struct timeval first = {5, 0}, idle = {0, 300000};
    setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &first, sizeof first);
    struct report r = {0, 0};
    double start = 0, last = 0;
    for (int n; (n = recvmmsg(udp, messages, BATCH, MSG_WAITFORONE, 0)) > 0; r.count += n) {
        last = now();
        if (!start) {
            start = last;
            setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
        }
    }
    r.seconds = last - start;
    return r;
}

static void serve_one(int fd, int port)
{
    char what;
    double seconds;
    exactly(fd, &what, 1, 0);
    exactly(fd, &seconds, sizeof seconds, 0);
    if (what == 's') {
        struct report r = drain(fd);
        exactly(fd, &r, sizeof r, 1);
    } else if (what == 'r') {
        push(fd, seconds);
    } else if (what == 'a') {
        for (char c; read(fd, &c, 1) == 1;)
            exactly(fd, &c, 1, 1);
    } else if (what == 'b') {
        int udp = socket(AF_INET, SOCK_DGRAM, 0), size = 1 << 25;
        struct sockaddr_in a = address(0, port);
        setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        if (bind(udp, (void *)&a, sizeof a))
            fail("bind");
        exactly(fd, &what, 1, 1);
        struct report r = count_datagrams(udp);
        exactly(fd, &r, sizeof r, 1);
    }
}

static void serve(int port)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = address(0, port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (void *)&a, sizeof a) || listen(fd, 8))
        fail("listen");
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int driver = accept(fd, 0, 0);
        if (driver >= 0 && !fork()) {
            setsockopt(driver, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            serve_one(driver, port);
            exit(0);
        }
        close(driver);
    }
}

static struct report ask(int fd, double seconds)
{
    struct report r = {0, 0};
    double start = now();
    for (char c = 0; now() < start + seconds; r.count++) {
        exactly(fd, &c, 1, 1);
        exactly(fd, &c, 1, 0);
    }
    r.seconds = now() - start;
    return r;
}

static uint64_t blast(struct sockaddr_in *to, double seconds, int octets)
{
    int udp = socket(AF_INET, SOCK_DGRAM, 0), size = 1 << 22;
    setsockopt(udp, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    if (connect(udp, (void *)to, sizeof *to))
        fail("connect");
    struct iovec part = {buffer, octets};
    struct mmsghdr messages[BATCH] = {0};
    for (int i = 0; i < BATCH; i++) {
        messages[i].msg_hdr.msg_iov = &part;
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    uint64_t sent = 0;
    for (double end = now() + seconds; now() < end;) {
        int n = sendmmsg(udp, messages, BATCH, 0);
        sent += n > 0 ? n : 0;
    }
    return sent;
}

static void drive(char what, char **arguments)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = address(arguments[0], atoi(arguments[1]));
    double seconds = atof(arguments[2]);
    struct report r;
    if (connect(fd, (void *)&a, sizeof a))
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    exactly(fd, &what, 1, 1);
    exactly(fd, &seconds, sizeof seconds, 1);
    if (what == 'r') {
        r = drain(fd);
    } else if (what == 'a') {
        r = ask(fd, seconds);
    } else if (what == 's') {
        push(fd, seconds);
        exactly(fd, &r, sizeof r, 0);
    } else {
        exactly(fd, &what, 1, 0);
        uint64_t sent = blast(&a, seconds, atoi(arguments[3]));
        exactly(fd, &r, sizeof r, 0);
        printf("%llu %.6f %llu\n", (unsigned long long)r.count, r.seconds, (unsigned long long)sent);
        return;
    }
    printf("%llu %.6f\n", (unsigned long long)r.count, r.seconds);
}

int main(int count, char **arguments)
{
    static const char *names[] = {"stream", "reverse", "ask", "blast"};
    if (count == 3 && !strcmp(arguments[1], "serve"))
        serve(atoi(arguments[2]));
    for (int i = 0; i < 4; i++)
        if (count >= 5 && !strcmp(arguments[1], names[i]))
            return drive(names[i][0], arguments + 2), 0;
    fprintf(stderr, "see the comment on top of traffic.c\n");
    return 2;
}
