/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

#include "base/buf.h"

#define US_PER_SECOND INT64_C(1000000)
#define SECONDS_PER_DAY INT64_C(86400)

/* 0001-01-01T00:00:00Z and the last microsecond of 9999. */
#define WALL_US_MIN (INT64_C(-62135596800) * US_PER_SECOND)
#define WALL_US_MAX (INT64_C(253402300800) * US_PER_SECOND - 1)

static int64_t now_us(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
    return now_us(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

struct date {
    int64_t year;
    int64_t month; /* 1 to 12 */
    int64_t day;   /* 1 to 31 */
};

/*
 * Days since 1970-01-01 in the proleptic Gregorian calendar, and back. Years begin in March here,
 * so that the leap day is the last of its year; an era is the 400 years (146,097 days) after which
 * the calendar repeats. As in Howard Hinnant's "chrono-compatible low-level date algorithms".
 */
static int64_t days_of_date(struct date date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = (date.month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static struct date date_of_days(int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

    return (struct date){
        .year = year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static char *put_digits(char *out, int64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + width;
}

static char *put_char(char *out, char c)
{
    *out = c;
    return out + 1;
}

/* ".123456" without the zeros at its end. */
static char *put_fraction(char *out, int64_t us)
{
    if (us == 0)
        return out;
    out = put_digits(put_char(out, '.'), us, 6);
    while (out[-1] == '0')
        out--;
    return out;
}

size_t clock_format_rfc3339(int64_t wall_us, char out[CLOCK_RFC3339_MAX])
{
    char *at = out;
    int64_t seconds;
    int64_t days;
    int64_t us;
    struct date date;

    /* Rows edited by hand hold such times; RFC 3339 can not say them. */
    if (wall_us < WALL_US_MIN)
        wall_us = WALL_US_MIN;
    if (wall_us > WALL_US_MAX)
        wall_us = WALL_US_MAX;

    /* Counted from the first year, so that nothing is negative and division rounds down. */
    us = (wall_us - WALL_US_MIN) % US_PER_SECOND;
    seconds = (wall_us - WALL_US_MIN) / US_PER_SECOND;
    days = seconds / SECONDS_PER_DAY;
    seconds %= SECONDS_PER_DAY;
    date = date_of_days(days + WALL_US_MIN / US_PER_SECOND / SECONDS_PER_DAY);

    at = put_char(put_digits(at, date.year, 4), '-');
    at = put_char(put_digits(at, date.month, 2), '-');
    at = put_char(put_digits(at, date.day, 2), 'T');
    at = put_char(put_digits(at, seconds / 3600, 2), ':');
    at = put_char(put_digits(at, seconds / 60 % 60, 2), ':');
    at = put_digits(at, seconds % 60, 2);
    at = put_char(put_fraction(at, us), 'Z');
    *at = '\0';
    return (size_t)(at - out);
}

void buf_add_rfc3339(struct buf *buf, int64_t wall_us)
{
    char text[CLOCK_RFC3339_MAX];

    buf_add(buf, text, clock_format_rfc3339(wall_us, text));
}

/* Takes exactly WIDTH digits off the front of *S, their value MIN to MAX. */
static bool take_digits(struct str *s, size_t width, int64_t min, int64_t max, int64_t *ret)
{
    int64_t value = 0;

    if (s->len < width)
        return false;
    for (size_t i = 0; i < width; i++) {
        if (s->data[i] < '0' || s->data[i] > '9')
            return false;
        value = value * 10 + (s->data[i] - '0');
    }
    *s = str_from(s->data + width, s->len - width);
    *ret = value;
    return value >= min && value <= max;
}

static bool take_char(struct str *s, char a, char b)
{
    if (s->len == 0 || (s->data[0] != a && s->data[0] != b))
        return false;
    *s = str_from(s->data + 1, s->len - 1);
    return true;
}

/* "" or "." and 1 to 9 digits; what is finer than a microsecond is cut off. */
static bool take_fraction(struct str *s, int64_t *ret_us)
{
    int64_t us = 0;
    size_t digits = 0;

    if (take_char(s, '.', '.')) {
        int64_t digit;

        while (take_digits(s, 1, 0, 9, &digit)) {
            if (digits++ < 6)
                us = us * 10 + digit;
        }
        if (digits == 0 || digits > 9)
            return false;
    }
    for (; digits < 6; digits++)
        us *= 10;
    *ret_us = us;
    return true;
}

/* Z, or +hh:mm and -hh:mm, in seconds east of UTC. */
static bool take_offset(struct str *s, int64_t *ret_seconds)
{
    int64_t hours;
    int64_t minutes;
    bool west;

    if (take_char(s, 'Z', 'z')) {
        *ret_seconds = 0;
        return true;
    }
    west = s->len > 0 && s->data[0] == '-';
    if (!take_char(s, '+', '-') || !take_digits(s, 2, 0, 23, &hours) || !take_char(s, ':', ':') ||
        !take_digits(s, 2, 0, 59, &minutes))
        return false;
    *ret_seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool take_date(struct str *s, struct date *ret)
{
    return take_digits(s, 4, 1, 9999, &ret->year) && take_char(s, '-', '-') &&
           take_digits(s, 2, 1, 12, &ret->month) && take_char(s, '-', '-') &&
           take_digits(s, 2, 1, 31, &ret->day) && ret->day <= days_in_month(ret->year, ret->month);
}

bool clock_parse_rfc3339(struct str s, int64_t *ret_wall_us)
{
    struct date date;
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t us;
    int64_t offset;
    int64_t seconds;
    int64_t wall_us;

    if (!take_date(&s, &date) || !take_char(&s, 'T', 't') || !take_digits(&s, 2, 0, 23, &hour) ||
        !take_char(&s, ':', ':') || !take_digits(&s, 2, 0, 59, &minute) ||
        !take_char(&s, ':', ':') || !take_digits(&s, 2, 0, 60, &second) ||
        !take_fraction(&s, &us) || !take_offset(&s, &offset) || s.len > 0)
        return false;

    seconds = days_of_date(date) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset;
    /* A leap second ends a day of UTC; the sum above is then the first second of the next. */
    if (second == 60 && seconds % SECONDS_PER_DAY != 0)
        return false;
    wall_us = seconds * US_PER_SECOND + us;
    if (wall_us < WALL_US_MIN || wall_us > WALL_US_MAX)
        return false; /* the offset leads out of the years that can be written */
    *ret_wall_us = wall_us;
    return true;
}
