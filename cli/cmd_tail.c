/*
 * `hashscope tail`: follows the live ring and shows the messages as they pass.
 *
 * How it works: the ring is read from its oldest record on, so that names and methods are known;
 * what is to be shown of that goes into a queue of the newest --lines. At its end the queue is
 * printed and following begins: every POLL_MS the ring is asked for more. A ring that the recorder
 * made anew is opened again.
 *
 * How it can fail: there is no ring yet (it says so and waits), it is of another version (exit 1),
 * or too slow a reader is lapped: then a gap line says how many were missed. Whoever reads the
 * output may go away at any time, that is the end, exit 0.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "cli/view.h"
#include "lib/base/memory.h"
#include "lib/capture/line.h"
#include "lib/capture/ring.h"

#define POLL_MS 50

static volatile sig_atomic_t interrupted; /* the signal's number */

struct tail {
    struct view view;
    const char *command;
    char path[PROGRAM_PATH_MAX];
    struct ring_reader *reader;
    struct clock_formatter clock;
    struct buffer line;
    struct buffer *newest; /* a ring of options->lines texts */
    uint64_t kept;         /* ever put into it */
    bool following;        /* no longer collecting the newest */
    uint64_t instance, last_seq;
    bool closed;  /* nobody reads any more */
    bool waiting; /* and has said so */
};

static void on_signal(int number)
{
    interrupted = number;
}

static void keep_newest(struct tail *tail)
{
    uint64_t room = (uint64_t)tail->view.options->lines;
    struct buffer *place;

    if (room == 0)
        return;
    place = &tail->newest[tail->kept++ % room];
    buffer_clear(place);
    buffer_append(place, tail->view.out.data, tail->view.out.len);
}

/* Shows what lies in tail->line, if the filters want it. */
static void show_line(struct tail *tail)
{
    struct segment_line line;

    if (segment_line_parse(&line, tail->line.data, tail->line.len - 1) != STATUS_OK)
        return;
    if (!view_take(&tail->view, &line) ||
        (line.numbered && tail->view.options->after >= (int64_t)line.seq))
        return;
    if (!tail->following && tail->view.options->after < 0)
        keep_newest(tail);
    else if (!view_print(&tail->view))
        tail->closed = true;
}

static void show_gap(struct tail *tail, const struct record *following, uint64_t missed)
{
    const struct gap_info gap = {.first_lost = following->seq - missed,
                                 .lost = missed,
                                 .reason = "this reader was too slow for the live ring"};

    buffer_clear(&tail->line);
    line_append_gap(&tail->line, &tail->clock, following, &gap);
    show_line(tail);
}

static void show_record(struct tail *tail, const struct record *record, uint64_t missed)
{
    if (record->seq <= tail->last_seq)
        return; /* seen in the ring before this one */
    tail->last_seq = record->seq;
    if (missed > 0 && tail->following)
        show_gap(tail, record, missed);
    buffer_clear(&tail->line);
    line_append_record(&tail->line, &tail->clock, record);
    if (tail->line.len > 0)
        show_line(tail);
}

static void begin_following(struct tail *tail)
{
    uint64_t room = (uint64_t)tail->view.options->lines;
    uint64_t first = tail->kept > room ? tail->kept - room : 0;

    for (uint64_t i = first; i < tail->kept; i++) {
        const struct buffer *text = &tail->newest[i % room];

        if (fwrite(text->data, 1, text->len, stdout) != text->len)
            tail->closed = true;
    }
    tail->following = true;
}

/* Everything that is there now. */
static void read_all(struct tail *tail)
{
    struct record record;
    uint64_t missed = 0;

    while (!interrupted && !tail->closed &&
           ring_reader_next(tail->reader, &record, &missed) == STATUS_OK)
        show_record(tail, &record, missed);
    if (!tail->following && !interrupted)
        begin_following(tail);
    if (fflush(stdout) != 0)
        tail->closed = true;
}

