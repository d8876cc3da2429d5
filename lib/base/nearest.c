/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the nearest word by edit distance. */
#include "base/config.h"

#include <string.h>

enum { WORD_MAX = 64 }; /* longer words have no neighbours */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, changes and swaps of neighbours that lead from A to B (Damerau's distance
 * in the restricted form: no letter is moved twice). */
static size_t distance(struct str a, struct str b)
{
    size_t rows[3][WORD_MAX + 1]; /* of the classic table; row I is rows[I % 3] */

    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *two_above = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.data[i - 1] == b.data[j - 1];

            row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

const char *nearest_word(struct str word, const char *const *words, size_t count)
{
    /* A third of the letters may be wrong, at least one, at most three: more is a guess. */
    size_t allowed = least(word.len / 3 > 0 ? word.len / 3 : 1, 3);
    const char *nearest = NULL;

    if (word.len == 0 || word.len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct str other = str_of(words[i]);
        size_t apart;

        if (other.len > WORD_MAX)
            continue;
        apart = distance(word, other);
        if (apart <= allowed && (nearest == NULL || apart < allowed)) {
            nearest = words[i];
            allowed = apart;
        }
    }
    return nearest;
}
