/*
 * options.c - how settings come together: every row starts at its default; then `.env`, the
 * environment and the command line are laid over it in this order, as text with its source; at the
 * end each text is checked once against its row. So only what is in force can be at fault, and all
 * faults are seen in one go. A row at fault falls back to its default, and the load as a whole
 * fails.
 *
 * The command line is read first, because it may name the `.env` file; argp ends the program by
 * itself for --help, --usage, --version and flags that do not exist.
 */
#include "lib/base/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/env_file.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/option_name.h"
#include "lib/base/option_value.h"
#include "lib/base/options_private.h"

#define ENV_FILE_MAX_BYTES ((size_t)1024 * 1024)

struct setting {
    char *text; /* as it was given, or the default; NULL when unset */
    int64_t number;
    enum option_source source;
    unsigned line; /* of the .env file, when it comes from there */
    bool handed;   /* and that file is the one of the program that handed it on */
};

struct settings {
    char *env_file;
    struct setting values[]; /* one per row of option_table */
};

static void store(struct setting *value, const char *text, enum option_source source, unsigned line)
{
    free(value->text);
    value->text = memory_text(text);
    value->number = 0;
    value->source = source;
    value->line = line;
    value->handed = false;
}

static void set_default(struct settings *settings, size_t i)
{
    const struct option_row *row = &option_table[i];
    struct setting *value = &settings->values[i];

    store(value, row->default_value, SOURCE_DEFAULT, 0);
    if (value->text != NULL && !option_parse(row, value->text, &value->number)) {
        log_error("the default of %s does not fit its own row", row->name);
        abort();
    }
}

static struct settings *settings_new(void)
{
    struct settings *settings =
        memory_new(sizeof *settings + option_count * sizeof(struct setting));

    for (size_t i = 0; i < option_count; i++)
        set_default(settings, i);
    return settings;
}

void settings_free(struct settings *settings)
{
    if (settings == NULL)
        return;
    for (size_t i = 0; i < option_count; i++)
        free(settings->values[i].text);
    free(settings->env_file);
    free(settings);
}

/* Lays a value over what was there; an empty one takes the row back to its default. */
static void settings_take(struct settings *settings, size_t i, const char *text,
                          enum option_source source, unsigned line)
{
    if (*text == '\0')
        set_default(settings, i);
    else
        store(&settings->values[i], text, source, line);
}

static const char *file_of(const struct settings *settings, const struct setting *value)
{
    const char *handed = value->handed ? getenv(SETTINGS_ENV_FILE) : NULL;

    return handed == NULL ? settings->env_file : handed;
}

static void append_place(struct buffer *out, const struct settings *settings, size_t i)
{
    const struct setting *value = &settings->values[i];

    switch (value->source) {
    case SOURCE_DEFAULT:
        buffer_append_text(out, "the default");
        break;
    case SOURCE_FILE:
        buffer_append_format(out, "%s, line %u", file_of(settings, value), value->line);
        break;
    case SOURCE_ENVIRONMENT:
        buffer_append_text(out, "the environment");
        break;
    case SOURCE_COMMAND_LINE:
        buffer_append_text(out, "--");
        option_append_flag(out, option_table[i].name);
        break;
    }
}

/* What may be a user's name and password in front of a host is not repeated. */
static void append_value(struct buffer *out, const char *text)
{
    const char *at = strrchr(text, '@');
    struct buffer shown = {0};

    if (at != NULL && memchr(text, ':', (size_t)(at - text)) != NULL) {
        buffer_append_text(&shown, "***");
        text = at;
    }
    buffer_append_text(&shown, text);
    json_append_string(out, shown.data, shown.len);
    buffer_close(&shown);
}

/* NAME = "value" (where): why not */
static void append_fault(struct buffer *faults, const struct settings *settings, size_t i,
                         const char *expected, struct span why)
{
    const struct option_row *row = &option_table[i];
    const char *text = settings->values[i].text;

    buffer_append_text(faults, row->name);
    if (text == NULL) {
        buffer_append_text(faults, " is not set");
    } else {
        buffer_append_text(faults, " = ");
        if (row->secret)
            buffer_append_text(faults, "***");
        else
            append_value(faults, text);
        buffer_append_text(faults, " (");
        append_place(faults, settings, i);
        buffer_append_text(faults, ")");
    }
    buffer_append_format(faults, ": %s%.*s\n", expected, (int)why.len, why.data);
}

