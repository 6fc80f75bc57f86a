/* flow_end.c - the end of a connection: below flow.c and queue.c, either of which may have it last.
 */
#include <stdlib.h>

#include "exporter/import/flow_private.h"

void import_flow_free(struct import_flow *flow)
{
    free(flow);
}
