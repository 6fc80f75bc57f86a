/*
 * `hashscope cat`: what was recorded, in order: all of it, or what the filters let pass; as NDJSON,
 * as rows, or as the bytes of one direction of one session as they were on the wire.
 *
 * How it works: one query over archive and ring (lib/query/query.h), its rows copied to stdout.
 * Files that are named are read from beginning to end instead, wherever they are (cat_files.c).
 *
 * How it can fail: something is damaged: what is intact is printed, the rest is told on stderr,
 * exit 1 at the end. A closed stdout is the end, exit 0.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/commands/cat_files.h"
#include "cli/commands/command.h"
#include "cli/display/show.h"
#include "lib/command/program.h"

#define THREADS_MAX 4 /* more than the one that writes can take */

struct cat_options {
    struct filter_options filter;
    bool raw, newest, stats;
    int64_t limit; /* 0: none */
    struct argument_list files;
};

struct cat {
    const struct cat_options *options;
    struct show show;
    struct buffer bytes; /* --raw: decoded */
    uint64_t rows;
    bool failed;
};

/* ---- rows ---- */

static void write_raw(struct cat *cat, const struct query_row *row)
{
    struct span end = terminator_bytes(row->line.terminator), bytes;
    struct buffer *out = &cat->show.output.text;

    if (row->missed > 0) {
        fprintf(stderr, "%s: %" PRIu64 " messages were lost before number %" PRIu64 "\n",
                cat->show.command, row->missed, row->line.seq);
        cat->failed = true;
    }
    if (query_row_bytes(row, &cat->bytes, &bytes) != STATUS_OK) {
        fprintf(stderr, "%s: line %" PRIu64 ": its base64 is damaged\n", cat->show.command,
                row->line.seq);
        cat->failed = true;
        return;
    }
    bytes = segment_line_added(&row->line, bytes);
    buffer_append(out, bytes.data, bytes.len);
    buffer_append(out, end.data, end.len);
    output_advance(&cat->show.output);
}

static void show_one(struct cat *cat, const struct query_row *row)
{
    if (!show_wants(&cat->show, row))
        return;
    cat->rows++;
    if (cat->options->raw)
        write_raw(cat, row);
    else
        show_row(&cat->show, row);
}

static bool goes_on(const struct cat *cat)
{
    return !cat->show.output.closed &&
           (cat->options->limit == 0 || cat->rows < (uint64_t)cat->options->limit);
}

static void fail(struct cat *cat, const struct error *err)
{
    output_flush(&cat->show.output);
    fprintf(stderr, "%s: %s\n", cat->show.command, err->text);
    cat->failed = true;
}

static void print_statistics(const struct query *query)
{
    const struct query_statistics *all = query_statistics(query);

    fprintf(stderr,
            "{\"rows\":%" PRIu64 ",\"lines\":%" PRIu64 ",\"bytes_read\":%" PRIu64
            ",\"text_bytes\":%" PRIu64 ",\"files\":%" PRIu64 ",\"files_opened\":%" PRIu64
            ",\"files_pruned\":%" PRIu64 ",\"files_vanished\":%" PRIu64 ",\"frames_read\":%" PRIu64
            ",\"frames_pruned\":%" PRIu64 ",\"ring_records\":%" PRIu64 ",\"missed\":%" PRIu64
            ",\"damaged\":%" PRIu64 "}\n",
            all->rows, all->lines, all->bytes_read, all->text_bytes, all->files, all->files_opened,
            all->files_pruned, all->files_vanished, all->frames_read, all->frames_pruned,
            all->ring_records, all->missed, all->damaged);
}

static struct query_options options_of(struct cat *cat)
{
    struct query_options options = show_query_options(&cat->show);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    options.order = cat->options->newest ? QUERY_NEWEST_FIRST : QUERY_OLDEST_FIRST;
    if (cat->options->raw) {
        options.bare = false;
        options.filter.what = QUERY_MESSAGES;
        options.filter.no_scraps = false;
    }
    if (cat->options->limit == 0 && processors > 1)
        options.threads = (unsigned)(processors < THREADS_MAX ? processors : THREADS_MAX);
    return options;
}

static void cat_archive(struct cat *cat)
{
    struct query_options options = options_of(cat);
    struct query *query = NULL;
    struct query_row row;
    struct error err = {""};
    enum status status = query_open(&query, &options, &err);

    if (status != STATUS_OK) {
        fail(cat, &err);
        return;
    }
    while (goes_on(cat) && (status = query_next(query, &row, &err)) == STATUS_OK)
        show_one(cat, &row);
    if (status != STATUS_OK && status != STATUS_END)
        fail(cat, &err);
    output_flush(&cat->show.output);
    if (cat->options->stats)
        print_statistics(query);
    query_close(query);
}

/* ---- the command line ---- */

