/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    STACK_BYTES = 1024 * 1024,
    NAME_MAX_LEN = 15, /* Linux keeps no more */
};

/* -1: not a thread of thread_start(), so any role passes. */
static _Thread_local int own_role = -1;

struct thread {
    pthread_t id;
    enum thread_role role;
    char name[NAME_MAX_LEN + 1];
    thread_fn fn;
    void *arg;
};

static void *run(void *arg)
{
    struct thread *thread = arg;

    own_role = (int)thread->role;
    /* By the thread itself: its creator may join it before the call. */
    (void)pthread_setname_np(pthread_self(), thread->name);
    thread->fn(thread->arg);
    return NULL;
}

/* Signals are the main thread's business; a new thread inherits the mask of its creator. */
static int create_without_signals(struct thread *thread, const pthread_attr_t *attributes)
{
    sigset_t all;
    sigset_t before;
    int status;

    sigfillset(&all);
    status = pthread_sigmask(SIG_SETMASK, &all, &before);
    assert(status == 0);
    status = pthread_create(&thread->id, attributes, run, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

static int create(struct thread *thread)
{
    pthread_attr_t attributes;
    int status = pthread_attr_init(&attributes);

    if (status != 0)
        return status;
    status = pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (status == 0)
        status = create_without_signals(thread, &attributes);
    pthread_attr_destroy(&attributes);
    return status;
}

bool thread_start(enum thread_role role, const char *name, thread_fn fn, void *arg,
                  struct thread **ret_thread, struct error *err)
{
    struct thread *thread;
    int status;

    assert(strlen(name) <= NAME_MAX_LEN);

    thread = mem_zalloc(sizeof(*thread));
    thread->role = role;
    memcpy(thread->name, name, strlen(name));
    thread->fn = fn;
    thread->arg = arg;

    status = create(thread);
    if (status != 0) {
        mem_free(thread);
        return error_set(err, status == EAGAIN ? ERROR_TRANSIENT : ERROR_FATAL, "",
                         "start thread '%s': %s", name, strerror(status));
    }
    *ret_thread = thread;
    return true;
}

void thread_join(struct thread *thread)
{
    int status;

    if (thread == NULL)
        return;
    status = pthread_join(thread->id, NULL);
    assert(status == 0); /* joined by two, or by itself */
    mem_free(thread);
}

void thread_assert(enum thread_role role)
{
    assert(own_role < 0 || own_role == (int)role);
}
