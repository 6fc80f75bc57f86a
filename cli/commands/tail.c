/*
 * `hashscope tail`: the newest messages, and then those that come.
 *
 * How it works: a query from the newest end finds where the wanted --lines begin; a second one
 * begins there and follows, asked again every POLL_MS. Sessions that are named by worker, peer and
 * the like are resolved when a query is opened, so such a query is opened again every REOPEN_MS,
 * for miners that have come since.
 *
 * How it can fail: there is no ring yet (it says so and waits), or it is of another version (exit
 * 1). What a slow reader misses in the ring it reads from the archive; what neither has any more is
 * told as a gap line. Whoever reads the output may go away at any time, that is the end, exit 0.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/command.h"
#include "cli/display/show.h"
#include "cli/display/terminal.h"
#include "lib/base/clock.h"
#include "lib/command/program.h"

#define POLL_MS       50
#define REOPEN_MS     2000
#define LINES_DEFAULT 10

static volatile sig_atomic_t interrupted; /* the signal's number */

struct tail_options {
    struct filter_options filter;
    int64_t lines; /* so many of the newest first; -1: not given */
    int64_t after; /* all behind this number; -1: not given */
    bool follow, no_follow;
};

struct tail {
    const struct tail_options *options;
    struct show show;
    struct filter filter;
    struct query *query;
    uint64_t first_seq;    /* the query begins there */
    uint64_t shown_seq;    /* the last that was shown; 0: none */
    uint64_t last_at_open; /* the newest number when the query was opened */
    bool placed;           /* first_seq is known */
    int64_t opened_ns;     /* the query; monotonic */
    bool shown_all;        /* the end was reached at least once */
    bool failed;
};

static void on_signal(int number)
{
    interrupted = number;
}

static bool goes_on(const struct tail *tail)
{
    return !tail->show.output.closed && !tail->failed;
}

static void fail(struct tail *tail, const struct error *err)
{
    fprintf(stderr, "%s: %s\n", tail->show.command, err->text);
    tail->failed = true;
}

/* ---- where to begin ---- */

/* The number of the n-th newest row, or of the oldest if there are fewer; 0: there is none. */
static uint64_t find_newest(struct tail *tail, const struct query_options *options, int64_t n)
{
    struct query *query = NULL;
    struct query_row row;
    struct error err = {""};
    uint64_t seq = 0;
    enum status status = query_open(&query, options, &err);

    if (status != STATUS_OK) {
        fail(tail, &err);
        return 0;
    }
    while (n > 0 && !interrupted && (status = query_next(query, &row, &err)) == STATUS_OK) {
        if (!show_wants(&tail->show, &row))
            continue;
        seq = row.line.seq;
        n--;
    }
    if (status != STATUS_OK && status != STATUS_END)
        fail(tail, &err);
    query_close(query);
    return seq;
}

/* The newest number of all. */
static uint64_t find_last(struct tail *tail)
{
    const struct query_options options = {
        .place = tail->show.place, .order = QUERY_NEWEST_FIRST, .bare = true};

    struct query *query = NULL;
    struct query_row row;
    struct error err = {""};
    uint64_t seq = 0;

    if (query_open(&query, &options, &err) != STATUS_OK) {
        fail(tail, &err);
        return 0;
    }
    if (query_next(query, &row, &err) == STATUS_OK)
        seq = row.line.seq;
    query_close(query);
    return seq;
}

/* The newest rows are looked for in the live ring, unless told otherwise; of answers, only their
 * requests count. */
static uint64_t find_lines(struct tail *tail, int64_t lines)
{
    struct query_options options = show_query_options(&tail->show);
    const struct filter_options *filter = &tail->options->filter;
    uint64_t last = find_last(tail), first;

    options.order = QUERY_NEWEST_FIRST;
    if (tail->filter.answers)
        options.filter.methods = tail->filter.wanted_methods;
    if (filter->source == NULL && filter->since == NULL && filter->first_seq == 0)
        options.filter.source = QUERY_LIVE;
    first = lines > 0 && goes_on(tail) ? find_newest(tail, &options, lines) : 0;
    return first > 0 ? first : last + 1;
}

