/*
 * main.c - hashscope-import: captures of Stratum traffic made by anyone become segments like
 * any other; also lists and removes what was imported.
 *
 * Exit status: 0 imported (or imported before); 1 it failed, or nothing in the files is Stratum; 2
 * the command line is wrong; 3 imported, but a part of a file could not be read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/import/job.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/command/filter.h"

#define EXIT_PARTLY 3

struct import_options {
    struct format_options format; /* --json, --table */
    const char *ports, *remove;
    bool all, force, list;
    struct argument_list files;
};

#define AT(field) offsetof(struct import_options, field)
static const struct flag own_flags[] = {
    {.help = "Which connections (else those that speak Stratum):"},
    {"port", 'P', FLAG_TEXT, AT(ports), 0, 0, NULL, "PORT[,...]",
     "Those of these ports, whatever they say, and no others"},
    {"all", 'a', FLAG_SWITCH, AT(all), 0, 0, NULL, NULL, "All TCP connections, whatever they say"},
    {.help = "What else:"},
    {"force", 'f', FLAG_SWITCH, AT(force), 0, 0, NULL, NULL,
     "Import again what was imported before"},
    {"list", 'l', FLAG_SWITCH, AT(list), 0, 0, NULL, NULL, "List what was imported"},
    {"remove", 0, FLAG_TEXT, AT(remove), 0, 0, NULL, "INSTANCE", "Remove an import"},
    {"json", 'j', FLAG_SWITCH, offsetof(struct import_options, format.json), 0, 0, NULL, NULL,
     "Say it in JSON"},
};

static const char doc[] =
    "Turns captures of Stratum traffic (pcap or pcapng, made by tcpdump, Wireshark or HashScope) "
    "into recorded sessions, below segments/imported of the data directory. Several FILEs are one "
    "capture. `-' is standard input."
    "\vWhat was imported is read with --series INSTANCE of ls, cat and export. Exit codes: 0 "
    "imported, or imported before; 1 it failed, or nothing in the files is Stratum; 2 the command "
    "line is wrong; 3 imported, but a part of a file could not be read.";

static int fail(const char *command, const char *text)
{
    fprintf(stderr, "%s: %s\n", command, text);
    return 1;
}

static int print(const char *command, const struct buffer *text)
{
    if (text->len == 0)
        return 0;
    if (fwrite(text->data, 1, text->len, stdout) != text->len || fflush(stdout) != 0)
        return fail(command, strerror(errno));
    return 0;
}

/* ------------------------------------------------------------------ the command line */

static bool take_file(void *target, const char *text)
{
    argument_list_add(&((struct import_options *)target)->files, text);
    return true;
}

static bool read_ports(struct import_choice *out, const char *text)
{
    while (out->port_count < IMPORT_PORTS_MAX) {
        char *end;
        unsigned long port = strtoul(text, &end, 10);
        if (end == text || port == 0 || port > UINT16_MAX || (*end && *end != ','))
            return false;
        out->ports[out->port_count++] = (uint16_t)port;
        if (!*end)
            return true;
        text = end + 1;
    }
    return false;
}

/* ------------------------------------------------------------------ listing and removing */

static void append_entry(struct buffer *out, const struct import_entry *entry, bool json)
{
    char first[CLOCK_TEXT_LEN], last[CLOCK_TEXT_LEN], when[CLOCK_TEXT_LEN];
    clock_format(first, clock_ns(entry->first_us, NS_PER_US));
    clock_format(last, clock_ns(entry->last_us, NS_PER_US));
    clock_format(when, entry->imported_ns);
    if (json)
        buffer_append_format(
            out,
            "{\"instance\":\"%016" PRIx64 "\",\"imported\":\"%.*s\",\"sessions\":%" PRIu64
            ",\"messages\":%" PRIu64 ",\"first\":\"%.*s\",\"last\":\"%.*s\",\"segments\":%" PRIu64
            ",\"bytes\":%" PRIu64 ",\"import\":%s}\n",
            entry->instance, CLOCK_TEXT_LEN, when, entry->sessions, entry->messages, CLOCK_TEXT_LEN,
            first, CLOCK_TEXT_LEN, last, entry->segments, entry->bytes,
            entry->json ? entry->json : "null");
    else
        buffer_append_format(out,
                             "%016" PRIx64 "  %.19sZ  %8" PRIu64 " sessions  %10" PRIu64
                             " messages  %.19sZ to %.19sZ  %" PRIu64 " bytes\n",
                             entry->instance, when, entry->sessions, entry->messages, first, last,
                             entry->bytes);
}

static int list(const char *command, const char *data_dir, bool json)
{
    struct import_entry *entries;
    struct buffer out = {0};
    struct error err;
    size_t count;
    if (import_store_list(data_dir, &entries, &count, &err) != STATUS_OK)
        return fail(command, err.text);
    for (size_t i = 0; i < count; i++)
        append_entry(&out, &entries[i], json);
    int code = print(command, &out);
    import_entries_free(entries, count);
    buffer_close(&out);
    return code;
}

