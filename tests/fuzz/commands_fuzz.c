/*
 * commands_fuzz.c - `hashscope cat`, `ls`, `info`, `verify` and what `export` does, over archives
 * of odd recordings (odd_archive.h), whole commands with many options.
 *
 * Where the files are as the recorder wrote them: the commands find nothing wrong; each line of
 * NDJSON is one strict JSON object; `cat --raw` gives the very bytes that were sent, both ways;
 * `ls` and an export count the messages that there were. Where they are hostile, every command
 * ends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/commands/command.h"
#include "lib/export/export.h"
#include "lib/segment/segment.h"
#include "tests/fuzz/odd_archive.h"
#include "tests/fuzz/odd_json.h"

#define WORDS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct odd_archive archive;
static int printed = -1; /* stdout */
static FILE *nowhere;
static struct buffer output;

static void end(void)
{
    odd_archive_end(&archive);
    buffer_close(&output);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    odd_archive_begin(&archive);
    atexit(end);
    printed = memfd_create("stdout", 0);
    nowhere = fopen("/dev/null", "w");
    odd_require(printed >= 0 && nowhere && dup2(printed, STDOUT_FILENO) == STDOUT_FILENO,
                "output can be caught");
    return 0;
}

/* ---- running ---- */

static void take_output(void)
{
    off_t len;
    (void)fflush(stdout);
    len = lseek(STDOUT_FILENO, 0, SEEK_END);
    buffer_clear(&output);
    if (len > 0) {
        ssize_t got = pread(printed, buffer_reserve(&output, (size_t)len), (size_t)len, 0);
        odd_require(got == len, "output can be read");
        output.len = (size_t)len;
    }
    odd_require(ftruncate(printed, 0) == 0 && lseek(STDOUT_FILENO, 0, SEEK_SET) == 0,
                "output can be forgotten");
}

/* Words up to NULL; what was printed is in `output`. */
static int run(const struct command *command, const char *const *words)
{
    char *arguments[WORDS_MAX + 8] = {
        (char *)command->name, "--env-file",  "/dev/null", "--data-dir",
        archive.folder,        "--log-level", "error"};
    int count = 7;
    FILE *errors = stderr;
    for (; *words && count < WORDS_MAX + 7; words++)
        arguments[count++] = (char *)*words;
    stderr = nowhere;
    int code = command->run(count, arguments);
    stderr = errors;
    take_output();
    return code;
}

#define RUN(command, ...) run(&(command), (const char *const[]){__VA_ARGS__, NULL})

/* How many lines there are; each must be a JSON object, which may be looked at. */
static size_t for_each_object(void (*look)(const json_t *object, void *user), void *user)
{
    size_t count = 0;
    for (size_t at = 0; at < output.len; count++) {
        const char *line = output.data + at, *newline = memchr(line, '\n', output.len - at);
        odd_require(newline != NULL, "the last line ends");
        json_t *tree = odd_json(span_make(line, (size_t)(newline - line)));
        odd_require(json_is_object(tree), "a line is strict JSON");
        if (look)
            look(tree, user);
        json_decref(tree);
        at += (size_t)(newline - line) + 1;
    }
    return count;
}

static size_t count_objects(void)
{
    return for_each_object(NULL, NULL);
}

/* ---- what must hold of an archive that is as it was written ---- */

static void check_streams(void)
{
    static const char *const directions[] = {"miner_to_pool", "pool_to_miner"};
    for (unsigned i = 0; i < ODD_SESSIONS; i++) {
        char session[UUID_TEXT_LEN + 1] = "";
        uuid_format(session, &archive.sessions[i]);
        for (unsigned side = 0; side < 2; side++) {
            const struct buffer *sent = &archive.streams[i][side];
            if (sent->len == 0)
                continue;
            int code = RUN(command_cat, "--raw", "--session", session, "--dir", directions[side]);
            odd_require(code == 0, "cat --raw finds nothing wrong");
            odd_require(output.len == sent->len && memcmp(output.data, sent->data, sent->len) == 0,
                        "cat --raw gives what was sent");
        }
    }
}

static uint64_t messages(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < ODD_SESSIONS; i++)
        sum += archive.messages[i];
    return sum;
}

static void add_messages(const json_t *session, void *sum)
{
    const json_t *value;
    const char *name;
    json_object_foreach(json_object_get(session, "messages"), name, value) * (uint64_t *)sum +=
        (uint64_t)json_real_value(value);
}

static void check_whole(void)
{
    uint64_t listed = 0;
    odd_require(RUN(command_cat, "--json", "--kind", "messages") == 0, "cat finds nothing wrong");
    odd_require(count_objects() == messages(), "cat gives all messages");
    odd_require(RUN(command_ls, "--json") == 0, "ls finds nothing wrong");
    (void)for_each_object(add_messages, &listed);
    odd_require(listed == messages(), "ls counts all messages");
    odd_require(RUN(command_verify, "--json") == 0, "verify finds nothing wrong");
    check_streams();
}

