/* The option table: values of every type, names, soundness of the rows, and what is generated. */
#include <stdio.h>
#include <string.h>

#include "lib/base/option_name.h"
#include "lib/base/option_value.h"
#include "tests/unit/base/options_support.h"
#include "tests/unit/unit.h"

/* ---- types ---- */

static const struct option_row *row(const char *name)
{
    size_t i = option_find(span_text(name));

    ck_assert_uint_lt(i, option_count);
    return &option_table[i];
}

static void accepts(const char *name, const char *text, int64_t number)
{
    int64_t found = -99;

    ck_assert_msg(option_parse(row(name), text, &found), "%s refuses %s", name, text);
    ck_assert_msg(found == number, "%s reads %s as %lld", name, text, (long long)found);
}

static void refuses(const char *name, const char *text)
{
    int64_t found;

    ck_assert_msg(!option_parse(row(name), text, &found), "%s accepts %s", name, text);
}

START_TEST(integers)
{
    static const char *const bad[] = {
        "", "0", "65536", "-1", "1.5", " 1", "1 ", "0x1", "1K", "+1", "99999999999999999999"};

    accepts("POOL_PORT", "1", 1);
    accepts("POOL_PORT", "65535", 65535);
    accepts("POOL_PORT", "003", 3);
    accepts("LISTEN_PORT", "0", 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuses("POOL_PORT", bad[i]);
}
END_TEST

START_TEST(sizes)
{
    static const char *const bad[] = {"",     "M",   "-1",   "64 M",     "64MB",
                                      "1.5G", "64X", "64Mi", "9999999T", "64MM"};

    accepts("RETAIN_BYTES", "0", 0);
    accepts("RETAIN_BYTES", "1500", 1500);
    accepts("RETAIN_BYTES", "1500b", 1500);
    accepts("RETAIN_BYTES", "2k", 2048);
    accepts("RETAIN_BYTES", "2KiB", 2048);
    accepts("RETAIN_BYTES", "3M", 3 * INT64_C(1048576));
    accepts("RETAIN_BYTES", "4gib", 4 * INT64_C(1073741824));
    accepts("RETAIN_BYTES", "5T", 5 * INT64_C(1099511627776));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuses("RETAIN_BYTES", bad[i]);
    refuses("RING_BYTES", "16777215");
    accepts("RING_BYTES", "16777216", 16777216);
}
END_TEST

START_TEST(booleans_choices_and_texts)
{
    static const char *const yes[] = {"true", "TRUE", "yes", "On", "1"};
    static const char *const no[] = {"false", "no", "OFF", "0"};

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        accepts("NOSTR_ENABLED", yes[i], 1);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        accepts("NOSTR_ENABLED", no[i], 0);
    refuses("NOSTR_ENABLED", "y");
    refuses("NOSTR_ENABLED", "2");
    accepts("PROXY_PROTOCOL_OUT", "v1", 0);
    accepts("PROXY_PROTOCOL_OUT", "v2", 0);
    refuses("PROXY_PROTOCOL_OUT", "v");
    refuses("PROXY_PROTOCOL_OUT", "v1|v2");
    refuses("PROXY_PROTOCOL_OUT", "V1");
    accepts("WORKER_NAME", "José 😀 #1", 0);
    refuses("WORKER_NAME", "a\tb");
    refuses("DATA_DIR", "a\x7f");
}
END_TEST

START_TEST(the_nearest_name)
{
    static const struct {
        const char *typed;
        const char *meant;
    } cases[] = {
        {"POOL_HSOT", "POOL_HOST"},
        {"OPOL_HSOT", "POOL_HOST"},
        {"pool_host", "POOL_HOST"},
        {"LISTENPORT", "LISTEN_PORT"},
        {"POOLPORT", "POOL_PORT"},
        {"NOSTR_SECRET", NULL},
        {"X", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t found = option_nearest(span_text(cases[i].typed));

        if (cases[i].meant == NULL)
            ck_assert_msg(found == option_count, "%s", cases[i].typed);
        else
            ck_assert_str_eq(option_table[found].name, cases[i].meant);
    }
    ck_assert_uint_eq(option_nearest(span_text("A_NAME_THAT_IS_LONGER_THAN_ANY_NAME_IN_THE_TABLE")),
                      option_count);
}
END_TEST

/* ---- the table and what is made from it ---- */

START_TEST(every_row_is_sound)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option_row *r = &option_table[i];
        int64_t number;

        ck_assert_ptr_nonnull(r->help);
        ck_assert_ptr_nonnull(r->placeholder);
        ck_assert_msg(r->groups != 0 && strcmp(option_section(r), "Other") != 0, "%s", r->name);
        ck_assert_msg(strchr(r->help, '\n') == NULL, "%s", r->name);
        ck_assert_msg(option_find(span_text(r->name)) == i, "%s stands twice", r->name);
        if (r->type != OPTION_TEXT && r->type != OPTION_PATH)
            ck_assert_msg(r->default_value != NULL, "%s has no default", r->name);
        if (r->default_value != NULL)
            ck_assert_msg(option_parse(r, r->default_value, &number), "default of %s", r->name);
    }
}
END_TEST

