/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/config_internal.h"
#include "tests/support/expect.h"
#include "tests/unit/base/config_fixture.h"

Suite *base_config_file_suite(void);

START_TEST(sections_keys_comments_and_blanks)
{
    const struct config *config = config_expect(config_write("# a comment\n"
                                                             "; another\n"
                                                             "\n"
                                                             "  [http]\n"
                                                             "listen = 0.0.0.0:80\n"
                                                             "\tthreads=4\t\n"
                                                             "   # indented\n"
                                                             "[ logging ]\r\n"
                                                             "level = warn\r\n"
                                                             "[http]\n"
                                                             "trace = true")); /* no line feed */

    ck_assert_str_eq(config_text(config, "http.listen"), "0.0.0.0:80");
    ck_assert_int_eq(config_number(config, "http.threads"), 4);
    ck_assert_str_eq(config_text(config, "logging.level"), "warn");
    ck_assert(config_bool(config, "http.trace"));
}
END_TEST

START_TEST(an_empty_file_is_fine)
{
    config_expect(config_write(""));
    config_expect(config_write("\n\n"));
    config_expect(config_write("# only a comment"));
    config_expect(config_write("[http]\n"));
}
END_TEST

START_TEST(a_byte_order_mark_is_passed_over)
{
    const struct config *config = config_expect(config_write("\xEF\xBB\xBF[http]\nthreads = 3\n"));

    ck_assert_int_eq(config_number(config, "http.threads"), 3);
}
END_TEST

/* A line in [instance], and the value of instance.name it gives. */
static const struct {
    const char *line;
    const char *value;
} values[] = {
    {"name = plain", "plain"},
    {"name=plain", "plain"},
    {"name =", ""},
    {"name = \"\"", ""},
    {"name = two words", "two words"},
    {"name = a=b", "a=b"},
    {"name = it's", "it's"},
    {"name = a#b;c", "a#b;c"}, /* no blank before: no comment */
    {"name = #x", "#x"},
    {"name = \"quoted\"", "quoted"},
    {"name = \" kept \"", " kept "},
    {"name = \"a # b ; c\"", "a # b ; c"},
    {"name = \"a\" # comment", "a"},
    {"name = \"a\"; comment", "a"},
    {"name = \"say \\\"hi\\\"\"", "say \"hi\""},
    {"name = \"back\\\\slash\"", "back\\slash"},
    {"name = back\\slash", "back\\slash"},
    {"name = \"\xC3\xA9\"", "\xC3\xA9"},
    {"name = postgresql://u:p%40@h:5432/d?sslmode=verify-full&a=b",
     "postgresql://u:p%40@h:5432/d?sslmode=verify-full&a=b"},
};

START_TEST(values_are_read_as_written)
{
    char text[300];

    snprintf(text, sizeof(text), "[instance]\n%s\n", values[_i].line);
    ck_assert_str_eq(config_text(config_expect(config_write(text)), "instance.name"),
                     values[_i].value);
}
END_TEST

START_TEST(a_line_of_any_length_is_whole)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(100000);

    buf_add_cstr(&text, "[instance]\nname = ");
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "%d,", i);
    buf_add_cstr(&text, "end\n");
    buf_add_char(&text, '\0');
    ck_assert_uint_eq(strlen(config_text(config_expect(config_write(text.data)), "instance.name")),
                      text.len - strlen("[instance]\nname = \n") - 1);
}
END_TEST

