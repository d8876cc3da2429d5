/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libmicrohttpd gives to any service that answers later than it is asked: one epoll thread
 * that suspends each request, another thread that resumes what waits, and a body of two bytes.
 *
 * Usage: limit_http. Prints its port, and ends when its standard input does.
 */
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024 };

struct waiting {
    pthread_mutex_t mutex; /* guards all of it */
    pthread_cond_t some;
    struct MHD_Connection *connections[CONNECTIONS_MAX];
    size_t count;
    bool ended;
};

static struct waiting waiting = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                                 .some = PTHREAD_COND_INITIALIZER};
static struct MHD_Response *response;

/* False: nobody resumes any more. */
static bool suspend(struct MHD_Connection *connection)
{
    bool suspends;

    pthread_mutex_lock(&waiting.mutex);
    suspends = !waiting.ended;
    if (suspends) {
        MHD_suspend_connection(connection);
        waiting.connections[waiting.count++] = connection; /* the daemon has no more of them */
        pthread_cond_signal(&waiting.some);
    }
    pthread_mutex_unlock(&waiting.mutex);
    return suspends;
}

/* Called when the headers are there, with each part of the body, at its end, and after a resume. */
static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **state)
{
    static char seen, suspended;

    (void)arg, (void)url, (void)method, (void)version, (void)upload;
    if (*state == NULL) {
        *state = &seen;
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (*state == &seen) {
        *state = &suspended;
        if (suspend(connection))
            return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

static void *resume_all(void *arg)
{
    struct MHD_Connection *taken[CONNECTIONS_MAX];

    for (;;) {
        size_t count;

        pthread_mutex_lock(&waiting.mutex);
        while (waiting.count == 0 && !waiting.ended)
            pthread_cond_wait(&waiting.some, &waiting.mutex);
        count = waiting.count;
        memcpy(taken, waiting.connections, count * sizeof *taken);
        waiting.count = 0;
        pthread_mutex_unlock(&waiting.mutex);
        if (count == 0)
            return arg;
        for (size_t i = 0; i < count; i++)
            MHD_resume_connection(taken[i]);
    }
}

static void end(pthread_t thread)
{
    pthread_mutex_lock(&waiting.mutex);
    waiting.ended = true;
    pthread_cond_signal(&waiting.some);
    pthread_mutex_unlock(&waiting.mutex);
    pthread_join(thread, NULL);
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                         handle, NULL, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_END);
    static char body[] = "{}";
    pthread_t thread;
    char byte;

    response = MHD_create_response_from_buffer(2, body, MHD_RESPMEM_PERSISTENT);
    if (daemon == NULL || response == NULL ||
        pthread_create(&thread, NULL, resume_all, NULL) != 0) {
        fprintf(stderr, "limit_http: can not start\n");
        return EXIT_FAILURE;
    }
    printf("%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    end(thread);
    MHD_stop_daemon(daemon);
    MHD_destroy_response(response);
    return 0;
}
