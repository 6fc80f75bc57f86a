/*
 * `hashscope sessions`: the recorder's sessions, as a table or one JSON object a line. The recorder
 * gives at most a page at a time; the next page begins behind the last number seen.
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands/ask_recorder.h"
#include "cli/commands/command.h"
#include "cli/display/terminal.h"

struct listing {
    bool table;
    long long last;     /* number of the last session seen */
    unsigned long page; /* sessions in this page */
    bool titled;
};

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value == NULL ? "" : value;
}

static void add_cell(struct terminal_row *row, const char *words, size_t columns)
{
    terminal_row_add(row, COLOR_NONE, span_text(words), columns);
    terminal_row_add(row, COLOR_NONE, span_text(" "), 0);
}

static void add_number(struct terminal_row *row, long long number, int columns)
{
    char words[32];

    snprintf(words, sizeof(words), "%*lld", columns, number);
    add_cell(row, words, (size_t)columns);
}

/* What is needed to name a session first: a narrow terminal cuts the rest. */
static void print_titles(struct terminal_row *row)
{
    add_cell(row, "NUMBER", 6);
    add_cell(row, "STATE", 10);
    add_cell(row, "OPENED (UTC)", 19);
    add_cell(row, "MINER", 21);
    add_cell(row, "        UP", 10);
    add_cell(row, "      DOWN", 10);
    add_cell(row, "POOL", 28);
    terminal_row_add(row, COLOR_NONE, span_text("SESSION"), 0);
}

static void add_end(struct terminal_row *row, const json_t *session)
{
    const char *reason = text(session, "reason");
    long long unasked = (long long)json_integer_value(json_object_get(session, "unasked"));
    struct buffer words = {NULL, 0, 0};

    buffer_append_text(&words, text(session, "session"));
    if (reason[0] != '\0')
        buffer_append_format(&words, "  %s: %s", text(session, "by"), reason);
    if (unasked > 0)
        buffer_append_format(&words, "  %lld answers to ids nobody asked with", unasked);
    terminal_row_add(row, COLOR_NONE, span_make(words.data, words.len), 0);
    buffer_close(&words);
}

static void end_row(struct terminal_row *row)
{
    while (row->out.len > 0 && row->out.data[row->out.len - 1] == ' ')
        row->out.len--;
    printf("%.*s\n", (int)row->out.len, row->out.data);
    row->out.len = row->used = 0;
}

static void print_row(struct listing *listing, const json_t *session)
{
    struct terminal_row row = {.width = terminal_width()};
    char opened[20];

    if (!listing->titled) {
        print_titles(&row);
        end_row(&row);
    }
    listing->titled = true;
    snprintf(opened, sizeof(opened), "%s", text(session, "opened"));
    if (strlen(opened) > 10)
        opened[10] = ' ';
    add_number(&row, (long long)json_integer_value(json_object_get(session, "number")), 6);
    add_cell(&row, text(session, "state"), 10);
    add_cell(&row, opened, 19);
    add_cell(&row, text(session, "miner"), 21);
    add_number(&row, (long long)json_integer_value(json_object_get(session, "bytes_up")), 10);
    add_number(&row, (long long)json_integer_value(json_object_get(session, "bytes_down")), 10);
    add_cell(&row, text(session, "pool"), 28);
    add_end(&row, session);
    end_row(&row);
    buffer_close(&row.out);
}

static void on_session(void *user, const json_t *session)
{
    struct listing *listing = user;

    listing->page++;
    listing->last = json_integer_value(json_object_get(session, "number"));
    if (listing->table)
        print_row(listing, session);
    else
        control_print_json(session);
}

static int run(int argc, char **argv)
{
    static const struct flag all = {.name = "all",
                                    .letter = 'a',
                                    .type = FLAG_SWITCH,
                                    .offset = offsetof(struct control_options, all),
                                    .help = "Closed ones too, as far as the live ring knows them"};
    struct control_options options;
    struct settings *settings =
        control_options_read(&options, argc, argv, &all, 0, 0, NULL,
                             "The sessions of the recorder on this data directory.");
    struct listing listing = {.table = control_wants_table(&options)};
    int code;

    do {
        listing.page = 0;
        code =
            control_call(argv[0], settings,
                         json_pack("{s:s,s:s,s:I}", "command", "sessions", "state",
                                   options.all ? "all" : "open", "after", (json_int_t)listing.last),
                         on_session, &listing);
    } while (code == 0 && listing.page > 0);
    if (code == 0 && listing.table && !listing.titled)
        puts("no sessions");
    settings_free(settings);
    return code;
}

const struct command command_sessions = {"sessions", "list the sessions", run};