static bool take_file(void *target, const char *text)
{
    argument_list_add(&((struct cat_options *)target)->files, text);
    return true;
}

#define AT(field) offsetof(struct cat_options, field)
static const struct flag own_flags[] = {
    {"raw", 0, FLAG_SWITCH, AT(raw), 0, 0, NULL, NULL,
     "The very bytes of one direction of one session; wants --session and --dir"},
    {.help = "How much:"},
    {"newest-first", 'r', FLAG_SWITCH, AT(newest), 0, 0, NULL, NULL,
     "Begin at the end (the order is always that of the numbers)"},
    {"limit", 'n', FLAG_INTEGER, AT(limit), 1, 9e18, NULL, "N", "End after N rows"},
    {"stats", 0, FLAG_SWITCH, AT(stats), 0, 0, NULL, NULL,
     "Say on stderr, as JSON, how much was read for it"},
};

static const char doc[] =
    "Prints what was recorded, from the archive and the live ring as one series, oldest first: "
    "rows on a terminal, NDJSON as FORMAT.md has it into a pipe. FILEs are segment files to be "
    "read as they are, wherever they lie."
    "\vExit codes: 0 all was intact, also when nothing fits; 1 something was damaged or can't be "
    "read (stderr says what), or no such session; 2 the command line is wrong.";

/* What is wrong with the options as a whole; NULL: nothing. */
static const char *contradiction(const struct cat_options *options)
{
    const struct filter_options *filter = &options->filter;

    if (options->files.count > 0 &&
        (!filter_is_unset(filter) || options->raw || options->newest || options->stats))
        return "FILEs are printed whole: only --json, --table and --limit go with them";
    if (options->raw && (filter->session == NULL || filter->dir == NULL))
        return "--raw wants --session and --dir";
    if (options->raw && (filter->format.json || filter->format.table))
        return "--raw, --json or --table: one of them";
    if (options->raw && options->newest)
        return "--raw goes with the order of the bytes, not with --newest-first";
    if (filter->answers && options->newest)
        return "--answers goes with the oldest first: an answer comes behind its request";
    return NULL;
}

/* As above, when the filter has been resolved. */
static const char *raw_contradiction(const struct query_filter *filter)
{
    if (filter->session_count != 1)
        return "--raw wants one session: this fits several";
    if ((filter->directions & (filter->directions - 1)) != 0)
        return "--raw wants one direction";
    return NULL;
}

static int refuse(const char *command, const char *why)
{
    fprintf(stderr, "%s: %s\n", command, why);
    return SETTINGS_EXIT_STATUS;
}

static int print_archive(struct cat *cat, const struct filter *filter,
                         const struct query_place *place, const char *command)
{
    const char *wrong = cat->options->raw ? raw_contradiction(&filter->query) : NULL;

    if (wrong != NULL)
        return refuse(command, wrong);
    show_init(&cat->show, filter, &cat->options->filter.format, place, command);
    cat_archive(cat);
    if (cat->options->raw && cat->rows == 0 && !cat->failed) {
        fprintf(stderr, "%s: session %s: nothing was recorded in that direction\n", command,
                cat->options->filter.session);
        cat->failed = true;
    }
    output_flush(&cat->show.output);
    cat->failed = cat->failed || cat->show.damaged > 0 || cat->show.output.failed;
    show_close(&cat->show);
    buffer_close(&cat->bytes);
    return cat->failed ? 1 : 0;
}

static int run_with(const struct cat_options *options, const struct settings *settings,
                    const char *command)
{
    char ring[PROGRAM_PATH_MAX];
    struct query_place place = {settings_text(settings, "DATA_DIR"), ring, 0};
    struct cat cat = {.options = options};
    const char *wrong = contradiction(options);
    struct filter filter;
    int code;

    if (wrong != NULL)
        return refuse(command, wrong);
    if (options->files.count > 0)
        return cat_files(&options->files, &options->filter.format, (uint64_t)options->limit,
                         command);
    program_ring_path(ring, settings);
    code = filter_read(&filter, &options->filter, command);
    place.series = filter.series;
    if (code == 0)
        code = filter_find_sessions(&filter, &options->filter, &place, command);
    if (code == 0)
        code = print_archive(&cat, &filter, &place, command);
    filter_close(&filter);
    return code;
}

static int run(int argc, char **argv)
{
    const struct flag_table tables[] = {filter_session_flags, filter_message_flags, format_flags,
                                        FLAG_TABLE(own_flags)};
    const struct arguments arguments = {tables, 4, take_file, "[FILE...]", doc};
    struct cat_options options = {.limit = 0};
    struct settings *settings = arguments_read(&arguments, &options, argc, argv);
    int code = run_with(&options, settings, argv[0]);

    settings_free(settings);
    argument_list_close(&options.files);
    return code;
}

const struct command command_cat = {"cat", "print what was recorded", run};