static void check_row(struct settings *settings, size_t i, struct buffer *faults)
{
    struct setting *value = &settings->values[i];
    struct buffer expected = {0};

    if (value->source == SOURCE_DEFAULT ||
        option_parse(&option_table[i], value->text, &value->number))
        return;
    option_append_expected(&expected, &option_table[i]);
    append_fault(faults, settings, i, "expected ", span_make(expected.data, expected.len));
    buffer_close(&expected);
    set_default(settings, i);
}

/* ---- the sources ---- */

static bool is_foreign_key(struct span key)
{
    return key.len > 8 && memcmp(key.data, "COMPOSE_", 8) == 0;
}

static void append_unknown_key(struct buffer *faults, const struct settings *settings,
                               const struct env_reader *reader)
{
    size_t nearest = option_nearest(reader->key);

    buffer_append_format(faults, "%s, line %u: no setting is called %.*s", settings->env_file,
                         reader->line, (int)(reader->key.len < 64 ? reader->key.len : 64),
                         reader->key.data);
    if (nearest < option_count)
        buffer_append_format(faults, "; is %s meant?", option_table[nearest].name);
    buffer_append_char(faults, '\n');
}

static void take_env_line(struct settings *settings, const struct env_reader *reader,
                          struct buffer *faults)
{
    size_t i = option_find(reader->key);

    if (i == option_count && !is_foreign_key(reader->key))
        append_unknown_key(faults, settings, reader);
    if (i < option_count)
        settings_take(settings, i, reader->value.data, SOURCE_FILE, reader->line);
}

static void take_env_text(struct settings *settings, struct span text, struct buffer *faults)
{
    struct env_reader reader;
    enum status status;

    env_reader_init(&reader, text);
    while ((status = env_reader_next(&reader)) != STATUS_END) {
        if (status == STATUS_OK)
            take_env_line(settings, &reader, faults);
        else
            buffer_append_format(faults, "%s, line %u: %s\n", settings->env_file, reader.line,
                                 reader.fault);
    }
    env_reader_close(&reader);
}

/* Reads at most ENV_FILE_MAX_BYTES + 1; errno's value when it fails. */
static int read_text_file(const char *path, struct buffer *out)
{
    FILE *file = fopen(path, "re");
    int result;

    if (file == NULL)
        return errno;
    buffer_reserve(out, ENV_FILE_MAX_BYTES + 1);
    errno = 0;
    out->len = fread(out->data, 1, ENV_FILE_MAX_BYTES + 1, file);
    result = ferror(file) ? errno : 0;
    fclose(file);
    return result;
}

/* A missing ./.env is no fault; a missing file that was named on the command line is one. */
static void take_env_file(struct settings *settings, struct buffer *faults)
{
    bool named = settings->env_file != NULL;
    struct buffer text = {0};
    int failure;

    if (!named)
        settings->env_file = memory_text(".env");
    failure = read_text_file(settings->env_file, &text);
    if (failure != 0 && (named || failure != ENOENT))
        buffer_append_format(faults, "%s can't be read: %s\n", settings->env_file,
                             strerror(failure));
    else if (text.len > ENV_FILE_MAX_BYTES)
        buffer_append_format(faults, "%s is larger than 1 MiB\n", settings->env_file);
    else if (failure == 0)
        take_env_text(settings, span_make(text.data, text.len), faults);
    buffer_close(&text);
}

/* Where another program of ours, which hands it on, had it from. False: it does not say. */
static bool take_origin(const char *name, enum option_source *source, unsigned *line)
{
    const char *origins = getenv(SETTINGS_ORIGINS);
    char item[64];
    const char *at;

    snprintf(item, sizeof item, ",%s=", name);
    at = origins == NULL ? NULL : strstr(origins, item);
    if (at == NULL)
        return false;
    *line = (unsigned)strtoul(at + strlen(item), NULL, 10);
    *source = *line == 0 ? SOURCE_COMMAND_LINE : SOURCE_FILE;
    return true;
}

static void take_environment(struct settings *settings)
{
    for (size_t i = 0; i < option_count; i++) {
        const char *name = option_table[i].name;
        const char *text = getenv(name);
        enum option_source source = SOURCE_ENVIRONMENT;
        unsigned line = 0;

        if (text == NULL)
            continue;
        bool handed = take_origin(name, &source, &line);
        settings_take(settings, i, text, source, line);
        settings->values[i].handed = handed;
    }
}

