/*
 * job.c - hash, judge, record, give the result its name. Whatever fails on the way removes
 * what was begun.
 */
#include "exporter/import/job.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define SEGMENT_MAX_BYTES (128u << 20)
#define PAIR_TIMEOUT_NS   (120 * NS_PER_S)
#define READ_BYTES        (256u << 10)

/* ------------------------------------------------------------------ what the files are */

static enum status hash_file(struct import_file *file, EVP_MD_CTX *hash, char *room,
                             struct error *err)
{
    FILE *in = file->file ? file->file : fopen(file->path, "rbe");
    enum status status = STATUS_OK;
    size_t got;
    if (!in)
        return error_errno(err, errno, "opening %s", file->path);
    rewind(in);
    file->bytes = 0;
    (void)EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    errno = 0;
    while ((got = fread(room, 1, READ_BYTES, in)) > 0) {
        (void)EVP_DigestUpdate(hash, room, got);
        file->bytes += got;
    }
    if (ferror(in))
        status = error_errno(err, errno ? errno : EIO, "reading %s", file->path);
    (void)EVP_DigestFinal_ex(hash, file->digest, NULL);
    if (in != file->file)
        fclose(in);
    return status;
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, sizeof((struct import_file *)0)->digest);
}

/* Of the contents, whatever the files are called and in which order they are given; `again` makes
 * another one of the same files. */
static uint64_t instance_of(const struct import_job_options *options, EVP_MD_CTX *hash,
                            unsigned char again)
{
    const size_t size = sizeof options->files[0].digest;
    unsigned char *digests = memory_new(options->file_count * size + 1), digest[EVP_MAX_MD_SIZE];
    for (size_t i = 0; i < options->file_count; i++)
        memcpy(digests + i * size, options->files[i].digest, size);
    qsort(digests, options->file_count, size, compare_digests);
    (void)EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    (void)EVP_DigestUpdate(hash, digests, options->file_count * size);
    (void)EVP_DigestUpdate(hash, &again, again > 0);
    (void)EVP_DigestFinal_ex(hash, digest, NULL);
    free(digests);
    uint64_t instance = 0;
    for (int i = 0; i < 8; i++)
        instance = instance << 8 | digest[i];
    return instance ? instance : 1;
}

static enum status name_series(struct import_summary *out, const struct import_job_options *options,
                               const struct import_store *store, struct error *err)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    char *room = memory_new(READ_BYTES);
    enum status status = hash ? STATUS_OK : error_set(err, STATUS_FULL, "no memory for hashing");
    for (size_t i = 0; i < options->file_count && status == STATUS_OK; i++)
        status = hash_file(&options->files[i], hash, room, err);
    if (status == STATUS_OK)
        out->instance = instance_of(options, hash, 0);
    if (status == STATUS_OK)
        out->existing = import_store_has(store, out->instance);
    for (unsigned char again = 1; out->existing && options->force && again > 0; again++) {
        out->instance = instance_of(options, hash, again);
        out->existing = import_store_has(store, out->instance);
    }
    EVP_MD_CTX_free(hash);
    free(room);
    return status;
}

/* ------------------------------------------------------------------ recording */

static enum status write_series(struct import_summary *out,
                                const struct import_job_options *options,
                                struct import_detect *detect, const char *folder, struct error *err)
{
    size_t early_count;
    const struct import_early *early = import_detect_early(detect, &early_count);
    const struct series_settings settings = {
        .folder = folder,
        .instance = out->instance,
        .segment_max_bytes = SEGMENT_MAX_BYTES,
        .flags = out->detect.commented ? SEGMENT_SPARSE : 0,
    };
    struct import_summary again = {.instance = out->instance};
    struct series_writer series;
    series_writer_init(&series, &settings);
    struct import_writer *writer = import_writer_new(&series, detect, PAIR_TIMEOUT_NS);
    enum status status = import_writer_begin(writer, early, early_count, err);
    if (status == STATUS_OK)
        status = import_job_read(&again, options, import_writer_event, writer, err);
    if (status == STATUS_OK)
        status = import_writer_end(writer, err);
    if (status == STATUS_OK)
        status = series_writer_end(&series, err);
    out->writer = *import_writer_counts(writer);
    out->segments = series.files;
    out->segment_bytes = series.bytes;
    import_writer_free(writer);
    series_writer_close(&series);
    if (status == STATUS_OK && again.packets != out->packets)
        status = error_set(err, STATUS_IO, "the files changed while they were read");
    return status;
}

static enum status record(struct import_summary *out, const struct import_job_options *options,
                          const struct import_store *store, struct import_detect *detect,
                          struct error *err)
{
    char folder[SEGMENT_PATH_MAX];
    struct buffer json = {0};
    enum status status = import_store_begin(store, out->instance, folder, err);
    if (status == STATUS_OK)
        status = write_series(out, options, detect, folder, err);
    if (status == STATUS_OK) {
        import_summary_append_json(&json, out, options);
        buffer_append_char(&json, '\n');
        status = import_store_commit(store, out->instance, span_make(json.data, json.len), err);
    }
    if (status != STATUS_OK)
        import_store_abort(store, out->instance);
    buffer_close(&json);
    return status;
}

static enum status run(struct import_summary *out, const struct import_job_options *options,
                       const struct import_store *store, struct error *err)
{
    enum status status = name_series(out, options, store, err);
    if (status != STATUS_OK || out->existing)
        return status;
    struct import_detect *detect = import_detect_new(&options->choice);
    status = import_job_read(out, options, import_detect_event, detect, err);
    out->detect = *import_detect_counts(detect);
    if (status == STATUS_OK && out->detect.stratum + out->detect.commented == 0)
        status = error_set(err, STATUS_NOT_FOUND, "there is no Stratum in %s",
                           options->file_count == 1 ? options->files[0].path : "these files");
    if (status == STATUS_OK)
        status = record(out, options, store, detect, err);
    import_detect_free(detect);
    return status;
}

enum status import_job_run(struct import_summary *out, const struct import_job_options *options,
                           struct error *err)
{
    struct import_store store;
    *out = (struct import_summary){.instance = 0};
    enum status status = import_store_open(&store, options->data_dir, err);
    if (status != STATUS_OK)
        return status;
    status = run(out, options, &store, err);
    import_store_close(&store);
    return status;
}
