/*
 * options_write.c - what is generated from the option table: env.example, docs/settings.md, and the
 * settings in force as JSON. Nothing here knows a setting by name.
 */
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/option_name.h"
#include "lib/base/option_value.h"
#include "lib/base/options.h"

/* True when row i opens a section. */
static bool opens_section(size_t i)
{
    return i == 0 ||
           strcmp(option_section(&option_table[i - 1]), option_section(&option_table[i])) != 0;
}

static void append_flag_of(struct buffer *out, const struct option_row *row)
{
    buffer_append_text(out, "--");
    option_append_flag(out, row->name);
}

static void write_buffer(FILE *out, struct buffer *text)
{
    fwrite(text->data, 1, text->len, out);
    buffer_close(text);
}

static void append_env_row(struct buffer *text, const struct option_row *row)
{
    buffer_append_format(text, "\n# %s\n", row->help);
    if (row->type != OPTION_TEXT && row->type != OPTION_PATH) {
        buffer_append_text(text, "# ");
        option_append_expected(text, row);
        buffer_append_char(text, '\n');
    }
    buffer_append_format(text, "#%s=%s\n", row->name,
                         row->default_value != NULL ? row->default_value : "");
}

void options_write_env_example(FILE *out)
{
    struct buffer text = {0};

    buffer_append_text(
        &text, "# Settings of HashScope: copy this file to .env and take the # away where you "
               "want another value.\n"
               "# The command line (--pool-host) beats the environment (POOL_HOST), which "
               "beats .env.\n"
               "# Written from the option table by `make generate`.\n");
    for (size_t i = 0; i < option_count; i++) {
        if (opens_section(i))
            buffer_append_format(&text, "\n# ---- %s ----\n", option_section(&option_table[i]));
        append_env_row(&text, &option_table[i]);
    }
    write_buffer(out, &text);
}

/* The bar would end a cell of the table. */
static void append_cell(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            buffer_append_char(out, '\\');
        buffer_append_char(out, *text);
    }
}

static void append_markdown_row(struct buffer *text, const struct option_row *row)
{
    buffer_append_format(text, "| `%s` | `", row->name);
    append_flag_of(text, row);
    buffer_append_text(text, "` | ");
    if (row->type == OPTION_TEXT || row->type == OPTION_PATH)
        append_cell(text, row->placeholder);
    else
        option_append_expected(text, row);
    buffer_append_text(text, " | ");
    if (row->default_value != NULL)
        buffer_append_format(text, "`%s`", row->default_value);
    buffer_append_text(text, " | ");
    append_cell(text, row->help);
    buffer_append_text(text, row->secret ? " (secret: never shown)" : "");
    buffer_append_text(text, " |\n");
}

void options_write_markdown(FILE *out)
{
    struct buffer text = {0};

    buffer_append_text(
        &text,
        "# Settings\n\n"
        "<!-- Written from the option table by `make generate`. -->\n\n"
        "Every setting is an environment variable, a line in `.env`, and a flag. The command line "
        "beats the environment, the environment beats `.env`, and `.env` beats the default. An "
        "empty "
        "value means the default. What is malformed, out of range or unknown stops the start, and "
        "all such faults are listed at once. `--env-file FILE` reads another file than "
        "`./.env`.\n");
    for (size_t i = 0; i < option_count; i++) {
        if (opens_section(i))
            buffer_append_format(&text,
                                 "\n## %s\n\n"
                                 "| Setting | Flag | Value | Default | What it does |\n"
                                 "|---|---|---|---|---|\n",
                                 option_section(&option_table[i]));
        append_markdown_row(&text, &option_table[i]);
    }
    write_buffer(out, &text);
}

static const char *source_name(enum option_source source)
{
    switch (source) {
    case SOURCE_DEFAULT:
        return "default";
    case SOURCE_FILE:
        return "file";
    case SOURCE_ENVIRONMENT:
        return "environment";
    case SOURCE_COMMAND_LINE:
        return "command line";
    }
    return "default";
}

static void append_json_text(struct buffer *out, const struct option_row *row, const char *text)
{
    if (text == NULL)
        buffer_append_text(out, "null");
    else
        json_append_text(out, row->secret ? "***" : text);
}

static void append_json_value(struct buffer *out, const struct settings *settings,
                              const struct option_row *row)
{
    switch (row->type) {
    case OPTION_INTEGER:
    case OPTION_SIZE:
        buffer_append_i64(out, settings_integer(settings, row->name));
        break;
    case OPTION_BOOLEAN:
        buffer_append_text(out, settings_boolean(settings, row->name) ? "true" : "false");
        break;
    case OPTION_TEXT:
    case OPTION_CHOICE:
    case OPTION_PATH:
        append_json_text(out, row, settings_text(settings, row->name));
        break;
    }
}

void settings_append_json(struct buffer *out, const struct settings *settings, unsigned groups)
{
    char before = '{';

    for (size_t i = 0; i < option_count; i++) {
        const struct option_row *row = &option_table[i];

        if ((row->groups & groups) == 0)
            continue;
        buffer_append_format(out, "%c\"%s\":{\"value\":", before, row->name);
        append_json_value(out, settings, row);
        buffer_append_format(out, ",\"source\":\"%s\"}",
                             source_name(settings_source(settings, row->name)));
        before = ',';
    }
    buffer_append_text(out, before == '{' ? "{}" : "}");
}
