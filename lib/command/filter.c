/*
 * How it works: the texts are checked one by one, times against one `now`; then the sessions named
 * by a part of their UUID are looked up in a listing of all.
 *
 * How it can fail: a text makes no sense, a session is not known, or the listing fails; the message
 * names the flag, what was given, and what was expected.
 */
#include "lib/command/filter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/command/moment.h"
#include "lib/stratum/scan.h"

#define AT(field)       offsetof(struct filter_options, field)
#define SESSION_PART    4 /* characters that a part of a UUID has at least */
#define SESSIONS_MAX    10000
#define EXIT_USAGE      SETTINGS_EXIT_STATUS
#define ORDINARY_METHOD "mining."

static const struct flag session_flags[] = {
    {.help = "Which sessions and times (all times are UTC):"},
    {"since", 'S', FLAG_TEXT, AT(since), 0, 0, NULL, "TIME",
     "From then on: 2026-11-22T13:53:01Z, '2026-11-22 13:53', 2026-11-22, 03:12 (the last one), "
     "-2h, -1d12h, today, yesterday"},
    {"until", 'U', FLAG_TEXT, AT(until), 0, 0, NULL, "TIME",
     "Up to then, not included; also +5m: so long behind --since"},
    {"session", 's', FLAG_TEXT, AT(session), 0, 0, NULL, "ID[,ID...]",
     "Only these sessions: the UUID, or four characters or more of its beginning or end"},
    {"worker", 'w', FLAG_TEXT, AT(worker), 0, 0, NULL, "TEXT",
     "Only sessions with this in the name of a worker (case does not matter)"},
    {"peer", 'p', FLAG_TEXT, AT(peer), 0, 0, NULL, "TEXT",
     "Only sessions with this in the miner's address"},
    {"route", 0, FLAG_TEXT, AT(route), 0, 0, NULL, "TEXT", "Only sessions of this route"},
    {"pool", 0, FLAG_TEXT, AT(pool), 0, 0, NULL, "TEXT",
     "Only sessions with this in the pool's name or address"},
    {"agent", 0, FLAG_TEXT, AT(agent), 0, 0, NULL, "TEXT",
     "Only sessions with this in what the miner calls its software"},
    {"first-seq", 0, FLAG_INTEGER, AT(first_seq), 1, 9e18, NULL, "N",
     "From this number of the series on"},
    {"last-seq", 0, FLAG_INTEGER, AT(last_seq), 1, 9e18, NULL, "N",
     "Up to this number of the series"},
    {"series", 0, FLAG_TEXT, AT(series), 0, 0, NULL, "INSTANCE",
     "In what was imported under this name (hashscope import --list)"},
};

static const struct flag message_flags[] = {
    {.help = "Which messages:"},
    {"dir", 'd', FLAG_TEXT, AT(dir), 0, 0, NULL, "DIRECTION[,...]",
     "Only miner_to_pool, pool_to_miner, hashscope_to_pool or pool_to_hashscope"},
    {"method", 'm', FLAG_TEXT, AT(method), 0, 0, NULL, "NAME[,NAME...]",
     "Only messages of these methods; mining. may be left out"},
    {"answers", 'a', FLAG_SWITCH, AT(answers), 0, 0, NULL, NULL,
     "With --method: their answers too"},
    {"errors", 'e', FLAG_SWITCH, AT(errors), 0, 0, NULL, NULL,
     "Only answers that refuse; with --method: that refuse one of these"},
    {"slower-than", 0, FLAG_TEXT, AT(slower_than), 0, 0, NULL, "TIME",
     "Only answers that took that long or longer: 500ms, 2.5ms, 250us, 2s; with --method: to one "
     "of these"},
    {"faster-than", 0, FLAG_TEXT, AT(faster_than), 0, 0, NULL, "TIME",
     "Only answers that took less than that; both together: from one to the other"},
    {"grep", 'g', FLAG_TEXT, AT(grep), 0, 0, NULL, "TEXT",
     "Only what has this in its bytes as they were on the wire"},
    {"ignore-case", 'i', FLAG_SWITCH, AT(ignore_case), 0, 0, NULL, NULL,
     "Of --grep: upper and lower case are the same"},
    {"kind", 'k', FLAG_CHOICE, AT(kind), 0, 0, "messages|events|states", "KIND",
     "Only messages, events or states"},
    {"source", 0, FLAG_CHOICE, AT(source), 0, 0, "all|live|archive", "SOURCE",
     "From all (default), only the live ring, or only the archive"},
};

