/* messages.c - GET messages, GET messages/{id}. */
#include <stdlib.h>
#include <string.h>

#include "api/live/answers.h"
#include "api/live/live.h"
#include "api/live/message.h"
#include "api/live/message_filter.h"
#include "api/request/rest.h"
#include "lib/base/memory.h"

/* ---- pages ---- */

#define TEXT_THREADS 2

struct list {
    struct message_filter filter;
    struct query_place place;
    struct page page;
    char (*cursors)[QUERY_CURSOR_BYTES]; /* behind each row; NULL: a live page */
};

/* A cursor of a live page is the id of its last message. */
static enum status list_live(const struct rest *rest, struct list *list, const char *cursor,
                             struct error *err)
{
    uint64_t instance = 0;
    struct live_facts facts;
    live_facts(rest->live, &facts);
    if (cursor && !query_id_parse(cursor, &instance, &list->page.behind))
        return error_set(err, STATUS_INVALID, "cursor: it is none of a list with source=live");
    if (cursor && instance != facts.instance)
        return error_set(err, STATUS_INVALID, "cursor: it belongs to another series of recordings");
    (void)live_page(rest->live, &list->filter.query, &list->page);
    return STATUS_OK;
}

static enum status read_rows(struct query *query, struct list *list, struct error *err)
{
    struct page *page = &list->page;
    struct query_row row;
    enum status status;
    list->cursors = memory_new(page->limit * sizeof *list->cursors);
    while ((status = query_next(query, &row, err)) == STATUS_OK) {
        page->instance = row.instance;
        if (!page_add(page, row.line.text, row.line.seq))
            break;
        if (page->count > 0)
            query_cursor(query, list->cursors[page->count - 1]);
    }
    return status == STATUS_END ? STATUS_OK : status;
}

static enum status list_all(const struct rest *rest, struct list *list, const char *cursor,
                            struct error *err)
{
    struct query_options options = {.place = list->place,
                                    .filter = list->filter.query,
                                    .order = list->page.order,
                                    .cursor = cursor};
    struct query *query;
    if (options.filter.text_len) /* has to look into every frame */
        options.threads = TEXT_THREADS;
    enum status status = query_open(&query, &options, err);
    if (status != STATUS_OK)
        return status;
    status = read_rows(query, list, err);
    query_close(query);
    live_complete(rest->live, &list->page);
    answers_complete(rest, &list->page);
    return status;
}

/* Where the next page goes on, behind this row. */
static void write_cursor(struct buffer *out, const struct list *list, size_t row)
{
    char id[QUERY_ID_BYTES];
    query_id_format(id, list->page.instance, list->page.rows[row].seq);
    buffer_append_format(out, "\"%s\"", list->cursors ? list->cursors[row] : id);
}

static void write_list(struct request *request, struct list *list, bool masked)
{
    struct buffer out = {0};
    page_trim(&list->page);
    buffer_append_text(&out, "{\"items\":[");
    size_t written = message_write_page(&out, &list->page, masked);
    buffer_append_text(&out, "],\"next_cursor\":");
    if (list->page.more || written < list->page.count)
        write_cursor(&out, list, written - 1);
    else
        buffer_append_text(&out, "null");
    buffer_append_char(&out, '}');
    reply_json(request, 200, &out);
}

static void get_messages(struct request *request)
{
    const struct parameters *given = &request->parameters;
    const char *cursor = parameter_text(given, "cursor");
    bool oldest = parameter_number(given, "order") == 1;
    struct list list = {.cursors = NULL};
    struct error err;
    page_open(&list.page, oldest ? QUERY_OLDEST_FIRST : QUERY_NEWEST_FIRST,
              (size_t)parameter_number(given, "limit"));
    list.page.skip = (size_t)parameter_number(given, "offset");
    enum status status = message_filter_read(&list.filter, given, &err);
    if (status == STATUS_OK)
        status = request_place(request, given, &list.place, &err);
    list.page.imported = list.place.series != 0;
    if (status == STATUS_OK)
        status = list.filter.query.source == QUERY_LIVE
                     ? list_live(request->rest, &list, cursor, &err)
                     : list_all(request->rest, &list, cursor, &err);
    if (status == STATUS_OK)
        write_list(request, &list, parameter_number(given, "passwords") == 0);
    else
        reply_failure(request, status, &err);
    page_close(&list.page);
    free((void *)list.cursors);
}

