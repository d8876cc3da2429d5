/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which partition a key belongs to: Java's default, so that other clients agree with us.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_KAFKA_PARTITION_H
#define DAYBOOK_KAFKA_PARTITION_H
#include <stdint.h>

#include "base/str.h"

/* (murmur2(key) & 0x7fffffff) mod COUNT; COUNT > 0. */
int32_t kafka_partition_of(struct str key, int32_t count);

uint32_t kafka_murmur2(struct str key);

#endif