/* False: it can't be opened, and waiting would not help. */
static bool open_ring(struct tail *tail)
{
    struct error err = {""};
    enum status status = ring_reader_open(&tail->reader, tail->path, &err);

    if (status == STATUS_OK) {
        if (ring_reader_instance(tail->reader) != tail->instance)
            tail->last_seq = 0;
        tail->instance = ring_reader_instance(tail->reader);
        ring_reader_seek_oldest(tail->reader);
        tail->waiting = false;
        return true;
    }
    tail->reader = NULL;
    if (status != STATUS_NOT_FOUND && status != STATUS_DAMAGED) {
        fprintf(stderr, "%s: %s\n", tail->command, err.text);
        return false;
    }
    if (!tail->waiting) /* a damaged ring may be one that is just being made */
        fprintf(stderr, "%s: waiting for a recorder (%s)\n", tail->command, err.text);
    tail->waiting = true;
    return true;
}

static void reopen_when_replaced(struct tail *tail)
{
    bool restarted = false;

    if (!ring_reader_replaced(tail->reader, tail->path, &restarted))
        return;
    if (restarted)
        return; /* the same file goes on */
    ring_reader_close(tail->reader);
    tail->reader = NULL;
}

/* Sleeps a little; true when the reader of stdout has gone. */
static bool pause_or_closed(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, POLL_MS) > 0 && (out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

/* Told to end by whoever watches over us: what is there by now is still shown. */
static void read_rest(struct tail *tail)
{
    uint64_t last = tail->reader == NULL ? 0 : ring_reader_last_seq(tail->reader);
    struct record record;
    uint64_t missed = 0;

    while (tail->last_seq < last && !tail->closed &&
           ring_reader_next(tail->reader, &record, &missed) == STATUS_OK)
        show_record(tail, &record, missed);
    fflush(stdout);
}

static int follow(struct tail *tail)
{
    while (!interrupted && !tail->closed) {
        if (tail->reader == NULL && !open_ring(tail))
            return 1;
        if (tail->reader != NULL) {
            read_all(tail);
            reopen_when_replaced(tail);
        }
        if (tail->view.options->no_follow)
            return tail->following ? 0 : 1;
        if (pause_or_closed())
            break;
    }
    if (interrupted == SIGTERM && tail->following)
        read_rest(tail);
    return 0;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void close_tail(struct tail *tail)
{
    ring_reader_close(tail->reader);
    for (int64_t i = 0; i < tail->view.options->lines; i++)
        buffer_close(&tail->newest[i]);
    free(tail->newest);
    buffer_close(&tail->line);
    view_close(&tail->view);
}

static const struct flag own_flags[] = {
    {"lines", 'n', FLAG_INTEGER, offsetof(struct view_options, lines), 0, 1e6, NULL, "N",
     "Begin with the newest N that the filters let pass (default 10)"},
    {"after", 0, FLAG_INTEGER, offsetof(struct view_options, after), 0, 9e18, NULL, "SEQ",
     "Begin with the first one behind this number instead"},
    {"no-follow", 0, FLAG_SWITCH, offsetof(struct view_options, no_follow), 0, 0, NULL, NULL,
     "Show those and end"},
};

static const char doc[] =
    "Shows the messages as they pass: rows on a terminal, NDJSON as in the archive into a pipe."
    "\vExit codes: 0 ended by a signal or by the reader of its output, 1 the live ring can't be "
    "read, 2 the command line is wrong.";

static int run(int argc, char **argv)
{
    struct view_options options = {.lines = 10, .after = -1};
    struct settings *settings = view_options_read(&options, argc, argv, own_flags, 3, NULL, doc);
    struct tail tail = {.command = argv[0]};
    int code = SETTINGS_EXIT_STATUS;

    if (view_init(&tail.view, &options, argv[0])) {
        program_ring_path(tail.path, settings);
        tail.newest = memory_new((size_t)(options.lines + 1) * sizeof(*tail.newest));
        catch_signals();
        code = follow(&tail);
        close_tail(&tail);
    }
    settings_free(settings);
    view_options_close(&options);
    return code;
}

const struct command command_tail = {"tail", "follow the messages as they pass", run};