static void find_beginning(struct tail *tail)
{
    const struct filter_options *filter = &tail->options->filter;

    if (tail->options->after >= 0)
        tail->first_seq = (uint64_t)tail->options->after + 1;
    else if (tail->options->lines >= 0)
        tail->first_seq = find_lines(tail, tail->options->lines);
    else if (filter->since != NULL || filter->first_seq > 0)
        tail->first_seq = (uint64_t)filter->first_seq;
    else
        tail->first_seq = find_lines(tail, LINES_DEFAULT);
    tail->placed = true;
}

/* ---- following ---- */

static void open_query(struct tail *tail)
{
    struct query_options options = show_query_options(&tail->show);
    struct error err = {""};

    if (!tail->placed)
        find_beginning(tail);
    if (filter_names_people(&tail->filter) && goes_on(tail))
        tail->last_at_open = find_last(tail);
    if (!goes_on(tail))
        return;
    if (tail->first_seq > options.filter.first_seq)
        options.filter.first_seq = tail->first_seq;
    options.follow = !tail->options->no_follow;
    if (query_open(&tail->query, &options, &err) != STATUS_OK)
        fail(tail, &err);
    tail->opened_ns = clock_mono_ns();
}

static void close_query(struct tail *tail)
{
    if (tail->query == NULL)
        return;
    query_close(tail->query);
    tail->query = NULL;
}

/* Everything that is there now. `last`: go on in spite of a signal, up to the end. */
static void read_all(struct tail *tail, bool last)
{
    struct query_row row;
    struct error err = {""};
    enum status status = STATUS_OK;

    tail->show.view.width = terminal_width();
    while (goes_on(tail) && (last || !interrupted) &&
           (status = query_next(tail->query, &row, &err)) == STATUS_OK) {
        if (!show_wants(&tail->show, &row))
            continue;
        show_row(&tail->show, &row);
        tail->shown_seq = row.line.seq;
    }
    output_flush(&tail->show.output);
    tail->shown_all |= status == STATUS_END;
    if (status != STATUS_OK && status != STATUS_END)
        fail(tail, &err);
}

/* A session that was not known when the query was opened has said nothing before that. Rows go on
 * behind the last one shown, so that they stay in order. */
static void begin_anew(struct tail *tail)
{
    uint64_t seen = tail->shown_seq > tail->last_at_open ? tail->shown_seq : tail->last_at_open;

    close_query(tail);
    if (seen >= tail->first_seq)
        tail->first_seq = seen + 1;
}

static void step(struct tail *tail)
{
    bool names_people = filter_names_people(&tail->filter);

    if (tail->query != NULL && names_people && tail->shown_all &&
        clock_mono_ns() - tail->opened_ns > REOPEN_MS * NS_PER_MS)
        begin_anew(tail);
    if (tail->query == NULL)
        open_query(tail);
    if (tail->query != NULL)
        read_all(tail, false);
}

static void follow(struct tail *tail)
{
    while (!interrupted && goes_on(tail)) {
        step(tail);
        if (tail->options->no_follow || output_pause(&tail->show.output, POLL_MS))
            break;
    }
    /* told to end by whoever watches over us: what is there by now is still shown */
    if (interrupted == SIGTERM && tail->query != NULL && tail->shown_all && goes_on(tail))
        read_all(tail, true);
}

/* A recorder makes its ring before it listens. Else than STATUS_OK: a signal came first, nobody
 * waits, or no recorder ever can. */