void settings_hand_on_origins(const struct settings *settings)
{
    struct buffer origins = {0};

    buffer_append_char(&origins, ',');
    for (size_t i = 0; i < option_count; i++) {
        const struct setting *value = &settings->values[i];

        if (value->source == SOURCE_COMMAND_LINE || value->source == SOURCE_FILE)
            buffer_append_format(&origins, "%s=%u,", option_table[i].name,
                                 value->source == SOURCE_FILE ? value->line : 0);
    }
    buffer_append_char(&origins, '\0');
    setenv(SETTINGS_ORIGINS, origins.data, 1);
    setenv(SETTINGS_ENV_FILE, settings->env_file, 1);
    buffer_close(&origins);
}

/* What other programs want is only shown here, and theirs to refuse. */
static void check_rows(struct settings *settings, unsigned groups, struct buffer *faults)
{
    struct buffer others = {0};

    for (size_t i = 0; i < option_count; i++)
        check_row(settings, i, (option_table[i].groups & groups) != 0 ? faults : &others);
    buffer_close(&others);
}

enum status settings_load(struct settings **out, unsigned groups, int argc, char **argv,
                          const struct argp *extra, void *extra_input, struct buffer *faults)
{
    struct settings *settings = settings_new();
    const char **given = memory_new(option_count * sizeof *given);
    size_t faults_before = faults->len;

    options_parse_arguments(&(struct argument_sink){groups, given, &settings->env_file}, argc, argv,
                            extra, extra_input);
    take_env_file(settings, faults);
    take_environment(settings);
    for (size_t i = 0; i < option_count; i++) {
        if (given[i] != NULL)
            settings_take(settings, i, given[i], SOURCE_COMMAND_LINE, 0);
    }
    check_rows(settings, groups, faults);
    free(given);
    *out = settings;
    return faults->len == faults_before ? STATUS_OK : STATUS_INVALID;
}

void settings_exit_on_faults(const char *program, struct buffer *faults)
{
    const char *slash = strrchr(program, '/');

    if (faults->len == 0)
        return;
    fprintf(stderr, "%s: these settings can't be used:\n%.*s", slash != NULL ? slash + 1 : program,
            (int)faults->len, faults->data);
    buffer_close(faults);
    exit(SETTINGS_EXIT_STATUS);
}

struct settings *settings_load_or_exit(unsigned groups, int argc, char **argv,
                                       const struct argp *extra, void *extra_input)
{
    struct buffer faults = {0};
    struct settings *settings = NULL;
    enum status status = settings_load(&settings, groups, argc, argv, extra, extra_input, &faults);

    if (status != STATUS_OK)
        settings_free(settings);
    settings_exit_on_faults(argc > 0 ? argv[0] : "hashscope", &faults);
    return settings;
}

/* ---- reading ---- */

static const struct setting *setting_of(const struct settings *settings, const char *name,
                                        unsigned types)
{
    size_t i = option_find(span_text(name));

    if (i == option_count || (types & 1u << option_table[i].type) == 0) {
        log_error("%s is not in the table of settings, or of another type", name);
        abort();
    }
    return &settings->values[i];
}

#define TEXT_TYPES   (1u << OPTION_TEXT | 1u << OPTION_PATH | 1u << OPTION_CHOICE)
#define NUMBER_TYPES (1u << OPTION_INTEGER | 1u << OPTION_SIZE)

const char *settings_text(const struct settings *settings, const char *name)
{
    return setting_of(settings, name, TEXT_TYPES)->text;
}

int64_t settings_integer(const struct settings *settings, const char *name)
{
    return setting_of(settings, name, NUMBER_TYPES)->number;
}

bool settings_boolean(const struct settings *settings, const char *name)
{
    return setting_of(settings, name, 1u << OPTION_BOOLEAN)->number != 0;
}

enum option_source settings_source(const struct settings *settings, const char *name)
{
    return setting_of(settings, name, ~0u)->source;
}

void settings_fault(struct buffer *faults, const struct settings *settings, const char *name,
                    const char *expected)
{
    size_t i = (size_t)(setting_of(settings, name, ~0u) - settings->values);

    append_fault(faults, settings, i, "expected ", span_text(expected));
}

void settings_refuse(struct buffer *faults, const struct settings *settings, const char *name,
                     const char *why)
{
    size_t i = (size_t)(setting_of(settings, name, ~0u) - settings->values);

    append_fault(faults, settings, i, "", span_text(why));
}

void settings_setup_log(const struct settings *settings, const char *program)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    const char *wanted = settings_text(settings, "LOG_LEVEL");
    enum log_level level = LOG_ERROR;

    while (level < LOG_DEBUG && strcmp(names[level], wanted) != 0)
        level++;
    log_setup(program, level, strcmp(settings_text(settings, "LOG_FORMAT"), "json") == 0);
}