static const struct flag shape_flags[] = {
    {.help = "How to show it:"},
    {"json", 'j', FLAG_SWITCH, offsetof(struct format_options, json), 0, 0, NULL, NULL,
     "NDJSON, also on a terminal"},
    {"table", 't', FLAG_SWITCH, offsetof(struct format_options, table), 0, 0, NULL, NULL,
     "Rows to read, also into a pipe"},
};

const struct flag_table filter_session_flags = FLAG_TABLE(session_flags);
const struct flag_table filter_message_flags = FLAG_TABLE(message_flags);
const struct flag_table format_flags = FLAG_TABLE(shape_flags);

/* What only answers have: with --method it is about answers to those. */
static bool asks_of_answers(const struct filter_options *options)
{
    return options->errors || options->slower_than != NULL || options->faster_than != NULL;
}

static bool names_no_session(const struct filter_options *options)
{
    return options->session == NULL && options->worker == NULL && options->peer == NULL &&
           options->route == NULL && options->pool == NULL && options->agent == NULL;
}

bool filter_is_unset(const struct filter_options *options)
{
    return names_no_session(options) && options->since == NULL && options->until == NULL &&
           options->series == NULL && options->first_seq == 0 && options->last_seq == 0 &&
           options->dir == NULL && options->method == NULL && options->grep == NULL &&
           options->slower_than == NULL && options->faster_than == NULL && !options->errors &&
           !options->answers && !options->ignore_case && options->kind == NULL &&
           options->source == NULL;
}

struct resolving {
    struct filter *filter;
    const struct filter_options *options;
    const struct query_place *place;
    const char *command;
};

static int refuse(const struct resolving *at, int code, const char *format, ...) PRINTF_LIKE(3, 4);
static int refuse(const struct resolving *at, int code, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%s: ", at->command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return code;
}

/* Calls `take` with each part of a list with commas; stops at the first that is not 0. */
static int each_part(const struct resolving *at, const char *list,
                     int (*take)(const struct resolving *at, const char *text, size_t len))
{
    int code = 0;

    while (code == 0) {
        size_t len = strcspn(list, ",");

        code = take(at, list, len);
        if (list[len] == '\0')
            break;
        list += len + 1;
    }
    return code;
}

/* ---- times ---- */

static int resolve_times(const struct resolving *at)
{
    const struct filter_options *options = at->options;
    struct query_filter *query = &at->filter->query;
    int64_t now = clock_wall_ns();

    if (options->since != NULL && !moment_parse(options->since, now, MOMENT_NONE, &query->from_ns))
        return refuse(at, EXIT_USAGE, "--since %s: expected " MOMENT_FORMS, options->since);
    if (options->until != NULL &&
        !moment_parse(options->until, now, options->since == NULL ? MOMENT_NONE : query->from_ns,
                      &query->to_ns))
        return refuse(at, EXIT_USAGE, "--until %s: expected " MOMENT_FORMS "%s", options->until,
                      options->since == NULL ? "" : ", or +5m");
    if (options->since != NULL && options->until != NULL && query->to_ns <= query->from_ns)
        return refuse(at, EXIT_USAGE, "--until %s is not later than --since %s", options->until,
                      options->since);
    if (options->last_seq != 0 && options->last_seq < options->first_seq)
        return refuse(at, EXIT_USAGE, "--last-seq %lld is below --first-seq %lld",
                      (long long)options->last_seq, (long long)options->first_seq);
    query->first_seq = (uint64_t)options->first_seq;
    query->last_seq = (uint64_t)options->last_seq;
    return 0;
}

/* ---- directions and methods ---- */

static int take_direction(const struct resolving *at, const char *text, size_t len)
{
    enum direction direction;

    if (!direction_parse(text, len, &direction))
        return refuse(at, EXIT_USAGE,
                      "--dir %.*s: expected miner_to_pool, pool_to_miner, hashscope_to_pool or "
                      "pool_to_hashscope",
                      (int)len, text);
    at->filter->query.directions |= 1u << direction;
    return 0;
}

