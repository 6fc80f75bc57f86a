/*
 * config_private.h - what config.c and config_proxy_loop.c share.
 */
#ifndef HASHSCOPE_RECORDER_CONFIG_PRIVATE_H
#define HASHSCOPE_RECORDER_CONFIG_PRIVATE_H

#include "recorder/config.h"

/* A route whose pools, or the pools of those, are its own listener; NULL: there is none. */
const struct route *config_proxy_loop(const struct config *config);

#endif