static enum status wait_for_recorder(const struct tail_options *options,
                                     const struct query_place *place, const char *command)
{
    struct output nothing = {.closed = false};
    struct error err = {""};
    enum status status = program_ring_there(place->ring_path, &err);

    if (status == STATUS_NOT_FOUND)
        fprintf(stderr, "%s: waiting for a recorder (no %s)\n", command, place->ring_path);
    while (status == STATUS_NOT_FOUND && !options->no_follow && !interrupted &&
           !output_pause(&nothing, POLL_MS))
        status = program_ring_there(place->ring_path, &err);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        fprintf(stderr, "%s: %s\n", command, err.text);
    return status;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

#define AT(field) offsetof(struct tail_options, field)
static const struct flag own_flags[] = {
    {.help = "How much:"},
    {"lines", 'n', FLAG_INTEGER, AT(lines), 0, 1e6, NULL, "N",
     "Begin with the newest N in the live ring that the filters let pass (default 10; with --since "
     "or --first-seq: all from there)"},
    {"after", 0, FLAG_INTEGER, AT(after), 0, 9e18, NULL, "SEQ",
     "Begin with the first one behind this number instead"},
    {"follow", 'f', FLAG_SWITCH, AT(follow), 0, 0, NULL, NULL, "Go on with what comes (default)"},
    {"no-follow", 0, FLAG_SWITCH, AT(no_follow), 0, 0, NULL, NULL, "Show those and end"},
};

static const char doc[] =
    "Shows the messages as they pass: rows on a terminal, NDJSON as in the archive into a pipe."
    "\vExit codes: 0 ended by a signal or by the reader of its output; 1 the live ring can't be "
    "read, or there is no such session; 2 the command line is wrong.";

static const char *contradiction(const struct tail_options *options)
{
    if (options->follow && options->no_follow)
        return "--follow or --no-follow, not both";
    if (options->filter.series != NULL)
        return "what was imported does not grow; `hashscope cat' shows it";
    if (options->filter.until != NULL && !options->no_follow)
        return "--until goes with --no-follow; `hashscope cat' shows what has been";
    return NULL;
}

static int show_all(struct tail *tail, const struct query_place *place, const char *command)
{
    show_init(&tail->show, &tail->filter, &tail->options->filter.format, place, command);
    tail->show.view.following = true;
    follow(tail);
    close_query(tail);
    output_flush(&tail->show.output);
    tail->failed = tail->failed || tail->show.output.failed;
    show_close(&tail->show);
    return tail->failed ? 1 : 0;
}

static int run_with(struct tail *tail, const struct query_place *place, const char *command)
{
    const struct filter_options *options = &tail->options->filter;
    int code = filter_read(&tail->filter, options, command);

    if (tail->filter.query.what == 0) /* states repeat what was said */
        tail->filter.query.what = QUERY_MESSAGES | QUERY_EVENTS;
    if (code == 0) {
        catch_signals();
        enum status status = wait_for_recorder(tail->options, place, command);
        if (status != STATUS_OK) {
            filter_close(&tail->filter);
            return status == STATUS_NOT_FOUND && !tail->options->no_follow ? 0 : 1;
        }
        code = filter_find_sessions(&tail->filter, options, place, command);
    }
    if (code == 0)
        code = show_all(tail, place, command);
    filter_close(&tail->filter);
    return code;
}

static int run(int argc, char **argv)
{
    const struct flag_table tables[] = {filter_session_flags, filter_message_flags, format_flags,
                                        FLAG_TABLE(own_flags)};
    const struct arguments arguments = {tables, 4, NULL, NULL, doc};
    struct tail_options options = {.lines = -1, .after = -1};
    struct settings *settings = arguments_read(&arguments, &options, argc, argv);
    struct tail tail = {.options = &options};
    char ring[PROGRAM_PATH_MAX];
    const struct query_place place = {settings_text(settings, "DATA_DIR"), ring, 0};
    const char *wrong = contradiction(&options);
    int code = SETTINGS_EXIT_STATUS;

    program_ring_path(ring, settings);
    if (wrong != NULL)
        fprintf(stderr, "%s: %s\n", argv[0], wrong);
    else
        code = run_with(&tail, &place, argv[0]);
    settings_free(settings);
    return code;
}

const struct command command_tail = {"tail", "follow the messages as they pass", run};