/* ---- what has to end, whatever there is ---- */

static enum status count_bytes(void *user, const void *data, size_t len, struct error *err)
{
    (void)err;
    (void)data;
    *(uint64_t *)user += len;
    return STATUS_OK;
}

static void export(struct odd_tape *tape)
{
    uint64_t bytes = 0;
    const struct export_sink sink = {count_bytes, &bytes};
    uint8_t how = odd_byte(tape);
    const struct export_options options = {
        .place = {archive.folder, NULL, 0},
        .format = (enum export_format)odd_below(tape, EXPORT_CSV + 1),
        .sides = how & 1 ? EXPORT_SIDES_BOTH : EXPORT_SIDES_POOL,
        .link = how & 2 ? EXPORT_LINK_ETHERNET : EXPORT_LINK_RAW,
        .mtu = how & 4 ? EXPORT_MTU_MIN : 0,
        .mask_passwords = how & 8,
        .filter = {.errors = how & 16,
                   .session_count = how & 32 ? 1 : 0,
                   .sessions = archive.sessions},
    };
    struct export *job;
    struct error err;
    enum status status = export_open(&job, &options, &sink, &err);
    if (status == STATUS_OK) {
        while ((status = export_step(job, &err)) == STATUS_OK)
            ;
        if (status == STATUS_END)
            status = export_finish(job, &err);
        export_close(job);
    }
    odd_require(status == STATUS_OK || archive.hostile, "an export gets to its end");
}

static void any_cat(struct odd_tape *tape)
{
    static const char *const filters[][3] = {
        {"--errors", NULL, NULL},         {"--worker", "rig", NULL},
        {"--grep", "x", "--ignore-case"}, {"--method", "submit", "--answers"},
        {"--kind", "states", NULL},       {"--method", "authorize,login", NULL},
        {"--agent", "cgminer", NULL},     {"--first-seq", "4", NULL},
        {"--peer", "192.0.2.10", NULL},   {"--since", "2025-11-22T08:26:45Z", NULL},
        {"--newest-first", NULL, NULL},   {NULL, NULL, NULL},
        {"--worker", "\x01\"\\", NULL},   {"--grep", "\xc3\xa9", NULL},
        {"--method", "mining.x", NULL},
    };
    const char *const *filter = filters[odd_below(tape, sizeof filters / sizeof filters[0])];
    bool table = odd_byte(tape) & 1;
    const char *form = table ? "--table" : "--json";
    int code = odd_byte(tape) & 3 /* without a limit there are threads, which take their time */
                   ? RUN(command_cat, form, "--limit", "1000", filter[0], filter[1], filter[2])
                   : RUN(command_cat, form, filter[0], filter[1], filter[2]);
    odd_require(code == 0 || archive.hostile, "cat finds nothing wrong");
    if (!table && !archive.hostile)
        (void)count_objects();
}

static void any_list(struct odd_tape *tape)
{
    uint8_t how = odd_byte(tape);
    int code = RUN(command_ls, how & 1 ? "--json" : "--table", how & 2 ? "--segments" : NULL);
    odd_require(code == 0 || archive.hostile, "ls finds nothing wrong");
    if (how & 1)
        (void)count_objects();
}

static void any_file(struct odd_tape *tape)
{
    struct segment_path *paths;
    size_t count;
    struct error err;
    uint8_t how = odd_byte(tape);
    odd_require(segment_list(archive.folder, &paths, &count, &err) == STATUS_OK, err.text);
    if (count > 0) {
        const char *path = paths[odd_below(tape, count)].path;
        const char *form = how & 1 ? "--json" : "--table";
        int code = how & 2   ? RUN(command_info, form, path)
                   : how & 4 ? RUN(command_verify, form, path)
                             : RUN(command_cat, form, path);
        odd_require(code == 0 || archive.hostile, "of a file nothing is found wrong");
        if ((how & 1) && (how & 6 || !archive.hostile))
            (void)count_objects();
    }
    segment_list_free(paths, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const works[])(struct odd_tape *) = {export, any_cat, any_list, any_file};
    struct odd_tape tape = {data, size}, choices = {data, size < 10 ? size : 10};
    tape.at += choices.left;
    tape.left -= choices.left;
    odd_archive_make(&archive, &tape);
    if (archive.hostile) { /* shows all numbers of every file: they may be of any size */
        (void)RUN(command_ls, "--json", "--segments");
        (void)count_objects();
    }
    if (!archive.hostile && odd_byte(&choices) % 4 == 0)
        check_whole();
    else
        works[odd_below(&choices, sizeof works / sizeof works[0])](&choices);
    return 0;
}
