/* answers.c - completing a page from the archive. */
#include "api/live/answers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

/* What is looked for. */
struct search {
    struct page *page;
    struct uuid *sessions; /* of rows that miss something; each once */
    size_t session_count;
    size_t open;               /* requests without an answer */
    uint64_t first_seq;        /* of them */
    int64_t last_ns, first_ns; /* of all rows */
};

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

static void sort_sessions(struct search *search)
{
    size_t kept = 0;
    qsort(search->sessions, search->session_count, sizeof *search->sessions, by_bytes);
    for (size_t i = 0; i < search->session_count; i++) {
        if (kept == 0 || !uuid_equal(&search->sessions[kept - 1], &search->sessions[i]))
            search->sessions[kept++] = search->sessions[i];
    }
    search->session_count = kept;
}

static struct page_row *row_of(const struct page *page, uint64_t seq)
{
    size_t low = 0, high = page->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t here = page->rows[middle].seq;
        if (here == seq)
            return &page->rows[middle];
        if (page->order == QUERY_NEWEST_FIRST ? here > seq : here < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void scan_row(struct stratum_scan *scan, struct span line)
{
    struct query_row row = {0};
    struct buffer scratch = {0};
    struct span bytes;
    memset(scan, 0, sizeof *scan);
    if (segment_line_parse(&row.line, line.data, line.len) == STATUS_OK &&
        query_row_bytes(&row, &scratch, &bytes) == STATUS_OK)
        stratum_scan_line(scan, bytes.data, bytes.len);
    buffer_close(&scratch);
}

/* A request waits for an answer when the recorder would pair it: it has a method and an id. */
static bool waits(struct span line, const struct page_row *row)
{
    struct stratum_scan scan;
    if (row->answer_len)
        return false;
    scan_row(&scan, line);
    return scan.kind == STRATUM_REQUEST;
}

static void look_at(struct search *search, struct page_row *row)
{
    struct segment_line line;
    struct stratum_scan scan;
    struct span text = page_line(search->page, row);
    if (segment_line_parse(&line, text.data, text.len) != STATUS_OK)
        return;
    bool open = waits(text, row);
    struct page_row *request = line.paired ? row_of(search->page, line.re) : NULL;
    if (request) {
        scan_row(&scan, page_line(search->page, request));
        row->answered = scan.method;
        if (!request->answer_len)
            page_answer_with(request, row);
    }
    if ((open || !row->peer[0]) &&
        uuid_parse(&search->sessions[search->session_count], line.session.data, line.session.len))
        search->session_count++;
    search->last_ns = line.wall_ns > search->last_ns ? line.wall_ns : search->last_ns;
    search->first_ns = line.wall_ns < search->first_ns ? line.wall_ns : search->first_ns;
}

static void count_open(struct search *search)
{
    search->open = 0;
    search->first_seq = UINT64_MAX;
    for (size_t i = 0; i < search->page->count; i++) {
        const struct page_row *row = &search->page->rows[i];
        if (!waits(page_line(search->page, row), row))
            continue;
        search->open++;
        search->first_seq = row->seq < search->first_seq ? row->seq : search->first_seq;
    }
}

/* Where the page comes from. */
static struct query_place place_of(const struct rest *rest, const struct search *search)
{
    struct query_place place = rest->place;
    if (search->page->imported)
        query_choose_series(&place, search->page->instance);
    return place;
}

static void find_answers(const struct rest *rest, struct search *search)
{
    int64_t give_up_ns = clock_mono_ns() + ANSWERS_MS * NS_PER_MS;
    struct query_options options = {
        .place = place_of(rest, search),
        .filter = {.what = QUERY_MESSAGES,
                   .first_seq = search->first_seq + 1,
                   .to_ns = clock_later(search->last_ns,
                                        (rest->pair_timeout_sec + INT64_C(60)) * NS_PER_S),
                   .sessions = search->sessions,
                   .session_count = search->session_count},
    };
    struct query *query;
    struct query_row row;
    struct error err;
    if (query_open(&query, &options, &err) != STATUS_OK)
        return;
    for (unsigned rows = 0; search->open > 0 && rows < ANSWERS_ROWS; rows++) {
        if (query_next(query, &row, &err) != STATUS_OK || clock_mono_ns() > give_up_ns)
            break;
        struct page_row *request = row.line.paired ? row_of(search->page, row.line.re) : NULL;
        if (request && !request->answer_len) {
            page_set_answer(search->page, request, row.line.text);
            search->open--;
        }
    }
    query_close(query);
}

/* ---- who the miners are ---- */

static void set_peer(struct page *page, const struct query_session *session)
{
    char id[UUID_TEXT_LEN];
    uuid_format(id, &session->session);
    for (size_t i = 0; i < page->count; i++) {
        struct page_row *row = &page->rows[i];
        struct segment_line line;
        struct span text = page_line(page, row);
        if (row->peer[0] || segment_line_parse(&line, text.data, text.len) != STATUS_OK ||
            !span_equal(line.session, span_make(id, sizeof id)))
            continue;
        size_t len =
            session->miner.len < PAGE_PEER_BYTES ? session->miner.len : PAGE_PEER_BYTES - 1;
        memcpy(row->peer, session->miner.data ? session->miner.data : "", len);
        row->peer[len] = '\0';
    }
}

static void find_peers(const struct rest *rest, struct search *search)
{
    struct query_sessions_options options = {
        .place = place_of(rest, search),
        .filter = {.from_ns = search->first_ns,
                   .to_ns = clock_later(search->last_ns, 1),
                   .sessions = search->sessions,
                   .session_count = search->session_count},
    };
    struct query_sessions *sessions;
    struct query_session session;
    struct error err;
    if (query_sessions_open(&sessions, &options, &err) != STATUS_OK)
        return;
    while (query_sessions_next(sessions, &session, &err) == STATUS_OK)
        set_peer(search->page, &session);
    query_sessions_close(sessions);
}

void answers_complete(const struct rest *rest, struct page *page)
{
    struct search search = {.page = page, .first_ns = INT64_MAX, .last_ns = INT64_MIN};
    bool peers = false;
    if (page->count == 0)
        return;
    search.sessions = memory_new(page->count * sizeof *search.sessions);
    for (size_t i = 0; i < page->count; i++) {
        look_at(&search, &page->rows[i]);
        peers = peers || !page->rows[i].peer[0];
    }
    sort_sessions(&search);
    count_open(&search);
    if (search.open > 0 && search.session_count > 0)
        find_answers(rest, &search);
    if (peers && search.session_count > 0)
        find_peers(rest, &search);
    free(search.sessions);
}
