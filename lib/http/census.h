/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many connections there are, in all and from each address, and how many there may be.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_HTTP_CENSUS_H
#define DAYBOOK_HTTP_CENSUS_H
#include <stdbool.h>

struct sockaddr;
struct http_census;

/* An address without its port; IPv4 in its IPv6 form. */
struct census_address {
    unsigned char bytes[16];
};

struct http_census *http_census_new(unsigned connections_max, unsigned per_address_max);
void http_census_free(struct http_census *census); /* must be empty */

struct census_address http_census_address(const struct sockaddr *address);

/* Counts a connection; false: there are enough, it is not counted. */
bool http_census_enter(struct http_census *census, const struct census_address *address);
void http_census_leave(struct http_census *census, const struct census_address *address);

#endif
