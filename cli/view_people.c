/*
 * What a view learns: sessions with address and worker (a hash table by UUID text, forgotten as a
 * whole when it is full at PEOPLE_MAX), and the methods of the newest requests by their number.
 *
 * Nothing here can fail; what was forgotten or never seen is shown without its name.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/terminal.h"
#include "cli/view.h"
#include "lib/base/memory.h"

#define VIEW_REQUESTS ((uint64_t)1 << 18)
#define PEOPLE_MAX    ((size_t)1 << 18) /* places */
#define SESSION_LEN   36

struct view_person {
    char session[SESSION_LEN]; /* first byte 0: free */
    char worker[64];
    char miner[56];
};

struct view_request {
    uint64_t seq;
    uint32_t method;
};

bool view_init(struct view *view, const struct view_options *options, const char *command)
{
    *view = (struct view){.options = options};
    if (options->dir != NULL &&
        !direction_parse(options->dir, strlen(options->dir), &view->direction)) {
        fprintf(stderr,
                "%s: --dir %s: expected miner_to_pool, pool_to_miner, hashscope_to_pool or "
                "pool_to_hashscope\n",
                command, options->dir);
        return false;
    }
    view->table = options->text || (!options->json && isatty(STDOUT_FILENO) == 1);
    view->color = terminal_wants_color();
    view->people_room = 64;
    view->people = memory_new(view->people_room * sizeof(*view->people));
    view->requests = memory_new(VIEW_REQUESTS * sizeof(*view->requests));
    return true;
}

void view_close(struct view *view)
{
    free(view->people);
    free(view->requests);
    buffer_close(&view->out);
}

/* The session's place: where it is, or the free place where it would go. */
static struct view_person *find_place(const struct view *view, struct span session)
{
    size_t at = (size_t)hash_bytes(0, session.data, session.len);

    for (;; at++) {
        struct view_person *person = &view->people[at & (view->people_room - 1)];

        if (person->session[0] == '\0' || memcmp(person->session, session.data, SESSION_LEN) == 0)
            return person;
    }
}

/* Keeps half of the places free; the biggest table starts anew instead. */
static void make_room(struct view *view)
{
    struct view_person *old = view->people;
    size_t room = view->people_room;

    if (view->people_count * 2 < room)
        return;
    if (room < PEOPLE_MAX)
        view->people_room *= 2;
    view->people = memory_new(view->people_room * sizeof(*view->people));
    view->people_count = room < PEOPLE_MAX ? view->people_count : 0;
    for (size_t i = 0; i < room && room < PEOPLE_MAX; i++) {
        if (old[i].session[0] != '\0')
            *find_place(view, span_make(old[i].session, SESSION_LEN)) = old[i];
    }
    free(old);
}

static struct view_person *person_of(struct view *view, struct span session)
{
    struct view_person *person;

    if (session.len != SESSION_LEN)
        return NULL;
    make_room(view);
    person = find_place(view, session);
    if (person->session[0] == '\0') {
        memcpy(person->session, session.data, SESSION_LEN);
        view->people_count++;
    }
    return person;
}

struct span view_name_of(const struct view *view, struct span session)
{
    const struct view_person *person;

    if (session.len != SESSION_LEN)
        return span_text("");
    person = find_place(view, session);
    if (person->session[0] == '\0')
        return span_text("");
    return span_text(person->worker[0] != '\0' ? person->worker : person->miner);
}

bool view_session_has_id(struct span session, const char *wanted)
{
    size_t len = strlen(wanted);

    return session.len == SESSION_LEN && len >= 4 && len <= session.len &&
           (memcmp(session.data, wanted, len) == 0 ||
            memcmp(session.data + session.len - len, wanted, len) == 0);
}

bool view_session_matches(const struct view *view, struct span session, const char *wanted)
{
    return view_session_has_id(session, wanted) ||
           (session.len == SESSION_LEN && span_equal_text(view_name_of(view, session), wanted));
}

/* The worker of a mining.authorize request, whose params begin with it. */
static void learn_worker(struct view_person *person, const json_t *params)
{
    const char *worker = json_string_value(json_array_get(params, 0));

    if (worker != NULL)
        snprintf(person->worker, sizeof(person->worker), "%s", worker);
}

static void learn_event(struct view_person *person, struct span text)
{
    json_t *event = json_loadb(text.data, text.len, 0, NULL);
    const char *miner = json_string_value(json_object_get(event, "miner"));
    const json_t *logins = json_object_get(event, "authorize"); /* in state lines: the requests */

    if (miner != NULL)
        snprintf(person->miner, sizeof(person->miner), "%s", miner);
    for (size_t i = 0; i < json_array_size(logins); i++) {
        const json_t *login = json_array_get(logins, i);

        learn_worker(person, json_is_array(login) ? login : json_object_get(login, "params"));
    }
    json_decref(event);
}

static void learn_message(struct view *view, struct view_person *person, struct view_line *line)
{
    struct view_request *request = &view->requests[line->line.seq % VIEW_REQUESTS];

    if (line->scan.method != STRATUM_METHOD_NONE)
        *request = (struct view_request){line->line.seq, line->scan.method};
    if (line->line.paired) {
        request = &view->requests[line->line.re % VIEW_REQUESTS];
        if (request->seq == line->line.re)
            line->answered = (enum stratum_method)request->method;
    }
    if (person != NULL && line->scan.method == STRATUM_MINING_AUTHORIZE) {
        json_t *message = json_loadb(line->line.msg.data, line->line.msg.len, 0, NULL);

        learn_worker(person, json_object_get(message, "params"));
        json_decref(message);
    }
}

void view_learn(struct view *view, struct view_line *line)
{
    struct view_person *person = person_of(view, line->line.session);

    if (line->line.is_message)
        learn_message(view, person, line);
    else if (person != NULL)
        learn_event(person, line->line.text);
}
