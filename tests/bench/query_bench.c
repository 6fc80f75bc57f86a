/*
 * query_bench.c - how long queries take, on an archive made by archive_make.
 *
 *   query_bench DATA_DIR [THREADS]      a table: what was asked, rows, milliseconds, share of the
 *                                       compressed bytes read, frames, files
 *   query_bench DATA_DIR THREADS cat          every line to stdout, as `rg -z ''` prints them
 *   query_bench DATA_DIR THREADS find TEXT    the lines with this text, as `rg -z TEXT` does
 *
 * Sessions, hours and methods are picked from the archive itself: the shortest session, the hour in
 * the middle. Each is asked three times; the best time counts (files are in the page cache then).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/query/query.h"
#include "lib/stratum/scan.h"

#define ROUNDS 3
#define PAGE   100

static const char *folder;
static unsigned threads;
static uint64_t archive_bytes;

static void must(enum status status, const struct error *err)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "query_bench: %s\n", err->text);
    exit(1);
}

static double run(const struct query_options *options, uint64_t most,
                  struct query_statistics *statistics)
{
    struct query *query;
    struct query_row row;
    struct error err = {""};
    int64_t begin = clock_mono_ns();
    must(query_open(&query, options, &err), &err);
    enum status status = STATUS_OK;
    for (uint64_t i = 0; i < most && status == STATUS_OK; i++)
        status = query_next(query, &row, &err);
    must(status == STATUS_END ? STATUS_OK : status, &err);
    *statistics = *query_statistics(query);
    query_close(query);
    return (double)(clock_mono_ns() - begin) / 1e6;
}

static void ask(const char *what, struct query_options options, uint64_t most)
{
    struct query_statistics statistics;
    double best = 1e18;
    options.place.data_dir = folder;
    for (int i = 0; i < ROUNDS; i++) {
        double took = run(&options, most, &statistics);
        best = took < best ? took : best;
    }
    printf("%-44s %10" PRIu64 " rows %9.1f ms %8.3f %% read %6" PRIu64 " frames %6" PRIu64
           " files opened\n",
           what, statistics.rows, best,
           100 * (double)statistics.bytes_read / (double)(archive_bytes ? archive_bytes : 1),
           statistics.frames_read, statistics.files_opened);
}

/* The session with the fewest lines among those in the middle of the listing. */
static struct query_session list_sessions(void)
{
    struct query_sessions_options options = {.place = {folder, NULL, 0}};
    struct query_session session, chosen = {0};
    struct query_sessions *sessions;
    struct error err = {""};
    double best = 1e18;
    size_t count = 0;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t begin = clock_mono_ns();
        must(query_sessions_open(&sessions, &options, &err), &err);
        double took = (double)(clock_mono_ns() - begin) / 1e6;
        best = took < best ? took : best;
        count = query_sessions_count(sessions);
        for (size_t k = 0; query_sessions_next(sessions, &session, &err) == STATUS_OK; k++) {
            if (k > count / 3 && session.last_seq &&
                (!chosen.last_seq ||
                 session.last_seq - session.first_seq < chosen.last_seq - chosen.first_seq))
                chosen = session;
        }
        query_sessions_close(sessions);
    }
    printf("%-44s %10zu rows %9.1f ms\n", "all sessions", count, best);
    return chosen;
}

static void table(void)
{
    struct query_session session = list_sessions();
    struct query_options all = {.threads = threads, .bare = true}, page = {.threads = 0};
    struct query_options some = page;

    ask("every line, bare", all, UINT64_MAX);
    all.bare = false;
    ask("every line, taken apart", all, UINT64_MAX);
    all.bare = true;
    all.filter.text = "zanzibar.rare";
    all.filter.text_len = strlen(all.filter.text);
    ask("a rare text", all, UINT64_MAX);
    all.filter.ignore_case = true;
    ask("a rare text in either case", all, UINT64_MAX);
    all.filter = (struct query_filter){.errors = true};
    ask("all errors", all, UINT64_MAX);

    some.filter = (struct query_filter){.sessions = &session.session, .session_count = 1};
    ask("a short session, all of it", some, UINT64_MAX);
    ask("a short session, first page", some, PAGE);
    some.order = QUERY_NEWEST_FIRST;
    ask("a short session, newest page", some, PAGE);
    some = page;
    some.filter.from_ns = session.first_ns;
    some.filter.to_ns = session.first_ns + 3600 * NS_PER_S;
    ask("an hour, all of it", some, UINT64_MAX);
    ask("an hour, first page", some, PAGE);
    some.order = QUERY_NEWEST_FIRST;
    ask("an hour, newest page", some, PAGE);
    some = page;
    some.filter.methods = UINT64_C(1) << STRATUM_CLIENT_RECONNECT;
    ask("a rare method, all of it", some, UINT64_MAX);
    some.filter.methods = UINT64_C(1) << STRATUM_MINING_NOTIFY;
    ask("mining.notify, first page", some, PAGE);
    some.filter = (struct query_filter){.errors = true};
    ask("errors, first page", some, PAGE);
    some.order = QUERY_NEWEST_FIRST;
    ask("errors, newest page", some, PAGE);
    some.filter = (struct query_filter){.worker = "rig00003"};
    ask("a worker, newest page", some, PAGE);
    some.filter = (struct query_filter){0};
    ask("newest page", some, PAGE);
    some.order = QUERY_OLDEST_FIRST;
    ask("oldest page", some, PAGE);
    some.filter.first_seq = (session.first_seq + session.last_seq) / 2;
    ask("a page from a number on", some, PAGE);
}

/* ------------------------------------------------------------------ against rg -z */

static int print(const char *text)
{
    static char out[1 << 20];
    struct query_options options = {.place = {folder, NULL, 0}, .threads = threads, .bare = true};
    struct query *query;
    struct query_row row;
    struct error err = {""};
    enum status status;
    if (text) {
        options.filter.text = text;
        options.filter.text_len = strlen(text);
    }
    setvbuf(stdout, out, _IOFBF, sizeof out);
    must(query_open(&query, &options, &err), &err);
    while ((status = query_next(query, &row, &err)) == STATUS_OK) {
        fwrite_unlocked(row.line.text.data, 1, row.line.text.len, stdout);
        putc_unlocked('\n', stdout);
    }
    query_close(query);
    must(status == STATUS_END ? STATUS_OK : status, &err);
    return fflush(stdout) == 0 ? 0 : 1;
}

static void measure_archive(void)
{
    struct segment_path *paths;
    struct stat st;
    struct error err = {""};
    size_t count;
    must(segment_list(folder, &paths, &count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        if (stat(paths[i].path, &st) == 0)
            archive_bytes += (uint64_t)st.st_size;
    }
    printf("%zu segments, %.1f MB compressed, %u threads\n", count, (double)archive_bytes / 1e6,
           threads);
    segment_list_free(paths, count);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: query_bench DATA_DIR [THREADS [cat | find TEXT]]\n");
        return 2;
    }
    folder = argv[1];
    threads = argc > 2 ? (unsigned)atoi(argv[2]) : 2;
    if (argc > 3)
        return print(argc > 4 ? argv[4] : NULL);
    measure_archive();
    table();
    return 0;
}
