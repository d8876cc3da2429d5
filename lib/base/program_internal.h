/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What parser, help and completion read of a program's table.
 *
 * Threads: main.
 */
#ifndef DAYBOOK_BASE_PROGRAM_INTERNAL_H
#define DAYBOOK_BASE_PROGRAM_INTERNAL_H
#include "base/program.h"

/* "order" of "order place"; *ret_second is "place" or empty. */
struct str verb_words(const struct verb *verb, struct str *ret_second);

/* Whether VERB is NAME, or belongs to the group of that name. */
bool verb_is_under(const struct verb *verb, struct str name);

const struct verb *verb_find(const struct program *program, struct str name);
bool verb_is_group(const struct program *program, struct str word);

/* Whether it is the first verb of its first word: to name each group once. */
bool verb_is_first_of_group(const struct program *program, const struct verb *verb);

#endif