static const struct {
    const char *text;
    const char *faults;
} faulty[] = {
    {"[http\n", "%s:1: a section needs its ']'\n"},
    {"[http] x\n", "%s:1: a section needs its ']'\n"},
    {"[\n", "%s:1: a section needs its ']'\n"},
    {"[]\n", "%s:1: a section without a name\n"},
    {"[ ]\n", "%s:1: a section without a name\n"},
    {"[http]\nlisten\n", "%s:2: expected [section] or key = value\n"},
    {"[http]\n= x\n", "%s:2: expected [section] or key = value\n"},
    {"\nlisten = x\n", "%s:2: 'listen' stands above the first [section]\n"},
    {"[instance]\nname = \"open\n", "%s:2: a value without its closing quote\n"},
    {"[instance]\nname = \"\n", "%s:2: a value without its closing quote\n"},
    {"[instance]\nname = \"a\\\"\n", "%s:2: a value without its closing quote\n"},
    {"[instance]\nname = \"a\" b\n", "%s:2: text behind a value in quotes\n"},
    {"[instance]\nname = a # b\n",
     "%s:2: put the value in quotes, or its comment on a line of its own\n"},
    {"[instance]\nname = a\t;b\n",
     "%s:2: put the value in quotes, or its comment on a line of its own\n"},
    {"[instance]\nname = \xFF\n", "%s:2: bytes that are not UTF-8 text\n"},
    {"[http]\nthreads = 0\nlisten = a\nbody_bytes_max = 64K\n[x]\ny = 1\n",
     "%s:2: 'http.threads' must be a whole number from 1 to 64, not '0'\n"
     "%s:4: 'http.body_bytes_max' must be a size with its unit (B, kB, MB, GB, KiB, MiB, GiB) "
     "from 1KiB to 16MiB, not '64K'\n"
     "%s:6: unknown key 'x.y'\n"},
    {"[http]\nthreads = 3\nthreads = 4\n", "%s:3: 'http.threads' was set already, %s:2\n"},
    {"[http]\nthraeds = 3\n", "%s:2: unknown key 'http.thraeds'; did you mean 'http.threads'?\n"},
    {"[htp]\nthreads = 3\n", "%s:2: unknown key 'htp.threads'; did you mean 'http.threads'?\n"},
    {"[http]\nlisten = \"a\x1B[2J\"\n",
     "%s:2: 'http.listen' must be a single line of UTF-8, not 'a?[2J'\n"},
};

START_TEST(every_fault_is_told_with_its_line)
{
    config_expect_faults(config_write(faulty[_i].text), faulty[_i].faults);
}
END_TEST

START_TEST(a_nul_byte_is_a_fault)
{
    const char *path =
        temp_write(config_dir, "daybook.conf", STR("[instance]\nname = a\0b\n"), 0600);

    config_expect_faults(path, "%s:2: bytes that are not UTF-8 text\n");
}
END_TEST

START_TEST(a_hundred_faults_are_told_and_the_rest_is_counted)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(1000000);
    const char *at;
    int lines = 0;

    for (int i = 0; i < 20000; i++)
        buf_add_cstr(&text, "nonsense\n");
    buf_add_char(&text, '\0');
    ck_assert_ptr_null(config_try(config_write(text.data)));
    for (at = config_faults(); (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    ck_assert_int_eq(lines, 101);
    ck_assert_ptr_nonnull(strstr(config_faults(), "\n... and 19900 more\n"));
}
END_TEST

START_TEST(a_missing_file_is_a_fault)
{
    config_expect_faults(temp_path(config_dir, "none.conf"), "%s: does not exist\n");
}
END_TEST

START_TEST(a_directory_is_a_fault)
{
    config_expect_faults(config_dir->path, "%s: is not a regular file\n");
}
END_TEST

/* Without a writer, opening it would wait for ever. */
START_TEST(a_fifo_is_a_fault_at_once)
{
    const char *path = temp_path(config_dir, "fifo");

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    config_expect_faults(path, "%s: is not a regular file\n");
}
END_TEST

START_TEST(a_device_is_a_fault)
{
    config_expect_faults("/dev/zero", "%s: is not a regular file\n");
}
END_TEST

/* Files of /proc have no length, so that they seem to grow; this one can not even be read. */
START_TEST(a_file_that_changes_or_fails_is_a_fault)
{
    config_expect_faults("/proc/self/status", "%s: changed while it was read\n");
    config_expect_faults("/proc/self/mem", "%s: cannot be read: Input/output error\n");
}
END_TEST

START_TEST(a_huge_file_is_a_fault_without_being_read)
{
    const char *path = config_write("[http]\n");

    ck_assert_int_eq(truncate(path, 1024 * 1024 * 1024), 0); /* a hole: takes no space */
    config_expect_faults(path, "%s: is longer than 1048576 bytes\n");
}
END_TEST

START_TEST(the_largest_file_is_read)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(CONFIG_FILE_BYTES_MAX + 1);

    buf_add_cstr(&text, "[http]\nthreads = 5\n");
    while (text.len < CONFIG_FILE_BYTES_MAX)
        buf_add_char(&text, '\n');
    ck_assert_int_eq(
        config_number(config_expect(temp_write(config_dir, "daybook.conf", buf_str(&text), 0600)),
                      "http.threads"),
        5);
    buf_add_char(&text, '\n');
    config_expect_faults(temp_write(config_dir, "daybook.conf", buf_str(&text), 0600),
                         "%s: is longer than 1048576 bytes\n");
}
END_TEST

