/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the runners need under ThreadSanitizer, and are linked with only there.
 *
 * C11 threads on top of POSIX ones: the sanitizer knows pthread_create() and its kind, and not
 * thrd_create(). A thread begun by the latter (all of librdkafka's are) has no shadow state and
 * crashes at its first call that the sanitizer intercepts. Defined in the program, these replace
 * glibc's for its libraries too, and the sanitizer sees what librdkafka orders by its locks.
 * glibc's own mtx_t and cnd_t are POSIX ones under another name, so the casts are what it does.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <threads.h>
#include <time.h>

#include "base/mem.h"

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "a mutex is a mutex");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "a condition is a condition");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "a thread is a thread");

/*
 * What librdkafka does in its own memory it also orders by atomics, which are not seen as it is not
 * built for the sanitizer. What it does in ours, through calls of ours, is.
 */
const char *__tsan_default_suppressions(void); /* NOLINT: the sanitizer's name */
const char *__tsan_default_suppressions(void)  /* NOLINT: the sanitizer's name */
{
    return "called_from_lib:librdkafka.so.1\n";
}

struct beginning {
    thrd_start_t start;
    void *arg;
};

static int result_of(int status)
{
    switch (status) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    case ENOMEM:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

static void *run(void *arg)
{
    struct beginning beginning = *(struct beginning *)arg;

    mem_free(arg);
    return (void *)(intptr_t)beginning.start(beginning.arg);
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): reserved names in <threads.h>
 */

int thrd_create(thrd_t *thread, thrd_start_t start, void *arg)
{
    struct beginning *beginning = mem_alloc(sizeof(*beginning));
    int status;

    *beginning = (struct beginning){start, arg};
    status = pthread_create(thread, NULL, run, beginning);
    if (status != 0)
        mem_free(beginning);
    return result_of(status);
}

int thrd_join(thrd_t thread, int *ret_result)
{
    void *result;
    int status = pthread_join(thread, &result);

    if (status == 0 && ret_result != NULL)
        *ret_result = (int)(intptr_t)result;
    return result_of(status);
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    int status;

    pthread_mutexattr_init(&attributes);
    if ((type & mtx_recursive) != 0)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    status = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result_of(status);
}

int mtx_lock(mtx_t *mutex)
{
    return result_of(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex)
{
    return result_of(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int cnd_init(cnd_t *condition)
{
    return result_of(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result_of(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until)
{
    return result_of(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

int cnd_signal(cnd_t *condition)
{
    return result_of(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return result_of(pthread_cond_broadcast((pthread_cond_t *)condition));
}

void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy((pthread_cond_t *)condition);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
