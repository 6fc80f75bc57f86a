/* output.c - from the buffer to the sink. What can fail is the sink. */
#include "lib/export/export_private.h"

enum status export_output_flush(struct export *job, struct error *err)
{
    enum status status = STATUS_OK;
    if (job->out.len > 0)
        status = job->sink.write(job->sink.user, job->out.data, job->out.len, err);
    if (status == STATUS_OK)
        job->progress.bytes += job->out.len;
    buffer_clear(&job->out);
    return status;
}

enum status export_output_advance(struct export *job, struct error *err)
{
    return job->out.len >= EXPORT_PIECE ? export_output_flush(job, err) : STATUS_OK;
}
