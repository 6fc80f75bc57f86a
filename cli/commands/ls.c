/*
 * `hashscope ls`: the sessions that were recorded, newest first, or the segment files.
 *
 * How it works: one listing of lib/query/query.h; `--segments` is in ls_segments.c.
 * How it can fail: the archive can't be read, or something in it is damaged: the rest is listed,
 * exit 1.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/commands/command.h"
#include "cli/commands/ls_segments.h"
#include "cli/display/output.h"
#include "cli/display/session_text.h"
#include "lib/command/filter.h"
#include "lib/command/program.h"
#include "lib/query/unasked.h"

struct ls_options {
    struct filter_options filter;
    bool segments, fast;
    int64_t limit; /* 0: none */
};

struct listing {
    const struct ls_options *options;
    const char *command;
    struct output output;
    const struct query_place *place;
    bool table, color;
    bool asks_why; /* sessions are named: their lines may be read */
    size_t width;
    uint64_t shown;
    bool failed;
};

static void tell_damage(void *user, const struct query_damage *damage)
{
    struct listing *listing = user;

    listing->failed = true;
    output_flush(&listing->output);
    fprintf(stderr, "%s: %s: at byte %" PRIu64 ": %s\n", listing->command, damage->path,
            damage->offset, damage->why);
}

/* Why answers pair with nothing; NULL: there are none, or nobody asks. */
static const uint64_t *find_why(struct listing *listing, const struct query_session *session,
                                uint64_t out[STRATUM_UNASKED_COUNT])
{
    struct error err = {""};

    if (!listing->asks_why || session->unasked == 0)
        return NULL;
    if (query_unasked(listing->place, &session->session, out, &err) == STATUS_OK)
        return out;
    listing->failed = true;
    fprintf(stderr, "%s: %s\n", listing->command, err.text);
    return NULL;
}

static void show(struct listing *listing, const struct query_session *session)
{
    uint64_t counts[STRATUM_UNASKED_COUNT];
    const uint64_t *why = find_why(listing, session, counts);
    struct terminal_row row = {
        .out = listing->output.text, .color = listing->color, .width = listing->width};

    if (!listing->table) {
        session_append_json(&row.out, session, why);
    } else {
        if (listing->shown == 0)
            session_append_titles(&row);
        session_append_row(&row, session, why);
    }
    listing->output.text = row.out;
    listing->shown++;
    output_advance(&listing->output);
}

static bool goes_on(const struct listing *listing)
{
    return !listing->output.closed &&
           (listing->options->limit == 0 || listing->shown < (uint64_t)listing->options->limit);
}

static enum status list(struct listing *listing, const struct query_sessions_options *options,
                        struct error *err)
{
    struct query_sessions *sessions = NULL;
    struct query_session session;
    enum status status = query_sessions_open(&sessions, options, err);

    if (status != STATUS_OK)
        return status;
    while (goes_on(listing) && (status = query_sessions_next(sessions, &session, err)) == STATUS_OK)
        show(listing, &session);
    query_sessions_close(sessions);
    return status == STATUS_END ? STATUS_OK : status;
}

static int list_sessions(const struct ls_options *options, const struct filter *filter,
                         const struct query_place *place, const char *command)
{
    struct listing listing = {.options = options,
                              .command = command,
                              .place = place,
                              .table = format_wants_table(&options->filter.format),
                              .asks_why = options->filter.session != NULL,
                              .color = terminal_wants_color(),
                              .width = terminal_width()};
    struct query_sessions_options query = {.place = *place,
                                           .filter = filter->query,
                                           .exact = !options->fast,
                                           .damage = tell_damage,
                                           .user = &listing};
    struct error err = {""};

    output_init(&listing.output, command);
    if (list(&listing, &query, &err) != STATUS_OK) {
        output_flush(&listing.output);
        fprintf(stderr, "%s: %s\n", command, err.text);
        listing.failed = true;
    }
    output_flush(&listing.output);
    listing.failed = listing.failed || listing.output.failed;
    output_close(&listing.output);
    return listing.failed ? 1 : 0;
}

#define AT(field) offsetof(struct ls_options, field)
static const struct flag own_flags[] = {
    {.help = "How much:"},
    {"limit", 'n', FLAG_INTEGER, AT(limit), 1, 9e18, NULL, "N", "End after N rows"},
    {"fast", 0, FLAG_SWITCH, AT(fast), 0, 0, NULL, NULL,
     "Leave out what is only in the file being written (then complete is false in JSON)"},
    {"segments", 0, FLAG_SWITCH, AT(segments), 0, 0, NULL, NULL,
     "The segment files instead, oldest first; of the filters, times and numbers go with it"},
};

static const char doc[] =
    "Lists the sessions that were recorded, newest first: who mined, with what, where, how long, "
    "how many shares. Columns on a terminal, NDJSON into a pipe."
    "\vExit codes: 0 all was intact, also when nothing fits; 1 something was damaged or can't be "
    "read (stderr says what), or no such session; 2 the command line is wrong.";

static bool names_sessions(const struct filter_options *options)
{
    return options->session != NULL || options->worker != NULL || options->peer != NULL ||
           options->route != NULL || options->pool != NULL || options->agent != NULL;
}

static int run_with(const struct ls_options *options, const struct settings *settings,
                    const char *command)
{
    char ring[PROGRAM_PATH_MAX];
    struct query_place place = {settings_text(settings, "DATA_DIR"), ring, 0};
    struct filter filter;
    int code = filter_read(&filter, &options->filter, command);

    program_ring_path(ring, settings);
    place.series = filter.series;
    if (code == 0 && options->segments && names_sessions(&options->filter)) {
        fprintf(stderr, "%s: --segments lists files: sessions cannot be chosen\n", command);
        code = SETTINGS_EXIT_STATUS;
    }
    if (code == 0 && options->segments) {
        code = ls_segments(&place, &filter.query, &options->filter.format, (uint64_t)options->limit,
                           command);
    } else if (code == 0) {
        code = filter_find_sessions(&filter, &options->filter, &place, command);
        if (code == 0)
            code = list_sessions(options, &filter, &place, command);
    }
    filter_close(&filter);
    return code;
}

static int run(int argc, char **argv)
{
    const struct flag_table tables[] = {filter_session_flags, format_flags, FLAG_TABLE(own_flags)};
    const struct arguments arguments = {tables, 3, NULL, NULL, doc};
    struct ls_options options = {.limit = 0};
    struct settings *settings = arguments_read(&arguments, &options, argc, argv);
    int code = run_with(&options, settings, argv[0]);

    settings_free(settings);
    return code;
}

const struct command command_ls = {"ls", "list sessions or segment files", run};