static int remove_import(const char *command, const char *data_dir, const char *text)
{
    struct import_store store;
    struct error err;
    uint64_t instance;
    if (!filter_parse_series(text, &instance)) {
        fprintf(stderr, "%s: --remove %s: expected 16 hexadecimal digits\n", command, text);
        return SETTINGS_EXIT_STATUS;
    }
    if (import_store_open(&store, data_dir, &err) != STATUS_OK)
        return fail(command, err.text);
    enum status status = import_store_remove(&store, instance, &err);
    import_store_close(&store);
    return status == STATUS_OK ? 0 : fail(command, err.text);
}

/* ------------------------------------------------------------------ importing */

/* A pipe is read twice by way of a copy without a name. */
static enum status copy_pipe(struct import_file *file, FILE *in, struct error *err)
{
    char room[65536];
    size_t got;
    file->file = tmpfile();
    if (!file->file)
        return error_errno(err, errno, "copying %s", file->path);
    while ((got = fread(room, 1, sizeof room, in)) > 0) {
        if (fwrite(room, 1, got, file->file) != got)
            return error_errno(err, errno, "copying %s", file->path);
    }
    return fflush(file->file) == 0 ? STATUS_OK : error_errno(err, errno, "copying %s", file->path);
}

static enum status prepare(struct import_file *file, const char *path, struct error *err)
{
    struct stat st;
    *file = (struct import_file){.path = path};
    bool standard = strcmp(path, "-") == 0;
    if (!standard && (stat(path, &st) != 0 || S_ISREG(st.st_mode)))
        return STATUS_OK;
    if (!standard && S_ISDIR(st.st_mode))
        return error_set(err, STATUS_INVALID, "%s is a folder", path);
    FILE *in = standard ? stdin : fopen(path, "rbe");
    if (!in)
        return error_errno(err, errno, "opening %s", path);
    enum status status = copy_pipe(file, in, err);
    if (in != stdin)
        fclose(in);
    return status;
}

static int tell(const char *command, const struct import_summary *summary,
                const struct import_job_options *job, bool json)
{
    struct buffer out = {0};
    int code = 0;
    if (json) {
        import_summary_append_json(&out, summary, job);
        buffer_append_char(&out, '\n');
    } else if (summary->existing) {
        fprintf(stderr, "%s: imported before; --force imports it again\n", command);
        buffer_append_format(&out, "series %016" PRIx64 "\n", summary->instance);
    } else {
        buffer_append_format(&out, "series %016" PRIx64 "\n", summary->instance);
        import_summary_append_text(&out, summary);
    }
    code = print(command, &out);
    buffer_close(&out);
    return code == 0 && summary->damaged ? EXIT_PARTLY : code;
}

static int import(const char *command, const struct import_options *options,
                  struct import_job_options *job)
{
    struct import_summary summary = {.instance = 0};
    struct error err = {""};
    enum status status = STATUS_OK;
    job->files = memory_new(options->files.count * sizeof *job->files);
    for (size_t i = 0; i < options->files.count && status == STATUS_OK; i++) {
        status = prepare(&job->files[i], options->files.items[i], &err);
        job->file_count++;
    }
    if (status == STATUS_OK)
        status = import_job_run(&summary, job, &err);
    int code = 1;
    if (status == STATUS_OK) {
        code = tell(command, &summary, job, options->format.json);
    } else {
        (void)fail(command, err.text);
        if (status == STATUS_NOT_FOUND && summary.packets)
            (void)tell(command, &summary, job, options->format.json);
    }
    for (size_t i = 0; i < job->file_count; i++) {
        if (job->files[i].file)
            fclose(job->files[i].file);
    }
    free(job->files);
    return code;
}

static int run(const struct import_options *options, const char *data_dir, const char *command)
{
    struct import_job_options job = {
        .data_dir = data_dir, .force = options->force, .choice.all = options->all};
    if (options->list)
        return list(command, data_dir, options->format.json);
    if (options->remove)
        return remove_import(command, data_dir, options->remove);
    if (options->ports && !read_ports(&job.choice, options->ports)) {
        fprintf(stderr, "%s: --port %s: expected up to %d ports with commas between them\n",
                command, options->ports, IMPORT_PORTS_MAX);
        return SETTINGS_EXIT_STATUS;
    }
    if (options->files.count == 0) {
        fprintf(stderr, "%s: expected FILE...\nTry `%s --help' for more information.\n", command,
                command);
        return SETTINGS_EXIT_STATUS;
    }
    return import(command, options, &job);
}

int main(int argc, char **argv)
{
    const struct flag_table tables[] = {FLAG_TABLE(own_flags)};
    const struct arguments arguments = {tables, 1, take_file, "FILE...", doc};
    struct import_options options = {.list = false};
    struct settings *settings = arguments_read(&arguments, &options, argc, argv);
    settings_setup_log(settings, "import");
    int code = run(&options, settings_text(settings, "DATA_DIR"), argv[0]);
    settings_free(settings);
    argument_list_close(&options.files);
    return code;
}
