/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/projection/child.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/projection/world.h"

#define URL_VARIABLE "DAYBOOK_TEST_PROJECTOR_URL"
#define INSTANCE_VARIABLE "DAYBOOK_TEST_PROJECTOR_INSTANCE"

/* What runs in the child. */

static void await_leash(void)
{
    char byte;

    while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
        ;
}

/* exec() of the whole test program, so that a child has none of its parent's threads and locks. */
__attribute__((constructor)) static void be_a_projector(void)
{
    const char *url = getenv(URL_VARIABLE);
    struct database database = {.name = ""};
    struct kafka_pair pairs[1];
    struct kafka_config kafka;
    struct projector_config config;
    struct projector *projector;
    struct error err;

    if (!url)
        return;
    snprintf(database.url, sizeof(database.url), "%s", url);
    kafka = fixture_kafka_at(getenv("DAYBOOK_TEST_KAFKA_BROKERS"), pairs);
    config = world_projector(&database, &kafka, getenv(INSTANCE_VARIABLE));
    if (!projector_start(&config, &projector, &err)) {
        fprintf(stderr, "%s\n", err.text);
        _exit(1);
    }
    await_leash();
    projector_stop(projector);
    exit(0);
}

/* What runs in the test. */

static void become(const struct world *world, const char *instance, int leash)
{
    char program[] = "projector";
    char *arguments[] = {program, NULL};

    if (dup2(leash, STDIN_FILENO) < 0 || setenv(URL_VARIABLE, world->database->url, 1) != 0 ||
        setenv(INSTANCE_VARIABLE, instance, 1) != 0)
        _exit(1);
    execv("/proc/self/exe", arguments);
    _exit(1);
}

void child_start(struct child *child, const struct world *world, const char *instance)
{
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    snprintf(child->instance, sizeof(child->instance), "%s", instance);
    child->pid = fork();
    ck_assert_int_ge(child->pid, 0);
    if (child->pid == 0)
        become(world, instance, ends[0]);
    close(ends[0]);
    child->leash = ends[1];
}

void child_signal(const struct child *child, int signal)
{
    ck_assert_int_eq(kill(child->pid, signal), 0);
}

void child_kill(struct child *child)
{
    child_signal(child, SIGKILL);
    ck_assert_int_eq(waitpid(child->pid, NULL, 0), child->pid);
    close(child->leash);
}

int64_t child_stop(struct child *child)
{
    struct rusage used;
    int status;

    close(child->leash);
    ck_assert_int_eq(wait4(child->pid, &status, 0, &used), child->pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s ended with %d",
                  child->instance, status);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}