/* ---- one ---- */

static void add_found(struct page *page, const struct query_place *place,
                      const struct query_row *row)
{
    struct query_place found = *place;
    page->instance = row->instance;
    query_choose_series(&found, row->instance);
    page->imported = found.series != 0;
    (void)page_add(page, row->line.text, row->line.seq);
}

/* The request's method tells how to read an answer. */
static void learn_answered(const struct rest *rest, struct page *page)
{
    char id[QUERY_ID_BYTES];
    struct segment_line line;
    struct stratum_scan scan;
    struct query *query;
    struct query_row row;
    struct error err;
    struct buffer scratch = {0};
    struct span bytes, text = page_line(page, &page->rows[0]);
    if (segment_line_parse(&line, text.data, text.len) != STATUS_OK || !line.paired)
        return;
    query_id_format(id, page->instance, line.re);
    if (query_find(&query, &rest->place, id, &row, &err) != STATUS_OK)
        return;
    if (query_row_bytes(&row, &scratch, &bytes) == STATUS_OK) {
        stratum_scan_line(&scan, bytes.data, bytes.len);
        page->rows[0].answered = scan.method;
    }
    buffer_close(&scratch);
    query_close(query);
}

static enum status find_archived(const struct rest *rest, const char *id, struct page *page,
                                 struct error *err)
{
    struct query *query;
    struct query_row row;
    enum status status = query_find(&query, &rest->place, id, &row, err);
    if (status != STATUS_OK)
        return status;
    if (!row.line.is_message)
        status = error_set(err, STATUS_NOT_FOUND, "%s is an event, not a message", id);
    else
        add_found(page, &rest->place, &row);
    query_close(query);
    if (status != STATUS_OK)
        return status;
    live_complete(rest->live, page);
    answers_complete(rest, page);
    learn_answered(rest, page);
    return STATUS_OK;
}

static void get_message(struct request *request)
{
    uint64_t instance, seq;
    struct page page;
    struct error err;
    struct buffer out = {0};
    enum status status = STATUS_OK;
    if (!query_id_parse(request->id, &instance, &seq)) {
        reply_error(request, 422, "%s is no id of a message", request->id);
        return;
    }
    page_open(&page, QUERY_NEWEST_FIRST, 1);
    if (!live_find(request->rest->live, instance, seq, &page))
        status = find_archived(request->rest, request->id, &page, &err);
    if (status == STATUS_OK) {
        (void)message_write_page(&out, &page,
                                 parameter_number(&request->parameters, "passwords") == 0);
        reply_json(request, 200, &out);
    } else {
        reply_failure(request, status, &err);
    }
    page_close(&page);
}

/* ---- the table ---- */

#define PASSWORDS                                                                                  \
    {                                                                                              \
        .name = "passwords", .kind = PARAMETER_CHOICE, .choices = "masked|shown"                   \
    }

static const struct parameter list_parameters[] = {
    MESSAGE_FILTER_PARAMETERS,
    {.name = "order", .kind = PARAMETER_CHOICE, .choices = "newest|oldest"},
    {.name = "cursor", .kind = PARAMETER_TEXT, .most = QUERY_CURSOR_BYTES},
    {.name = "limit", .kind = PARAMETER_INTEGER, .least = 1, .most = 1000, .fallback = 100},
    {.name = "offset", .kind = PARAMETER_INTEGER, .most = 1000000},
    PASSWORDS,
};
static const struct parameter one_parameters[] = {PASSWORDS};

static const struct route routes[] = {
    {"GET", "/api/messages", get_messages, ROUTE_PARAMETERS(list_parameters), ROUTE_HEAVY},
    {"GET", "/api/messages/{id}", get_message, ROUTE_PARAMETERS(one_parameters), 0},
};
const struct route_table rest_messages = {routes, sizeof routes / sizeof routes[0]};
