/*
 * walk.h - walks over one JSON value and checks it on the way; the ground that scan.c stands on.
 * For lib/stratum alone.
 *
 * Each function takes a position inside the text and returns the position behind what it walked
 * over, or NULL when it can't go on (`stopped` then says so). Lesser faults are noted and walked
 * over, see scan.h. Only the first fault is kept. Nesting is bounded, and so is the stack.
 */
#ifndef HASHSCOPE_STRATUM_WALK_H
#define HASHSCOPE_STRATUM_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/stratum/scan.h"

struct stratum_walk {
    const uint8_t *begin;
    const uint8_t *end;
    unsigned depth;             /* containers open around the position */
    enum stratum_fault fault;   /* the first one */
    size_t fault_at;            /* its offset from begin */
    enum stratum_fault stopped; /* EMPTY, SYNTAX or TRUNCATED: why the walk ended early */
};

/* Remembers a fault that can be walked over. */
void stratum_walk_note(struct stratum_walk *walk, enum stratum_fault fault, const uint8_t *at);

/* Remembers a fault that ends the walk; returns NULL. */
const uint8_t *stratum_walk_stop(struct stratum_walk *walk, enum stratum_fault fault,
                                 const uint8_t *at);

/* Behind white space; may return the end. Never NULL. */
const uint8_t *stratum_walk_space_slow(struct stratum_walk *walk, const uint8_t *at);

static inline const uint8_t *stratum_walk_space(struct stratum_walk *walk, const uint8_t *at)
{
    return at<walk->end && * at> ' ' ? at : stratum_walk_space_slow(walk, at);
}

/* `at` is behind the opening quote; returns the position behind the closing one. */
const uint8_t *stratum_walk_string(struct stratum_walk *walk, const uint8_t *at);

/* Any value; `at` is its first byte, or the end of the text. */
const uint8_t *stratum_walk_value(struct stratum_walk *walk, const uint8_t *at);

/* Containers, piece by piece. `bracket` is the closing one. All of them walk over the white space
 * behind, too, except behind a closing bracket.
 * open: `at` is the opening bracket; *closed tells that the container is empty and walked over.
 * name: a member's name (without quotes) and its colon.
 * separator: the comma, or with *closed the closing bracket. */
const uint8_t *stratum_walk_open(struct stratum_walk *walk, const uint8_t *at, uint8_t bracket,
                                 bool *closed);
const uint8_t *stratum_walk_name(struct stratum_walk *walk, const uint8_t *at, struct span *name);
const uint8_t *stratum_walk_separator(struct stratum_walk *walk, const uint8_t *at, uint8_t bracket,
                                      bool *closed);

#endif
