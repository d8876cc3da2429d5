/* SPDX-License-Identifier: Apache-2.0 */
/* The whole projector in this process, on real PostgreSQL and Kafka. */
#include "projection/projector.h"

#include <check.h>

#include "tests/integration/projection/items.h"
#include "tests/integration/projection/world.h"

Suite *projection_projector_suite(void);

START_TEST(a_new_projection_reads_what_kafka_has)
{
    SCOPED(world_free) struct world *world = world_new();
    struct projector *projector;

    world_append(world, 1000, 100, 10);
    world_publish(world, WORLD_NONE);
    projector = world_start(world, "a");
    world_await(world);
    world_check(world);

    /* and what comes while it runs */
    world_append(world, 1000, 150, 10);
    world_publish(world, WORLD_NONE);
    world_await(world);
    world_check(world);
    projector_stop(projector);
}
END_TEST

Suite *projection_projector_suite(void)
{
    Suite *suite = suite_create("projection_projector");
    TCase *tc = tcase_create("projector");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_new_projection_reads_what_kafka_has);
    suite_add_tcase(suite, tc);
    return suite;
}
