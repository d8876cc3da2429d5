/* SPDX-License-Identifier: Apache-2.0 */
/* A worker whose database does not answer, and what the poll thread tells it meanwhile. */
#include "projection/worker.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "projection/fold.h"
#include "projection/partition.h"
#include "projection/table.h"
#include "tests/support/await.h"

Suite *projection_worker_suite(void);

enum { PARTITIONS = 5000, CONNECT_TIMEOUT_MS = 2000, AWAIT_MS = 20000 };

/* Takes connections, and says nothing. */
static int silent_server(char url[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(url, 64, "postgresql://nobody@127.0.0.1:%d/nothing", ntohs(address.sin_port));
    return fd;
}

START_TEST(a_stuck_worker_is_told_of_thousands_of_partitions)
{
    const struct projection projection = {.name = "items"};
    const struct table table = {.projection = &projection, .generation = 1};
    const struct log_identity identity = {.prefix = "test"};
    struct partition **partitions = mem_calloc(PARTITIONS, sizeof(struct partition *));
    struct partition_limits limits = {.batch_max = 2, .queue_max = 2, .queue_bytes_max = 2};
    atomic_bool replaced = false, is_live = true;
    struct worker_config config = {.table = &table,
                                   .identity = &identity,
                                   .limits = limits,
                                   .is_live = &is_live,
                                   .log_replaced = &replaced};
    char url[64];
    int server = silent_server(url);
    struct worker *worker;
    struct error err;

    config.postgres = (struct pg_config){
        .url = url, .application_name = "test", .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    ck_assert(worker_start(&config, &worker, &err));
    for (int i = 0; i < PARTITIONS; i++) {
        partitions[i] = partition_new("test.item", i, limits, 0);
        worker_assigned(worker, partitions[i]);
    }
    for (int i = 0; i < PARTITIONS; i++)
        worker_revoked(worker, partitions[i]);
    for (struct await await = await_for(AWAIT_MS);
         atomic_load(&partitions[PARTITIONS - 1]->holders) > 1;)
        await_more(&await, "the worker has not dropped all");
    worker_stop(worker);
    for (int i = 0; i < PARTITIONS; i++)
        partition_drop(partitions[i]);
    mem_free(partitions);
    close(server);
}
END_TEST

Suite *projection_worker_suite(void)
{
    Suite *suite = suite_create("projection_worker");
    TCase *tc = tcase_create("notices");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_stuck_worker_is_told_of_thousands_of_partitions);
    suite_add_tcase(suite, tc);
    return suite;
}