static uint64_t method_bit(const char *text, size_t len)
{
    enum stratum_method method = stratum_method_find(text, len);

    return method > STRATUM_METHOD_UNKNOWN ? UINT64_C(1) << method : 0;
}

static int take_method(const struct resolving *at, const char *text, size_t len)
{
    struct query_filter *query = &at->filter->query;
    char full[64] = ORDINARY_METHOD;
    uint64_t bits = method_bit(text, len);
    char *name;

    if (len == 0)
        return refuse(at, EXIT_USAGE, "--method %s: expected a name such as mining.submit",
                      at->options->method);
    if (len < sizeof(full) - strlen(ORDINARY_METHOD)) {
        memcpy(full + strlen(ORDINARY_METHOD), text, len);
        bits |= method_bit(full, strlen(ORDINARY_METHOD) + len);
    }
    query->methods |= bits;
    if (bits != 0)
        return 0;
    if (asks_of_answers(at->options))
        return refuse(at, EXIT_USAGE, "%s --method %.*s: expected a known method",
                      at->options->errors ? "--errors" : "--slower-than, --faster-than with",
                      (int)len, text);
    name = memory_text_n(text, len);
    at->filter->method_names =
        memory_resize(at->filter->method_names, (query->method_count + 1) * sizeof(char *));
    at->filter->method_names[query->method_count++] = name;
    query->method_names = (const char *const *)at->filter->method_names;
    return 0;
}

static int resolve_methods(const struct resolving *at)
{
    const struct filter_options *options = at->options;
    struct filter *filter = at->filter;
    int code = options->method == NULL ? 0 : each_part(at, options->method, take_method);

    if (code != 0)
        return code;
    if (options->answers && (options->method == NULL || options->errors))
        return refuse(at, EXIT_USAGE, "--answers wants --method, and no --errors");
    if (options->answers && asks_of_answers(options))
        return refuse(at, EXIT_USAGE, "--answers goes without --slower-than and --faster-than");
    filter->query.errors = options->errors;
    filter->refusals = asks_of_answers(options) && options->method != NULL;
    filter->answers = options->answers;
    filter->wanted_methods = filter->query.methods;
    if (filter->refusals)
        filter->query.methods = 0;
    else if (filter->answers)
        filter->query.methods |= UINT64_C(1) << STRATUM_METHOD_NONE;
    return 0;
}

/* --faster-than leaves out what takes exactly that long; it has to leave something. */
static int resolve_waits(const struct resolving *at)
{
    const struct filter_options *options = at->options;
    struct query_filter *query = &at->filter->query;

    if (options->slower_than != NULL &&
        !moment_parse_wait(options->slower_than, &query->latency_min_us))
        return refuse(at, EXIT_USAGE, "--slower-than %s: expected " MOMENT_WAIT_FORMS,
                      options->slower_than);
    if (options->faster_than == NULL)
        return 0;
    if (!moment_parse_wait(options->faster_than, &query->latency_max_us))
        return refuse(at, EXIT_USAGE, "--faster-than %s: expected " MOMENT_WAIT_FORMS,
                      options->faster_than);
    if (--query->latency_max_us < 1 || query->latency_max_us < query->latency_min_us)
        return refuse(at, EXIT_USAGE, "--faster-than %s: nothing is%s%s", options->faster_than,
                      options->slower_than == NULL ? "" : " and takes at least ",
                      options->slower_than == NULL ? "" : options->slower_than);
    return 0;
}

static int resolve_words(const struct resolving *at)
{
    const struct filter_options *options = at->options;
    struct query_filter *query = &at->filter->query;
    int code = options->dir == NULL ? 0 : each_part(at, options->dir, take_direction);

    if (code == 0)
        code = resolve_waits(at);
    query->worker = options->worker;
    query->peer = options->peer;
    query->route = options->route;
    query->pool = options->pool;
    query->user_agent = options->agent;
    query->text = options->grep;
    query->text_len = options->grep == NULL ? 0 : strlen(options->grep);
    query->ignore_case = options->ignore_case;
    if (options->kind != NULL)
        query->what = options->kind[0] == 'm'   ? QUERY_MESSAGES
                      : options->kind[0] == 'e' ? QUERY_EVENTS
                                                : QUERY_STATES;
    if (options->source != NULL)
        query->source = strcmp(options->source, "live") == 0      ? QUERY_LIVE
                        : strcmp(options->source, "archive") == 0 ? QUERY_ARCHIVE
                                                                  : QUERY_ALL;
    return code != 0 ? code : resolve_methods(at);
}