START_TEST(rows_of_a_section_stand_together)
{
    for (size_t i = 0; i < option_count; i++) {
        for (size_t j = i + 1; j < option_count; j++) {
            if (strcmp(option_section(&option_table[i]), option_section(&option_table[j])) == 0)
                ck_assert_msg(strcmp(option_section(&option_table[i]),
                                     option_section(&option_table[j - 1])) == 0,
                              "%s is apart", option_table[j].name);
        }
    }
}
END_TEST

/* The defaults that others rely on. */
START_TEST(promised_defaults)
{
    static const char *const promised[][2] = {
        {"POOL_PORT", "3333"},
        {"LISTEN_HOST", "0.0.0.0"},
        {"LISTEN_PORT", "3333"},
        {"API_HOST", "0.0.0.0"},
        {"API_PORT", "8000"},
        {"UI_PORT", "3000"},
        {"CAPTURE_MAX_MESSAGES", "50000"},
        {"CAPTURE_MAX_PER_SESSION", "10000"},
        {"NOSTR_ENABLED", "false"},
        {"NOSTR_KIND_SHARE", "30080"},
        {"NOSTR_KIND_TELEMETRY", "30079"},
        {"WORKER_NAME", "hashscope_agent"},
        {"WORKER_PASSWORD", "x"},
        {"TELEMETRY_INTERVAL_SEC", "5"},
        {"DATA_DIR", "./data"},
        {"SEGMENT_MAX_BYTES", "128M"},
        {"SEGMENT_MAX_SECONDS", "3600"},
        {"SYNC_INTERVAL_MS", "1000"},
        {"PAIR_TIMEOUT_SEC", "120"},
        {"LINE_BUFFER_BYTES", "256M"},
        {"RING_BYTES", "64M"},
    };
    static const char *const unset[] = {"POOL_HOST",       "RUN_ID", "NOSTR_SK",
                                        "NOSTR_RELAY_URL", "ROUTES", "CORS_ORIGINS"};

    for (size_t i = 0; i < sizeof promised / sizeof *promised; i++)
        ck_assert_str_eq(row(promised[i][0])->default_value, promised[i][1]);
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        ck_assert_ptr_null(row(unset[i])->default_value);
}
END_TEST

static struct buffer written(void (*write)(FILE *))
{
    struct buffer text = {0};
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    write(file);
    rewind(file);
    text.len = fread(buffer_reserve(&text, 1 << 20), 1, 1 << 20, file);
    fclose(file);
    *buffer_reserve(&text, 1) = '\0';
    return text;
}

/* With every # taken away from its settings, env.example is a .env that changes nothing. */
START_TEST(env_example_is_complete_and_loads)
{
    struct buffer text = written(options_write_env_example);
    struct loaded loaded;
    char *at;

    enter_empty_directory();
    for (size_t i = 0; i < option_count; i++) {
        struct buffer line = {0};

        buffer_append_format(&line, "\n#%s=", option_table[i].name);
        buffer_append_char(&line, '\0');
        at = strstr(text.data, line.data);
        ck_assert_msg(at != NULL, "%s is missing", option_table[i].name);
        at[1] = ' ';
        buffer_close(&line);
    }
    write_file(".env", text.data);
    loaded = load(ALL_GROUPS, NULL, NULL, NULL);
    ck_assert_str_eq(loaded.faults.data, "");
    for (size_t i = 0; i < option_count; i++)
        ck_assert_int_eq(settings_source(loaded.settings, option_table[i].name),
                         option_table[i].default_value != NULL ? SOURCE_FILE : SOURCE_DEFAULT);
    unload(&loaded);
    buffer_close(&text);
    leave_directory();
}
END_TEST

START_TEST(markdown_is_complete)
{
    struct buffer text = written(options_write_markdown);

    for (size_t i = 0; i < option_count; i++) {
        struct buffer cell = {0};

        buffer_append_format(&cell, "\n| `%s` | `--", option_table[i].name);
        option_append_flag(&cell, option_table[i].name);
        buffer_append(&cell, "` |", 4);
        ck_assert_msg(strstr(text.data, cell.data) != NULL, "%s is missing", option_table[i].name);
        buffer_close(&cell);
    }
    for (char *line = strtok(text.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        int bars = 0;

        for (const char *c = line; *line == '|' && *c != '\0'; c++)
            bars += *c == '|' && (c == line || c[-1] != '\\');
        ck_assert_msg(bars == 0 || bars == 6, "%s", line);
    }
    buffer_close(&text);
}
END_TEST

int main(void)
{
    return UNIT_RUN("option_table", integers, sizes, booleans_choices_and_texts, the_nearest_name,
                    every_row_is_sound, rows_of_a_section_stand_together, promised_defaults,
                    env_example_is_complete_and_loads, markdown_is_complete);
}