/* A file in the place of a directory of the path. */
START_TEST(a_file_that_cannot_be_opened_is_a_fault)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(1000);

    buf_printf(&path, "%s/x.conf", config_write(""));
    buf_add_char(&path, '\0');
    ck_assert_ptr_null(config_try(path.data));
    ck_assert_ptr_nonnull(strstr(config_faults(), "x.conf: cannot be opened: Not a directory\n"));
}
END_TEST

static void write_part(const char *name, const char *text)
{
    char path[64];

    mkdir(temp_path(config_dir, "daybook.conf.d"), 0700);
    snprintf(path, sizeof(path), "daybook.conf.d/%s", name);
    temp_write(config_dir, path, str_of(text), 0600);
}

START_TEST(parts_follow_in_the_order_of_their_names)
{
    const struct config *config;

    write_part("20-b.conf", "[http]\nthreads = 20\n");
    write_part("10-a.conf", "[http]\nthreads = 10\nlisten = part\n");
    write_part("30-c.conf.off", "[http]\nthreads = 30\n");
    write_part(".conf", "not a configuration\n");
    write_part(".hidden.conf", "not a configuration\n");
    write_part("README", "not a configuration\n");
    config = config_expect(config_write("[http]\nthreads = 1\ntrace = true\n"));

    ck_assert_int_eq(config_number(config, "http.threads"), 20);
    ck_assert_str_eq(config_text(config, "http.listen"), "part");
    ck_assert(config_bool(config, "http.trace"));
    ck_assert_ptr_nonnull(
        strstr(config_source(config, "http.threads"), "daybook.conf.d/20-b.conf:2"));
}
END_TEST

START_TEST(faults_of_all_parts_are_told_at_once)
{
    const char *path = config_write("[http]\nthreads = x\n");

    write_part("a.conf", "[http]\nthreads = y\n");
    write_part("b.conf", "[http]\nthreads = z\n");
    config_expect_faults(path,
                         "%s:2: 'http.threads' must be a whole number from 1 to 64, not 'x'\n"
                         "%s.d/a.conf:2: 'http.threads' must be a whole number from 1 to 64, not "
                         "'y'\n"
                         "%s.d/b.conf:2: 'http.threads' must be a whole number from 1 to 64, not "
                         "'z'\n");
}
END_TEST

START_TEST(a_part_that_is_no_file_is_a_fault)
{
    const char *path = config_write("");

    write_part("a.conf", "");
    ck_assert_int_eq(mkdir(temp_path(config_dir, "daybook.conf.d/b.conf"), 0700), 0);
    config_expect_faults(path, "%s.d/b.conf: is not a regular file\n");
}
END_TEST

START_TEST(a_file_where_the_parts_should_be_is_a_fault)
{
    const char *path = config_write("");

    temp_write(config_dir, "daybook.conf.d", STR(""), 0600);
    config_expect_faults(path, "%s.d: cannot be read: Not a directory\n");
}
END_TEST

Suite *base_config_file_suite(void)
{
    Suite *suite = suite_create("base_config_file");
    TCase *tc = tcase_create("config_file");

    tcase_add_checked_fixture(tc, config_setup, config_teardown);
    tcase_add_test(tc, sections_keys_comments_and_blanks);
    tcase_add_test(tc, an_empty_file_is_fine);
    tcase_add_test(tc, a_byte_order_mark_is_passed_over);
    tcase_add_loop_test(tc, values_are_read_as_written, 0, COUNT_OF(values));
    tcase_add_test(tc, a_line_of_any_length_is_whole);
    tcase_add_loop_test(tc, every_fault_is_told_with_its_line, 0, COUNT_OF(faulty));
    tcase_add_test(tc, a_nul_byte_is_a_fault);
    tcase_add_test(tc, a_hundred_faults_are_told_and_the_rest_is_counted);
    tcase_add_test(tc, a_missing_file_is_a_fault);
    tcase_add_test(tc, a_directory_is_a_fault);
    tcase_add_test(tc, a_fifo_is_a_fault_at_once);
    tcase_add_test(tc, a_device_is_a_fault);
    tcase_add_test(tc, a_file_that_changes_or_fails_is_a_fault);
    tcase_add_test(tc, a_huge_file_is_a_fault_without_being_read);
    tcase_add_test(tc, the_largest_file_is_read);
    tcase_add_test(tc, a_file_that_cannot_be_opened_is_a_fault);
    tcase_add_test(tc, parts_follow_in_the_order_of_their_names);
    tcase_add_test(tc, faults_of_all_parts_are_told_at_once);
    tcase_add_test(tc, a_part_that_is_no_file_is_a_fault);
    tcase_add_test(tc, a_file_where_the_parts_should_be_is_a_fault);
    suite_add_tcase(suite, tc);
    return suite;
}