/* ---- sessions ---- */

static void add_session(struct filter *filter, const struct uuid *session)
{
    size_t count = filter->query.session_count;

    for (size_t i = 0; i < count; i++) {
        if (uuid_equal(&filter->sessions[i], session))
            return;
    }
    filter->sessions = memory_resize(filter->sessions, (count + 1) * sizeof(*session));
    filter->sessions[count] = *session;
    filter->query.session_count = count + 1;
    filter->query.sessions = filter->sessions;
}

static bool is_part(const char *text, size_t len)
{
    return len >= SESSION_PART && len < UUID_TEXT_LEN && strspn(text, "0123456789abcdef-") >= len;
}

static bool has_part(const struct uuid *session, const char *text, size_t len)
{
    char whole[UUID_TEXT_LEN];

    uuid_format(whole, session);
    return memcmp(whole, text, len) == 0 || memcmp(whole + UUID_TEXT_LEN - len, text, len) == 0;
}

static enum status add_fitting(const struct resolving *at, const char *text, size_t len,
                               struct error *err)
{
    struct query_sessions_options options = {.place = *at->place};
    struct query_sessions *sessions = NULL;
    struct query_session session;
    enum status status = query_sessions_open(&sessions, &options, err);

    if (status != STATUS_OK)
        return status;
    while (at->filter->query.session_count < SESSIONS_MAX &&
           (status = query_sessions_next(sessions, &session, err)) == STATUS_OK) {
        if (has_part(&session.session, text, len))
            add_session(at->filter, &session.session);
    }
    query_sessions_close(sessions);
    return status == STATUS_END ? STATUS_OK : status;
}

static int take_session(const struct resolving *at, const char *text, size_t len)
{
    size_t before = at->filter->query.session_count;
    struct error err = {""};
    struct uuid session;

    if (uuid_parse(&session, text, len)) {
        add_session(at->filter, &session);
        return 0;
    }
    if (!is_part(text, len))
        return refuse(at, EXIT_USAGE,
                      "--session %.*s: expected a UUID, or at least %d characters of its beginning "
                      "or end",
                      (int)len, text, SESSION_PART);
    if (add_fitting(at, text, len, &err) != STATUS_OK)
        return refuse(at, 1, "looking for session %.*s: %s", (int)len, text, err.text);
    if (at->filter->query.session_count == before)
        return refuse(at, 1, "no session begins or ends with %.*s", (int)len, text);
    return 0;
}

int filter_read(struct filter *out, const struct filter_options *options, const char *command)
{
    const struct resolving at = {out, options, NULL, command};
    int code;

    *out = (struct filter){.method_names = NULL};
    if (options->series != NULL && !filter_parse_series(options->series, &out->series))
        return refuse(&at, EXIT_USAGE, "--series %s: expected 16 hexadecimal digits",
                      options->series);
    if (options->format.json && options->format.table)
        return refuse(&at, EXIT_USAGE, "--json or --table, not both");
    code = resolve_times(&at);
    return code != 0 ? code : resolve_words(&at);
}

int filter_find_sessions(struct filter *filter, const struct filter_options *options,
                         const struct query_place *place, const char *command)
{
    const struct resolving at = {filter, options, place, command};

    return options->session == NULL ? 0 : each_part(&at, options->session, take_session);
}

void filter_close(struct filter *filter)
{
    for (size_t i = 0; i < filter->query.method_count; i++)
        free(filter->method_names[i]);
    free(filter->method_names);
    free(filter->sessions);
    *filter = (struct filter){.method_names = NULL};
}

bool filter_parse_series(const char *text, uint64_t *out)
{
    if (strlen(text) != 16 || strspn(text, "0123456789abcdefABCDEF") != 16)
        return false;
    *out = strtoull(text, NULL, 16);
    return *out != 0;
}

bool filter_names_people(const struct filter *filter)
{
    const struct query_filter *query = &filter->query;

    return query->worker != NULL || query->peer != NULL || query->route != NULL ||
           query->pool != NULL || query->user_agent != NULL;
}
